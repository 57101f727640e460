// The filters of a page: read from the URL, written to the URL, sent to the API. The URL is the only state.
import { addDays, addMonths, daysBetween, isDate, monthEnd, monthStart, weekStart, yearStart } from "../format/dates";

/** How "without a category" stands in the address; the API says it with an empty value. */
export const NONE = "(none)";
export const DIMENSIONS = ["category", "product", "city", "segment", "weekday", "hour"] as const;
export type Dimension = (typeof DIMENSIONS)[number];

export const PRESETS = [
  "today",
  "yesterday",
  "week",
  "last7",
  "last30",
  "month",
  "last_month",
  "last90",
  "year",
  "last365",
] as const;
export type Preset = (typeof PRESETS)[number];
export type Comparison = "previous" | "year" | "none";

export const PRESET_NAMES: Record<Preset, string> = {
  today: "Today",
  yesterday: "Yesterday",
  week: "This week",
  last7: "Last 7 days",
  last30: "Last 30 days",
  month: "This month",
  last_month: "Last month",
  last90: "Last 90 days",
  year: "This year",
  last365: "Last 365 days",
};

export const COMPARISON_NAMES: Record<Comparison, string> = {
  previous: "the period before",
  year: "a year before",
  none: "nothing",
};

export interface Filters {
  readonly preset: Preset | null;
  readonly from: string | null;
  readonly to: string | null;
  readonly compare: Comparison;
  /** The day that counts as today; null is the shop's own. */
  readonly on: string | null;
  readonly values: Readonly<Partial<Record<Dimension, readonly string[]>>>;
}

export interface Period {
  readonly from: string;
  readonly to: string;
}

export const NO_FILTERS: Filters = { preset: null, from: null, to: null, compare: "previous", on: null, values: {} };

export function parseFilters(search: string): Filters {
  const query = new URLSearchParams(search);
  const date = (name: string): string | null => {
    const text = query.get(name);
    return text !== null && isDate(text) ? text : null;
  };
  const preset = PRESETS.find((name) => name === query.get("period")) ?? null;
  const compare = (["previous", "year", "none"] as const).find((name) => name === query.get("compare")) ?? "previous";
  const values: Partial<Record<Dimension, string[]>> = {};
  for (const dimension of DIMENSIONS) {
    const found = [...new Set(query.getAll(dimension).filter((value) => value !== ""))];
    if (found.length > 0) values[dimension] = found;
  }
  const [from, to] = [date("from"), date("to")];
  const both = from !== null && to !== null && from <= to;
  return {
    preset: both ? null : preset,
    from: both ? from : null,
    to: both ? to : null,
    compare,
    on: date("on"),
    values,
  };
}

/** The URL's query of these filters; what is the default is not written. */
export function filtersQuery(filters: Filters): string {
  const query = new URLSearchParams();
  if (filters.from && filters.to) {
    query.set("from", filters.from);
    query.set("to", filters.to);
  } else if (filters.preset && filters.preset !== "last30") {
    query.set("period", filters.preset);
  }
  if (filters.compare !== "previous") query.set("compare", filters.compare);
  if (filters.on) query.set("on", filters.on);
  for (const dimension of DIMENSIONS)
    for (const value of filters.values[dimension] ?? []) query.append(dimension, value);
  return query.toString();
}

export function presetPeriod(preset: Preset, today: string): Period {
  switch (preset) {
    case "today":
      return { from: today, to: today };
    case "yesterday":
      return { from: addDays(today, -1), to: addDays(today, -1) };
    case "week":
      return { from: weekStart(today), to: today };
    case "last7":
      return { from: addDays(today, -6), to: today };
    case "last30":
      return { from: addDays(today, -29), to: today };
    case "month":
      return { from: monthStart(today), to: today };
    case "last_month": {
      const start = addMonths(today, -1);
      return { from: start, to: monthEnd(start) };
    }
    case "last90":
      return { from: addDays(today, -89), to: today };
    case "year":
      return { from: yearStart(today), to: today };
    case "last365":
      return { from: addDays(today, -364), to: today };
  }
}

export function periodOf(filters: Filters, today: string): Period {
  if (filters.from && filters.to) return { from: filters.from, to: filters.to };
  return presetPeriod(filters.preset ?? "last30", filters.on ?? today);
}

/** A shared view's own filters win over what stands in the address. */
export function withFixed(search: string, fixed: readonly (readonly [string, string])[]): string {
  const query = new URLSearchParams(search);
  for (const [name] of fixed) query.delete(name);
  for (const [name, value] of fixed) query.append(name, value === "" ? NONE : value);
  return query.toString();
}

export type Grain = "month" | "day" | "hour";

/** How fine the trend is drawn: hours of one day, days up to a quarter, months beyond. */
export function grainOf(period: Period): Grain {
  const days = daysBetween(period.from, period.to) + 1;
  return days <= 1 ? "hour" : days <= 124 ? "day" : "month";
}

/** The query for the API. `without` leaves a dimension out: the chart that a selection was made in still shows the rest. */
export function apiQuery(
  filters: Filters,
  today: string,
  { without = [], dates = true }: { without?: readonly Dimension[]; dates?: boolean } = {},
): string {
  const query = new URLSearchParams();
  if (dates) {
    const period = periodOf(filters, today);
    query.set("from", period.from);
    query.set("to", period.to);
    query.set("compare", filters.compare);
  } else if (filters.on) {
    query.set("on", filters.on);
  }
  for (const dimension of DIMENSIONS) {
    if (without.includes(dimension)) continue;
    for (const value of filters.values[dimension] ?? []) query.append(dimension, value === NONE ? "" : value);
  }
  return query.toString();
}

export function withValues(filters: Filters, dimension: Dimension, values: readonly string[]): Filters {
  const { [dimension]: _removed, ...rest } = filters.values;
  return { ...filters, values: values.length > 0 ? { ...rest, [dimension]: values } : rest };
}

/** A click on a mark: selects it alone, or lets it go; with `add`, beside what is selected. */
export function toggled(filters: Filters, dimension: Dimension, value: string, add = false): Filters {
  const now = filters.values[dimension] ?? [];
  if (now.includes(value))
    return withValues(filters, dimension, add ? now.filter((each) => each !== value) : now.length > 1 ? [value] : []);
  return withValues(filters, dimension, add ? [...now, value] : [value]);
}

/** A click on a cell of the heatmap: selects its weekday and its hour alone, or lets both go. */
export function toggledCell(filters: Filters, weekday: string, hour: string): Filters {
  const same = filters.values.weekday?.join() === weekday && filters.values.hour?.join() === hour;
  return withValues(withValues(filters, "weekday", same ? [] : [weekday]), "hour", same ? [] : [hour]);
}

export const isSelected = (filters: Filters, dimension: Dimension, value: string): boolean =>
  filters.values[dimension]?.includes(value) ?? false;
export const cleared = (filters: Filters): Filters => ({ ...filters, values: {} });
export const withPeriod = (filters: Filters, from: string, to: string): Filters => ({
  ...filters,
  preset: null,
  from,
  to,
});
export const withPreset = (filters: Filters, preset: Preset): Filters => ({ ...filters, preset, from: null, to: null });
