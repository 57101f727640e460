// The YAML that a new dashboard begins with.

/** The name of a dashboard's file, made from its title: small letters, digits and `-`; empty where nothing is left. */
export const nameOf = (title: string): string =>
  title
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 64)
    .replace(/^-+|-+$/g, "");

const TILES = [
  [
    "daily_sales_summary",
    "{ title: Revenue, kind: kpi, width: 6, model: daily_sales_summary, x: date, value: total_revenue }",
  ],
  [
    "daily_sales_summary",
    "{ title: Orders, kind: kpi, width: 6, model: daily_sales_summary, x: date, value: transaction_count }",
  ],
  [
    "daily_sales_summary",
    "{ title: Revenue by day, kind: line, width: 12, model: daily_sales_summary, x: date, value: total_revenue }",
  ],
  [
    "sales_by_category",
    "{ title: Revenue by category, kind: pie, width: 6, model: sales_by_category, x: category, value: revenue }",
  ],
  ["top_products", "{ title: Top products, kind: bar, width: 6, model: top_products, x: name, value: revenue }"],
] as const;
const WORDS = '{ title: To begin with, kind: text, text: "Change this file: each line below `tiles` is a tile." }';

/** A small dashboard on those of the template's models that the shop has; JSON's strings are YAML's. */
export function template(title: string, tables: readonly string[]): string {
  const tiles = TILES.filter(([model]) => tables.includes(model)).map(([, tile]) => tile);
  const lines = (tiles.length > 0 ? tiles : [WORDS]).map((tile) => `  - ${tile}`);
  return `name: ${nameOf(title)}\ntitle: ${JSON.stringify(title.trim())}\ntiles:\n${lines.join("\n")}\n`;
}
