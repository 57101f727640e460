// The other pages: each does its work and helps where there is none.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { downloadOf, eventually, openShop, settled } from "./helpers.mjs";

describe("the other pages", () => {
  let shop;
  before(async () => (shop = await openShop({ scenario: "usual" })));
  after(() => shop.close());

  it("Pipeline: a run's rows add up, and a run can be started and seen", async () => {
    const page = await shop.page("/pipeline");
    await settled(page);
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
    await page.getByRole("button", { name: "Run now" }).click();
    await page.getByText("A run is under way").waitFor();
    await eventually(() => page.getByText("A run is under way").count(), 0);
  });

  it("Pipeline: a long log scrolls in itself", async () => {
    const page = await shop.page("/quality");
    const line = (_, index) => ({ at: "2025-06-18T06:00:00Z", level: "info", message: `line ${index}`, fields: {} });
    const lines = JSON.stringify(Array.from({ length: 400 }, line));
    await page.route("**/api/v1/logs?*", (route) => route.fulfill({ contentType: "application/json", body: lines }));
    await page.goto(`${shop.base}/pipeline`);
    const log = page.getByRole("list", { name: "Lines of the log" });
    await log.getByText("line 399").waitFor();
    const { shown, whole } = await log.evaluate((box) => ({ shown: box.clientHeight, whole: box.scrollHeight }));
    assert.ok(shown > 100 && shown < 500 && whole > 2 * shown, `${shown} of ${whole} pixels are shown`);
  });

  it("Quality: a group opens its rows as they stood, and they can be judged again", async () => {
    const page = await shop.page("/quality");
    await page.getByRole("button", { name: /sales\.amount/ }).click();
    await page.locator("mark", { hasText: "12,50" }).first().waitFor();
    await page.getByRole("button", { name: "Judge this dataset again" }).click();
    await page.getByText("The rows are being judged again").waitFor();
  });

  it("Catalog: columns, and the lineage of a table and of a column", async () => {
    const page = await shop.page("/catalog?table=daily_sales_summary");
    await page.getByRole("button", { name: "total_revenue" }).click();
    await page.getByRole("heading", { name: /Where daily_sales_summary\.total_revenue comes from/ }).waitFor();
    await page.getByRole("link", { name: /^sales\.amount\s*column$/ }).waitFor();
  });

  it("SQL: completes, runs, draws, and says what is wrong", async () => {
    const page = await shop.page("/sql");
    const editor = page.locator(".cm-content");
    await editor.waitFor();
    await editor.click();
    await page.keyboard.press("Control+a");
    await page.keyboard.type("SELECT * FROM dai", { delay: 15 });
    await page.locator(".cm-tooltip-autocomplete", { hasText: "daily_sales_summary" }).waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+a");
    await page.keyboard.insertText("SELECT date, transaction_count, total_revenue FROM daily_sales_summary");
    await page.keyboard.press("Control+Enter");
    await page
      .getByText(/30 rows/)
      .first()
      .waitFor();
    await page.getByLabel("Name of the query").fill("Daily");
    await page.getByRole("button", { name: "Keep" }).click();
    await page.getByRole("button", { name: "Daily", exact: true }).waitFor();
    await page.getByText("Kept in this browser: nobody else sees them").waitFor();
    const file = await downloadOf(page, () => page.getByRole("button", { name: "Export" }).click());
    assert.equal(file.name, "queries.sql");
    assert.match(file.bytes.toString("utf8"), /^-- name: Daily\nSELECT date, .* FROM daily_sales_summary;\n$/);
    await page.getByRole("button", { name: "Forget Daily" }).click();
    await eventually(() => page.getByRole("button", { name: "Daily", exact: true }).count(), 0);
    await page
      .getByLabel("Import queries")
      .setInputFiles({ name: "queries.sql", mimeType: "application/sql", buffer: file.bytes });
    await page.getByText("1 query taken in.").waitFor();
    await editor.click();
    await page.keyboard.press("Control+a");
    await page.keyboard.insertText("SELECT 1");
    await page.getByRole("button", { name: "Daily", exact: true }).click();
    await eventually(
      () => editor.innerText(),
      (text) => text.includes("FROM daily_sales_summary"),
    );
    await page.getByRole("button", { name: "line", exact: true }).click();
    await page.getByRole("listbox", { name: /The result as a chart/ }).waitFor();
    await editor.click();
    await page.keyboard.press("Control+a");
    await page.keyboard.insertText("SELECT * FROM slaes");
    await page.keyboard.press("Control+Enter");
    await page.getByText("did you mean sales?").waitFor();
  });

  it("a dashboard as code: every type of tile, an editor whose errors stand in place, and the page follows", async () => {
    const page = await shop.page("/d/weekly");
    await settled(page);
    assert.equal(await page.locator(".tiles > *").count(), 12);
    await page.getByRole("button", { name: "Edit" }).click();
    const editor = page.locator(".cm-content");
    await editor.waitFor();
    const source = await page.evaluate(async () => (await fetch("/api/v1/dashboards/weekly/source")).text());
    const write = async (text) => {
      await editor.click();
      await page.keyboard.press("Control+a");
      await page.keyboard.insertText(text);
      await page.keyboard.press("Control+s");
    };
    await write(source.replace("kind: bar,", "kind: barr,"));
    await page.getByText("tile kind barr is not known").waitFor();
    await page.locator(".cm-lint-marker-error").waitFor();
    await write(source.replace("title: Top products,", "title: Best sellers,"));
    await page.getByRole("heading", { name: "Best sellers" }).waitFor();
    assert.equal(await page.getByText("tile kind barr is not known").count(), 0);
  });

  it("a dashboard that is new: a file named after its title, with tiles, in its editor", async () => {
    const page = await shop.page("/");
    await page.getByRole("link", { name: "New dashboard" }).click();
    await page.getByLabel("Title").fill("Às segundas");
    await page.getByText("dashboards/as-segundas.yml").waitFor();
    await page.getByRole("button", { name: "Create" }).click();
    await page.getByRole("heading", { name: "Às segundas", level: 1 }).waitFor();
    await page.locator(".cm-content").waitFor();
    await settled(page);
    assert.equal(await page.locator("[data-kpi], [data-tile]").count(), 5);
    assert.match(shop.mock.state.sources.get("as-segundas"), /^name: as-segundas\n/);
    await page.getByRole("navigation").getByRole("link", { name: "Às segundas" }).waitFor();
    await page.goto(`${shop.base}/d`);
    await page.getByLabel("Title").fill("Weekly");
    const before = shop.mock.state.sources.get("weekly");
    await page.getByRole("button", { name: "Create" }).click();
    await page.getByText("There is a dashboard of that name").waitFor();
    assert.equal(shop.mock.state.sources.get("weekly"), before, "nobody's file is written over");
  });

  it("Health: the worst comes first, with what to do", async () => {
    const page = await shop.page("/health");
    await page.getByRole("heading", { name: "Today's numbers cannot be trusted yet" }).waitFor();
    const checks = page.getByRole("list", { name: "Checks" }).getByRole("listitem");
    assert.match(await checks.first().innerText(), /Files[^]*1 file refused[^]*shoplake status says why[^]*bad/);
    assert.equal(await checks.count(), 5);
    const run = checks.filter({ hasText: /^\s*Run/ });
    assert.match(await run.innerText(), /The run of 18 Jun 2025, 06:00 is published/, "a moment in the reader's words");
    assert.match(await checks.nth(2).innerText(), /Freshness[^]*nothing says how old it may be[^]*not watched$/);
  });

  it("Health: on a phone the states stand in one column beside their checks", async () => {
    const page = await shop.page("/health");
    await page.setViewportSize({ width: 360, height: 800 });
    const checks = page.getByRole("list", { name: "Checks" }).getByRole("listitem");
    await checks.first().waitFor();
    const places = await checks.evaluateAll((items) =>
      items.map((item) => {
        const [badge, words] = [".badge", "div"].map((each) => item.querySelector(each).getBoundingClientRect());
        return { right: Math.round(badge.right), beside: badge.left >= words.right && badge.top < words.bottom };
      }),
    );
    assert.ok(
      places.every((place) => place.beside && place.right === places[0].right),
      JSON.stringify(places),
    );
  });

  it("Alerts and Settings show what the server has", async () => {
    const page = await shop.page("/alerts");
    await page.getByText("wants a look").waitFor();
    const broken = page.getByRole("listitem").filter({ hasText: "Something is nearly sold out" });
    assert.match(
      await broken.innerText(),
      /It cannot be judged: there is no table[^]*did you mean[^]*cannot be judged$/,
    );
    await page.goto(`${shop.base}/settings`);
    await page.getByRole("button", { name: "Dark", exact: true }).click();
    await eventually(
      () =>
        page.evaluate(
          () => getComputedStyle(document.body).colorScheme || getComputedStyle(document.documentElement).colorScheme,
        ),
      "dark",
    );
    await page.reload();
    await eventually(() => page.evaluate(() => document.documentElement.dataset.theme), "dark", "the choice stays");
  });
});

describe("signing in", () => {
  it("comes before everything, says when it fails, and leads back to where one wanted to go", async () => {
    const shop = await openShop({ signIn: true });
    const page = await shop.page("/quality");
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await page.getByLabel("Name").fill("ines");
    await page.getByLabel("Password").fill("wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("name or password is wrong").waitFor();
    await page.getByLabel("Password").fill("lagoa-lagoa");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Quality" }).waitFor();
    await page.locator("nav").getByText("ines", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await shop.close();
  });
});

describe("a failed run", () => {
  it("is named in the trust line and explained on its page", async () => {
    const shop = await openShop({ scenario: "failed" });
    const page = await shop.page("/");
    await page.getByRole("link", { name: "the last run failed" }).click();
    await page.getByText("nothing of it is in the tables").waitFor();
    await page.getByText("name the column with").waitFor();
    await shop.close();
  });
});
