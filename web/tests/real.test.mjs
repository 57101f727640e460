// Over a real `shoplake serve`: filters, the way down to a file, the panels' SQL, CSV, and the other pages say what
// `shoplake query` says. Each number on a page: `numbers.test.mjs`. Needs BASE_URL, SHOPLAKE and SHOP (`cargo xtask web` sets them).
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { chooseMark, downloadOf, eventually, exact, formats, openShop, settled } from "./helpers.mjs";
import { between, dayAfter, landedLines, query, REAL, SALES, shoplake, text } from "./shop.mjs";

const SEGMENT_NAMES = {
  new: "New (1 order)",
  returning: "Returning (2–4)",
  loyal: "Loyal (5 or more)",
  unknown: "Unknown customer",
};
const marks = (page, tile) => page.locator(`[data-tile="${tile}"] [role="option"]`).allTextContents();
const csvOf = async (page, title) => {
  await page.getByRole("button", { name: `More about ${title}` }).click();
  const file = await downloadOf(page, () => page.getByRole("button", { name: "Download as CSV" }).click());
  const lines = file.bytes.toString("utf8").replace("\uFEFF", "").trimEnd().split("\r\n");
  const cell = (text) => (text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text);
  return lines.map((line) => [...`${line},`.matchAll(/("(?:[^"]|"")*"|[^,]*),/g)].map(([, text]) => cell(text)));
};

describe("the figures of a real shop", { skip: !REAL }, () => {
  let shop, write, session, from, to, range;
  before(async () => {
    shop = await openShop();
    session = await shop.api("/session");
    write = formats(session);
    to = (await query(`SELECT max(shop_day) AS day FROM ${SALES}`))[0].day;
    from = dayAfter(to, -29);
    range = `from=${from}&to=${to}`;
  });
  after(() => shop.close());

  const totals = async (where) =>
    (
      await query(
        `SELECT coalesce(sum(amount), 0.00) AS revenue, count(*) AS transactions, count(DISTINCT customer_id) AS customers,
           CAST(sum(amount) AS DECIMAL(30, 8)) / count(*) AS average FROM ${SALES} WHERE ${where}`,
      )
    )[0];

  /** The four key figures are those of these sales. */
  async function holds(page, where) {
    const wanted = await totals(where);
    await eventually(() => exact(page, "revenue"), write.money(wanted.revenue), `revenue where ${where}`);
    assert.equal(await exact(page, "transactions"), write.count(wanted.transactions));
    assert.equal(await exact(page, "unique_customers"), write.count(wanted.customers));
    if (wanted.transactions > 0) {
      const shown = Number((await exact(page, "average_order_value")).replace(/[^\d.]/g, ""));
      assert.ok(Math.abs(shown - Number(wanted.average)) < 0.00006, `${shown} is ${wanted.average}`);
    }
  }

  it("under every filter, alone and together, they stay those of the query; back undoes each", async () => {
    const page = await shop.page(`/?${range}`);
    await settled(page);
    const [{ category }] = await query(
      `SELECT category_now AS category, sum(amount) AS revenue FROM ${SALES} WHERE ${between(from, to)} GROUP BY 1 ORDER BY 2 DESC LIMIT 1`,
    );
    const all = between(from, to);
    await chooseMark(page, "categories", category);
    const first = `${all} AND category_now = ${text(category)}`;
    await holds(page, first);
    await chooseMark(page, "segments", SEGMENT_NAMES.loyal);
    const second = `${first} AND segment_now = 'loyal'`;
    await holds(page, second);
    const [{ city }] = await query(
      `SELECT city, count(*) AS sales FROM ${SALES} WHERE ${second} AND city IS NOT NULL GROUP BY 1 ORDER BY 2 DESC LIMIT 1`,
    );
    await page.getByRole("button", { name: /^Filter by city/i }).click();
    await page.getByRole("searchbox", { name: "Search city" }).fill(city);
    await page.getByRole("checkbox", { name: city }).check();
    await page.keyboard.press("Escape");
    await holds(page, `${second} AND city = ${text(city)}`);
    await page.goBack();
    await holds(page, second);
    await page.goBack();
    await holds(page, first);
    await page.goBack();
    await holds(page, all);
    for (const [filter, where] of [
      ["segment=unknown", "segment_now = 'unknown'"],
      ["category=(unknown%20product)", "category_now = '(unknown product)'"],
      ["weekday=6&weekday=7&hour=9", "shop_weekday IN (6, 7) AND shop_hour = 9"],
    ]) {
      const filtered = await shop.page(`/?${range}&${filter}`);
      await settled(filtered);
      await holds(filtered, `${all} AND ${where}`);
      await filtered.context().close();
    }
  });

  it("the way down from a month ends at the line of the file that was dropped", async () => {
    const page = await shop.page("/?period=last365");
    await settled(page);
    const down = async (words) => {
      await chooseMark(page, "trend", words);
      await settled(page);
    };
    const last = (await marks(page, "trend")).findLast((mark) => !mark.includes("Net revenue no sales"));
    await down(last.split(":")[0].split(" (")[0]);
    const day = (await marks(page, "trend")).findLast((mark) => !mark.includes("Net revenue no sales"));
    await down(day.split(":")[0].split(" (")[0]);
    const hours = await marks(page, "trend");
    assert.equal(hours.length, 24);
    const hour = hours.findIndex((mark) => !mark.includes("Net revenue no sales"));
    await page.locator('[data-tile="trend"] [role="listbox"]').focus();
    await page.keyboard.press("Home");
    for (let step = 0; step < hour; step += 1) await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await eventually(() => new URL(page.url()).searchParams.get("hour"), String(hour));
    const at = new URL(page.url()).searchParams;
    const where = `${between(at.get("from"), at.get("to"))} AND shop_hour = ${hour}`;
    await holds(page, where);
    const [sale] = await query(
      `SELECT transaction_id, amount, _source_file, _source_line FROM ${SALES} WHERE ${where}
       ORDER BY transaction_date DESC, transaction_id DESC LIMIT 1`,
    );
    await page.getByRole("button", { name: sale.transaction_id, exact: true }).click();
    const panel = page.getByRole("dialog", { name: `Transaction ${sale.transaction_id}` });
    await panel.getByText(sale._source_file).waitFor();
    await panel.getByText(`line ${write.count(sale._source_line)}`).waitFor();
    await panel.getByText(write.money(sale.amount)).waitFor();
    assert.match(landedLines(sale._source_file)[sale._source_line - 1], new RegExp(`\\b${sale.transaction_id}\\b`));
  });

  it("the SQL that the panel shows gives the chart that the page shows", async () => {
    const count = { category: 0, orders: 0 };
    for (const filter of ["", "segment=loyal&segment=unknown", "weekday=1&hour=10&hour=11"]) {
      const sqlOf = async (name) => {
        const page = await shop.page(`/?${range}&${filter}&why=${name}`);
        await settled(page);
        const sql = await page.getByRole("dialog").locator("pre").textContent();
        await page.context().close();
        return query(sql);
      };
      const rows = async (name) => (await shop.api(`/sales/${name}?${range}&${filter}`)).rows;
      const categories = await rows("categories");
      count.category += categories.length;
      const sorted = (list) => list.map((row) => row.map(String).join(" ")).toSorted();
      assert.deepEqual(
        sorted((await sqlOf("categories")).map((row) => [row.category, row.revenue, row.order_count])),
        sorted(categories.map((row) => [row.category, row.revenue, row.order_count])),
      );
      assert.deepEqual(
        (await sqlOf("products")).map((row) => [row.product_id, row.revenue, row.order_count]),
        (await rows("top-products")).map((row) => [row.product_id, row.revenue, row.order_count]),
      );
      assert.deepEqual(
        sorted((await sqlOf("segments")).map((row) => [row.segment, row.customers, row.revenue])),
        sorted((await rows("segments")).map((row) => [row.segment, row.customers, row.revenue])),
      );
      assert.deepEqual(
        (await sqlOf("heatmap")).map((row) => [row.day_of_week, row.hour, row.revenue, row.transactions]),
        (await rows("heatmap")).map((row) => [row.day_of_week, row.hour, row.revenue, row.transactions]),
      );
      assert.deepEqual(
        (await sqlOf("trend")).map((row) => [row.date, row.revenue]),
        (await shop.api(`/sales/trend?${range}&${filter}&grain=day`)).points.map((point) => [point.at, point.revenue]),
      );
    }
    assert.ok(count.category > 10, "the sample has categories");
  });

  it("each chart's CSV is the query's", async () => {
    const page = await shop.page(`/?${range}`);
    await settled(page);
    const where = between(from, to);
    const trend = await query(
      `SELECT shop_day AS at, count(*) AS n, sum(amount) AS revenue FROM ${SALES} WHERE ${where} GROUP BY 1 ORDER BY 1`,
    );
    const [head, ...rows] = await csvOf(page, "Revenue over time");
    assert.deepEqual(head, ["at", "transactions", "revenue"]);
    assert.deepEqual(
      rows,
      trend.map((row) => [row.at, String(row.n), row.revenue]),
    );
    const categories = await query(
      `SELECT category_now AS category, count(*) AS n, sum(amount) AS revenue FROM ${SALES} WHERE ${where} GROUP BY 1 ORDER BY revenue DESC, 1`,
    );
    assert.deepEqual(
      (await csvOf(page, "Sales by category")).slice(1).map((row) => row.slice(0, 3)),
      categories.map((row) => [row.category ?? "Without category", String(row.n), row.revenue]),
    );
    const sales = await query(
      `SELECT transaction_id, amount, _source_file, _source_line FROM ${SALES} WHERE ${where} ORDER BY transaction_date DESC, transaction_id DESC LIMIT 50`,
    );
    const listed = await csvOf(page, "Recent transactions");
    const named = ["transaction_id", "amount", "_source_file", "_source_line"].map((name) => listed[0].indexOf(name));
    assert.deepEqual(
      listed.slice(1).map((row) => named.map((column) => row[column])),
      sales.map((row) => [row.transaction_id, row.amount, row._source_file, String(row._source_line)]),
    );
  });

  it("the other pages show this shop: its runs add up, its quarantine has its lines, its views are tables too", async () => {
    const page = await shop.page("/pipeline");
    await settled(page);
    const [run] = await shop.api("/runs");
    assert.equal(run.rows.rows_read, run.rows.inserted + run.rows.updated + run.rows.duplicate + run.rows.rejected);
    const sums = await page
      .locator("tr.sum")
      .evaluateAll((rows) =>
        rows.map((row) =>
          [...row.querySelectorAll(".number")].map((cell) => Number(cell.textContent.replaceAll(",", ""))),
        ),
      );
    assert.ok(sums.length > 0);
    for (const [read, ...parts] of sums)
      assert.equal(
        read,
        parts.reduce((sum, each) => sum + each, 0),
      );
    const [{ n }] = await query("SELECT count(*) AS n FROM quarantine");
    await page.goto(`${shop.base}/quality`);
    await page.getByText(write.count(n)).first().waitFor();
    await page.goto(`${shop.base}/catalog?table=daily_sales_summary`);
    await page.getByRole("button", { name: "total_revenue" }).click();
    await page.getByRole("heading", { name: /Where daily_sales_summary\.total_revenue comes from/ }).waitFor();
    await page.getByRole("link", { name: /^sales\.amount/ }).waitFor();
    await page
      .getByRole("link", { name: /^stg_sales/ })
      .first()
      .waitFor();
    const health = JSON.parse(await shoplake(["doctor", "--json"], { codes: [0, 1] }));
    await page.goto(`${shop.base}/health`);
    const checks = page.getByRole("list", { name: "Checks" }).getByRole("listitem");
    await checks.first().waitFor();
    const said = (await checks.allInnerTexts()).join("\n");
    assert.equal(await checks.count(), health.checks.length);
    const day = { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" };
    const inWords = (text, date, clock) =>
      `${new Intl.DateTimeFormat("en-GB", day).format(Date.parse(date))}${clock ? `, ${clock.trim()}` : ""}`;
    for (const { what } of health.checks) {
      const words = what.replaceAll("`", "").replace(/(\d{4}-\d\d-\d\d)( \d\d:\d\d)?/g, inWords);
      assert.ok(said.toLowerCase().includes(words.toLowerCase()), `${words} in ${said}`);
    }
    await page.goto(`${shop.base}/sql`);
    const editor = page.locator(".cm-content");
    await editor.click();
    await page.keyboard.press("Control+a");
    await page.keyboard.insertText("SELECT count(*) AS n, sum(amount) AS amount FROM sales");
    await page.keyboard.press("Control+Enter");
    const [{ amount }] = await query("SELECT sum(amount) AS amount FROM sales");
    await page.getByText(write.money(amount)).first().waitFor();
  });
});
