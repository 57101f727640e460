// The line over time: the period before lies pale behind it, gaps stay gaps, what is not finished is dashed.
import { addDays, addMonths, daysBetween, monthStart } from "../format/dates";
import { position } from "../format/decimal";
import type { Formats } from "../format/format";
import type { Grain, Period } from "../state/filters";
import { axisText, type ChartSpec, type Mark } from "./spec";

export interface TrendInput {
  readonly points: readonly { readonly at: string; readonly value: string | number }[];
  readonly previous: readonly { readonly at: string; readonly value: string | number }[] | null;
  readonly unfinished: string | null;
  readonly period: Period;
  readonly compare: Period | null;
  readonly grain: Grain;
  readonly name: string;
  readonly write: (value: string | number | null) => string;
  readonly formats: Formats;
  readonly area?: boolean;
  readonly selected?: readonly string[];
  readonly height?: number;
}

/** Every slot of the period, whether or not something was sold in it. */
export function slots(period: Period, grain: Grain): string[] {
  if (grain === "hour") {
    const days = daysBetween(period.from, period.to) + 1;
    return Array.from(
      { length: days * 24 },
      (_, index) => `${addDays(period.from, Math.floor(index / 24))}T${String(index % 24).padStart(2, "0")}`,
    );
  }
  if (grain === "day")
    return Array.from({ length: daysBetween(period.from, period.to) + 1 }, (_, index) => addDays(period.from, index));
  const found: string[] = [];
  for (let month = monthStart(period.from); month <= period.to; month = addMonths(month, 1)) found.push(month);
  return found;
}

/** `2025-06-18T14:00:00`, `2025-06-18 14` and `2025-06` all name the same slot as the API's own writing does. */
export function slotKey(at: string, grain: Grain): string {
  if (grain === "month") return `${at.slice(0, 7)}-01`;
  return grain === "day" ? at.slice(0, 10) : at.slice(0, 13).replace(" ", "T");
}

export function slotName(slot: string, grain: Grain, formats: Formats, long = false): string {
  if (grain === "hour")
    return long
      ? `${formats.dayLong(slot.slice(0, 10))}, ${formats.hour(Number(slot.slice(11, 13)))}`
      : formats.hourShort(Number(slot.slice(11, 13)));
  if (grain === "day") return long ? formats.dayLong(slot) : formats.dayShort(slot);
  return long ? formats.monthLong(slot) : formats.month(slot);
}

export function trendSpec(input: TrendInput): ChartSpec {
  const { grain, formats } = input;
  const shown = slots(input.period, grain);
  const before = input.compare && input.previous ? slots(input.compare, grain) : [];
  const now = new Map(input.points.map((point) => [slotKey(point.at, grain), point.value]));
  const then = new Map((input.previous ?? []).map((point) => [slotKey(point.at, grain), point.value]));
  const values = shown.map((slot) => now.get(slot) ?? null);
  const earlier = shown.map((_, index) => (before[index] === undefined ? null : (then.get(before[index]) ?? null)));
  const open = input.unfinished ? shown.indexOf(slotKey(input.unfinished, grain)) : -1;
  const marks: Mark[] = shown.map((slot, index) => ({
    key: slot,
    title: slotName(slot, grain, formats, true) + (index === open ? " (not finished)" : ""),
    lines: [
      { name: input.name, value: values[index] === null ? "no sales" : input.write(values[index] ?? null) },
      ...(before[index] !== undefined
        ? [
            {
              name: slotName(before[index], grain, formats, true),
              value: earlier[index] === null ? "no sales" : input.write(earlier[index] ?? null),
            },
          ]
        : []),
    ],
    series: 1,
    index,
    selected: input.selected?.includes(slot) ?? false,
  }));
  const pixels = values.map(position);
  const alone = (index: number): boolean =>
    pixels[index] !== null && (pixels[index - 1] ?? null) === null && (pixels[index + 1] ?? null) === null;
  return {
    marks,
    bySlot: true,
    dashed: open > 0 && pixels[open] !== null && pixels[open - 1] !== null,
    height: input.height ?? 260,
    option: (colours, width) => {
      const line = colours.of["series-1"];
      const lastSolid = open < 0 ? shown.length : open;
      const picked = marks.filter((mark) => mark.selected).map((mark) => mark.index);
      return {
        grid: { left: 4, right: 12, top: 16, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
        xAxis: {
          type: "category",
          data: shown.map((slot) => slotName(slot, grain, formats)),
          boundaryGap: shown.length < 2,
          axisTick: { show: false },
          axisLine: { lineStyle: { color: colours.of["line-strong"] } },
          axisLabel: {
            ...axisText(colours),
            hideOverlap: true,
            interval: Math.max(0, Math.ceil(shown.length / Math.max(2, Math.floor(width / (colours.rem * 5)))) - 1),
            showMinLabel: true,
            alignMinLabel: "left",
            margin: 10,
          },
        },
        yAxis: {
          type: "value",
          min: (range: { min: number }) => Math.min(0, range.min),
          splitNumber: 4,
          splitLine: { lineStyle: { color: colours.of["line"] } },
          axisLabel: { ...axisText(colours), formatter: (value: number) => formats.axis(value) },
        },
        tooltip: {
          trigger: "axis",
          axisPointer: { type: "line", lineStyle: { color: colours.of["line-strong"], type: "solid", width: 1 } },
        },
        series: [
          {
            name: "before",
            type: "line",
            data: earlier.map(position),
            showSymbol: false,
            silent: true,
            lineStyle: { color: colours.of["behind"], width: 1.5 },
            itemStyle: { color: colours.of["behind"] },
            emphasis: { disabled: true },
            z: 1,
          },
          {
            name: input.name,
            type: "line",
            z: 3,
            data: pixels.map((value, index) => ({
              value: index < lastSolid ? value : null,
              symbolSize: picked.includes(index) ? 12 : alone(index) ? 7 : 0,
            })),
            symbol: "circle",
            showSymbol: true,
            showAllSymbol: true,
            lineStyle: { color: line, width: 2 },
            itemStyle: { color: line },
            emphasis: { scale: false, lineStyle: { width: 2 } },
            ...(input.area ? { areaStyle: { color: line, opacity: 0.14 } } : {}),
          },
          {
            name: "unfinished",
            type: "line",
            z: 3,
            silent: true,
            data: pixels.map((value, index) =>
              open >= 0 && (index === open || index === open - 1)
                ? { value, symbol: "emptyCircle", symbolSize: index === open ? 7 : 0 }
                : null,
            ),
            showAllSymbol: true,
            lineStyle: { color: line, width: 2, type: [4, 4] },
            itemStyle: { color: line, borderType: "solid", borderWidth: 2 },
            emphasis: { disabled: true },
          },
        ],
      };
    },
  };
}
