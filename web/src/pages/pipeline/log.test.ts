import { describe, expect, it } from "vitest";
import { Formats } from "../../lib/format/format";
import { wordsOfLine } from "./log";

const formats = new Formats("en-GB", "EUR", "Europe/Lisbon");
const line = { at: "2025-06-18T06:00:00Z", level: "info" };

describe("a line of the kept log", () => {
  it("names its figures, writes durations as such, and says nothing twice", () => {
    const step = {
      ...line,
      message: "load",
      step: "load",
      fields: { seconds: 0.254496985, detail: "3 rows of 1 files" },
    };
    expect(wordsOfLine(step, formats)).toBe("load · 3 rows of 1 files · 254 ms");
    const file = { ...line, message: "loaded", step: "load", dataset: "sales", file: "inbox/sales/a.csv" };
    expect(wordsOfLine({ ...file, fields: { rejected: 1, new: 1380, read: 1381 } }, formats)).toBe(
      "loaded · load · sales · inbox/sales/a.csv · 1 rejected · 1,380 new · 1,381 read",
    );
    expect(wordsOfLine({ ...line, message: "a run begins" }, formats)).toBe("a run begins");
  });
});
