import { describe, expect, it } from "vitest";
import { addMonths, isDate, monthEnd, weekdayOf, weekStart } from "./dates";
import { change, compareDecimals, parseDecimal, ratio, sumDecimals } from "./decimal";
import { Formats } from "./format";
import { asSentence, withMoments } from "./moments";

const english = new Formats("en-GB", "EUR", "Europe/Lisbon");
const german = new Formats("de-DE", "EUR", "Europe/Lisbon");
const plain = (text: string): string => text.replace(/[\u00a0\u202f]/g, " ");

describe("money", () => {
  it("keeps digits that floating point would lose", () => {
    expect(english.money("9007199254740993.07")).toBe("€9,007,199,254,740,993.07");
    expect(plain(german.money("9007199254740993.07"))).toBe("9.007.199.254.740.993,07 €");
  });
  it("shows more digits where the value has them, and rounds where it is told to", () => {
    expect(english.money("65.4429")).toBe("€65.4429");
    expect(english.money("65.4400")).toBe("€65.44");
    expect(english.moneyRounded("65.4450")).toBe("€65.45");
  });
  it("follows the currency: yen has no decimals, dinar three", () => {
    expect(new Formats("en", "JPY", "UTC").money("1200")).toBe("¥1,200");
    expect(plain(new Formats("en", "KWD", "UTC").money("1.5"))).toBe("KWD 1.500");
  });
  it("is shortened for tiles only from ten thousand on", () => {
    expect(english.moneyShort("9999.99")).toBe("€9,999.99");
    expect(english.moneyShort("128399.02").toUpperCase()).toBe("€128.4K");
    expect(english.moneyShort("-2500000").toUpperCase()).toBe("-€2.5M");
  });
  it("is written whole where the locale has no short word for its size", () => {
    expect(plain(german.moneyShort("49281.21"))).toBe("49.281,21 €");
    expect(german.amountShort("49281.21")).toBe("49.281");
    expect(german.countShort("123456")).toBe("123.456");
    expect(plain(german.moneyShort("-49281.21"))).toBe("-49.281,21 €");
    expect(plain(german.moneyShort("2512345.67"))).toBe("2,512 Mio. €");
  });
  it("says nothing where there is nothing", () => {
    expect(english.money(null)).toBe("–");
    expect(english.money("not a number")).toBe("not a number");
  });
});

describe("decimals", () => {
  it("add up exactly", () => {
    expect(sumDecimals(["0.1", "0.2", null, "x"])).toBe("0.3");
    expect(sumDecimals(["99999999999999999999.99", "0.01"])).toBe("100000000000000000000.00");
    expect(sumDecimals(["-5.05", "5"])).toBe("-0.05");
  });
  it("compare across scales", () => {
    expect(compareDecimals(parseDecimal("1.50")!, parseDecimal("1.5")!)).toBe(0);
    expect(compareDecimals(parseDecimal("-2")!, parseDecimal("1")!)).toBe(-1);
  });
  it("change against nothing is unknown, not infinite", () => {
    expect(change("10", "0")).toBeNull();
    expect(change("10", null)).toBeNull();
    expect(change("110.00", "100")).toBeCloseTo(0.1, 8);
    expect(change("-50", "-100")).toBeCloseTo(0.5, 8);
    expect(ratio("1", "3")).toBeCloseTo(0.33333333, 8);
  });
});

describe("days and moments", () => {
  it("knows real days from others", () => {
    expect(isDate("2024-02-29")).toBe(true);
    expect(isDate("2025-02-29")).toBe(false);
    expect(weekdayOf("2025-06-18")).toBe(3);
    expect(weekStart("2025-06-15")).toBe("2025-06-09");
    expect(addMonths("2025-01-31", 1)).toBe("2025-02-01");
    expect(monthEnd("2024-02-10")).toBe("2024-02-29");
  });
  it("writes an instant in the shop's zone and leaves the shop's own clock alone", () => {
    expect(english.moment("2025-06-18T23:30:00Z")).toContain("19 Jun 2025");
    expect(english.moment("2025-06-18T23:30:00")).toContain("18 Jun 2025");
    expect(english.zoneName("2025-06-18")).toBe("Lisbon, UTC+1");
    expect(english.zoneName("2025-01-18")).toBe("Lisbon, UTC+0");
  });
  it("writes those in a sentence of the server as all others, and leaves code alone", () => {
    const said = "`sales` was loaded 3 days ago, at 2025-06-18 06:00; `day = '2025-06-18'` on 2025-06-17";
    expect(withMoments(said, english)).toBe(
      "`sales` was loaded 3 days ago, at 18 Jun 2025, 06:00; `day = '2025-06-18'` on 17 Jun 2025",
    );
    expect(asSentence("the run of 2025-06-18", english)).toBe("The run of 18 Jun 2025");
    expect(asSentence("`sales` is late", english)).toBe("`sales` is late");
    expect(withMoments("the run of 2025-06-18 06:00", german)).toMatch(/^the run of 18\. Juni 2025(,| um) 06:00$/);
    expect(withMoments("2025-06-18T23:30:00Z", english), "an instant, in the shop's zone").toBe("19 Jun 2025, 00:30");
    expect(withMoments("order 12025-06-18 and 2025-6-18", english)).toBe("order 12025-06-18 and 2025-6-18");
  });
  it("says how long ago", () => {
    const now = Date.parse("2025-06-18T12:00:00Z");
    expect(english.ago("2025-06-18T11:56:00Z", now)).toBe("4 minutes ago");
    expect(english.ago("2025-06-18T11:59:58Z", now)).toBe("just now");
  });
});
