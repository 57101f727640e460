import { describe, expect, it } from "vitest";
import {
  apiQuery,
  filtersQuery,
  grainOf,
  NO_FILTERS,
  parseFilters,
  periodOf,
  presetPeriod,
  PRESETS,
  toggled,
  withFixed,
  withPeriod,
  withPreset,
} from "./filters";

const TODAY = "2025-06-18";

describe("the URL is the state", () => {
  it("goes to the URL and back unchanged", () => {
    const searches = [
      "",
      "period=last7",
      "from=2025-01-01&to=2025-01-31&compare=year",
      "category=Home+%26+Kitchen&category=Books&product=P101&weekday=6&hour=20",
      "period=month&compare=none&on=2024-12-31&segment=loyal",
    ];
    for (const search of searches) expect(filtersQuery(parseFilters(search))).toBe(search);
  });
  it("forgets what makes no sense instead of failing", () => {
    expect(parseFilters("from=2025-02-30&to=x&period=never&compare=odd&category=")).toEqual(NO_FILTERS);
    expect(parseFilters("from=2025-03-02&to=2025-03-01").from).toBeNull();
  });
  it("lets exact dates win over a preset", () => {
    expect(parseFilters("period=last7&from=2025-01-01&to=2025-01-02").preset).toBeNull();
    expect(withPreset(withPeriod(NO_FILTERS, "2025-01-01", "2025-01-02"), "last7")).toMatchObject({
      from: null,
      preset: "last7",
    });
  });
});

describe("periods", () => {
  it("are thirty days unless asked otherwise, counted from the day that is today", () => {
    expect(periodOf(NO_FILTERS, TODAY)).toEqual({ from: "2025-05-20", to: TODAY });
    expect(periodOf({ ...NO_FILTERS, on: "2024-12-31" }, TODAY)).toEqual({ from: "2024-12-02", to: "2024-12-31" });
  });
  it("never end before they begin, on any day", () => {
    for (const today of ["2024-02-29", "2025-01-01", "2025-03-31", "2025-12-28"]) {
      for (const preset of PRESETS) {
        const { from, to } = presetPeriod(preset, today);
        expect(from <= to, `${preset} on ${today}`).toBe(true);
      }
    }
    expect(presetPeriod("last_month", "2025-03-31")).toEqual({ from: "2025-02-01", to: "2025-02-28" });
  });
  it("choose the grain", () => {
    expect(grainOf({ from: TODAY, to: TODAY })).toBe("hour");
    expect(grainOf({ from: "2025-05-20", to: TODAY })).toBe("day");
    expect(grainOf({ from: "2024-06-19", to: TODAY })).toBe("month");
  });
});

describe("a click on a mark", () => {
  it("selects, replaces, adds and lets go", () => {
    const one = toggled(NO_FILTERS, "category", "Books");
    expect(one.values).toEqual({ category: ["Books"] });
    expect(toggled(one, "category", "Toys").values).toEqual({ category: ["Toys"] });
    const two = toggled(one, "category", "Toys", true);
    expect(two.values).toEqual({ category: ["Books", "Toys"] });
    expect(toggled(two, "category", "Toys").values).toEqual({ category: ["Toys"] });
    expect(toggled(one, "category", "Books").values).toEqual({});
  });
  it("asks the API for what has no category with an empty value", () => {
    const filters = toggled(NO_FILTERS, "category", "(none)");
    expect(filtersQuery(filters)).toBe("category=%28none%29");
    expect(apiQuery(filters, TODAY)).toContain("&category=");
    expect(apiQuery(filters, TODAY)).not.toContain("none");
  });
  it("cannot loosen what a link has fixed", () => {
    expect(
      withFixed("city=Porto&segment=new&on=2025-01-01", [
        ["segment", "loyal"],
        ["category", ""],
      ]),
    ).toBe("city=Porto&on=2025-01-01&segment=loyal&category=%28none%29");
  });
  it("filters everything but the chart that it was made in", () => {
    const filters = toggled(toggled(NO_FILTERS, "category", "Books"), "city", "Porto");
    expect(apiQuery(filters, TODAY, { without: ["category"] })).toBe(
      "from=2025-05-20&to=2025-06-18&compare=previous&city=Porto",
    );
    expect(apiQuery({ ...filters, on: "2024-12-31" }, TODAY, { dates: false })).toBe(
      "on=2024-12-31&category=Books&city=Porto",
    );
  });
});
