import { describe, expect, it } from "vitest";
import { brokenPart } from "./mark";

describe("the broken part of a row", () => {
  it("is the whole field, not the first sign that looks like it", () => {
    expect(brokenPart("T09000,C0100,P105,0,0.00,2025-06-01", "0")).toEqual([
      "T09000,C0100,P105,",
      "0",
      ",0.00,2025-06-01",
    ]);
    expect(brokenPart('T1,C1,"12,50",x', "12,50")).toEqual(['T1,C1,"', "12,50", '",x']);
    expect(brokenPart('{"price": -1}', "-1")).toEqual(['{"price": ', "-1", "}"]);
  });
  it("is nothing where the value is empty or not there", () => {
    expect(brokenPart("a,,b", null)).toEqual(["a,,b", "", ""]);
    expect(brokenPart("a,b", "gone")).toEqual(["a,b", "", ""]);
  });
});
