// A click on a mark of a tile: what everything else is filtered by then.
import type { Tile } from "../../lib/api/types";
import type { Mark } from "../../lib/charts/spec";
import { DIMENSIONS, toggled, type Dimension, type Filters, type Grain } from "../../lib/state/filters";
import { drillInto } from "../sales/drill";

export type Field = Dimension | "date";
type Columns = readonly { readonly name: string }[];

const FIELDS: Readonly<Record<string, Field>> = {
  category: "category",
  product: "product",
  product_id: "product",
  city: "city",
  segment: "segment",
  hour: "hour",
  weekday: "weekday",
  day_of_week: "weekday",
  date: "date",
};
/** Names that are a product's only where its number stands beside them, and nobody else's. */
const NAMES: readonly string[] = ["name", "product_name"];
const WITH_MARKS: readonly Tile["type"][] = ["line", "area", "bar", "pie", "funnel"];

/** What the marks of a tile stand for, if the page's filters know it; `columns` are those of its rows. */
export function fieldOf(tile: Tile, columns: Columns = []): Field | null {
  const x = tile.x ?? "";
  if (!WITH_MARKS.includes(tile.type)) return null;
  const has = (name: string): boolean => columns.some((column) => column.name === name);
  if (NAMES.includes(x)) return has("product_id") && !has("customer_id") ? "product" : null;
  return FIELDS[x] ?? null;
}

/** The same as one of the fields that are chosen by value: the tile that it was chosen in still shows the others. */
export const ownDimension = (tile: Tile, columns: Columns = []): Dimension | null =>
  DIMENSIONS.find((dimension) => dimension === fieldOf(tile, columns)) ?? null;

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
  columns: Columns = [],
): Filters | null {
  const [field, value] = [fieldOf(tile, columns), valueOf(mark)];
  if (field === null || value === null) return null;
  return field === "date" ? drillInto(value, grain, filters) : toggled(filters, field, value, add);
}
