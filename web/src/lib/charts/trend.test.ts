import { describe, expect, it } from "vitest";
import { Formats } from "../format/format";
import { slotKey, slots, trendSpec, type TrendInput } from "./trend";

const formats = new Formats("en-GB", "EUR", "Europe/Lisbon");
const period = { from: "2025-06-16", to: "2025-06-18" };

describe("slots", () => {
  it("hold every day, hour or month of the period, sold or not", () => {
    expect(slots(period, "day")).toEqual(["2025-06-16", "2025-06-17", "2025-06-18"]);
    expect(slots({ from: "2025-06-18", to: "2025-06-18" }, "hour")).toHaveLength(24);
    expect(slots({ from: "2024-11-20", to: "2025-02-03" }, "month")).toEqual([
      "2024-11-01",
      "2024-12-01",
      "2025-01-01",
      "2025-02-01",
    ]);
  });
  it("are named alike however the API writes them", () => {
    expect(slotKey("2025-06-18T14:00:00", "hour")).toBe(slotKey("2025-06-18 14:00", "hour"));
    expect(slotKey("2025-06", "month")).toBe("2025-06-01");
  });
});

describe("the trend", () => {
  const input: TrendInput = {
    points: [
      { at: "2025-06-16", value: "10.50" },
      { at: "2025-06-18", value: "3" },
    ],
    previous: [{ at: "2025-06-14", value: "7" }],
    unfinished: "2025-06-18",
    period,
    compare: { from: "2025-06-13", to: "2025-06-15" },
    grain: "day",
    name: "Net revenue",
    write: (value) => formats.money(value),
    formats,
  };
  const spec = trendSpec(input);
  it("says each value, its gap, and what it is compared with", () => {
    expect(spec.marks.map((mark) => mark.lines.map((line) => line.value))).toEqual([
      ["€10.50", "no sales"],
      ["no sales", "€7.00"],
      ["€3.00", "no sales"],
    ]);
    expect(spec.marks[2]?.title).toContain("not finished");
  });
  it("takes nothing of the days that it shows for those before, where both lie in one month", () => {
    const both = trendSpec({
      ...input,
      points: [{ at: "2025-06", value: "3" }],
      previous: [{ at: "2025-06", value: "7" }],
      unfinished: null,
      period: { from: "2025-06-16", to: "2025-10-31" },
      compare: { from: "2025-02-01", to: "2025-06-15" },
      grain: "month",
    });
    expect(both.marks.map((mark) => mark.lines.map((line) => line.value))).toEqual([
      ["€3.00", "no sales"],
      ["no sales", "no sales"],
      ["no sales", "no sales"],
      ["no sales", "no sales"],
      ["no sales", "€7.00"],
    ]);
  });
  it("has a dashed end only where a line leads to what is not finished", () => {
    const known = [...input.points, { at: "2025-06-17", value: "1" }];
    expect(trendSpec({ ...input, points: known }).dashed).toBe(true);
    expect(trendSpec({ ...input, points: known, unfinished: null }).dashed).toBe(false);
    expect(trendSpec({ ...input, points: known.filter((point) => point.at !== "2025-06-18") }).dashed).toBe(false);
    expect(spec.dashed, "after a gap it stands alone").toBe(false);
  });
  it("leaves gaps open and dashes the running day", () => {
    const colours = { of: new Proxy({}, { get: () => "#000" }) as never, series: [], heat: [], font: "x", rem: 16 };
    const series = spec.option(colours, 800)["series"] as { data: ({ value: number | null } | number | null)[] }[];
    expect(series[1]?.data.map((point) => (point as { value: number | null }).value)).toEqual([10.5, null, null]);
    expect(series[2]?.data.map((point) => (point as { value: number | null } | null)?.value ?? null)).toEqual([
      null,
      null,
      3,
    ]);
  });
});
