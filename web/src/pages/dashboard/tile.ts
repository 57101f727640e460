// From a tile of a dashboard and its rows to what is drawn. A tile names its columns; where it does not, they are guessed.
import type { Cell, QueryResult, Tile } from "../../lib/api/types";
import { barSpec, heatSpec, pieSpec, scatterSpec, type Part } from "../../lib/charts/marks";
import type { ChartSpec } from "../../lib/charts/spec";
import { trendSpec } from "../../lib/charts/trend";
import { isNumeric, kindOf, wordsOf, writeCell, type Column, type Kind, type TableData } from "../../lib/export/table";
import { firstWeekday, isDate } from "../../lib/format/dates";
import { compareDecimals, parseDecimal, ratio, sumDecimals } from "../../lib/format/decimal";
import type { Formats } from "../../lib/format/format";
import { NONE, type Filters, type Grain } from "../../lib/state/filters";
import { fieldsOf, valueOf } from "./choose";

export type Rows = Pick<QueryResult, "columns" | "rows" | "figure">;
interface Picked {
  readonly index: number;
  readonly name: string;
  readonly kind: Kind;
}

function pick(
  rows: Rows,
  name: string | null | undefined,
  guess: (column: { name: string; type: string; kind: Kind }) => boolean,
): Picked | null {
  const named = name ? rows.columns.findIndex((column) => column.name === name) : -1;
  const index =
    named >= 0
      ? named
      : rows.columns.findIndex((column) => guess({ ...column, kind: kindOf(column.name, column.type) }));
  const column = rows.columns[index];
  return column ? { index, name: column.name, kind: kindOf(column.name, column.type) } : null;
}

export const valueColumn = (tile: Tile, rows: Rows): Picked | null =>
  pick(rows, tile.value, (column) => isNumeric(column.kind));
const exact = (value: Cell | undefined): string => (value === null || value === undefined ? "" : String(value));

const dayIndex = (tile: Tile, rows: Rows): number =>
  rows.columns.findIndex((column) => (tile.x ? column.name === tile.x : kindOf(column.name, column.type) === "day"));

/** The rows in the order of their days, where a tile has days: a query's own order is nobody's promise. */
function byDay(tile: Tile, rows: Rows): Rows {
  const x = dayIndex(tile, rows);
  if (x < 0 || !rows.rows.every((row) => isDate(exact(row[x]).slice(0, 10)))) return rows;
  return {
    ...rows,
    rows: [...rows.rows].sort((left, right) => (exact(left[x]) < exact(right[x]) ? -1 : 1)),
  };
}

export const xColumn = (tile: Tile, rows: Rows): Picked | null =>
  pick(rows, tile.x, (column) => !isNumeric(column.kind) && !/_id$/.test(column.name)) ?? pick(rows, null, () => true);

const byValue =
  (index: number) =>
  (left: readonly Cell[], right: readonly Cell[]): number => {
    const [first, second] = [parseDecimal(exact(left[index])), parseDecimal(exact(right[index]))];
    return first && second ? compareDecimals(second, first) : first ? -1 : 1;
  };

/** The tile as a table: the columns that it names, in its order, or all of them. What is drawn by days is listed so. */
export function tileTable(tile: Tile, unordered: Rows): TableData {
  const rows = tile.type === "line" || tile.type === "area" ? byDay(tile, unordered) : unordered;
  const wanted = tile.columns && tile.columns.length > 0 ? tile.columns : rows.columns.map((column) => column.name);
  const found = wanted.flatMap((name) => {
    const index = rows.columns.findIndex((column) => column.name === name);
    const column = rows.columns[index];
    return column
      ? [{ index, column: { name, label: wordsOf(name), kind: kindOf(name, column.type) } satisfies Column }]
      : [];
  });
  return {
    columns: found.map((each) => each.column),
    rows: rows.rows.map((row) => found.map((each) => row[each.index] ?? null)),
  };
}

export interface Kpi {
  readonly value: string;
  readonly kind: Kind;
  readonly values: readonly (number | null)[];
  /** The day that it is of, where it is of one day alone. */
  readonly of: string | null;
}

/** One figure, made as the server says: of rows that add up, their sum; of others, what it is of one day alone. */
export function tileKpi(tile: Tile, unordered: Rows): Kpi | null {
  const rows = byDay(tile, unordered);
  const value = valueColumn(tile, rows);
  if (!value || rows.rows.length === 0) return null;
  const cells = rows.rows.map((row) => exact(row[value.index]));
  const values = cells.map((cell) => (cell === "" ? null : Number(cell)));
  const { made, of } = rows.figure ?? { made: "sum", of: null };
  if (made === "sum") return { value: sumDecimals(cells), kind: value.kind, values, of: null };
  const column = (name: RegExp): number => rows.columns.findIndex((each) => name.test(each.name));
  const [revenue, count] = [column(/^total_revenue$/), column(/^transaction_count$/)];
  if (made === "average") {
    // An average of averages would lie: the whole is divided by the whole.
    const share = ratio(
      sumDecimals(rows.rows.map((row) => exact(row[revenue]))),
      sumDecimals(rows.rows.map((row) => exact(row[count]))),
    );
    return share === null ? null : { value: share.toFixed(4), kind: value.kind, values, of: null };
  }
  // Of several rows none is the figure.
  const day = dayIndex(tile, rows);
  const last = rows.rows.flatMap((row, at) => (of === null || exact(row[day]).slice(0, 10) === of ? [cells[at]] : []));
  return last.length === 1 ? { value: last[0] ?? "", kind: value.kind, values, of } : null;
}

function parts(
  tile: Tile,
  rows: Rows,
  formats: Formats,
  { sorted, limit, shares, chosen }: { sorted: boolean; limit: number; shares: boolean; chosen: readonly string[] },
): Part[] {
  const [x, value] = [xColumn(tile, rows), valueColumn(tile, rows)];
  if (!x || !value) return [];
  // A product is known to the filters by its number, whatever name the tile shows.
  const product = fieldsOf(tile, rows.columns).includes("product")
    ? rows.columns.findIndex((column) => column.name === "product_id")
    : -1;
  const valueFor = (row: readonly Cell[]): string => exact(row[product >= 0 ? product : x.index]) || NONE;
  const ordered = sorted ? [...rows.rows].sort(byValue(value.index)) : rows.rows;
  const total = sumDecimals(ordered.map((row) => exact(row[value.index])));
  const one = (key: string, name: string, amount: string, rest = false): Part => {
    const text = writeCell(amount, value.kind, formats);
    const share = formats.percent(ratio(amount, total));
    const short = value.kind === "money" ? formats.amountShort(amount) : formats.countShort(amount);
    return {
      key,
      name,
      value: amount,
      text: shares ? share : short,
      lines: [{ name: wordsOf(value.name), value: text }, ...(shares ? [{ name: "Share", value: share }] : [])],
      rest,
      selected: chosen.includes(valueOf({ key }) ?? ""),
    };
  };
  const cut = ordered.length > limit ? limit - 1 : ordered.length;
  const shown = ordered
    .slice(0, cut)
    .map((row, index) =>
      one(`${valueFor(row)} ${index}`, writeCell(row[x.index], x.kind, formats), exact(row[value.index])),
    );
  const others = ordered.slice(cut);
  return others.length > 0
    ? [
        ...shown,
        one("(other)", `Other (${others.length})`, sumDecimals(others.map((row) => exact(row[value.index]))), true),
      ]
    : shown;
}

/** A funnel's steps: each says how many of the step before it are left. */
function steps(all: readonly Part[], formats: Formats): Part[] {
  return all.map((part, index) => {
    const before = all[index - 1];
    const left = before ? formats.percent(ratio(exact(part.value), exact(before.value))) : "";
    return left
      ? { ...part, text: `${part.text}  ${left}`, lines: [...part.lines, { name: "of the step before", value: left }] }
      : part;
  });
}

/** A tile whose days are all firsts of months shows months. */
export function tileGrain(tile: Tile, rows: Rows): Grain {
  const x = xColumn(tile, rows);
  const days = x ? rows.rows.map((row) => exact(row[x.index]).slice(0, 10)) : [];
  return days.length > 1 && days.every((day) => day.endsWith("-01")) ? "month" : "day";
}

function overTime(tile: Tile, rows: Rows, formats: Formats, today: string | undefined): ChartSpec | null {
  const [x, value] = [xColumn(tile, rows), valueColumn(tile, rows)];
  if (!x || !value) return null;
  const points = rows.rows
    .map((row) => ({ at: exact(row[x.index]).slice(0, 10), value: row[value.index] as string | number }))
    .filter((point) => point.value !== null);
  if (points.length === 0 || !points.every((point) => isDate(point.at)))
    return barSpec(parts(tile, rows, formats, { sorted: false, limit: 40, shares: false, chosen: [] }));
  const days = points.map((point) => point.at).sort();
  const period = { from: days[0] ?? "", to: days.at(-1) ?? "" };
  return trendSpec({
    points,
    previous: null,
    unfinished: days.includes(today ?? "") ? (today ?? null) : null,
    period,
    compare: null,
    grain: tileGrain(tile, rows),
    name: wordsOf(value.name),
    write: (cell) => writeCell(cell, value.kind, formats),
    formats,
    area: tile.type === "area",
  });
}

/** The tile drawn; `chosen` are the values of what its marks stand for that the page is filtered by. */
export function tileSpec(
  tile: Tile,
  rows: Rows,
  formats: Formats,
  { today, chosen: values = {} }: { today?: string; chosen?: Filters["values"] } = {},
): ChartSpec | null {
  const chosen = Object.values(values).flat();
  if (rows.rows.length === 0) return null;
  switch (tile.type) {
    case "line":
    case "area":
      return overTime(tile, rows, formats, today);
    case "bar":
      return barSpec(parts(tile, rows, formats, { sorted: true, limit: 20, shares: false, chosen }));
    case "pie":
      return pieSpec(parts(tile, rows, formats, { sorted: true, limit: 6, shares: true, chosen }));
    case "funnel":
      return barSpec(steps(parts(tile, rows, formats, { sorted: false, limit: 12, shares: false, chosen }), formats));
    case "scatter": {
      const [x, y] = [
        pick(rows, tile.x, (column) => isNumeric(column.kind)),
        pick(rows, tile.value ?? tile.y, (column) => isNumeric(column.kind) && column.name !== tile.x),
      ];
      const name = pick(rows, null, (column) => column.kind === "text" && !/_id$/.test(column.name));
      if (!x || !y) return null;
      return scatterSpec(
        rows.rows.map((row, index) => ({
          key: String(index),
          name: name ? exact(row[name.index]) : `${index + 1}`,
          x: exact(row[x.index]),
          y: exact(row[y.index]),
          lines: [
            { name: wordsOf(x.name), value: writeCell(row[x.index], x.kind, formats) },
            { name: wordsOf(y.name), value: writeCell(row[y.index], y.kind, formats) },
          ],
        })),
        wordsOf(x.name),
        wordsOf(y.name),
        formats,
      );
    }
    case "heatmap": {
      const [hour, weekday, value] = [
        pick(rows, tile.x, (column) => column.name === "hour"),
        pick(rows, tile.y, (column) => column.name === "day_of_week"),
        valueColumn(tile, rows),
      ];
      if (!hour || !weekday || !value) return null;
      return heatSpec(
        rows.rows.map((row) => ({
          weekday: Number(row[weekday.index]),
          hour: Number(row[hour.index]),
          value: exact(row[value.index]),
          lines: [{ name: wordsOf(value.name), value: writeCell(row[value.index], value.kind, formats) }],
        })),
        formats,
        { weekday: values.weekday ?? [], hour: values.hour ?? [] },
        { firstDay: firstWeekday(formats.locale) },
      );
    }
    default:
      return null;
  }
}
