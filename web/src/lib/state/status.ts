// The words and meanings of states: what is coloured says in words too.

export type Meaning = "good" | "warning" | "bad" | "";
const MEANINGS: Record<string, [string, Meaning]> = {
  success: ["done", "good"],
  warning: ["done, with warnings", "warning"],
  error: ["failed", "bad"],
  running: ["running", ""],
  unfinished: ["not ended", "warning"],
  loaded: ["loaded", "good"],
  already_loaded: ["already loaded", ""],
  held: ["held back", "warning"],
  failed: ["failed", "bad"],
  skipped: ["skipped", ""],
  ok: ["fine", "good"],
  firing: ["wants a look", "bad"],
  muted: ["muted", ""],
  unjudged: ["cannot be judged", "warning"],
  good: ["good", "good"],
  unwatched: ["not watched", ""],
  care: ["wants a look", "warning"],
  bad: ["bad", "bad"],
  fresh: ["fresh", "good"],
  stale: ["late", "warning"],
};

export const statusWord = (status: string): string => MEANINGS[status]?.[0] ?? status.replaceAll("_", " ");
export const statusMeaning = (status: string): Meaning => MEANINGS[status]?.[1] ?? "";

export const REASONS: Record<string, string> = {
  malformed: "cannot be read",
  missing: "a required value is missing",
  range: "outside of what is allowed",
  contract: "the file's columns changed",
};
