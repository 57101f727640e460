// What every number on the sales page must be, asked in SQL: the words that a reader must find, built from the answer.
import { between, dayAfter, SALES, text } from "./shop.mjs";
import * as words from "./words.mjs";

const DAY = 86_400_000;
const SEGMENTS = {
  new: "New (1 order)",
  returning: "Returning (2–4)",
  loyal: "Loyal (5 or more)",
  unknown: "Unknown customer",
};
const COLUMNS = { category: "category_now", segment: "segment_now", city: "city", hour: "shop_hour" };
/** The most slices of the pie: what is smaller stands together. */
const SLICES = 6;
const days = (from, to) => (Date.parse(to) - Date.parse(from)) / DAY + 1;

/**
 * Asks for the figures of one view: its days, those that it is compared with, and its filters by name. The chart in which
 * something is chosen shows the rest, too, unless a link has `held` it; nor does a link name customers.
 */
export class Figures {
  constructor(ask, shop, { from, to, compare, filters = {}, held = false }) {
    Object.assign(this, { ask, shop, from, to, filters, held, ...words.wordsOfShop(shop) });
    const length = days(from, to);
    this.compare = compare ?? { from: dayAfter(from, -length), to: dayAfter(from, -1) };
    this.grain = length <= 1 ? "hour" : length <= 124 ? "day" : "month";
  }

  where({ from, to } = this, without = "") {
    const chosen = Object.entries(this.filters).filter(([name]) => this.held || name !== without);
    const values = (all) => all.map((value) => (typeof value === "number" ? value : text(value))).join(", ");
    return [between(from, to), ...chosen.map(([name, all]) => `${COLUMNS[name]} IN (${values(all)})`)].join(" AND ");
  }

  totals = async (where) =>
    (
      await this.ask(`SELECT coalesce(sum(amount), 0.00) AS revenue, count(*) AS transactions,
        count(DISTINCT customer_id) AS unique_customers FROM ${SALES} WHERE ${where}`)
    )[0];

  /** Each key figure: what the tile shows, what it says on hover, and its change. */
  async kpis() {
    const [now, before] = [await this.totals(this.where()), await this.totals(this.where(this.compare))];
    for (const each of [now, before])
      each.average_order_value = each.transactions > 0 ? words.average(each.revenue, each.transactions) : null;
    const against = words.range(this.compare.from, this.compare.to);
    const tile = (name, short, exact) => [
      name,
      { short: short(now[name]), exact: exact(now[name]), change: words.change(now[name], before[name], against) },
    ];
    return Object.fromEntries([
      tile("revenue", this.moneyShort, this.money),
      tile("transactions", words.countShort, words.count),
      tile("average_order_value", this.moneyShort, this.money),
      tile("unique_customers", words.countShort, words.count),
    ]);
  }

  /** Today, this week and this month, as of a day; `loaded` is the day of the last sale. */
  async now(asOf, loaded) {
    const monday = dayAfter(asOf, -((new Date(asOf).getUTCDay() + 6) % 7));
    const first = `${asOf.slice(0, 8)}01`;
    const monthBefore = `${dayAfter(first, -1).slice(0, 8)}01`;
    const lastBefore = [dayAfter(monthBefore, Number(asOf.slice(8)) - 1), dayAfter(first, -1)].sort()[0];
    const running = asOf === this.shop.today;
    const behind = running && loaded < asOf;
    const tiles = {};
    for (const [name, start, before] of [
      ["today", asOf, [dayAfter(asOf, -1), dayAfter(asOf, -1)]],
      ["week", monday, [dayAfter(monday, -7), dayAfter(asOf, -7)]],
      ["month", first, [monthBefore, lastBefore]],
    ]) {
      const { revenue } = await this.totals(this.where({ from: start, to: asOf }));
      const { revenue: then } = await this.totals(this.where({ from: before[0], to: before[1] }));
      const nothing = running && Number(revenue) === 0 && (name === "today" || behind);
      const unfinished = running && (behind || name === "today" || before[0] === before[1]);
      tiles[`now-${name}`] = {
        short: this.moneyShort(revenue),
        exact: this.money(revenue),
        change: nothing ? null : words.change(revenue, then, words.range(...before), { running: unfinished }),
      };
    }
    return tiles;
  }

  slotSql = { hour: "shop_hour", day: "shop_day", month: "CAST(date_trunc('month', shop_day) AS DATE)" };

  /** Every slot of a period, with its key in the answer and its name. */
  slots({ from, to }) {
    if (this.grain === "hour")
      return Array.from({ length: 24 }, (_, hour) => ({
        key: String(hour),
        name: `${words.dayLong(from)}, ${words.hour(hour)}`,
        cell: `${words.day(from)}, ${words.hour(hour).padStart(5, "0")}`,
      }));
    if (this.grain === "day")
      return Array.from({ length: days(from, to) }, (_, index) => {
        const day = dayAfter(from, index);
        return { key: day, name: words.dayLong(day), cell: words.day(day) };
      });
    const found = [];
    for (let month = `${from.slice(0, 8)}01`; month <= to; month = `${dayAfter(month, 32).slice(0, 8)}01`)
      found.push({ key: month, name: words.monthLong(month), cell: words.day(month) });
    return found;
  }

  async bySlot(period, without) {
    const rows = await this.ask(`SELECT ${this.slotSql[this.grain]} AS slot, sum(amount) AS revenue, count(*) AS n
      FROM ${SALES} WHERE ${this.where(period, without)} GROUP BY 1 ORDER BY 1`);
    return new Map(rows.map((row) => [String(row.slot), row]));
  }

  /** The line and, at the same places, that of the period before; and the table of the line. */
  async trend() {
    const without = this.grain === "hour" ? "hour" : "";
    const [now, before] = [await this.bySlot(this, without), await this.bySlot(this.compare, without)];
    const then = this.slots(this.compare);
    const said = (row) => (row ? this.money(row.revenue) : "no sales");
    const open = (slot) => {
      const { today } = this.shop;
      if (this.grain === "hour" || today < this.from || today > this.to) return "";
      return slot.key === (this.grain === "day" ? today : `${today.slice(0, 8)}01`) ? " (not finished)" : "";
    };
    return {
      marks: this.slots(this).map((slot, index) => {
        const other = then[index] ? `, ${then[index].name} ${said(before.get(then[index].key))}` : "";
        return `${slot.name}${open(slot)}: Net revenue ${said(now.get(slot.key))}${other}`;
      }),
      rows: this.slots(this).flatMap(({ key, cell }) => {
        const row = now.get(key);
        return row ? [[cell, words.count(row.n), this.money(row.revenue)]] : [];
      }),
    };
  }

  async categories() {
    const rows = await this.ask(`SELECT category_now AS category, count(*) AS n, sum(amount) AS revenue FROM ${SALES}
      WHERE ${this.where(this, "category")} GROUP BY 1 ORDER BY revenue DESC, 1`);
    const total = rows.reduce((sum, row) => sum + Number(row.revenue), 0);
    const share = (revenue) => words.percent(Number(revenue) / total);
    const name = (row) => row.category ?? "Without category";
    const mark = (title, revenue, n) =>
      `${title}: Net revenue ${this.money(revenue)}, Share ${share(revenue)}, Orders ${words.count(n)}`;
    const chosen = this.filters.category ?? [];
    const alone = rows.length > SLICES ? SLICES - 1 : SLICES;
    const kept = rows.filter((row, index) => index < alone || chosen.includes(row.category));
    const rest = rows.filter((row) => !kept.includes(row));
    const sum = rest.reduce((all, row) => all + BigInt(row.revenue.replace(".", "")), 0n);
    const cents = String(sum).padStart(3, "0");
    const n = rest.reduce((all, row) => all + row.n, 0);
    return {
      marks: [
        ...kept.map((row) => mark(name(row), row.revenue, row.n)),
        ...(rest.length > 0 ? [mark(`Other (${rest.length})`, `${cents.slice(0, -2)}.${cents.slice(-2)}`, n)] : []),
      ],
      rows: rows.map((row) => [name(row), words.count(row.n), this.money(row.revenue), share(row.revenue)]),
    };
  }

  async products() {
    const best = await this
      .ask(`SELECT product_id, name_now AS name, count(*) AS n, sum(amount) AS revenue FROM ${SALES}
      WHERE ${this.where()} AND known GROUP BY 1, 2 ORDER BY revenue DESC, product_id LIMIT 10`);
    const numbers = best.map((row) => text(row.product_id)).join(", ");
    const [other] = await this.ask(`SELECT count(*) AS n, coalesce(sum(amount), 0.00) AS revenue FROM ${SALES}
      WHERE ${this.where()} AND product_id NOT IN (${numbers})`);
    const [n, revenue] = [words.count(other.n), this.money(other.revenue)];
    const rows = best.map((row) => [row.product_id, row.name, words.count(row.n), this.money(row.revenue)]);
    return {
      marks: rows.map(([, name, orders, money]) => `${name}: Net revenue ${money}, Orders ${orders}`),
      rows: other.n > 0 ? [...rows, ["–", "All other products", n, revenue]] : rows,
      foot: other.n > 0 ? `All other products: ${revenue}` : "",
    };
  }

  async segments() {
    const rows = await this.ask(`SELECT segment_now AS segment, count(DISTINCT customer_id) AS customers,
      sum(amount) AS revenue FROM ${SALES} WHERE ${this.where(this, "segment")} GROUP BY 1`);
    const order = Object.keys(SEGMENTS);
    rows.sort((left, right) => order.indexOf(left.segment) - order.indexOf(right.segment));
    const total = rows.reduce((sum, row) => sum + Number(row.revenue), 0);
    const named = rows.map((row) => [SEGMENTS[row.segment], words.count(row.customers), this.money(row.revenue)]);
    return {
      marks: named.map(
        ([name, customers, revenue], index) =>
          `${name}: Customers ${customers}, Net revenue ${revenue}, Share ${words.percent(Number(rows[index].revenue) / total)}`,
      ),
      rows: named,
      foot: named.map(([name, customers]) => `${name} ${customers} customers`).join(" "),
    };
  }

  async heatmap() {
    const rows = await this.ask(`SELECT shop_weekday AS weekday, shop_hour AS hour, sum(amount) AS revenue,
      count(*) AS n FROM ${SALES} WHERE ${this.where(this, "hour")} GROUP BY 1, 2 ORDER BY 1, 2`);
    const cells = rows.map((row) => [
      words.weekday(row.weekday),
      words.hour(row.hour),
      words.count(row.n),
      this.money(row.revenue),
    ]);
    return {
      marks: cells.map(([day, hour, n, revenue]) => `${day}, ${hour}: Net revenue ${revenue}, Transactions ${n}`),
      rows: cells,
    };
  }

  async transactions(limit = 50) {
    const rows = await this.ask(`SELECT s.*, c.name AS customer FROM ${SALES} s
      LEFT JOIN customers c ON c.customer_id = s.customer_id WHERE ${this.where()}
      ORDER BY transaction_date DESC, transaction_id DESC LIMIT ${limit}`);
    return rows.map((row) => [
      row.transaction_id,
      this.moment(row.transaction_date),
      this.money(row.amount),
      row.name_now ?? row.product_id,
      words.count(row.quantity),
      this.held ? "–" : (row.customer ?? row.customer_id),
      row.city ?? "–",
      row.category_now ?? "–",
      row._source_file.split("/").at(-1),
      words.count(row._source_line),
    ]);
  }

  /** What the head of every page says of the data. */
  async trust() {
    const [{ until, rows, money }] = await this.ask(`SELECT max(transaction_date) AS until,
      (SELECT count(*) FROM quarantine) AS rows,
      (SELECT sum(TRY_CAST(money AS DECIMAL(30, 2))) FROM quarantine) AS money FROM sales`);
    return [`Data up to ${this.moment(until)}`, `${words.count(rows)} rows set aside, ${this.money(money)}`];
  }
}
