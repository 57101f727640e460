// Rows set aside, day by day, stacked by reason.
import type { RejectPoint } from "../../lib/api/types";
import { axisText, type ChartSpec } from "../../lib/charts/spec";
import type { TableData } from "../../lib/export/table";
import type { Formats } from "../../lib/format/format";

export const reasonsOf = (points: readonly RejectPoint[]): string[] =>
  [...new Set(points.map((point) => point.reason))].sort();

export function rejectSpec(points: readonly RejectPoint[], formats: Formats): ChartSpec {
  const days = [...new Set(points.map((point) => point.date))].sort();
  const reasons = reasonsOf(points);
  const rows = new Map(points.map((point) => [`${point.date} ${point.reason}`, point.rows]));
  return {
    height: 230,
    marks: days.map((date, index) => ({
      key: date,
      title: formats.dayLong(date),
      lines: reasons.map((reason) => ({ name: reason, value: formats.count(rows.get(`${date} ${reason}`) ?? 0) })),
      series: 0,
      index,
    })),
    option: (colours) => ({
      grid: { left: 4, right: 12, top: 12, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      xAxis: {
        type: "category",
        data: days.map((date) => formats.dayShort(date)),
        axisTick: { show: false },
        axisLine: { lineStyle: { color: colours.of["line-strong"] } },
        axisLabel: { ...axisText(colours), hideOverlap: true },
      },
      yAxis: {
        type: "value",
        minInterval: 1,
        splitLine: { lineStyle: { color: colours.of["line"] } },
        axisLabel: axisText(colours),
      },
      tooltip: { trigger: "axis", axisPointer: { type: "shadow" } },
      series: reasons.map((reason, index) => ({
        type: "bar",
        name: reason,
        stack: "all",
        barMaxWidth: 18,
        data: days.map((date) => rows.get(`${date} ${reason}`) ?? 0),
        itemStyle: { color: colours.series[index % 8] },
        emphasis: { disabled: true },
      })),
    }),
  };
}

export const rejectTable = (points: readonly RejectPoint[]): TableData => ({
  columns: [
    { name: "date", label: "Day", kind: "day" },
    { name: "reason", label: "Reason", kind: "text" },
    { name: "rows", label: "Rows", kind: "count" },
  ],
  rows: points.map((point) => [point.date, point.reason, point.rows]),
});
