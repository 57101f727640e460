// The queries that were run in this browser: they stay here and go nowhere.

export interface PastQuery {
  readonly sql: string;
  readonly at: string;
  readonly rows: number;
}
const KEY = "shoplake-queries";
const KEPT = 30;

export function recall(): PastQuery[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(found) ? (found as PastQuery[]).filter((each) => typeof each.sql === "string" && typeof each.at === "string") : [];
  } catch {
    return [];
  }
}

export function remember(query: PastQuery): PastQuery[] {
  const all = [query, ...recall().filter((each) => each.sql !== query.sql)].slice(0, KEPT);
  try {
    localStorage.setItem(KEY, JSON.stringify(all));
  } catch {
    // A browser that keeps nothing still shows the queries of this visit.
  }
  return all;
}
