import { describe, expect, it } from "vitest";
import { TILE_TYPES, type Tile } from "../../lib/api/types";
import { Formats } from "../../lib/format/format";
import { NO_FILTERS } from "../../lib/state/filters";
import { chosenBy, fieldsOf } from "./choose";
import { tileGrain, tileKpi, tileSpec, tileTable, type Rows } from "./tile";

const formats = new Formats("en-GB", "EUR", "Europe/Lisbon");
const daily: Rows = {
  columns: [
    { name: "date", type: "Date32" },
    { name: "transaction_count", type: "Int64" },
    { name: "total_revenue", type: "Decimal128(38, 2)" },
    { name: "avg_order_value", type: "Decimal128(38, 4)" },
  ],
  rows: [
    ["2025-06-16", 2, "100.10", "50.0500"],
    ["2025-06-18", 1, "0.20", "0.2000"],
  ],
};
const tile = (type: Tile["type"], more: Partial<Tile> = {}): Tile => ({ id: "t", type, title: "T", ...more });

describe("a tile's figure", () => {
  it("adds up what adds up, exactly, and divides the whole by the whole for an average", () => {
    expect(tileKpi(tile("kpi", { value: "total_revenue" }), daily)?.value).toBe("100.30");
    const average: Rows = { ...daily, figure: { made: "average", of: null } };
    expect(tileKpi(tile("kpi", { value: "avg_order_value" }), average)?.value).toBe("33.4333");
    expect(tileKpi(tile("kpi", { value: "total_revenue" }), { ...daily, rows: [] })).toBeNull();
  });
  it("is that of the last day where days cannot be added up, and says so; of several rows none is it", () => {
    const last: Rows = { ...daily, figure: { made: "last", of: "2025-06-18" } };
    const count = tile("kpi", { x: "date", value: "transaction_count" });
    expect(tileKpi(count, last)).toMatchObject({ value: "1", of: "2025-06-18" });
    expect(tileKpi(count, { ...last, rows: [...last.rows, ["2025-06-18", 5, "1.00", "0.2000"]] })).toBeNull();
    expect(tileKpi(count, { ...last, figure: { made: "last", of: null } })).toBeNull();
  });
});

describe("the order of a tile's rows", () => {
  it("is that of their days, and the running day is not finished", () => {
    const turned = { ...daily, rows: [...daily.rows].reverse() };
    expect(tileKpi(tile("kpi", { x: "date", value: "total_revenue" }), turned)?.values).toEqual([100.1, 0.2]);
    expect(
      tileSpec(tile("line", { x: "date", value: "total_revenue" }), turned, formats, { today: "2025-06-18" })?.marks.at(
        -1,
      )?.title,
    ).toContain("not finished");
  });
});

describe("the table of a line", () => {
  it("has the order of its days, as the line has; a table keeps the order of its query", () => {
    const turned = { ...daily, rows: [...daily.rows].reverse() };
    const days = (type: Tile["type"]): unknown[] =>
      tileTable(tile(type, { x: "date" }), turned).rows.map(([day]) => day);
    expect(days("line")).toEqual(["2025-06-16", "2025-06-18"]);
    expect(days("table")).toEqual(["2025-06-18", "2025-06-16"]);
  });
});

describe("a tile's chart", () => {
  it("is drawn for each type from the columns that it names, and never fails on others", () => {
    for (const type of TILE_TYPES)
      for (const value of ["total_revenue", "no_such_column"])
        expect(() => tileSpec(tile(type, { x: "date", value }), daily, formats)).not.toThrow();
    expect(tileSpec(tile("line", { x: "date", value: "total_revenue" }), daily, formats)?.marks).toHaveLength(3);
    expect(
      tileSpec(tile("bar", { x: "date", value: "total_revenue" }), daily, formats)?.marks[0]?.lines[0]?.value,
    ).toBe("€100.10");
  });
  it("never has a pie of more than six slices", () => {
    const many: Rows = {
      columns: [
        { name: "category", type: "Utf8" },
        { name: "revenue", type: "Decimal128(38, 2)" },
      ],
      rows: Array.from({ length: 12 }, (_, index) => [`c${index}`, `${index + 1}.00`]),
    };
    const spec = tileSpec(tile("pie"), many, formats);
    expect(spec?.marks).toHaveLength(6);
    expect(spec?.marks.at(-1)?.lines[0]?.value).toBe("€28.00");
  });
  it("as a table shows the columns that are named, in their order", () => {
    expect(tileTable(tile("table", { columns: ["total_revenue", "date", "gone"] }), daily)).toMatchObject({
      columns: [
        { name: "total_revenue", kind: "money" },
        { name: "date", kind: "day" },
      ],
      rows: [
        ["100.10", "2025-06-16"],
        ["0.20", "2025-06-18"],
      ],
    });
  });
});

describe("a click on a mark of a tile", () => {
  const products: Rows = {
    columns: [
      { name: "product_id", type: "Utf8" },
      { name: "product", type: "Utf8" },
      { name: "revenue", type: "Decimal128(38, 2)" },
    ],
    rows: [
      ["P7", "Lamp 3", "5.00"],
      ["P9", "Chair", "9.00"],
    ],
  };
  const categories: Rows = {
    columns: [
      { name: "category", type: "Utf8" },
      { name: "revenue", type: "Decimal128(38, 2)" },
    ],
    rows: [["Home 2", "9.00"], [null, "5.00"], ...Array.from({ length: 8 }, (_, index) => [`c${index}`, "1.00"])],
  };
  const click = (on: Tile, rows: Rows, mark: number, filters = NO_FILTERS) => {
    const found = tileSpec(on, rows, formats)?.marks.at(mark);
    return found ? chosenBy(on, found, false, tileGrain(on, rows), filters) : undefined;
  };
  it("filters by the value that the mark stands for, and a second one lets go", () => {
    const pie = tile("pie", { x: "category" });
    const first = click(pie, categories, 0);
    expect(first?.values).toEqual({ category: ["Home 2"] });
    expect(click(pie, categories, 0, first ?? NO_FILTERS)?.values).toEqual({});
    expect(click(pie, categories, 1)?.values).toEqual({ category: ["(none)"] });
    expect(click(pie, categories, -1), "the rest of the list").toBeNull();
  });
  it("filters by a product's number where the tile shows its name", () => {
    expect(click(tile("bar", { x: "product" }), products, 1)?.values).toEqual({ product: ["P7"] });
  });
  it("filters by a product's number where the column is called a name, and the number stands beside it", () => {
    const named: Rows = {
      ...products,
      columns: products.columns.map((each) => (each.name === "product" ? { ...each, name: "name" } : each)),
    };
    const bar = tile("bar", { x: "name" });
    const mark = tileSpec(bar, named, formats)?.marks.at(0);
    expect(chosenBy(bar, mark!, false, "day", NO_FILTERS, named.columns)?.values).toEqual({ product: ["P9"] });
    const people = named.columns.map((each) => (each.name === "product_id" ? { ...each, name: "customer_id" } : each));
    expect(fieldsOf(bar, people), "a customer's name is no product").toEqual([]);
    expect(fieldsOf(bar), "before the rows are there").toEqual([]);
  });
  it("filters by the shop's hours and weekdays, whatever the column calls them", () => {
    expect(fieldsOf(tile("bar", { x: "hour" }))).toEqual(["hour"]);
    expect(fieldsOf(tile("bar", { x: "day_of_week" }))).toEqual(["weekday"]);
  });
  it("filters by the weekday and the hour of a heatmap's cell, and leaves it in colour", () => {
    const cells: Rows = {
      columns: [
        { name: "day_of_week", type: "Int32" },
        { name: "hour", type: "Int32" },
        { name: "total_revenue", type: "Decimal128(38, 2)" },
      ],
      rows: [
        [1, 9, "5.00"],
        [7, 18, "9.00"],
      ],
    };
    const heat = tile("heatmap", { x: "hour", y: "day_of_week", value: "total_revenue" });
    const first = click(heat, cells, 0);
    expect(first?.values).toEqual({ weekday: ["1"], hour: ["9"] });
    expect(click(heat, cells, 1, first ?? NO_FILTERS)?.values).toEqual({ weekday: ["7"], hour: ["18"] });
    expect(click(heat, cells, 0, first ?? NO_FILTERS)?.values).toEqual({});
    const marks = tileSpec(heat, cells, formats, { chosen: first?.values ?? {} })?.marks;
    expect(marks?.map((mark) => mark.selected)).toEqual([true, false]);
    expect(fieldsOf(tile("heatmap", { x: "hour", y: "city" })), "no weekdays").toEqual([]);
  });
  it("opens a day or a month", () => {
    expect(click(tile("line", { x: "date", value: "total_revenue" }), daily, 2)).toMatchObject({
      from: "2025-06-18",
      to: "2025-06-18",
    });
    const months: Rows = {
      ...daily,
      rows: [
        ["2025-05-01", 2, "1.00", "1.0"],
        ["2025-06-01", 1, "2.00", "1.0"],
      ],
    };
    expect(click(tile("line", { x: "date", value: "total_revenue" }), months, 0)).toMatchObject({
      from: "2025-05-01",
      to: "2025-05-31",
    });
  });
  it("does nothing where the page has no filter for what the tile shows", () => {
    expect(fieldsOf(tile("bar", { x: "rfm_group" }))).toEqual([]);
    expect(fieldsOf(tile("bar"))).toEqual([]);
    expect(fieldsOf(tile("table", { x: "category" }))).toEqual([]);
  });
  it("leaves what is chosen in colour", () => {
    const marks = tileSpec(tile("pie", { x: "category" }), categories, formats, {
      chosen: { category: ["Home 2"] },
    })?.marks;
    expect(marks?.map((mark) => mark.selected)).toEqual([true, false, false, false, false, false]);
  });
});
