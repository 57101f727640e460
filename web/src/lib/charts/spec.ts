// What a chart is, before it is drawn: its options, the marks that can be chosen, and what each mark says.
import type { EChartsCoreOption } from "echarts/core";
import type { Colours } from "./colours";

export interface TipLine {
  readonly name: string;
  readonly value: string;
  readonly colour?: string;
}
export interface Mark {
  readonly key: string;
  /** What a screen reader says and what the tip's title shows. */
  readonly title: string;
  readonly lines: readonly TipLine[];
  readonly series: number;
  readonly index: number;
  readonly selected?: boolean;
}
export interface ChartSpec {
  readonly marks: readonly Mark[];
  readonly option: (colours: Colours, width: number) => EChartsCoreOption;
  /** The whole width of a slot is clickable, as on a line: not only the mark itself. */
  readonly bySlot?: boolean;
  readonly height: number;
  /** The end of the line is dashed, since it is not finished. */
  readonly dashed?: boolean;
}

export const markText = (mark: Mark): string =>
  `${mark.title}: ${mark.lines.map((line) => `${line.name} ${line.value}`).join(", ")}`;

export function tipElement(mark: Mark): HTMLElement {
  const box = document.createElement("div");
  box.className = "chart-tip";
  const title = document.createElement("strong");
  title.textContent = mark.title;
  box.append(title);
  for (const line of mark.lines) {
    const row = document.createElement("div");
    if (line.colour) {
      const dot = document.createElement("i");
      dot.style.background = line.colour;
      row.append(dot);
    }
    const name = document.createElement("span");
    name.textContent = line.name;
    const value = document.createElement("b");
    value.textContent = line.value;
    row.append(name, value);
    box.append(row);
  }
  return box;
}

/** What all charts share. Nothing moves: a figure that slides to its place cannot be read while it slides. */
export function common(colours: Colours): EChartsCoreOption {
  return {
    textStyle: { fontFamily: colours.font, fontSize: colours.rem * 0.75, color: colours.of["ink-soft"] },
    animation: false,
    aria: { enabled: false },
  };
}

export const axisText = (colours: Colours): Record<string, unknown> => ({
  color: colours.of["ink-soft"],
  fontSize: colours.rem * 0.75,
  fontFamily: colours.font,
});

/** Cuts a label so that it never pushes the plot away; the tip has all of it. */
export const short = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, Math.max(1, length - 1)).trimEnd()}…` : text;
