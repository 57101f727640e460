// The tokens hold what the design promises: contrast, and colours that stay apart for every kind of colour vision.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync(new URL("../../styles/tokens.css", import.meta.url), "utf8");
const token = (name: string, dark: boolean): string => {
  const match = new RegExp(`--${name}: light-dark\\((#\\w{6}), (#\\w{6})\\)`).exec(css);
  if (!match) throw new Error(`no token ${name}`);
  return match[dark ? 2 : 1]!;
};

type Triple = [number, number, number];
const linear = (value: number): number =>
  value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;
const channels = (hex: string): Triple => [1, 3, 5].map((at) => linear(parseInt(hex.slice(at, at + 2), 16))) as Triple;
const luminance = (hex: string): number => {
  const [red, green, blue] = channels(hex);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const contrast = (left: string, right: string): number => {
  const [low, high] = [luminance(left), luminance(right)].sort((first, second) => first - second) as [number, number];
  return (high + 0.05) / (low + 0.05);
};

// Machado, Oliveira and Fernandes (2009), severity 1.
const VISION: Record<string, Triple[]> = {
  usual: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};
const oklab = ([red, green, blue]: Triple): Triple => {
  const long = Math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue);
  const medium = Math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue);
  const short = Math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue);
  return [
    0.2104542553 * long + 0.793617785 * medium - 0.0040720468 * short,
    1.9779984951 * long - 2.428592205 * medium + 0.4505937099 * short,
    0.0259040371 * long + 0.7827717662 * medium - 0.808675766 * short,
  ];
};
const seen = (hex: string, kind: Triple[]): Triple => {
  const own = channels(hex);
  return oklab(
    kind.map((row) => Math.min(1, Math.max(0, row[0] * own[0] + row[1] * own[1] + row[2] * own[2]))) as Triple,
  );
};

describe.each([
  ["light", false],
  ["dark", true],
] as const)("%s", (_name, dark) => {
  const get = (name: string): string => token(name, dark);
  it("text reaches AA on every ground that it stands on", () => {
    for (const ground of ["paper", "surface", "raised", "sunken"]) {
      for (const ink of ["ink", "ink-soft", "ink-faint", "accent", "good", "warning", "bad"])
        expect(contrast(get(ink), get(ground)), `${ink} on ${ground}`).toBeGreaterThanOrEqual(4.5);
    }
    for (const meaning of ["good", "warning", "bad", "accent"])
      expect(contrast(get(meaning), get(`${meaning}-wash`)), `${meaning} on its wash`).toBeGreaterThanOrEqual(4.5);
    expect(contrast(get("accent-ink"), get("accent"))).toBeGreaterThanOrEqual(4.5);
  });
  it("edges of controls reach three to one", () => {
    expect(contrast(get("line-strong"), get("surface"))).toBeGreaterThanOrEqual(3);
  });
  const series = Array.from({ length: 8 }, (_, index) => get(`series-${index + 1}`));
  it("series stand out from the surface", () => {
    for (const colour of series) expect(contrast(colour, get("surface")), colour).toBeGreaterThanOrEqual(3);
  });
  it.each(Object.keys(VISION))("series stay apart with %s vision", (kind) => {
    for (const [index, left] of series.entries()) {
      for (const right of series.slice(index + 1)) {
        const [first, second] = [seen(left, VISION[kind]!), seen(right, VISION[kind]!)];
        expect(
          Math.hypot(first[0] - second[0], first[1] - second[1], first[2] - second[2]),
          `${left} and ${right}`,
        ).toBeGreaterThanOrEqual(0.04);
      }
    }
  });
  it("heat grows in one direction", () => {
    const steps = [0, 1, 2, 3, 4].map((step) => luminance(get(`heat-${step}`)));
    const sorted = [...steps].sort((left, right) => (dark ? left - right : right - left));
    expect(steps).toEqual(sorted);
  });
});
