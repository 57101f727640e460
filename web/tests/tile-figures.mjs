// What every number on the dashboard of `weekly.mjs` must be: one entry a tile, in its order, asked in SQL.
import { dayAfter } from "./shop.mjs";
import { BEST, FUNNEL } from "./weekly.mjs";
import * as words from "./words.mjs";

const SLICES = 6;
const cents = (text) => BigInt(text.replace(".", ""));
const amount = (cents) => `${String(cents).slice(0, -2)}.${String(cents).slice(-2)}`;
const sum = (rows, column) => amount(rows.reduce((all, row) => all + cents(row[column]), 0n));

/** The tiles with their marks and tables; `answer` gives columns and rows of a SELECT. */
export async function weeklyTiles(answer, shop, { from, to }) {
  const { money, moneyShort, moment } = words.wordsOfShop(shop);
  const asked = async (sql) => {
    const { columns, rows } = await answer(sql);
    return {
      objects: rows.map((row) => Object.fromEntries(columns.map(({ name }, index) => [name, row[index]]))),
      cells: rows.map((row) => row.map((value, index) => words.cell(value, columns[index], { money, moment }))),
    };
  };
  const daily = await asked(
    `SELECT * FROM daily_sales_summary WHERE date BETWEEN DATE '${from}' AND DATE '${to}' ORDER BY date`,
  );
  const [products, categories, hours, steps, best] = await Promise.all(
    ["SELECT * FROM top_products", "SELECT * FROM sales_by_category", "SELECT * FROM sales_by_hour", FUNNEL, BEST].map(
      asked,
    ),
  );
  const revenue = sum(daily.objects, "total_revenue");
  const orders = daily.objects.reduce((all, row) => all + row.transaction_count, 0);
  const average = words.average(revenue, orders);
  const sorted = (rows) => rows.toSorted((left, right) => (cents(left.revenue) < cents(right.revenue) ? 1 : -1));

  /** From the first day with sales to the last one; a day between without a row has no sales. */
  const line = (name, value) => {
    const days = new Map(daily.objects.map((row) => [row.date, row]));
    const marks = [];
    for (let day = daily.objects[0].date; day <= daily.objects.at(-1).date; day = dayAfter(day, 1))
      marks.push(`${words.dayLong(day)}: ${name} ${days.has(day) ? value(days.get(day)) : "no sales"}`);
    return { marks, rows: daily.cells };
  };
  return [
    { id: "revenue", kpi: { short: moneyShort(revenue), exact: money(revenue) } },
    { id: "orders", kpi: { short: words.countShort(orders), exact: words.count(orders) } },
    { id: "average-order", kpi: { short: moneyShort(average), exact: money(average) } },
    { id: "revenue-by-day", ...line("Net revenue", (row) => money(row.total_revenue)) },
    { id: "orders-by-day", ...line("Transactions", (row) => words.count(row.transaction_count)) },
    {
      id: "top-products",
      marks: sorted(products.objects).map((row) => `${row.name}: Net revenue ${money(row.revenue)}`),
      rows: products.cells,
    },
    { id: "by-category", marks: slices(sorted(categories.objects), money), rows: categories.cells },
    {
      id: "when-customers-buy",
      marks: hours.objects
        .toSorted((left, right) => left.day_of_week - right.day_of_week || left.hour - right.hour)
        .map((row) => `${words.weekday(row.day_of_week)}, ${words.hour(row.hour)}: Net revenue ${money(row.revenue)}`),
      rows: hours.cells,
    },
    {
      id: "orders-and-revenue",
      marks: products.objects.map(
        (row) => `${row.name}: Orders ${words.count(row.order_count)}, Net revenue ${money(row.revenue)}`,
      ),
      rows: products.cells,
    },
    {
      id: "from-first-to-tenth-order",
      marks: steps.objects.map(({ step, people }, index) => {
        const before = steps.objects[index - 1]?.people;
        const left = before ? `, of the step before ${words.percent(people / before)}` : "";
        return `${step}: People ${words.count(people)}${left}`;
      }),
      rows: steps.cells,
    },
    { id: "best-customers", rows: best.cells },
  ];
}

/** Five slices and the rest, each with its share of all. */
function slices(rows, money) {
  const total = Number(sum(rows, "revenue"));
  const slice = (name, revenue) =>
    `${name}: Net revenue ${money(revenue)}, Share ${words.percent(Number(revenue) / total)}`;
  const alone = rows.length > SLICES ? SLICES - 1 : SLICES;
  const [kept, rest] = [rows.slice(0, alone), rows.slice(alone)];
  return [
    ...kept.map((row) => slice(row.category ?? "–", row.revenue)),
    ...(rest.length > 0 ? [slice(`Other (${rest.length})`, sum(rest, "revenue"))] : []),
  ];
}
