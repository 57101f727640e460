// The server's own word that something is new. Pages read `live.batch`; what they show is asked for again in place.
import { seenBatch, shareToken } from "../api/client";
import { session } from "./session.svelte";

export const live = $state({
  connected: false,
  /** Grows with each published batch; whatever reads it is fetched again. */
  version: 0,
  batch: null as number | null,
  loadedAt: null as string | null,
  dashboard: { name: "", version: 0 },
  run: null as { run_id: string; status: string; stage: string | null } | null,
  /** The reader's clock, by the half minute: "4 minutes ago" stays true. */
  now: Date.now(),
});

function hear(event: string, text: string): void {
  const data = JSON.parse(text) as Record<string, unknown>;
  if (event === "batch") {
    live.batch = Number(data["batch"]);
    live.loadedAt = String(data["loaded_at"]);
    live.now = Date.now();
    // The first word on a new line says what is there now: only what is not on the page yet is asked for.
    if (seenBatch() !== null && seenBatch() !== live.batch) live.version += 1;
  } else if (event === "dashboard") {
    live.dashboard = { name: String(data["name"]), version: live.dashboard.version + 1 };
  } else if (event === "run") {
    live.run = data as unknown as typeof live.run;
  } else if (event === "project") {
    // What the shop is may have changed: its currency and its clock come before the figures in them.
    void session.load().finally(() => (live.version += 1));
  }
}

/** On a new line only the batch is said again: the rest of what was said meanwhile is asked for. */
function catchUp(): void {
  live.now = Date.now();
  live.run = null;
  void session.load().finally(() => (live.version += 1));
}

/** A shared view says its token in a header, which EventSource cannot: its line is read by hand. */
async function readLine(share: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const response = await fetch("/api/v1/events", {
        headers: { Accept: "text/event-stream", "X-Shoplake-Share": share },
        signal,
      });
      const reader = response.ok ? response.body?.pipeThrough(new TextDecoderStream()).getReader() : null;
      live.connected = reader != null;
      let rest = "";
      for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
        const blocks = (rest + part.value).split("\n\n");
        rest = blocks.pop() ?? "";
        for (const block of blocks) {
          const field = (name: string): string =>
            block
              .split("\n")
              .filter((line) => line.startsWith(`${name}:`))
              .map((line) => line.slice(name.length + 1).trim())
              .join("\n");
          if (field("data")) hear(field("event"), field("data"));
        }
      }
    } catch {
      // The line is tried again below.
    }
    if (signal.aborted) return;
    live.connected = false;
    await new Promise((done) => setTimeout(done, 3000));
  }
}

/** Opens the line; what it gives closes it. */
function openLine(): () => void {
  const share = shareToken();
  if (share) {
    const control = new AbortController();
    void readLine(share, control.signal);
    return () => control.abort();
  }
  const source = new EventSource("/api/v1/events");
  source.addEventListener("open", () => (live.connected = true));
  source.addEventListener("error", () => (live.connected = false));
  for (const name of ["batch", "dashboard", "run", "project"])
    source.addEventListener(name, (event) => hear(name, (event as MessageEvent<string>).data));
  return () => source.close();
}

/**
 * Hears news for as long as the page is looked at. A browser has six connections to a server for all its tabs: tabs in
 * the background that held theirs would leave none for the tab in front.
 */
export function startLive(): () => void {
  const clock = setInterval(() => (live.now = Date.now()), 30_000);
  let close: (() => void) | null = null;
  let rested = false;
  const follow = (): void => {
    if (document.visibilityState === "hidden") {
      close?.();
      close = null;
      rested = true;
    } else if (!close) {
      close = openLine();
      if (rested) catchUp();
    }
  };
  document.addEventListener("visibilitychange", follow);
  follow();
  return () => {
    document.removeEventListener("visibilitychange", follow);
    close?.();
    clearInterval(clock);
  };
}
