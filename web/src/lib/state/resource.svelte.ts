// One answer of the API as state: asked for when its address changes or a batch arrives. While the next answer
// is on its way the last one stays, so nothing flickers.
import { untrack } from "svelte";
import { ApiError, get, remembered } from "../api/client";
import { live } from "./live.svelte";

export class Resource<T> {
  data = $state.raw<T | undefined>(undefined);
  error = $state.raw<ApiError | null>(null);
  loading = $state(false);
  /** The answer belongs to an earlier address: it is shown pale. */
  stale = $state(false);
  #again = $state(0);

  constructor(path: () => string | null, { onLive = true }: { onLive?: boolean } = {}) {
    let last: string | null = null;
    $effect(() => {
      const address = path();
      if (onLive) void live.version;
      void this.#again;
      if (address === null) return;
      const moved = address !== last;
      last = address;
      const control = new AbortController();
      untrack(() => this.#ask(address, moved, control.signal));
      return () => control.abort();
    });
  }

  #ask(address: string, moved: boolean, signal: AbortSignal): void {
    const known = moved ? remembered<T>(address) : undefined;
    if (known !== undefined) this.data = known;
    this.stale = moved && known === undefined && this.data !== undefined;
    this.loading = true;
    get<T>(address, signal).then(
      (data) => {
        if (signal.aborted) return;
        if (data !== this.data) this.data = data;
        this.error = null;
        this.loading = this.stale = false;
      },
      (error: unknown) => {
        if (signal.aborted) return;
        this.error =
          error instanceof ApiError
            ? error
            : new ApiError({ title: "This part of the page failed", status: 0, detail: String(error) });
        this.loading = false;
      },
    );
  }

  /** Asks again, for a button after an error or after a change of one's own. */
  reload = (): void => untrack(() => void (this.#again += 1));
}
