// A click on a mark of a tile: what everything else is filtered by then.
import type { Tile } from "../../lib/api/types";
import type { Mark } from "../../lib/charts/spec";
import { DIMENSIONS, toggled, type Dimension, type Filters, type Grain } from "../../lib/state/filters";
import { drillInto } from "../sales/drill";

export type Field = Extract<Dimension, "category" | "product" | "city" | "segment"> | "date";

const FIELDS: Readonly<Record<string, Field>> = {
  category: "category",
  product: "product",
  product_id: "product",
  city: "city",
  segment: "segment",
  date: "date",
};
const WITH_MARKS: readonly Tile["type"][] = ["line", "area", "bar", "pie", "funnel"];

/** What the marks of a tile stand for, if the page's filters know it. */
export const fieldOf = (tile: Tile): Field | null =>
  WITH_MARKS.includes(tile.type) ? (FIELDS[tile.x ?? ""] ?? null) : null;

/** The same as one of the fields that are chosen by value: the tile that it was chosen in still shows the others. */
export const ownDimension = (tile: Tile): Dimension | null =>
  DIMENSIONS.find((dimension) => dimension === fieldOf(tile)) ?? null;

/** The value that a mark stands for; the rest of a list stands for none. Keys are made unique by a number at their end. */
export const valueOf = (mark: Pick<Mark, "key">): string | null =>
  mark.key === "(other)" ? null : mark.key.replace(/ \d+$/, "");

/** The filters after a click on the mark; null where it changes nothing. */
export function chosenBy(
  tile: Tile,
  mark: Pick<Mark, "key">,
  add: boolean,
  grain: Grain,
  filters: Filters,
): Filters | null {
  const [field, value] = [fieldOf(tile), valueOf(mark)];
  if (field === null || value === null) return null;
  return field === "date" ? drillInto(value, grain, filters) : toggled(filters, field, value, add);
}
