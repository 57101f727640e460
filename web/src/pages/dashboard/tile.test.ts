import { describe, expect, it } from "vitest";
import { TILE_TYPES, type Tile } from "../../lib/api/types";
import { Formats } from "../../lib/format/format";
import { tileKpi, tileSpec, tileTable, type Rows } from "./tile";

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
    expect(tileKpi(tile("kpi", { value: "avg_order_value" }), daily)?.value).toBe("33.4333");
    expect(tileKpi(tile("kpi", { value: "total_revenue" }), { ...daily, rows: [] })).toBeNull();
  });
});

describe("the order of a tile's rows", () => {
  it("is that of their days, and the running day is not finished", () => {
    const turned = { ...daily, rows: [...daily.rows].reverse() };
    expect(tileKpi(tile("kpi", { x: "date", value: "total_revenue" }), turned)?.values).toEqual([100.1, 0.2]);
    expect(
      tileSpec(tile("line", { x: "date", value: "total_revenue" }), turned, formats, "2025-06-18")?.marks.at(-1)?.title,
    ).toContain("not finished");
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
