// The dashboards as code of the mock: YAML that can be read, written and gone wrong, and the tiles' rows.
import { money } from "./data.mjs";

export const SOURCES = new Map([
  [
    "weekly",
    `name: weekly
title: Weekly review
description: What the team looks at on Mondays.
tiles:
  - { title: How to read this, kind: text, width: 12, text: "Revenue is what customers paid, by the shop's own days. Ask *why* on any figure." }
  - { title: Revenue,            kind: kpi,     width: 4, model: daily_sales_summary, x: date, value: total_revenue }
  - { title: Orders,             kind: kpi,     width: 4, model: daily_sales_summary, x: date, value: transaction_count }
  - { title: Average order,      kind: kpi,     width: 4, model: daily_sales_summary, x: date, value: avg_order_value }
  - { title: Revenue by day,     kind: line,    width: 6, model: daily_sales_summary, x: date, value: total_revenue }
  - { title: Orders by day,      kind: area,    width: 6, model: daily_sales_summary, x: date, value: transaction_count }
  - { title: Top products,       kind: bar,     width: 6, model: top_products, x: name, value: revenue }
  - { title: By category,        kind: pie,     width: 6, model: sales_by_category, x: category, value: revenue }
  - { title: When customers buy, kind: heatmap, width: 12, model: sales_by_hour, x: hour, y: day_of_week, value: revenue }
  - { title: Orders and revenue, kind: scatter, width: 6, model: top_products, x: order_count, value: revenue }
  - { title: From visit to order, kind: funnel, width: 6, sql: "SELECT step, people FROM funnel", x: step, value: people }
  - { title: Best customers,     kind: table,   width: 12, model: customer_lifetime_value, columns: [name, total_orders, lifetime_value, last_order] }
`,
  ],
]);

const TILE = /^\s*- \{(.*)\}\s*$/;
const KINDS = ["kpi", "line", "bar", "pie", "table", "heatmap", "area", "scatter", "funnel", "text"];

/** Reads only the shape that the mock writes: one tile a line. Good enough to show errors in place. */
export function parse(name, source) {
  const file = `dashboards/${name}.yml`;
  const errors = [];
  const tiles = [];
  const head = {};
  source.split("\n").forEach((text, index) => {
    const line = index + 1;
    const tile = TILE.exec(text);
    if (tile) {
      const fields = {};
      for (const [, key, quoted, list, plain] of tile[1].matchAll(/(\w+):\s*(?:"([^"]*)"|\[([^\]]*)\]|([^,]*))/g))
        fields[key] = quoted ?? list?.split(",").map((each) => each.trim()) ?? plain.trim();
      if (!KINDS.includes(fields.kind))
        errors.push({
          file,
          line,
          column: text.indexOf("kind:") + 7,
          message: `tile kind \`${fields.kind}\` is not known`,
          hint: `one of ${KINDS.join(", ")}`,
        });
      if (!["text"].includes(fields.kind) && !fields.model && !fields.sql)
        errors.push({
          file,
          line,
          column: 5,
          message: "the tile names neither a model nor a SQL query",
          hint: "add `model: daily_sales_summary`",
        });
      const { kind, width, ...rest } = fields;
      tiles.push({ id: `tile-${tiles.length + 1}`, type: kind, ...(width ? { width: Number(width) } : {}), ...rest });
      return;
    }
    const pair = /^(\w+):\s*(.*)$/.exec(text);
    if (pair) {
      if (!["name", "title", "description", "tiles", "filters"].includes(pair[1]))
        errors.push({
          file,
          line,
          column: 1,
          message: `key \`${pair[1]}\` is not known`,
          hint: "name, title, description, filters, tiles",
        });
      head[pair[1]] = pair[2];
    } else if (text.trim() && !text.trim().startsWith("#"))
      errors.push({
        file,
        line,
        column: 1,
        message: "this line is not a key and no tile",
        hint: "a tile is written `- { title: Revenue, kind: kpi, model: … }`",
      });
  });
  return {
    name,
    title: head.title ?? name,
    description: head.description ?? null,
    filters: ["date", "category", "product", "city", "segment"],
    tiles,
    errors,
  };
}

export function tileRows(shop, tile, query) {
  const made = tile.value === "avg_order_value" ? "average" : "sum";
  return { cut: false, figure: tile.type === "kpi" ? { made, of: null } : null, ...rowsOf(shop, tile, query) };
}

function rowsOf(shop, tile, query) {
  const { current } = shop.split(query);
  const by = (key) => [...shop.group(current, key)];
  switch (tile.model) {
    case "daily_sales_summary":
      return table(
        [
          "date:date",
          "transaction_count:integer",
          "total_revenue:decimal",
          "avg_order_value:decimal",
          "unique_customers:integer",
        ],
        shop
          .trend(query)
          .points.map((point) => [
            point.at,
            point.transactions,
            point.revenue,
            money(Math.round((Number(point.revenue) * 100) / point.transactions)),
            point.unique_customers,
          ]),
      );
    case "top_products":
      return table(
        ["product_id:string", "name:string", "order_count:integer", "revenue:decimal"],
        shop.topProducts(query).rows.map((row) => [row.product_id, row.name, row.order_count, row.revenue]),
      );
    case "sales_by_category":
      return table(
        ["category:string", "order_count:integer", "revenue:decimal"],
        shop.categories(query).rows.map((row) => [row.category, row.order_count, row.revenue]),
      );
    case "sales_by_hour":
      return table(
        ["day_of_week:integer", "hour:integer", "transaction_count:integer", "revenue:decimal"],
        shop.heatmap(query).rows.map((row) => [row.day_of_week, row.hour, row.transactions, row.revenue]),
      );
    case "customer_lifetime_value":
      return table(
        [
          "customer_id:string",
          "name:string",
          "total_orders:integer",
          "lifetime_value:decimal",
          "first_order:timestamp",
          "last_order:timestamp",
        ],
        by((row) => row.customer_id)
          .map(([id, group]) => [
            id,
            group.row.customer_name,
            group.count,
            money(group.cents),
            group.row.transaction_date,
            group.row.transaction_date,
          ])
          .sort((left, right) => Number(right[3]) - Number(left[3]))
          .slice(0, 250),
      );
    default:
      // A query without a day or a product: no filter of the page narrows it.
      return {
        ...table(
          ["step:string", "people:integer"],
          [
            ["Visited", 48200],
            ["Looked at a product", 21940],
            ["Put in the basket", 6120],
            ["Went to pay", 3015],
            ["Paid", 2433],
          ],
        ),
        ignored_filters: [...new Set(query.keys())],
      };
  }
}

const table = (columns, rows) => ({
  columns: columns.map((each) => ({ name: each.split(":")[0], type: each.split(":")[1] })),
  rows,
});
