// The queries that were run or kept in this browser: they stay here and go nowhere.

export interface PastQuery {
  readonly sql: string;
  readonly at: string;
  readonly rows: number;
}
const KEY = "shoplake-queries";
const KEPT = 30;

function read<T>(key: string, valid: (each: T) => boolean): T[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(key) ?? "[]");
    return Array.isArray(found) ? (found as T[]).filter(valid) : [];
  } catch {
    return [];
  }
}

function write<T>(key: string, all: T[]): T[] {
  try {
    localStorage.setItem(key, JSON.stringify(all));
  } catch {
    // A browser that keeps nothing still shows the queries of this visit.
  }
  return all;
}

export const recall = (): PastQuery[] =>
  read<PastQuery>(KEY, (each) => typeof each.sql === "string" && typeof each.at === "string");
export const remember = (query: PastQuery): PastQuery[] =>
  write(KEY, [query, ...recall().filter((each) => each.sql !== query.sql)].slice(0, KEPT));

export interface KeptQuery {
  readonly name: string;
  readonly sql: string;
}
const KEPT_KEY = "shoplake-kept-queries";

export const keptQueries = (): KeptQuery[] =>
  read<KeptQuery>(KEPT_KEY, (each) => typeof each.sql === "string" && typeof each.name === "string");
/** A name is kept once: keeping it again replaces its query. */
export const keepQuery = (query: KeptQuery): KeptQuery[] =>
  write(
    KEPT_KEY,
    [...keptQueries().filter((each) => each.name !== query.name), query].sort((left, right) =>
      left.name.localeCompare(right.name),
    ),
  );
export const dropQuery = (name: string): KeptQuery[] =>
  write(
    KEPT_KEY,
    keptQueries().filter((each) => each.name !== name),
  );
