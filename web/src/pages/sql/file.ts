// The kept queries as a file of SQL, to take them to another browser: each behind a comment with its name.
import type { KeptQuery } from "./history";

const HEAD = /^-- name: (.+)$/;
/** A file that is longer is no file of queries, in characters. */
export const FILE_MAX = 1_000_000;

/** The queries one after the other. A line of a query that looks like a head is moved in by a space: it stays a comment. */
export function toFile(queries: readonly KeptQuery[]): string {
  const one = ({ name, sql }: KeptQuery): string => {
    const lines = sql.trim().split(/\r?\n/);
    const body = lines.map((line) => (HEAD.test(line) ? ` ${line}` : line)).join("\n");
    return `-- name: ${name}\n${body.endsWith(";") ? body : `${body};`}\n`;
  };
  return queries.map(one).join("\n");
}

/** The queries of a file; one that has no names is one query, under the name of the file. */
export function fromFile(text: string, fileName: string): KeptQuery[] {
  const found: { name: string; lines: string[] }[] = [{ name: fileName.replace(/\.sql$/i, ""), lines: [] }];
  for (const line of text.replace("\uFEFF", "").split(/\r?\n/)) {
    const head = HEAD.exec(line);
    if (head) found.push({ name: (head[1] ?? "").trim(), lines: [] });
    else found.at(-1)?.lines.push(line);
  }
  return found
    .map(({ name, lines }) => ({ name, sql: lines.join("\n").trim().replace(/;$/, "").trimEnd() }))
    .filter(({ name, sql }) => name !== "" && sql !== "");
}
