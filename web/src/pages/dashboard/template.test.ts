import { describe, expect, it } from "vitest";
import { nameOf, template } from "./template";

describe("a new dashboard", () => {
  it("has a file that its title names, in letters that every system has", () => {
    expect(nameOf("Às segundas: vendas & lucro!")).toBe("as-segundas-vendas-lucro");
    expect(nameOf("  2026  ")).toBe("2026");
    expect(nameOf("売上")).toBe("");
    expect(nameOf("x".repeat(63) + " and more")).toBe("x".repeat(63));
  });
  it("begins with tiles on the models that the shop has, and with words where it has none", () => {
    const some = template('The "week"', ["daily_sales_summary", "sales"]);
    expect(some).toMatch(/^name: the-week\ntitle: "The \\"week\\""\ntiles:\n {2}- \{ title: Revenue, kind: kpi/);
    expect(some).not.toContain("top_products");
    expect(template("Week", [])).toContain("kind: text");
  });
});
