// From the API's answers to what is drawn: parts, tables, and the words of each mark.
import type { CategoryRow, HeatCell, SegmentRow, TopProducts, Transaction, TrendPoint } from "../../lib/api/types";
import type { HeatPart, Part } from "../../lib/charts/marks";
import { slotKey } from "../../lib/charts/trend";
import type { TableData } from "../../lib/export/table";
import { ratio, sumDecimals } from "../../lib/format/decimal";
import type { Formats } from "../../lib/format/format";
import { isSelected, NONE, type Filters, type Grain } from "../../lib/state/filters";
import { SEGMENTS } from "../../lib/state/labels.svelte";

export const productName = (row: { product_id: string | null; name?: string | null }): string =>
  row.name ?? (row.product_id ? `Unknown product ${row.product_id}` : "Unknown product");
export const categoryName = (category: string | null): string => category ?? "Without category";

export function productParts(answer: TopProducts, filters: Filters, formats: Formats): Part[] {
  return answer.rows.map((row) => ({
    key: row.product_id,
    name: productName(row),
    value: row.revenue,
    text: formats.amountShort(row.revenue),
    lines: [
      { name: "Net revenue", value: formats.money(row.revenue) },
      { name: "Orders", value: formats.count(row.order_count) },
    ],
    selected: isSelected(filters, "product", row.product_id),
  }));
}

export function productTable(answer: TopProducts): TableData {
  const other =
    answer.other && answer.other.order_count > 0
      ? [["", "All other products", answer.other.order_count, answer.other.revenue]]
      : [];
  return {
    columns: [
      { name: "product_id", label: "Number", kind: "text" },
      { name: "name", label: "Product", kind: "text" },
      { name: "order_count", label: "Orders", kind: "count" },
      { name: "revenue", label: "Net revenue", kind: "money" },
    ],
    rows:
      answer.rows.length === 0
        ? []
        : [...answer.rows.map((row) => [row.product_id, productName(row), row.order_count, row.revenue]), ...other],
  };
}

const SLICES = 6;

/** Never more than six slices: what is smaller stands together as "other". Selected ones always stand alone. */
export function categoryParts(rows: readonly CategoryRow[], filters: Filters, formats: Formats): Part[] {
  const total = sumDecimals(rows.map((row) => row.revenue));
  const part = (key: string, name: string, revenue: string, orders: number, rest = false): Part => {
    const share = formats.percent(ratio(revenue, total));
    return {
      key,
      name,
      value: revenue,
      text: share,
      lines: [
        { name: "Net revenue", value: formats.money(revenue) },
        { name: "Share", value: share },
        { name: "Orders", value: formats.count(orders) },
      ],
      selected: !rest && isSelected(filters, "category", key),
      rest,
    };
  };
  const key = (row: CategoryRow): string => row.category ?? NONE;
  const kept = rows.length <= SLICES ? rows : rows.slice(0, SLICES - 1);
  const others = rows.slice(kept.length);
  const rescued = others.filter((row) => isSelected(filters, "category", key(row)));
  const rest = others.filter((row) => !rescued.includes(row));
  const shown = [...kept, ...rescued].map((row) =>
    part(key(row), categoryName(row.category), row.revenue, row.order_count),
  );
  if (rest.length === 0) return shown;
  return [
    ...shown,
    part(
      "(other)",
      `Other (${rest.length})`,
      sumDecimals(rest.map((row) => row.revenue)),
      rest.reduce((sum, row) => sum + row.order_count, 0),
      true,
    ),
  ];
}

export const categoryTable = (rows: readonly CategoryRow[]): TableData => ({
  columns: [
    { name: "category", label: "Category", kind: "text" },
    { name: "order_count", label: "Orders", kind: "count" },
    { name: "revenue", label: "Net revenue", kind: "money" },
    { name: "share", label: "Share", kind: "percent" },
  ],
  rows: rows.map((row) => [categoryName(row.category), row.order_count, row.revenue, row.share]),
});

export function segmentParts(rows: readonly SegmentRow[], filters: Filters, formats: Formats): Part[] {
  const total = sumDecimals(rows.map((row) => row.revenue));
  return rows.map((row) => ({
    key: row.segment,
    name: SEGMENTS[row.segment] ?? row.segment,
    value: row.revenue,
    text: formats.amountShort(row.revenue),
    lines: [
      { name: "Customers", value: formats.count(row.customers) },
      { name: "Net revenue", value: formats.money(row.revenue) },
      { name: "Share", value: formats.percent(ratio(row.revenue, total)) },
    ],
    selected: isSelected(filters, "segment", row.segment),
  }));
}

export const segmentTable = (rows: readonly SegmentRow[]): TableData => ({
  columns: [
    { name: "segment", label: "Segment", kind: "text" },
    { name: "customers", label: "Customers", kind: "count" },
    { name: "revenue", label: "Net revenue", kind: "money" },
  ],
  rows: rows.map((row) => [SEGMENTS[row.segment] ?? row.segment, row.customers, row.revenue]),
});

export const heatParts = (rows: readonly HeatCell[], formats: Formats): HeatPart[] =>
  rows.map((row) => ({
    weekday: row.day_of_week,
    hour: row.hour,
    value: row.revenue,
    lines: [
      { name: "Net revenue", value: formats.money(row.revenue) },
      { name: "Transactions", value: formats.count(row.transactions) },
    ],
  }));

export const heatTable = (rows: readonly HeatCell[], formats: Formats): TableData => ({
  columns: [
    { name: "day_of_week", label: "Weekday", kind: "text" },
    { name: "hour", label: "Hour", kind: "text" },
    { name: "transactions", label: "Transactions", kind: "count" },
    { name: "revenue", label: "Net revenue", kind: "money" },
  ],
  rows: [...rows]
    .sort((left, right) => left.day_of_week - right.day_of_week || left.hour - right.hour)
    .map((row) => [formats.weekday(row.day_of_week, "long"), formats.hour(row.hour), row.transactions, row.revenue]),
});

export const trendTable = (points: readonly TrendPoint[], grain: Grain): TableData => ({
  columns: [
    { name: "at", label: "When", kind: grain === "hour" ? "moment" : "day" },
    { name: "transactions", label: "Transactions", kind: "count" },
    { name: "revenue", label: "Net revenue", kind: "money" },
  ],
  rows: points.map((point) => [
    grain === "hour" ? point.at : slotKey(point.at, grain),
    point.transactions,
    point.revenue,
  ]),
});

export const transactionTable = (rows: readonly Transaction[]): TableData => ({
  columns: [
    { name: "transaction_id", label: "Transaction", kind: "text" },
    { name: "transaction_date", label: "When", kind: "moment" },
    { name: "amount", label: "Amount", kind: "money" },
    { name: "product_name", label: "Product", kind: "text" },
    { name: "quantity", label: "Quantity", kind: "count" },
    { name: "customer_name", label: "Customer", kind: "text" },
    { name: "city", label: "City", kind: "text" },
    { name: "category", label: "Category", kind: "text" },
    { name: "_source_file", label: "File", kind: "file" },
    { name: "_source_line", label: "Line", kind: "count" },
  ],
  rows: rows.map((row) => [
    row.transaction_id,
    row.transaction_date,
    row.amount,
    row.product_name ?? row.product_id,
    row.quantity,
    row.customer_name ?? row.customer_id,
    row.city,
    row.category,
    row._source_file,
    row._source_line,
  ]),
});
