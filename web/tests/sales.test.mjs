// The sales dashboard: its figures are those of the API, every mark filters, the way down ends at a file and a line.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";
import { chooseMark, downloadOf, eventually, exact, formats, openShop, settled } from "./helpers.mjs";

describe("the sales dashboard", () => {
  let shop, session, write, from, to, range;
  before(async () => {
    shop = await openShop();
    session = await shop.api("/session");
    write = formats(session);
    const trust = await shop.api("/trust");
    const end = trust.data_until.slice(0, 10) < session.shop.today ? trust.data_until.slice(0, 10) : session.shop.today;
    const day = (text, move) => new Date(Date.parse(text) + move * 86_400_000).toISOString().slice(0, 10);
    [from, to] = [day(end, -29), end];
    range = `from=${from}&to=${to}`;
  });
  after(() => shop.close());

  it("shows the API's figures, to the last digit", async () => {
    const page = await shop.page(`/?${range}`);
    await settled(page);
    const { current } = await shop.api(`/sales/summary?${range}&compare=previous`);
    assert.equal(await exact(page, "revenue"), write.money(current.revenue));
    assert.equal(await exact(page, "transactions"), write.count(current.transactions));
    assert.equal(await exact(page, "average_order_value"), write.money(current.average_order_value));
    assert.equal(await exact(page, "unique_customers"), write.count(current.unique_customers));
    const periods = await shop.api("/sales/periods");
    for (const name of ["today", "week", "month"])
      assert.equal(await exact(page, `now-${name}`), write.money(periods[name].revenue));
    const { rows } = await shop.api(`/sales/top-products?${range}&limit=10`);
    const bars = await page.locator('[data-tile="products"] [role="option"]').allTextContents();
    assert.deepEqual(
      bars,
      rows.map(
        (row) =>
          `${row.name ?? `Unknown product ${row.product_id}`}: Net revenue ${write.money(row.revenue)}, Orders ${write.count(row.order_count)}`,
      ),
    );
    const heat = await shop.api(`/sales/heatmap?${range}`);
    assert.equal(await page.locator('[data-tile="heatmap"] [role="option"]').count(), heat.rows.length);
  });

  it("has a table behind each chart with the same figures", async () => {
    const page = await shop.page(`/?${range}`);
    await settled(page);
    await page.getByRole("button", { name: "Sales by category as a table" }).click();
    const { rows } = await shop.api(`/sales/categories?${range}`);
    const cells = await page
      .locator('[data-tile="categories"] tbody tr')
      .evaluateAll((lines) =>
        lines.map((line) => [...line.children].slice(0, 3).map((cell) => cell.textContent.trim())),
      );
    assert.deepEqual(
      cells,
      rows.map((row) => [row.category ?? "Without category", write.count(row.order_count), write.money(row.revenue)]),
    );
  });

  it("sorts a table by a column, down, up, and back", async () => {
    const page = await shop.page(`/?${range}`);
    await settled(page);
    const table = page.locator('[data-tile="transactions"]');
    const amounts = () =>
      table
        .locator("tbody tr td:nth-child(3)")
        .evaluateAll((cells) => cells.map((cell) => Number(cell.textContent.replace(/[^\d.-]/g, ""))));
    const before = await amounts();
    await table.getByRole("button", { name: "Amount" }).click();
    assert.deepEqual(
      await amounts(),
      [...before].sort((left, right) => right - left),
    );
    assert.equal(await table.locator("th:nth-child(3)").getAttribute("aria-sort"), "descending");
    await table.getByRole("button", { name: "Amount" }).click();
    assert.deepEqual(
      await amounts(),
      [...before].sort((left, right) => left - right),
    );
    await table.getByRole("button", { name: "Amount" }).click();
    assert.deepEqual(await amounts(), before);
  });

  it("filters everything by a mark, says so, and the back button undoes it", async () => {
    const page = await shop.page(`/?${range}`);
    await settled(page);
    const { rows } = await shop.api(`/sales/categories?${range}`);
    const name = rows[0].category;
    const whole = await exact(page, "revenue");
    await chooseMark(page, "categories", name);
    const { current } = await shop.api(`/sales/summary?${range}&category=${encodeURIComponent(name)}`);
    await eventually(() => exact(page, "revenue"), write.money(current.revenue), "the revenue is the category's");
    assert.equal(new URL(page.url()).searchParams.get("category"), name);
    await page.getByRole("button", { name: `Category ${name}: remove` }).waitFor();
    await page.locator('[data-tile="categories"]').getByText("Everything else is filtered by").waitFor();
    await eventually(
      () => page.locator('[data-tile="categories"] [role="option"]').count(),
      (count) => count > 1,
      "the chart that was clicked still shows the others",
    );
    await page.goBack();
    await eventually(() => exact(page, "revenue"), whole, "back undoes");
    await page.goForward();
    await eventually(() => exact(page, "revenue"), write.money(current.revenue), "forward does it again");
    await page.getByRole("button", { name: "Clear all" }).click();
    await eventually(() => exact(page, "revenue"), whole, "clear all clears");
  });

  it("filters by a click of the mouse on a bar and on a cell of the heatmap", async () => {
    const page = await shop.page(`/?${range}`);
    await settled(page);
    const bar = page.locator('[data-tile="products"] .canvas');
    await bar.scrollIntoViewIfNeeded();
    const box = await bar.boundingBox();
    await page.mouse.click(box.x + box.width * 0.42, box.y + 14);
    const { rows } = await shop.api(`/sales/top-products?${range}`);
    await eventually(
      () => new URL(page.url()).searchParams.get("product"),
      rows[0].product_id,
      "the first bar is the first product",
    );
    await page.goBack();
    await settled(page);
    const heat = page.locator('[data-tile="heatmap"] .canvas');
    const cells = await heat.boundingBox();
    await page.mouse.click(cells.x + cells.width * 0.8, cells.y + cells.height * 0.5);
    const query = await eventually(
      () => new URL(page.url()).searchParams,
      (found) => found.has("weekday") && found.has("hour"),
      "a cell filters by weekday and hour",
    );
    const { current } = await shop.api(
      `/sales/summary?${range}&weekday=${query.get("weekday")}&hour=${query.get("hour")}`,
    );
    await eventually(
      () => exact(page, "transactions"),
      write.count(current.transactions),
      "the figures are the cell's",
    );
  });

  it("filters by the lists, keeps what is chosen in the address, and opens it again from there", async () => {
    const page = await shop.page(`/?${range}`);
    await page.getByRole("button", { name: /^Filter by city/i }).click();
    const { values } = await shop.api("/sales/filter-values?field=city&search=");
    const { value, label } = values.find((each) => each.value !== "(none)");
    await page.getByRole("searchbox", { name: "Search city" }).fill(label.slice(0, 3));
    await page.getByRole("checkbox", { name: label }).check();
    await page.keyboard.press("Escape");
    await eventually(() => new URL(page.url()).searchParams.get("city"), value);
    const { current } = await shop.api(`/sales/summary?${range}&city=${encodeURIComponent(value)}`);
    await eventually(() => exact(page, "revenue"), write.money(current.revenue));
    const again = await shop.page(new URL(page.url()).pathname + new URL(page.url()).search);
    await eventually(() => exact(again, "revenue"), write.money(current.revenue));
  });

  it("goes from months to days to hours to one sale and its file and line", async () => {
    const page = await shop.page("/?period=last365");
    await settled(page);
    const months = page.locator('[data-tile="trend"] [role="listbox"]');
    await months.focus();
    await page.keyboard.press("End");
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("Enter");
    await page.getByText("Click a day to see its hours.").waitFor();
    await settled(page);
    const days = await page.locator('[data-tile="trend"] [role="option"]').allTextContents();
    assert.ok(days.length >= 28, `${days.length} days of the month`);
    const index = days.findIndex((text) => !text.includes("no sales"));
    await page.locator('[data-tile="trend"] [role="listbox"]').focus();
    await page.keyboard.press("Home");
    for (let step = 0; step < index; step += 1) await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await page.getByText("Click an hour to see its transactions.").waitFor();
    await settled(page);
    const hours = await page.locator('[data-tile="trend"] [role="option"]').allTextContents();
    assert.equal(hours.length, 24);
    const hour = hours.findIndex((text) => !/Net revenue no sales/.test(text));
    await page.locator('[data-tile="trend"] [role="listbox"]').focus();
    await page.keyboard.press("Home");
    for (let step = 0; step < hour; step += 1) await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await eventually(() => new URL(page.url()).searchParams.get("hour"), String(hour));
    await settled(page);
    const query = new URL(page.url()).searchParams;
    const { rows } = await shop.api(`/sales/transactions?${query}&limit=50`);
    await eventually(() => page.locator('[data-tile="transactions"] tbody tr').count(), rows.length);
    await page.getByRole("button", { name: rows[0].transaction_id, exact: true }).click();
    const panel = page.getByRole("dialog", { name: `Transaction ${rows[0].transaction_id}` });
    await panel.getByText(rows[0]._source_file).waitFor();
    await panel.getByText(`line ${write.count(rows[0]._source_line)}`).waitFor();
    await panel.getByText(write.money(rows[0].amount)).waitFor();
    const later = await shop.page(`/?order=${rows[0].transaction_id}`);
    await later
      .getByRole("dialog", { name: `Transaction ${rows[0].transaction_id}` })
      .getByText(rows[0]._source_file)
      .waitFor();
    await page.keyboard.press("Escape");
    await eventually(() => panel.count(), 0);
    const path = page.getByRole("navigation", { name: "From months to hours" });
    await path.getByRole("button", { name: "12 months" }).click();
    await page.getByText("Click a month to see its days.").waitFor();
  });

  it("says why: definition, filters, SQL, and rows with file and line", async () => {
    const page = await shop.page(`/?${range}`);
    await settled(page);
    await page.locator('[data-kpi="revenue"] .why').click();
    const panel = page.getByRole("dialog", { name: "Why: Net revenue" });
    await panel.getByText("What customers paid").waitFor();
    const sql = await panel.locator("pre").textContent();
    assert.match(sql, new RegExp(`BETWEEN DATE '${from}' AND DATE '${to}'`));
    const { rows } = await shop.api(`/sales/transactions?${range}&limit=25`);
    await eventually(() => panel.locator("tbody tr").count(), rows.length);
    assert.equal(
      await panel.locator("tbody tr").first().locator("td").nth(2).getAttribute("title"),
      rows[0]._source_file,
    );
    await page.goBack();
    await eventually(() => panel.count(), 0, "back closes the panel");
  });

  it("the SQL that the panel shows gives the figure that the page shows", async (test) => {
    if (shop.mock) return test.skip("the mock runs no SQL: BASE_URL names a real server");
    const { rows } = await shop.api(`/sales/categories?${range}`);
    const { values } = await shop.api("/sales/filter-values?field=city");
    const some = (name, value) => `${name}=${encodeURIComponent(value)}`;
    const filters = [
      "",
      some("category", rows[0].category),
      some("city", values[0].value),
      "segment=loyal&segment=new",
      "segment=unknown",
      "weekday=1&weekday=6&hour=10&hour=20",
      `${some("category", rows[1].category)}&${some("city", values[1].value)}&segment=returning`,
    ];
    for (const filter of filters) {
      for (const name of ["revenue", "transactions", "average_order_value", "unique_customers"]) {
        const page = await shop.page(`/?${range}&${filter}&why=${name}`);
        await settled(page);
        const sql = await page.getByRole("dialog").locator("pre").textContent();
        const answer = await fetch(`${shop.base}/api/v1/query`, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ sql }),
        });
        const [[value]] = (await answer.json()).rows;
        const shown = await exact(page, name);
        if (name === "average_order_value")
          assert.equal(shown.slice(0, -2), write.money(Number(value).toFixed(4)).slice(0, -2), sql);
        else assert.equal(shown, name === "revenue" ? write.money(value) : write.count(value), sql);
        await page.context().close();
      }
    }
  });

  it("gives each chart as CSV with raw values, and as a picture", async () => {
    const page = await shop.page(`/?${range}`);
    await settled(page);
    await page.getByRole("button", { name: "More about Top 10 products" }).click();
    const csv = await downloadOf(page, () => page.getByRole("button", { name: "Download as CSV" }).click());
    assert.match(csv.name, /^top-10-products-.*\.csv$/);
    const { rows } = await shop.api(`/sales/top-products?${range}`);
    const lines = csv.bytes.toString("utf8").replace("﻿", "").split("\r\n");
    assert.equal(lines[0], "product_id,name,order_count,revenue");
    assert.ok(
      lines[1].startsWith(`${rows[0].product_id},`) && lines[1].endsWith(`,${rows[0].order_count},${rows[0].revenue}`),
      lines[1],
    );
    await page.getByRole("button", { name: "More about Top 10 products" }).click();
    const picture = await downloadOf(page, () =>
      page.getByRole("button", { name: "Download as picture (PNG)" }).click(),
    );
    assert.deepEqual([...picture.bytes.subarray(0, 4)], [0x89, 0x50, 0x4e, 0x47]);
    assert.ok(picture.bytes.length > 5000);
  });

  it("shares a view that is fixed, embeds it, and takes it back", async () => {
    const page = await shop.page(`/?${range}&segment=loyal`);
    await settled(page);
    const revenue = await exact(page, "revenue");
    await page.getByRole("button", { name: "Share" }).click();
    await page.getByRole("button", { name: "Make a link" }).click();
    const link = await page.locator("[data-share-link]").inputValue();
    const guest = await shop.page(new URL(link).pathname + "?segment=new");
    await settled(guest);
    assert.equal(await exact(guest, "revenue"), revenue, "the link's filters hold, whatever the address says");
    assert.equal(await guest.getByRole("button", { name: /: remove$/ }).count(), 0, "what is fixed has no handle");
    assert.equal(await guest.getByRole("navigation", { name: "Pages" }).count(), 0);
    assert.equal(await guest.getByRole("button", { name: "Share" }).count(), 0);
    const embedded = await shop.page(`${new URL(link).pathname}?embed=1`);
    await settled(embedded);
    assert.equal(await embedded.getByText("Shared by").count(), 0);
    const frames = `<iframe title="in" src="${link}?embed=1"></iframe><iframe title="out" src="${link}"></iframe>`;
    const elsewhere = createServer((_, answer) => answer.setHeader("Content-Type", "text/html").end(frames));
    await new Promise((done) => elsewhere.listen(0, "127.0.0.1", done));
    const other = await embedded.context().newPage();
    await other.goto(`http://localhost:${elsewhere.address().port}/`);
    const inside = (title) => other.frameLocator(`iframe[title="${title}"]`).locator('[data-kpi="revenue"] .value');
    assert.equal(await inside("in").getAttribute("data-exact"), revenue, "another site may embed it");
    assert.equal(await inside("out").count(), 0, "only where the address says so");
    await other.close();
    elsewhere.close();
    const links = await page.getByRole("button", { name: "Withdraw" }).count();
    for (let left = links; left > 0; left -= 1) {
      await page.getByRole("button", { name: "Withdraw" }).first().click();
      await eventually(() => page.getByRole("button", { name: "Withdraw" }).count(), left - 1);
    }
    const late = await shop.page(new URL(link).pathname);
    await late.getByText("withdrawn").first().waitFor();
  });
});

describe("a live page", () => {
  let shop;
  before(async () => (shop = await openShop({ scenario: "usual" })));
  after(() => shop.close());

  it("shows a new batch within two seconds, in place", async () => {
    const page = await shop.page("/");
    await settled(page);
    await page.evaluate(() => {
      window.sameDocument = true;
      window.skeletons = 0;
      new MutationObserver(
        () => (window.skeletons += document.querySelectorAll("main .skeleton, main .stale").length),
      ).observe(document.body, { subtree: true, childList: true, attributes: true });
    });
    const before = await exact(page, "transactions");
    const first = await page.locator('[data-tile="transactions"] tbody tr').first().textContent();
    shop.mock.load();
    await eventually(
      () => exact(page, "transactions"),
      (now) => now !== before,
      "the count moved",
      2000,
    );
    await eventually(
      () => page.locator('[data-tile="transactions"] tbody tr').first().textContent(),
      (now) => now !== first,
      "the new sale is on top",
      2000,
    );
    assert.equal(await page.locator('[data-tile="transactions"] tbody tr.fresh').count(), 1);
    assert.equal(
      await page.evaluate(() => window.sameDocument && window.skeletons === 0),
      true,
      "no reload, no skeleton, no pale figure in between",
    );
  });

  it("shows hostile names as the words that they are", async () => {
    const hostile = `<img src=x onerror="window.hostile=1"><script>window.hostile=1</script>`;
    for (const row of shop.mock.state.shop.rows.slice(-40))
      Object.assign(row, { product_name: hostile, category: hostile, city: hostile, customer_name: hostile });
    const page = await shop.page("/?period=today");
    await settled(page);
    assert.ok((await page.locator('[data-tile="transactions"]').textContent()).includes("<img src=x"));
    await page.locator('[data-tile="products"] [role="listbox"]').focus();
    await page.keyboard.press("Home");
    await page.getByRole("button", { name: /^Filter by city/i }).click();
    await page.waitForTimeout(400);
    assert.equal(await page.evaluate(() => window.hostile), undefined);
  });

  it("keeps the last figures when the server fails, says so, and goes on by itself", async () => {
    const page = await shop.page("/");
    await settled(page);
    const before = await exact(page, "revenue");
    shop.mock.state.failing.add("/sales/heatmap");
    shop.mock.load();
    await page.getByText("These are the last figures that arrived").waitFor();
    assert.notEqual(await exact(page, "revenue"), before);
    shop.mock.state.failing.clear();
    shop.mock.load();
    await eventually(() => page.getByText("These are the last figures that arrived").count(), 0);
  });
});

describe("shops of other kinds", () => {
  it("whose data ends in the past say so and offer that day", async () => {
    const shop = await openShop({ scenario: "past" });
    const page = await shop.page("/");
    await page.getByText("The data ends on").waitFor();
    await page.getByRole("button", { name: "Show the figures as of 31 Dec" }).click();
    await eventually(() => new URL(page.url()).searchParams.get("on"), "2024-12-31");
    const { current } = await shop.api("/sales/summary?from=2024-12-02&to=2024-12-31");
    const session = await shop.api("/session");
    await eventually(() => exact(page, "revenue"), formats(session).money(current.revenue));
    await page.getByRole("heading", { name: "Tue, 31 Dec 2024: net revenue" }).waitFor();
    await shop.close();
  });

  it("whose running week is not loaded yet say so instead of a fall to nothing", async () => {
    const shop = await openShop({ scenario: "usual" });
    const sales = shop.mock.state.shop;
    const monday = Date.parse("2025-06-16T00:00:00Z") / 86_400_000;
    sales.rows = sales.rows.filter((row) => row.day < monday);
    sales.index();
    const page = await shop.page("/");
    await settled(page);
    const words = (name) => page.locator(`[data-kpi="now-${name}"]`).innerText();
    assert.match(await words("week"), /no sales of this week are loaded yet/);
    assert.doesNotMatch(await words("week"), /%/);
    assert.match(await words("month"), /%[^]*today is not loaded yet/);
    await shop.close();
  });

  it("whose running day stands alone after a gap have no dashed end to explain", async () => {
    const shop = await openShop({ scenario: "usual" });
    const sales = shop.mock.state.shop;
    const words = async () => {
      const page = await shop.page("/");
      await settled(page);
      return page.locator('[data-tile="trend"]').innerText();
    };
    assert.match(await words(), /The dashed end is not finished yet/);
    const yesterday = Date.parse("2025-06-17T00:00:00Z") / 86_400_000;
    sales.rows = sales.rows.filter((row) => row.day !== yesterday);
    assert.doesNotMatch(await words(), /dashed/);
    await shop.close();
  });

  it("without data say how to get some", async () => {
    const shop = await openShop({ scenario: "empty" });
    const page = await shop.page("/");
    await page.getByText("No sales yet").waitFor();
    await page.getByText("shoplake run").first().waitFor();
    await shop.close();
  });

  it("with one day of data show that day", async () => {
    const shop = await openShop({ scenario: "one_day" });
    const page = await shop.page("/");
    await settled(page);
    assert.equal(await page.locator('[data-tile="trend"] [role="option"]').count(), 30);
    await shop.close();
  });
});
