// The shop behind a real server: its folder, its command line, and what `shoplake query` says of it.
import { execFile } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { WEEKLY } from "./weekly.mjs";

/** The folder and the binary, as `cargo xtask web` names them; null where only the mock is looked at. */
export const REAL =
  process.env.BASE_URL && process.env.SHOPLAKE && process.env.SHOP
    ? { binary: process.env.SHOPLAKE, folder: process.env.SHOP }
    : null;

const start = promisify(execFile);

/** Runs `shoplake` on the shop's folder; what it wrote to stdout. A run that sets rows aside ends with 3. */
export async function shoplake(args, { input, codes = [0] } = {}) {
  const running = start(REAL.binary, [...args, "--project-dir", REAL.folder], { maxBuffer: 1 << 28 });
  running.child.stdin.end(input ?? "");
  try {
    return (await running).stdout;
  } catch (failure) {
    if (codes.includes(failure.code)) return failure.stdout;
    throw failure;
  }
}

/** The rows of a query as objects; decimals are text, as the API has them. */
export async function query(sql) {
  return JSON.parse(await shoplake(["query", "--quiet", "--output", "json", sql]));
}

/** Puts a dashboard as code with every type of tile into the shop. */
export const addDashboard = () => writeFileSync(fileOf("dashboards", "weekly.yml"), WEEKLY);

/** Drops a file into the inbox of a dataset, and runs. */
export async function load(dataset, name, text) {
  writeFileSync(join(REAL.folder, "inbox", dataset, name), text);
  await shoplake(["run", "--quiet"], { codes: [0, 3] });
}

export const fileOf = (...names) => join(REAL.folder, ...names);

/** The lines of a file that a row came from, landed or archived. */
export function landedLines(origin) {
  const path = ["archive", "landing"].map((part) => fileOf("lake", part, origin)).find(existsSync);
  if (!path) throw new Error(`no file ${origin} in the lake of ${REAL.folder}`);
  return readFileSync(path, "utf8").split("\n");
}

/** A day so many days later, or earlier. */
export const dayAfter = (day, days) => new Date(Date.parse(day) + days * 86_400_000).toISOString().slice(0, 10);

/** Sales with the product and the customer as they are known now: what the filters of the page stand on. */
export const SALES = `(
  SELECT s.*, local_date(s.transaction_date) AS shop_day, local_hour(s.transaction_date) AS shop_hour,
    iso_weekday(s.transaction_date) AS shop_weekday, p.name AS name_now, p.product_id IS NOT NULL AS known,
    CASE WHEN p.product_id IS NULL THEN '(unknown product)' ELSE p.category END AS category_now,
    CASE WHEN o.orders IS NULL THEN 'unknown' WHEN o.orders = 1 THEN 'new' WHEN o.orders < 5 THEN 'returning'
      ELSE 'loyal' END AS segment_now
  FROM sales s
  LEFT JOIN products p ON p.product_id = s.product_id
  LEFT JOIN (SELECT customer_id, count(*) AS orders FROM sales
    WHERE customer_id IN (SELECT customer_id FROM customers) GROUP BY customer_id) o ON o.customer_id = s.customer_id)`;

export const text = (value) => `'${value.replaceAll("'", "''")}'`;
export const between = (from, to) => `shop_day BETWEEN DATE '${from}' AND DATE '${to}'`;
