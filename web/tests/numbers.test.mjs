// Over a real `shoplake serve`: every number that a reader sees is what SQL says, asked through `POST /query`, which is
// `shoplake query` over HTTP (a test below holds the two against each other). Needs BASE_URL, SHOPLAKE and SHOP.
//
// Held on the sales page, for days, hours and months, without and with filters, and on a link to it:
// - the line of trust: until when, the rows set aside and their money;
// - each key figure: the short figure, the exact one, and its change in percent against the days that it names;
// - the trend with the line of the period before, the pie's slices with their shares, the products and all others, the
//   heatmap's cells, the segments with customers and shares, the list of sales: each mark's words, which are its tip's,
//   and each cell of its table;
// - the panels "why" and of one transaction.
// Held on a dashboard as code, and on a link to it: each kind of tile, its marks' words and its table.
// And no page shows a number that none of these has asked for.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { eventually, openShop, settled } from "./helpers.mjs";
import { Figures } from "./figures.mjs";
import { dayAfter, query, REAL } from "./shop.mjs";
import { weeklyTiles } from "./tile-figures.mjs";
import * as words from "./words.mjs";

const { plain } = words;
const NUMBER = /[€$£]?\d[\d.,]*(?:\s?%|k|m|bn)?/g;
const numbersIn = (text) =>
  plain(text)
    .match(NUMBER)
    ?.map((each) => each.replace(/[.,]$/, "")) ?? [];

/** The words of a part of the page; null where it is not there. */
const shownIn = async (part) => ((await part.count()) > 0 ? plain(await part.first().innerText()) : null);

/** A page that is read: what it must say is remembered, so that what nobody asked for stands out. */
class Reader {
  #known = new Set();
  constructor(page) {
    this.page = page;
  }

  same(shown, wanted, message) {
    assert.deepEqual(shown, wanted, message);
    this.knows(JSON.stringify(wanted));
  }

  /** Numbers that are no figures: days, names, the words of filters. */
  knows(text) {
    for (const number of numbersIn(text)) this.#known.add(number);
  }

  async kpi(name, wanted) {
    const tile = this.page.locator(`[data-kpi="${name}"]`);
    const text = (part) => shownIn(tile.locator(part));
    const exact = () => tile.locator(".value").getAttribute("data-exact");
    await eventually(exact, wanted.exact, `${name} in full`);
    const shown = { short: await text(".value"), exact: await exact(), change: await text(".change") };
    this.same(shown, { change: null, ...wanted }, name);
    this.knows(plain(await tile.locator(".tip").textContent()));
  }

  tile = (name) => this.page.locator(`[data-tile="${name}"]`);

  /** The marks' words, the table behind them, and the line below. */
  async chart(name, wanted) {
    const tile = this.tile(name);
    this.same(
      (await tile.getByRole("option").allTextContents()).map(plain),
      wanted.marks.map(plain),
      `marks of ${name}`,
    );
    if (wanted.foot) this.same(await shownIn(tile.locator(".people, header ~ p.soft")), wanted.foot, `below ${name}`);
    await tile.getByRole("button", { name: /as a table$/ }).click();
    await this.table(name, wanted.rows);
    await tile.getByRole("button", { name: /as a chart$/ }).click();
  }

  async table(name, rows) {
    const cells = await this.tile(name)
      .locator("tbody tr")
      .evaluateAll((lines) => lines.map((line) => [...line.children].map((cell) => cell.textContent)));
    this.same(
      cells.map((row) => row.map(plain)),
      rows.map((row) => row.map(plain)),
      `table of ${name}`,
    );
  }

  /** No number stands on the page that was not asked for. */
  async nothingElse() {
    const text = await this.page.evaluate(() => {
      for (const each of document.querySelectorAll(
        "main > p, main h2, main header p, main [role=search], main .chosen, main .path",
      ))
        each.dataset.named = each.innerText;
      return document.querySelector("main").innerText;
    });
    for (const named of await this.page.locator("[data-named]").evaluateAll((all) => all.map((each) => each.innerText)))
      this.knows(named);
    const since = text
      .replace(/loaded (just now|\d+ \w+ ago)/, "")
      .replace(/\(\w+, UTC[+-]\d+\)/, "")
      .replace(/\d+ tests passed/, "");
    const strange = numbersIn(since).filter((number) => !this.#known.has(number));
    assert.deepEqual(strange, [], "every number of the page was held against SQL");
  }
}

describe("every number on a page is that of the query", { skip: !REAL }, () => {
  let shop, session, last, end;
  before(async () => {
    shop = await openShop();
    session = (await shop.api("/session")).shop;
    [{ last, end }] = await query(
      "SELECT max(local_date(transaction_date)) AS last, max(transaction_date) AS end FROM sales",
    );
  });
  after(() => shop.close());

  /** The rows of a SELECT as the server of the page answers it. */
  async function answer(sql) {
    const response = await fetch(`${shop.base}/api/v1/query`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ sql, limit: 10_000 }),
    });
    assert.equal(response.status, 200, sql);
    return response.json();
  }
  async function ask(sql) {
    const { columns, rows } = await answer(sql);
    return rows.map((row) => Object.fromEntries(columns.map(({ name }, index) => [name, row[index]])));
  }
  async function share(dashboard, filters) {
    const { csrf } = await shop.api("/session");
    const response = await fetch(`${shop.base}/api/v1/shares`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Shoplake-CSRF": csrf },
      body: JSON.stringify({ dashboard, filters, expires_at: new Date(Date.now() + 3_600_000).toISOString() }),
    });
    assert.equal(response.status, 201);
    return new URL((await response.json()).url, shop.base).pathname;
  }

  /** All of the sales page, as a page that stands there shows it. */
  async function salesHold(page, figures, { asOf = session.today, held = false } = {}) {
    const reader = new Reader(page);
    await settled(page);
    const head = plain(await page.locator("[data-trust]").innerText());
    for (const said of await figures.trust()) {
      assert.ok(head.includes(said), `${said} in ${head}`);
      reader.knows(said);
    }
    const wanted = { ...(await figures.kpis()), ...(held ? {} : await figures.now(asOf, last)) };
    assert.equal(await page.locator("[data-kpi]").count(), Object.keys(wanted).length, "no tile is left out");
    for (const [name, figure] of Object.entries(wanted)) await reader.kpi(name, figure);
    for (const name of ["trend", "categories", "products", "heatmap", "segments"])
      await reader.chart(name, await figures[name]());
    await reader.table("transactions", await figures.transactions());
    reader.knows((await shownIn(page.locator(".end"))) ?? "");
    await reader.nothingElse();
    await page.context().close();
  }

  const VIEWS = {
    "thirty days against the thirty before": () => ({ from: dayAfter(last, -29), to: last }),
    "one day, hour by hour": () => ({ from: last, to: last }),
    "months, with the running one and those before": () => ({ from: dayAfter(last, -40), to: dayAfter(last, 95) }),
    "what a filter leaves, and what it does not touch": (category) => ({
      from: dayAfter(last, -29),
      to: last,
      filters: { category: [category], segment: ["loyal", "returning"] },
    }),
  };
  for (const [name, view] of Object.entries(VIEWS))
    it(`on the sales page: ${name}`, async () => {
      const [{ category }] = await ask(
        "SELECT p.category, sum(s.amount) AS sold FROM sales s JOIN products p ON p.product_id = s.product_id GROUP BY 1 ORDER BY 2 LIMIT 1",
      );
      const figures = new Figures(ask, session, view(category));
      const address = new URLSearchParams({ from: figures.from, to: figures.to });
      for (const [field, values] of Object.entries(figures.filters))
        for (const value of values) address.append(field, value);
      await salesHold(await shop.page(`/?${address}`), figures);
    });

  it("on the sales page as of the day of the last sale", async () => {
    const figures = new Figures(ask, session, { from: dayAfter(last, -29), to: last });
    await salesHold(await shop.page(`/?on=${last}`), figures, { asOf: last });
  });

  it("on a link to the sales page, whatever its address says", async () => {
    const view = { from: dayAfter(last, -13), to: last, filters: { segment: ["loyal"] } };
    const path = await share(null, { from: [view.from], to: [view.to], compare: ["previous"], segment: ["loyal"] });
    await salesHold(
      await shop.page(`${path}?segment=new&from=${last}`),
      new Figures(ask, session, { ...view, held: true }),
      { held: true },
    );
  });

  for (const linked of [false, true])
    it(`on ${linked ? "a link to " : ""}a dashboard as code: each kind of tile, drawn and as a table`, async () => {
      const [from, to] = [dayAfter(last, -29), last];
      const path = linked ? await share("weekly", { compare: ["none"] }) : "/d/weekly";
      const page = await shop.page(`${path}?from=${from}&to=${to}`);
      await settled(page);
      const reader = new Reader(page);
      reader.knows((await new Figures(ask, session, { from, to }).trust()).join(" "));
      const tiles = await weeklyTiles(answer, session, { from, to });
      assert.equal(await page.locator("[data-tile], [data-kpi]").count(), tiles.length, "no tile is left out");
      for (const { id, kpi, marks, rows } of tiles) {
        if (kpi) await reader.kpi(id, kpi);
        else if (marks) await reader.chart(id, { marks, rows });
        else await reader.table(id, rows);
      }
      await reader.nothingElse();
      await page.context().close();
    });

  it("in the panels: why a figure is what it is, and one transaction", async () => {
    const figures = new Figures(ask, session, { from: last, to: last });
    const { revenue, transactions } = await figures.kpis();
    const page = await shop.page(`/?from=${last}&to=${last}&why=revenue`);
    const why = page.getByRole("dialog", { name: "Why: Net revenue" });
    await why.locator("tbody tr").first().waitFor();
    assert.equal(await why.locator(".value").innerText(), revenue.exact);
    await why.getByText(`${transactions.exact} sales rows`).waitFor();
    const rows = await figures.transactions(25);
    assert.deepEqual(
      await why
        .locator("tbody tr")
        .evaluateAll((lines) => lines.map((line) => [...line.children].map((cell) => cell.textContent.trim()))),
      rows.map(([id, , amount, , , , , , file, line]) => [id, amount, file, line]),
    );
    const [id, , amount, product, quantity, customer, , , , line] = rows[0];
    await page.goto(`${shop.base}/?order=${id}`);
    const panel = page.getByRole("dialog", { name: `Transaction ${id}` });
    await panel.getByText(`line ${line}`).waitFor();
    const said = plain(await panel.innerText());
    const when = figures.moment(end, { second: "2-digit" });
    for (const each of [amount, product, customer, `Quantity ${quantity}`, when])
      assert.ok(said.includes(each), `${each} in ${said}`);
    await page.context().close();
  });

  it("and the query over HTTP is the one of the command line", async () => {
    const sql = "SELECT date, transaction_count, total_revenue FROM daily_sales_summary ORDER BY date";
    assert.deepEqual(await ask(sql), await query(sql));
  });
});
