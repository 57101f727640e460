// The words of a line of the kept log: what was done, to what, and its figures with their names.
import type { KeptLine } from "../../lib/api/types";
import type { Formats } from "../../lib/format/format";

/** Fields that say what the line is of, and need no name before them. */
const PLAIN: readonly string[] = ["detail", "model", "status"];

function field(name: string, value: unknown, formats: Formats): string {
  if (name === "seconds" && typeof value === "number") return formats.seconds(value);
  if (typeof value === "number") return `${formats.count(value)} ${name.replaceAll("_", " ")}`;
  return PLAIN.includes(name) ? String(value) : `${name.replaceAll("_", " ")} ${String(value)}`;
}

/** The line's parts in an order that reads, each said once; how long it took comes last. */
export function wordsOfLine(line: KeptLine, formats: Formats): string {
  const order = (name: string): number => (name === "seconds" ? 2 : PLAIN.includes(name) ? 0 : 1);
  const fields = Object.entries(line.fields ?? {})
    .sort(([left], [right]) => order(left) - order(right))
    .map(([name, value]) => field(name, value, formats));
  return [...new Set([line.message, line.step, line.dataset, line.file, ...fields].filter(Boolean))].join(" · ");
}
