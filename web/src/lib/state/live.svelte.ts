// The server's own word that something is new. Pages read `live.batch`; what they show is asked for again in place.
import { shareToken } from "../api/client";

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

export function startLive(): () => void {
  const share = shareToken();
  const source = new EventSource(`/api/v1/events${share ? `?share=${encodeURIComponent(share)}` : ""}`);
  let wasLost = false;
  source.addEventListener("open", () => {
    live.connected = true;
    // What was published while the line was down is caught up with once.
    if (wasLost) live.version += 1;
    wasLost = false;
  });
  source.addEventListener("error", () => {
    live.connected = false;
    wasLost = true;
  });
  source.addEventListener("batch", (event) => {
    const data = JSON.parse((event as MessageEvent<string>).data) as { batch: number; loaded_at: string };
    live.batch = data.batch;
    live.loadedAt = data.loaded_at;
    live.now = Date.now();
    live.version += 1;
  });
  source.addEventListener("dashboard", (event) => {
    const data = JSON.parse((event as MessageEvent<string>).data) as { name: string };
    live.dashboard = { name: data.name, version: live.dashboard.version + 1 };
  });
  source.addEventListener("run", (event) => {
    live.run = JSON.parse((event as MessageEvent<string>).data) as typeof live.run;
  });
  const clock = setInterval(() => (live.now = Date.now()), 30_000);
  return () => {
    source.close();
    clearInterval(clock);
  };
}
