// A click on a mark of a tile: what everything else is filtered by then.
import type { Tile } from "../../lib/api/types";
import type { Mark } from "../../lib/charts/spec";
import { DIMENSIONS, toggled, toggledCell, type Dimension, type Filters, type Grain } from "../../lib/state/filters";
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
export function fieldsOf(tile: Tile, columns: Columns = []): readonly Field[] {
  const has = (name: string): boolean => columns.some((column) => column.name === name);
  if (tile.type === "heatmap") {
    const cell = [FIELDS[tile.y ?? "day_of_week"], FIELDS[tile.x ?? "hour"]];
    return cell.join() === "weekday,hour" ? ["weekday", "hour"] : [];
  }
  const x = tile.x ?? "";
  if (!WITH_MARKS.includes(tile.type)) return [];
  if (NAMES.includes(x)) return has("product_id") && !has("customer_id") ? ["product"] : [];
  return FIELDS[x] ? [FIELDS[x]] : [];
}

/** Those of them that are chosen by value: the tile that they were chosen in still shows the others. */
export const ownDimensions = (tile: Tile, columns: Columns = []): readonly Dimension[] =>
  DIMENSIONS.filter((dimension) => fieldsOf(tile, columns).includes(dimension));

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
  const [field, second] = fieldsOf(tile, columns);
  if (field && second) {
    const [weekday = "", hour = ""] = mark.key.split(" ");
    return toggledCell(filters, weekday, hour);
  }
  const value = valueOf(mark);
  if (!field || value === null) return null;
  return field === "date" ? drillInto(value, grain, filters) : toggled(filters, field, value, add);
}
