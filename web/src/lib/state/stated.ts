// The filters in words, for paper and files: there is no bar to look at.
import { COMPARISON_NAMES, DIMENSIONS, periodOf, PRESET_NAMES, type Filters } from "./filters";
import { labels } from "./labels.svelte";
import { session } from "./session.svelte";

/** What is chosen of each field: `Category: Home, Toys; City: Porto`. Nothing chosen is no words. */
export const statedValues = (filters: Filters): string =>
  DIMENSIONS.flatMap((dimension) => {
    const values = filters.values[dimension] ?? [];
    const words = values.map((value) => labels.of(dimension, value)).join(", ");
    return values.length > 0 ? [`${labels.fieldName(dimension)}: ${words}`] : [];
  }).join("; ");

/** The days, what they are compared with, and what is chosen of each field. */
export function stated(filters: Filters, { compares }: { compares: boolean }): string {
  const { formats, today } = session;
  const period = periodOf(filters, today);
  const days = formats.range(period.from, period.to);
  const named = filters.from ? days : `${PRESET_NAMES[filters.preset ?? "last30"]}, ${days}`;
  return [
    named + (filters.on ? `, seen from ${formats.day(filters.on)}` : ""),
    ...(compares && filters.compare !== "none" ? [`compared with ${COMPARISON_NAMES[filters.compare]}`] : []),
    statedValues(filters) || "no filters are set",
  ].join("; ");
}
