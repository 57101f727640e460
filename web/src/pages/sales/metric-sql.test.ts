import { describe, expect, it } from "vitest";
import { NO_FILTERS } from "../../lib/state/filters";
import { metricSql } from "./metric-sql";
import { METRICS } from "./metrics";

describe("the SQL behind a figure", () => {
  it("has the same days and filters as the figure, and no way out of its quotes", () => {
    const filters = {
      ...NO_FILTERS,
      values: { category: ["Books", "(none)"], city: ["L'Aquila"], hour: ["20; DROP"], segment: ["loyal"] },
    };
    expect(metricSql(METRICS["revenue"]!, filters, { from: "2025-06-01", to: "2025-06-18" })).toBe(
      "SELECT coalesce(sum(amount), 0) AS revenue\nFROM sales\nWHERE local_date(transaction_date) BETWEEN DATE '2025-06-01' AND DATE '2025-06-18'\n  AND product_id IN (SELECT product_id FROM products WHERE (category = 'Books' OR category IS NULL))\n  AND city = 'L''Aquila'\n  AND local_hour(transaction_date) = 0\n  AND customer_id IN (SELECT customer_id FROM sales WHERE customer_id IN (SELECT customer_id FROM customers) GROUP BY customer_id HAVING count(*) >= 5)",
    );
  });
  it("is grouped where the figure is a list", () => {
    expect(metricSql(METRICS["products"]!, NO_FILTERS, { from: "2025-06-18", to: "2025-06-18" })).toMatch(
      /= DATE '2025-06-18'\n  AND product_id IN \(SELECT product_id FROM products\)\nGROUP BY 1 ORDER BY revenue DESC, product_id LIMIT 10$/,
    );
  });
});
