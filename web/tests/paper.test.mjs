// What leaves the app: the page as one file, and on paper. Both say what they show, without a bar to look at.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { downloadOf, eventually, exact, openShop, settled } from "./helpers.mjs";

const saved = async (page) => {
  const file = await downloadOf(page, () => page.getByRole("button", { name: "Save as a file" }).click());
  return { name: file.name, text: file.bytes.toString("utf8") };
};
const look = (page) =>
  page.evaluate(() => {
    const { backgroundColor, color, fontFamily } = getComputedStyle(document.body);
    return { backgroundColor, color, fontFamily };
  });
/** A4 without its margins of 12 mm, at 96 dots an inch. */
const A4 = { width: 703, height: 1031 };

describe("the page as one file", () => {
  let shop, category, page, file;
  before(async () => {
    shop = await openShop();
    category = (await shop.api("/sales/categories")).rows[0].category;
    page = await shop.page(`/?period=last30&category=${encodeURIComponent(category)}&segment=loyal`);
    await settled(page);
    file = await saved(page);
  });
  after(() => shop.close());
  /** The file as somebody opens it who has no server. */
  async function opened(text, scheme) {
    const alone = await shop.browser.newContext({ offline: true, colorScheme: scheme });
    const sheet = await alone.newPage();
    await sheet.setContent(text);
    return sheet;
  }

  it("has its figures and charts inside, and needs nobody", async () => {
    assert.match(file.name, /\.html$/);
    assert.ok(file.text.includes(await exact(page, "revenue")), "the exact figure");
    assert.doesNotMatch(file.text, /<script|src="\/|href="\//);
    const sheet = await opened(file.text, "light");
    const widths = await sheet.locator("img").evaluateAll((images) => images.map((image) => image.naturalWidth));
    assert.ok(widths.length >= 4 && widths.every((width) => width > 100), `pictures ${widths}`);
  });

  it("says its days and its filters in words", async () => {
    const words = (await opened(file.text, "light")).locator("[data-stated]");
    assert.equal(await words.isVisible(), true);
    const text = await words.innerText();
    const pattern = /^Last 30 days, .*\d{4}.*; compared with the period before; Category: (.+); Segment: Loyal/;
    assert.equal(pattern.exec(text)?.[1], category, text);
  });

  it("keeps the heads of its tables and the numbers of its sales", async () => {
    const table = (each) => each.locator('[data-tile="transactions"] table');
    const sheet = await opened(file.text, "light");
    const words = (each) =>
      table(each).evaluate((found) =>
        [...found.rows].map((row) => [...row.cells].map((cell) => cell.textContent.trim())),
      );
    const rows = await words(sheet);
    assert.deepEqual(rows, await words(page));
    assert.ok(rows[0].includes("Amount") && rows[1][0] !== "", `${rows[0]} over ${rows[1]}`);
  });

  it("looks as the app does, in the theme that it was saved in, whatever the reader's system prefers", async () => {
    const light = await look(page);
    assert.deepEqual(await look(await opened(file.text, "dark")), light);
    const night = await shop.page("/?period=last7", { scheme: "dark" });
    await settled(night);
    const dark = await look(night);
    assert.notEqual(dark.color, light.color);
    const kept = await opened((await saved(night)).text, "light");
    assert.deepEqual(await look(kept), dark);
    const corner = await kept
      .locator("img")
      .first()
      .evaluate((image) => {
        const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
        const pen = canvas.getContext("2d");
        pen.drawImage(image, 0, 0);
        return pen.getImageData(0, 0, 1, 1).data[3];
      });
    assert.equal(corner, 255, "a chart brings the surface that its words were drawn for");
  });
});

describe("the page on paper", () => {
  let shop;
  before(async () => (shop = await openShop({ scenario: "usual" })));
  after(() => shop.close());
  async function printed(path) {
    const page = await shop.page(path);
    await settled(page);
    await page.setViewportSize(A4);
    await page.emulateMedia({ media: "print" });
    return page;
  }

  it("says its days and filters, and the list of sales fits its width", async () => {
    const page = await printed("/?segment=loyal");
    assert.match(await page.locator("[data-stated]").innerText(), /^Last 30 days, .*; Segment: Loyal/);
    assert.equal(await page.getByRole("search").isVisible(), false);
    const over = () =>
      page
        .locator('[data-tile="transactions"] .scroll')
        .evaluate((box) => box.querySelector("table").getBoundingClientRect().right - window.innerWidth);
    await eventually(over, (pixels) => pixels <= 0, "the table ends before the paper does");
    const numbers = page.locator('[data-tile="transactions"] tbody tr td:first-child');
    assert.notEqual(await numbers.first().innerText(), "");
  });

  it("shows a hundred rows of a long table, and how many more there are", async () => {
    const page = await printed("/d/weekly?period=year");
    const table = page.locator(".tile").filter({ has: page.getByRole("heading", { name: "Best customers" }) });
    const all = await table.locator("tbody tr").count();
    assert.ok(all > 100, `${all} rows`);
    assert.equal(await table.locator("tbody tr:visible").count(), 100);
    await table.getByText(`And ${all - 100} more rows`).waitFor();
    assert.doesNotMatch(await page.locator("main").textContent(), /compared with/, "nothing here is compared");
  });
});
