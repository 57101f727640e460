// The tokens as colours that a canvas understands: `light-dark()` and `var()` are resolved by the browser.

const NAMES = [
  "paper",
  "surface",
  "raised",
  "line",
  "line-strong",
  "ink",
  "ink-soft",
  "ink-faint",
  "accent",
  "good",
  "warning",
  "bad",
  "behind",
  "series-other",
  "heat-0",
  "heat-1",
  "heat-2",
  "heat-3",
  "heat-4",
  "series-1",
  "series-2",
  "series-3",
  "series-4",
  "series-5",
  "series-6",
  "series-7",
  "series-8",
] as const;
export type ColourName = (typeof NAMES)[number];
export interface Colours {
  readonly of: Readonly<Record<ColourName, string>>;
  readonly series: readonly string[];
  readonly heat: readonly string[];
  readonly font: string;
  /** One rem in pixels: text on a canvas follows the reader's own size. */
  readonly rem: number;
}

export function readColours(): Colours {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const style = getComputedStyle(probe);
  const of = {} as Record<ColourName, string>;
  for (const name of NAMES) {
    probe.style.color = `var(--${name})`;
    of[name] = style.color;
  }
  probe.style.fontFamily = "var(--font)";
  const font = style.fontFamily;
  probe.remove();
  return {
    of,
    font,
    series: [1, 2, 3, 4, 5, 6, 7, 8].map((number) => of[`series-${number}` as ColourName]),
    heat: [0, 1, 2, 3, 4].map((number) => of[`heat-${number}` as ColourName]),
    rem: parseFloat(getComputedStyle(document.documentElement).fontSize) || 16,
  };
}
