// The shop's figures over its sales, computed row by row: slow, plain, and easy to check.
import { day, dayText, money, sales, TODAY } from "./data.mjs";

const SPANS = {
  usual: { from: "2024-01-01", until: TODAY },
  past: { from: "2023-01-01", until: "2024-12-31" },
  one_day: { from: TODAY, until: TODAY },
  empty: null,
};

export class Shop {
  constructor(scenario = "usual") {
    this.scenario = scenario;
    const span = SPANS[scenario in SPANS ? scenario : "usual"];
    this.rows = span ? sales(span) : [];
    this.batch = span ? 41 : 0;
    this.loadedAt = new Date(Date.now() - 4 * 60_000).toISOString();
    this.index();
  }

  index() {
    const orders = new Map();
    for (const row of this.rows) orders.set(row.customer_id, (orders.get(row.customer_id) ?? 0) + 1);
    this.orders = orders;
    this.dataUntil = this.rows.length ? this.rows.at(-1).transaction_date : null;
  }

  segment(row) {
    const count = this.orders.get(row.customer_id) ?? 0;
    return count >= 5 ? "loyal" : count >= 2 ? "returning" : "new";
  }

  filter(query, { dates = true } = {}) {
    const many = (name) => (query.has(name) ? new Set(query.getAll(name)) : null);
    const from = dates && query.get("from") ? day(query.get("from")) : -Infinity;
    const to = dates && query.get("to") ? day(query.get("to")) : Infinity;
    const [category, product, city, segment, hour, weekday] = [
      "category",
      "product",
      "city",
      "segment",
      "hour",
      "weekday",
    ].map(many);
    return (row, shift = 0) =>
      row.day >= from + shift &&
      row.day <= to + shift &&
      (!category || category.has(row.category ?? "")) &&
      (!product || product.has(row.product_id)) &&
      (!city || city.has(row.city ?? "")) &&
      (!segment || segment.has(this.segment(row))) &&
      (!hour || hour.has(String(row.hour))) &&
      (!weekday || weekday.has(String(row.weekday)));
  }

  /** The rows of the period, and of the one that it is compared with. */
  split(query) {
    const matches = this.filter(query);
    const from = day(query.get("from") ?? "2000-01-01");
    const to = day(query.get("to") ?? TODAY);
    const compare = query.get("compare") ?? "previous";
    const shift = compare === "year" ? -364 : compare === "none" ? null : -(to - from + 1);
    const current = this.rows.filter((row) => matches(row));
    const previous = shift === null ? null : this.rows.filter((row) => matches(row, shift));
    return {
      current,
      previous: previous && this.rows.length && this.rows[0].day <= to + shift ? previous : null,
      period: { from: dayText(from), to: dayText(to) },
      compare: shift === null ? null : { from: dayText(from + shift), to: dayText(to + shift) },
      shift,
    };
  }

  totals(rows) {
    const cents = rows.reduce((sum, row) => sum + row.cents, 0);
    return {
      revenue: money(cents),
      transactions: rows.length,
      average_order_value: rows.length ? (Math.round((cents / rows.length) * 100) / 10000).toFixed(4) : null,
      unique_customers: new Set(rows.map((row) => row.customer_id)).size,
    };
  }

  group(rows, key) {
    const groups = new Map();
    for (const row of rows) {
      const name = key(row);
      const group = groups.get(name) ?? { cents: 0, count: 0, people: new Set(), row };
      group.cents += row.cents;
      group.count += 1;
      group.people.add(row.customer_id);
      groups.set(name, group);
    }
    return groups;
  }

  summary(query) {
    const { current, previous, period, compare } = this.split(query);
    return { period, compare, current: this.totals(current), previous: previous && this.totals(previous) };
  }

  periods(query) {
    const asOf = query.get("on") ?? TODAY;
    const matches = this.filter(query, { dates: false });
    const rows = this.rows.filter((row) => matches(row));
    const end = day(asOf);
    const between = (from, to) =>
      rows.filter((row) => row.day >= from && row.day <= to).reduce((sum, row) => sum + row.cents, 0);
    const figure = (from, length) => {
      const revenue = between(from, end);
      const before = between(from - length, end - length);
      return {
        revenue: money(revenue),
        previous: before ? money(before) : null,
        change: before ? Math.round(((revenue - before) / before) * 1e4) / 1e4 : null,
        period: { from: dayText(from), to: asOf },
        compare: { from: dayText(from - length), to: dayText(end - length) },
      };
    };
    const monthStart = day(`${asOf.slice(0, 8)}01`);
    const previousMonth = new Date(Date.UTC(+asOf.slice(0, 4), +asOf.slice(5, 7) - 2, 1)).getTime() / 86_400_000;
    return {
      as_of: asOf,
      today: figure(end, 1),
      week: figure(end - ((end + 3) % 7), 7),
      month: figure(monthStart, monthStart - previousMonth),
    };
  }

  trend(query) {
    const grain = query.get("grain") ?? "day";
    const { current, previous, shift } = this.split(query);
    const key = (moved) => (row) => {
      const text = dayText(row.day - moved);
      return grain === "month"
        ? `${text.slice(0, 7)}-01`
        : grain === "hour"
          ? `${text}T${String(row.hour).padStart(2, "0")}:00:00`
          : text;
    };
    const points = (rows, moved) =>
      [...this.group(rows, key(moved))]
        .sort(([left], [right]) => (left < right ? -1 : 1))
        .map(([at, group]) => ({
          at,
          revenue: money(group.cents),
          transactions: group.count,
          unique_customers: group.people.size,
        }));
    const all = points(current, 0);
    const running = grain === "month" ? `${TODAY.slice(0, 7)}-01` : grain === "hour" ? null : TODAY;
    return {
      points: all,
      previous: previous && points(previous, 0),
      unfinished: all.some((point) => point.at === running) ? running : null,
    };
  }

  topProducts(query) {
    const limit = Number(query.get("limit") ?? 10);
    const sorted = [...this.group(this.split(query).current, (row) => row.product_id)].sort(
      ([, left], [, right]) => right.cents - left.cents,
    );
    const rest = sorted.slice(limit);
    return {
      rows: sorted.slice(0, limit).map(([product_id, group]) => ({
        product_id,
        name: group.row.product_name,
        revenue: money(group.cents),
        order_count: group.count,
      })),
      other: {
        revenue: money(rest.reduce((sum, [, group]) => sum + group.cents, 0)),
        order_count: rest.reduce((sum, [, group]) => sum + group.count, 0),
      },
    };
  }

  categories(query) {
    const rows = this.split(query).current;
    const total = rows.reduce((sum, row) => sum + row.cents, 0);
    return {
      rows: [...this.group(rows, (row) => row.category)]
        .sort(([, left], [, right]) => right.cents - left.cents)
        .map(([category, group]) => ({
          category,
          revenue: money(group.cents),
          order_count: group.count,
          share: (group.cents / total).toFixed(6),
        })),
    };
  }

  segments(query) {
    const groups = this.group(this.split(query).current, (row) => this.segment(row));
    return {
      rows: ["new", "returning", "loyal"]
        .filter((name) => groups.has(name))
        .map((segment) => ({
          segment,
          customers: groups.get(segment).people.size,
          revenue: money(groups.get(segment).cents),
        })),
    };
  }

  heatmap(query) {
    const groups = this.group(this.split(query).current, (row) => `${row.weekday} ${row.hour}`);
    return {
      rows: [...groups.values()].map((group) => ({
        day_of_week: group.row.weekday,
        hour: group.row.hour,
        transactions: group.count,
        revenue: money(group.cents),
      })),
    };
  }

  transactions(query) {
    const limit = Number(query.get("limit") ?? 50);
    const one = query.get("transaction_id");
    const rows = (one ? this.rows.filter((row) => row.transaction_id === one) : this.split(query).current).toReversed();
    const start = Number(query.get("before") ?? 0);
    const page = rows
      .slice(start, start + limit)
      .map(({ cents, day: _day, hour: _hour, weekday: _weekday, ...row }) => ({ ...row, amount: money(cents) }));
    return { rows: page, next: start + limit < rows.length ? String(start + limit) : null };
  }

  filterValues(query) {
    const field = query.get("field");
    const search = (query.get("search") ?? "").toLowerCase();
    const value = {
      category: (row) => row.category,
      product: (row) => row.product_id,
      city: (row) => row.city,
      segment: (row) => this.segment(row),
    }[field];
    const label = field === "product" ? (row) => row.product_name ?? row.product_id : value;
    const groups = [...this.group(this.rows, value)].map(([name, group]) => ({
      value: name ?? "",
      label: label(group.row) ?? "(none)",
      count: group.count,
    }));
    return {
      values: groups
        .filter((each) => each.label.toLowerCase().includes(search))
        .sort((left, right) => right.count - left.count)
        .slice(0, 200),
    };
  }
}
