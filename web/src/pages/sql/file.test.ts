import { describe, expect, it } from "vitest";
import { fromFile, toFile } from "./file";

describe("kept queries as a file", () => {
  const kept = [
    { name: "By day", sql: "SELECT date, total_revenue\n\nFROM daily_sales_summary" },
    { name: "É “best” -- ever", sql: "-- name of the product\nSELECT name FROM top_products WHERE name <> 'a;b'" },
  ];
  it("come back from it as they were", () => {
    expect(fromFile(toFile(kept), "queries.sql")).toEqual(kept);
    expect(fromFile(toFile(kept).replaceAll("\n", "\r\n"), "queries.sql"), "through Windows").toEqual(kept);
    expect(fromFile(toFile([]), "queries.sql")).toEqual([]);
  });
  it("are SQL that any client runs: each ends with its sign", () => {
    expect(toFile(kept)).toBe(
      "-- name: By day\nSELECT date, total_revenue\n\nFROM daily_sales_summary;\n\n" +
        "-- name: É “best” -- ever\n-- name of the product\nSELECT name FROM top_products WHERE name <> 'a;b';\n",
    );
  });
  it("stay one query where a line of it looks like a name", () => {
    const odd = [{ name: "Odd", sql: "SELECT 1\n-- name: no head\n+ 1" }];
    expect(fromFile(toFile(odd), "x.sql")).toEqual([{ name: "Odd", sql: "SELECT 1\n -- name: no head\n+ 1" }]);
  });
  it("are one, under the file's name, where nothing is named", () => {
    expect(fromFile("SELECT 1;\n", "monthly review.SQL")).toEqual([{ name: "monthly review", sql: "SELECT 1" }]);
    expect(fromFile(" \n", "empty.sql")).toEqual([]);
  });
});
