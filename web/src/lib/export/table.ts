// Rows and columns that a chart stands on: the same data draws its table, its CSV and its words.
import type { Cell } from "../api/types";
import { compareDecimals, parseDecimal } from "../format/decimal";
import type { Formats } from "../format/format";

export type Kind = "text" | "code" | "file" | "count" | "money" | "percent" | "day" | "moment";

export interface Column {
  readonly name: string;
  readonly label: string;
  readonly kind: Kind;
}
export interface TableData {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
}

/** The order of two cells: figures by their exact value, words by the reader's alphabet; nothing comes last. */
export function compareCells(left: Cell | undefined, right: Cell | undefined, kind: Kind, locale: string): number {
  const [first, second] = [left ?? "", right ?? ""].map(String) as [string, string];
  if (first === "" || second === "") return first === second ? 0 : first === "" ? 1 : -1;
  const [one, other] = isNumeric(kind) ? [parseDecimal(first), parseDecimal(second)] : [null, null];
  return one && other ? compareDecimals(one, other) : first.localeCompare(second, locale, { numeric: true });
}

export const isNumeric = (kind: Kind): boolean => kind === "count" || kind === "money" || kind === "percent";

export function writeCell(value: Cell | undefined, kind: Kind, formats: Formats): string {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  switch (kind) {
    case "money":
      return formats.money(value);
    case "count":
      return formats.count(value);
    case "percent":
      return formats.percent(Number(value));
    case "day":
      return formats.day(String(value));
    case "file":
      return String(value).split("/").at(-1) ?? String(value);
    case "moment":
      return formats.moment(String(value));
    default:
      return String(value);
  }
}

/** A leading sign that a spreadsheet would run as a formula is disarmed; numbers stay numbers. */
function csvCell(value: Cell | undefined): string {
  if (value === null || value === undefined) return "";
  const text = String(value);
  const safe = /^[=+\-@\t\r]/.test(text) && !/^[+-]?\d+(\.\d+)?$/.test(text) ? `'${text}` : text;
  return /[",\n\r;]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** RFC 4180, with raw values: what stands in the tables, not what the locale makes of it. */
export function toCsv({ columns, rows }: TableData): string {
  const lines = [
    columns.map((column) => csvCell(column.name)),
    ...rows.map((row) => columns.map((_, index) => csvCell(row[index]))),
  ];
  return `${lines.map((line) => line.join(",")).join("\r\n")}\r\n`;
}

/** What kind a column of a query is, by its type and its name. */
export function kindOf(name: string, type: string): Kind {
  const plain = type.toLowerCase();
  if (/_at$|^(first|last)_order$/.test(name) || /timestamp/.test(plain)) return "moment";
  if (/^date/.test(plain)) return "day";
  if (/(revenue|amount|value|price|money|sales)$/.test(name) && /dec|float|double|num/.test(plain)) return "money";
  if (/int|dec|float|double|num/.test(plain))
    return /^(year|month|day|hour|day_of_week)$/.test(name) ? "text" : "count";
  return "text";
}

/** `total_revenue` in the words of business. */
export function wordsOf(name: string): string {
  const known: Record<string, string> = {
    total_revenue: "Net revenue",
    revenue: "Net revenue",
    transaction_count: "Transactions",
    order_count: "Orders",
    total_orders: "Orders",
    avg_order_value: "Average order value",
    unique_customers: "Customers",
    lifetime_value: "Spent in all",
    day_of_week: "Weekday",
    _source_file: "File",
    _source_line: "Line",
    transaction_id: "Transaction",
    customer_id: "Customer",
    product_id: "Product",
    transaction_date: "When",
  };
  if (known[name]) return known[name];
  const words = name.replace(/^_/, "").replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
