// The dashboard as code that real shops are looked at with: the mock's, every type of tile, on the tables of the template.
import { SOURCES } from "../mock/dashboards.mjs";

/** The mock has visits; a shop's tables have who bought how often. */
const STEPS = [
  ["Customers", "customers"],
  ["Bought", "customer_lifetime_value"],
  ["Bought again", "customer_lifetime_value WHERE total_orders >= 2"],
  ["Five times or more", "customer_lifetime_value WHERE total_orders >= 5"],
  ["Ten times or more", "customer_lifetime_value WHERE total_orders >= 10"],
];
const union = STEPS.map(([step, people]) => `SELECT '${step}' AS step, count(*) AS people FROM ${people}`).join(
  " UNION ALL ",
);
export const FUNNEL = `SELECT step, people FROM (${union}) ORDER BY people DESC`;

export const BEST =
  "SELECT name, total_orders, lifetime_value, last_order FROM customer_lifetime_value ORDER BY lifetime_value DESC LIMIT 10";

export const WEEKLY = SOURCES.get("weekly")
  .replace("SELECT step, people FROM funnel", FUNNEL)
  .replace(
    "model: customer_lifetime_value, columns: [name, total_orders, lifetime_value, last_order]",
    `sql: "${BEST}"`,
  )
  .replace("From visit to order", "From first to tenth order");
