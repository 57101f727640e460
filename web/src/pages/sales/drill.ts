// From months to days to hours: where the reader stands, and the ways back up.
import { daysBetween, monthEnd, monthStart } from "../../lib/format/dates";
import type { Formats } from "../../lib/format/format";
import {
  grainOf,
  withPeriod,
  withPreset,
  withValues,
  type Filters,
  type Grain,
  type Period,
} from "../../lib/state/filters";

export interface Step {
  readonly name: string;
  readonly filters: Filters;
}

/** A click on a slot of the trend: a month opens its days, a day its hours, an hour selects itself. */
export function drillInto(slot: string, grain: Grain, filters: Filters): Filters {
  if (grain === "month") return withPeriod(filters, monthStart(slot), monthEnd(slot));
  if (grain === "day") return withPeriod(filters, slot.slice(0, 10), slot.slice(0, 10));
  const hour = String(Number(slot.slice(11, 13)));
  const now = filters.values.hour ?? [];
  return withValues(filters, "hour", now.length === 1 && now[0] === hour ? [] : [hour]);
}

/** The steps above the period in view; the last one is where the reader is. */
export function drillPath(period: Period, filters: Filters, formats: Formats): Step[] {
  const grain = grainOf(period);
  const year: Step = { name: "12 months", filters: withPreset(withValues(filters, "hour", []), "last365") };
  if (grain === "month") return [];
  const wholeMonth =
    period.from === monthStart(period.from) &&
    monthStart(period.to) === period.from &&
    daysBetween(period.from, period.to) >= 27;
  if (grain === "day") return wholeMonth ? [year, { name: formats.monthLong(period.from), filters }] : [];
  const start = monthStart(period.from);
  const steps: Step[] = [
    year,
    { name: formats.monthLong(start), filters: withPeriod(withValues(filters, "hour", []), start, monthEnd(start)) },
    { name: formats.dayLong(period.from), filters: withValues(filters, "hour", []) },
  ];
  const [hour] = filters.values.hour ?? [];
  return filters.values.hour?.length === 1 && hour !== undefined
    ? [...steps, { name: formats.hour(Number(hour)), filters }]
    : steps;
}
