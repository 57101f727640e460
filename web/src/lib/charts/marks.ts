// Charts of parts: bars, pie, funnel, scatter and heatmap. What is selected keeps its colour, the rest turns pale.
import { position } from "../format/decimal";
import type { Formats } from "../format/format";
import type { Colours } from "./colours";
import { axisText, short, type ChartSpec, type Mark, type TipLine } from "./spec";

export interface Part {
  readonly key: string;
  readonly name: string;
  readonly value: string | number | null;
  readonly text: string;
  readonly lines: readonly TipLine[];
  readonly selected?: boolean;
  /** The rest of a list: it cannot be chosen, and it is grey. */
  readonly rest?: boolean;
}

const toMarks = (parts: readonly Part[]): Mark[] =>
  parts.map((part, index) => ({
    key: part.key,
    title: part.name,
    lines: part.lines,
    series: 0,
    index,
    selected: part.selected ?? false,
  }));

/** Pale is mixed from the surface, not see-through: labels keep their ink. */
function shade(parts: readonly Part[], index: number, colour: string, colours: Colours): { color: string } {
  const part = parts[index];
  const own = part?.rest ? colours.of["series-other"] : colour;
  const pale = parts.some((each) => each.selected) && !part?.selected;
  return { color: pale ? scaled([colours.of["surface"], own], 0.3) : own };
}

/** Where marks can be chosen, the rest of a list cannot, and does not look as if. */
const restCursor = (part: Part): { cursor?: string } => (part.rest ? { cursor: "default" } : {});

export function barSpec(parts: readonly Part[], { height }: { height?: number } = {}): ChartSpec {
  return {
    marks: toMarks(parts),
    height: height ?? Math.max(120, parts.length * 30 + 8),
    option: (colours, width) => {
      const letters = Math.floor(Math.min(width * 0.45, colours.rem * 14) / (colours.rem * 0.4));
      return {
        grid: {
          left: 2,
          right: Math.min(width * 0.24, colours.rem * 5.4),
          top: 0,
          bottom: 0,
          outerBoundsMode: "same",
          outerBoundsContain: "axisLabel",
        },
        xAxis: { type: "value", min: (range: { min: number }) => Math.min(0, range.min), show: false },
        yAxis: {
          type: "category",
          inverse: true,
          data: parts.map((part) => short(part.name, letters)),
          axisTick: { show: false },
          axisLine: { show: false },
          axisLabel: { ...axisText(colours), color: colours.of["ink"], interval: 0, margin: 10 },
        },
        tooltip: { trigger: "item" },
        series: [
          {
            type: "bar",
            barCategoryGap: "28%",
            barMaxWidth: 22,
            data: parts.map((part, index) => ({
              value: position(part.value),
              ...restCursor(part),
              itemStyle: { ...shade(parts, index, colours.of["series-1"], colours), borderRadius: [0, 2, 2, 0] },
            })),
            label: {
              show: true,
              position: "right",
              ...axisText(colours),
              color: colours.of["ink"],
              formatter: ({ dataIndex }: { dataIndex: number }) => parts[dataIndex]?.text ?? "",
            },
            emphasis: { disabled: true },
          },
        ],
      };
    },
  };
}

export function pieSpec(parts: readonly Part[], { height = 260 }: { height?: number } = {}): ChartSpec {
  return {
    marks: toMarks(parts),
    height,
    option: (colours, width) => ({
      tooltip: { trigger: "item" },
      series: [
        {
          type: "pie",
          radius: width < 340 ? ["27%", "45%"] : width < 420 ? ["30%", "50%"] : ["40%", "68%"],
          center: ["50%", "50%"],
          startAngle: 90,
          minAngle: 2,
          avoidLabelOverlap: true,
          data: parts.map((part, index) => ({
            name: part.name,
            value: Math.max(0, position(part.value) ?? 0),
            ...restCursor(part),
            itemStyle: {
              ...shade(parts, index, colours.series[index % 8] ?? colours.of["series-other"], colours),
              borderColor: colours.of["surface"],
              borderWidth: 2,
            },
          })),
          label: {
            ...axisText(colours),
            overflow: "none",
            bleedMargin: 0,
            color: colours.of["ink"],
            lineHeight: colours.rem,
            formatter: ({ dataIndex }: { dataIndex: number }) =>
              `${short(parts[dataIndex]?.name ?? "", width < 340 ? 12 : 15)}\n${parts[dataIndex]?.text ?? ""}`,
          },
          labelLine: {
            // Two lines of words below the pie stay off its slices.
            length: width < 340 ? 12 : 16,
            length2: width < 340 ? 4 : 8,
            lineStyle: { color: colours.of["line-strong"] },
          },
          emphasis: { scale: false },
        },
      ],
    }),
  };
}

export interface Dot {
  readonly key: string;
  readonly name: string;
  readonly x: string | number | null;
  readonly y: string | number | null;
  readonly lines: readonly TipLine[];
}

export function scatterSpec(
  dots: readonly Dot[],
  xName: string,
  yName: string,
  formats: Formats,
  { height = 280 }: { height?: number } = {},
): ChartSpec {
  return {
    marks: dots.map((dot, index) => ({ key: dot.key, title: dot.name, lines: dot.lines, series: 0, index })),
    height,
    option: (colours) => {
      const axis = (name: string, gap: number): Record<string, unknown> => ({
        type: "value",
        scale: true,
        name,
        nameLocation: "middle",
        nameGap: gap,
        nameTextStyle: axisText(colours),
        splitNumber: 4,
        splitLine: { lineStyle: { color: colours.of["line"] } },
        axisLabel: { ...axisText(colours), formatter: (value: number) => formats.axis(value) },
      });
      return {
        grid: { left: 4, right: 16, top: 16, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "all" },
        xAxis: axis(xName, 28),
        yAxis: axis(yName, 44),
        tooltip: { trigger: "item" },
        series: [
          {
            type: "scatter",
            symbolSize: 11,
            data: dots.map((dot) => [position(dot.x), position(dot.y)]),
            itemStyle: { color: colours.of["series-1"], opacity: 0.75 },
          },
        ],
      };
    },
  };
}

export interface HeatPart {
  readonly weekday: number;
  readonly hour: number;
  readonly value: string | number;
  readonly lines: readonly TipLine[];
}

/** A colour of the scale, at a share between nothing and the most. */
export function scaled(scale: readonly string[], share: number): string {
  const place = Math.max(0, Math.min(1, share)) * (scale.length - 1);
  const numbers = (colour: string | undefined): number[] =>
    (colour?.match(/[\d.]+/g) ?? ["0", "0", "0"]).slice(0, 3).map(Number);
  const [low, high] = [numbers(scale[Math.floor(place)]), numbers(scale[Math.ceil(place)])];
  return `rgb(${low.map((value, index) => Math.round(value + ((high[index] ?? value) - value) * (place % 1))).join(", ")})`;
}

const pale = (colour: string, is: boolean, colours: Colours): string =>
  is ? scaled([colours.of["surface"], colour], 0.3) : colour;

/** Seven days by twenty-four hours; a cell without sales stays empty. */
export function heatSpec(
  cells: readonly HeatPart[],
  formats: Formats,
  selected: { weekday: readonly string[]; hour: readonly string[] },
  { firstDay = 1, height = 260 }: { firstDay?: number; height?: number } = {},
): ChartSpec {
  const days = Array.from({ length: 7 }, (_, index) => ((firstDay - 1 + index) % 7) + 1);
  const known = new Map(cells.map((cell) => [`${cell.weekday} ${cell.hour}`, cell]));
  const some = selected.weekday.length > 0 || selected.hour.length > 0;
  const chosen = (weekday: number, hour: number): boolean =>
    some &&
    (selected.weekday.length === 0 || selected.weekday.includes(String(weekday))) &&
    (selected.hour.length === 0 || selected.hour.includes(String(hour)));
  const grid = days.flatMap((weekday, row) =>
    Array.from({ length: 24 }, (_, hour) => ({ weekday, hour, row, cell: known.get(`${weekday} ${hour}`) })),
  );
  const filled = grid.filter((each) => each.cell);
  const top = Math.max(1, ...filled.map((each) => position(each.cell?.value) ?? 0));
  return {
    height,
    marks: filled.map((each, index) => ({
      key: `${each.weekday} ${each.hour}`,
      title: `${formats.weekday(each.weekday, "long")}, ${formats.hour(each.hour)}`,
      lines: each.cell?.lines ?? [],
      series: 0,
      index,
      selected: chosen(each.weekday, each.hour),
    })),
    option: (colours, width) => ({
      grid: { left: 2, right: 2, top: 2, bottom: 2, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      xAxis: {
        type: "category",
        data: Array.from({ length: 24 }, (_, hour) => formats.hourShort(hour)),
        axisTick: { show: false },
        axisLine: { show: false },
        axisLabel: { ...axisText(colours), interval: width < 420 ? 5 : width < 760 ? 2 : 1 },
      },
      yAxis: {
        type: "category",
        inverse: true,
        data: days.map((weekday) => formats.weekday(weekday, width < 340 ? "narrow" : "short")),
        axisTick: { show: false },
        axisLine: { show: false },
        axisLabel: axisText(colours),
      },
      tooltip: { trigger: "item" },
      series: [
        {
          type: "heatmap",
          progressive: 0,
          data: filled.map((each) => ({
            value: [each.hour, each.row, position(each.cell?.value)],
            itemStyle: {
              color: pale(
                scaled(colours.heat, (position(each.cell?.value) ?? 0) / top),
                some && !chosen(each.weekday, each.hour),
                colours,
              ),
              borderColor: chosen(each.weekday, each.hour) ? colours.of["ink"] : colours.of["surface"],
              borderWidth: chosen(each.weekday, each.hour) ? 2 : 1.5,
              borderRadius: 2,
            },
          })),
          emphasis: { disabled: true },
        },
      ],
    }),
  };
}
