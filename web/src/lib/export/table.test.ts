import { describe, expect, it } from "vitest";
import { Formats } from "../format/format";
import { compareCells, kindOf, toCsv, wordsOf, writeCell, type TableData } from "./table";

const data: TableData = {
  columns: [
    { name: "name", label: "Product", kind: "text" },
    { name: "revenue", label: "Revenue", kind: "money" },
  ],
  rows: [
    ['Mouse, "wireless"', "9007199254740993.07"],
    ["=HYPERLINK(1)", "-5.00"],
    [null, "0"],
  ],
};

describe("CSV", () => {
  it("carries raw values, quoted as RFC 4180 has it, and no formula", () => {
    expect(toCsv(data)).toBe(
      'name,revenue\r\n"Mouse, ""wireless""",9007199254740993.07\r\n\'=HYPERLINK(1),-5.00\r\n,0\r\n',
    );
  });
});

describe("cells", () => {
  it("are written by kind, and nothing is a dash", () => {
    const formats = new Formats("en-GB", "EUR", "Europe/Lisbon");
    expect(writeCell("1234.50", "money", formats)).toBe("€1,234.50");
    expect(writeCell(null, "money", formats)).toBe("–");
    expect(writeCell("2025-06-18", "day", formats)).toBe("18 Jun 2025");
    expect(writeCell("0.254", "percent", formats)).toBe("25.4%");
  });
  it("are ordered by exact value, by the reader's alphabet, and nothing comes last", () => {
    const sorted = (cells: (string | null)[], kind: "money" | "text"): (string | null)[] =>
      [...cells].sort((left, right) => compareCells(left, right, kind, "de"));
    expect(sorted(["10.5", "9007199254740993.2", null, "9007199254740993.1", "-3"], "money")).toEqual([
      "-3",
      "10.5",
      "9007199254740993.1",
      "9007199254740993.2",
      null,
    ]);
    expect(sorted(["Zoo", "Äpfel", "P10", "P9"], "text")).toEqual(["Äpfel", "P9", "P10", "Zoo"]);
  });
  it("have a kind by name and type", () => {
    expect(kindOf("total_revenue", "Decimal128(38, 2)")).toBe("money");
    expect(kindOf("year", "Int32")).toBe("text");
    expect(kindOf("first_order", "Timestamp(us)")).toBe("moment");
    expect(kindOf("date", "Date32")).toBe("day");
    expect(wordsOf("total_revenue")).toBe("Net revenue");
    expect(wordsOf("is_big_order")).toBe("Is big order");
  });
});
