// The SQL that gives each figure: the same filters, the same days.
import { NONE, type Filters, type Period } from "../../lib/state/filters";
import type { Metric } from "./metrics";

interface Query {
  readonly select: string;
  /** What it reads, where that is more than `sales`; names that come in are none of `sales`. */
  readonly from?: string;
  /** A condition of its own. */
  readonly where?: string;
  /** What it is grouped by, with the order of its rows. */
  readonly group?: string;
}

const UNKNOWN_PRODUCT = "(unknown product)";
const REVENUE = "coalesce(sum(amount), 0) AS revenue";
const QUERIES: Record<string, Query> = {
  revenue: {
    select: REVENUE,
  },
  transactions: {
    select: "count(*) AS transactions",
  },
  average_order_value: {
    select: "sum(amount) / count(*) AS average_order_value",
  },
  unique_customers: {
    select: "count(DISTINCT customer_id) AS unique_customers",
  },
  trend: {
    select: `local_date(transaction_date) AS date, ${REVENUE}`,
    group: "1 ORDER BY 1",
  },
  products: {
    select: `product_id, ${REVENUE}, count(*) AS order_count`,
    where: "product_id IN (SELECT product_id FROM products)",
    group: "1 ORDER BY revenue DESC, product_id LIMIT 10",
  },
  categories: {
    select: `CASE WHEN listed IS NULL THEN '${UNKNOWN_PRODUCT}' ELSE category_now END AS category, ${REVENUE}, count(*) AS order_count`,
    from: "sales\nLEFT JOIN (SELECT product_id AS listed, category AS category_now FROM products) ON listed = product_id",
    group: "1 ORDER BY revenue DESC",
  },
  segments: {
    select: `CASE WHEN orders IS NULL THEN 'unknown' WHEN orders = 1 THEN 'new' WHEN orders <= 4 THEN 'returning' ELSE 'loyal' END AS segment, count(DISTINCT customer_id) AS customers, ${REVENUE}`,
    from: "sales\nLEFT JOIN (SELECT customer_id AS buyer, count(*) AS orders FROM sales WHERE customer_id IN (SELECT customer_id FROM customers) GROUP BY 1) ON buyer = customer_id",
    group: "1 ORDER BY revenue DESC",
  },
  heatmap: {
    select: `iso_weekday(transaction_date) AS day_of_week, local_hour(transaction_date) AS hour, ${REVENUE}, count(*) AS transactions`,
    group: "1, 2 ORDER BY 1, 2",
  },
};

const quote = (value: string): string => `'${value.replaceAll("'", "''")}'`;

function anyOf(
  column: string,
  values: readonly string[] | undefined,
  write: (value: string) => string = quote,
): string[] {
  if (!values || values.length === 0) return [];
  const named = values.filter((value) => value !== NONE).map(write);
  const parts = [
    ...(named.length > 0
      ? [named.length === 1 ? `${column} = ${named[0]}` : `${column} IN (${named.join(", ")})`]
      : []),
    ...(values.includes(NONE) ? [`${column} IS NULL`] : []),
  ];
  return [parts.length > 1 ? `(${parts.join(" OR ")})` : (parts[0] ?? "true")];
}

/** The category that a product has now, as `sales_by_category` has it; sales of unknown products stand apart. */
function byCategory(values: readonly string[] | undefined): string[] {
  if (!values || values.length === 0) return [];
  const known = values.filter((value) => value !== UNKNOWN_PRODUCT);
  const parts = [
    ...(known.length > 0
      ? [`product_id IN (SELECT product_id FROM products WHERE ${anyOf("category", known)[0]})`]
      : []),
    ...(values.includes(UNKNOWN_PRODUCT) ? ["product_id NOT IN (SELECT product_id FROM products)"] : []),
  ];
  return [parts.length > 1 ? `(${parts.join(" OR ")})` : (parts[0] ?? "true")];
}

const SEGMENT: Record<string, string> = {
  new: "count(*) = 1",
  returning: "count(*) BETWEEN 2 AND 4",
  loyal: "count(*) >= 5",
};

/** Segments are of known customers, by all the orders that they ever placed; unknown ones stand apart. */
function bySegment(values: readonly string[] | undefined): string[] {
  if (!values || values.length === 0) return [];
  const known = values.flatMap((value) => SEGMENT[value] ?? []);
  const customers = "SELECT customer_id FROM customers";
  const parts = [
    ...(known.length > 0
      ? [
          `customer_id IN (SELECT customer_id FROM sales WHERE customer_id IN (${customers}) GROUP BY customer_id HAVING ${known.join(" OR ")})`,
        ]
      : []),
    ...(values.includes("unknown") ? [`customer_id NOT IN (${customers})`] : []),
  ];
  return [parts.length > 1 ? `(${parts.join(" OR ")})` : (parts[0] ?? "false")];
}

/** The query that gives a figure: it can be run on the SQL page and with `shoplake query`. */
export function metricSql(metric: Metric, filters: Filters, period: Period): string {
  const { values } = filters;
  const query = QUERIES[metric.name];
  if (!query) return "";
  const whole = (value: string): string => String(Math.trunc(Number(value)) || 0);
  const conditions = [
    period.from === period.to
      ? `local_date(transaction_date) = DATE ${quote(period.from)}`
      : `local_date(transaction_date) BETWEEN DATE ${quote(period.from)} AND DATE ${quote(period.to)}`,
    ...byCategory(values.category),
    ...anyOf("product_id", values.product),
    ...anyOf("city", values.city),
    ...anyOf("iso_weekday(transaction_date)", values.weekday, whole),
    ...anyOf("local_hour(transaction_date)", values.hour, whole),
    ...bySegment(values.segment),
    ...(query.where ? [query.where] : []),
  ];
  return `SELECT ${query.select}\nFROM ${query.from ?? "sales"}\nWHERE ${conditions.join("\n  AND ")}${query.group ? `\nGROUP BY ${query.group}` : ""}`;
}
