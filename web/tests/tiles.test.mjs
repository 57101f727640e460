// A dashboard as code is no picture: a mark of a tile filters all the others, as on the sales page.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { chooseMark, eventually, exact, openShop, settled } from "./helpers.mjs";

describe("the marks of a dashboard as code", () => {
  let shop, page, write;
  const [REVENUE, BY_DAY, PRODUCTS, BY_CATEGORY, HEAT, FUNNEL] = [
    "tile-2",
    "tile-5",
    "tile-7",
    "tile-8",
    "tile-9",
    "tile-11",
  ];
  before(async () => {
    shop = await openShop({ scenario: "usual" });
    page = await shop.page("/d/weekly?period=last7");
    await settled(page);
    write = (amount) => new Intl.NumberFormat("en-GB", { style: "currency", currency: "EUR" }).format(amount);
  });
  after(() => shop.close());
  const query = () => new URL(page.url()).searchParams;
  const options = (tile) => page.locator(`[data-tile="${tile}"] [role="option"]`);

  it("filter everything else by a category, which the tile says and clears", async () => {
    const whole = await exact(page, REVENUE);
    const slices = await options(BY_CATEGORY).count();
    const name = (await options(BY_CATEGORY).first().textContent()).split(":")[0];
    await chooseMark(page, BY_CATEGORY, name);
    await eventually(() => query().get("category"), name);
    const { current } = await shop.api(
      `/sales/summary?from=2025-06-12&to=2025-06-18&category=${encodeURIComponent(name)}`,
    );
    await eventually(() => exact(page, REVENUE), write(current.revenue), "the figure is the category's");
    await settled(page);
    assert.equal(await options(BY_CATEGORY).count(), slices, "the tile that was clicked still shows the others");
    assert.deepEqual(await options(BY_CATEGORY).evaluateAll((all) => all.map((each) => each.ariaSelected)), [
      "true",
      ...Array(slices - 1).fill("false"),
    ]);
    const tile = page.locator(`[data-tile="${BY_CATEGORY}"]`);
    await tile.getByText(`Everything else is filtered by ${name}.`).waitFor();
    await tile.getByRole("button", { name: "Clear" }).click();
    await eventually(() => exact(page, REVENUE), whole, "clear clears");
  });

  it("filter by a product whose name the bar shows, and the chip says that name", async () => {
    const before = page.url();
    await settled(page);
    const name = (await options(PRODUCTS).first().textContent()).split(":")[0];
    await chooseMark(page, PRODUCTS, name);
    const { rows } = await shop.api("/sales/top-products?from=2025-06-12&to=2025-06-18");
    const product = rows.find((row) => row.name === name);
    await eventually(() => query().get("product"), product.product_id);
    await page.getByRole("button", { name: `Product ${name}: remove` }).waitFor();
    await eventually(() => exact(page, REVENUE), write(product.revenue), "the figure is the product's");
    await settled(page);
    assert.ok((await options(PRODUCTS).count()) > 1, "the tile that was clicked still shows the others");
    await page.goto(before);
  });

  it("filter by the weekday and the hour of a cell, which stays among the others; a second click lets both go", async () => {
    await settled(page);
    const whole = await exact(page, REVENUE);
    const cells = await options(HEAT).count();
    const name = (await options(HEAT).first().textContent()).split(":")[0];
    const { rows } = await shop.api("/sales/heatmap?from=2025-06-12&to=2025-06-18");
    const cell = rows.toSorted((left, right) => left.day_of_week - right.day_of_week || left.hour - right.hour)[0];
    await chooseMark(page, HEAT, name);
    await eventually(() => [query().get("weekday"), query().get("hour")].join(), [cell.day_of_week, cell.hour].join());
    await eventually(() => exact(page, REVENUE), write(cell.revenue), "the figure is the cell's");
    await settled(page);
    assert.equal(await options(HEAT).count(), cells, "the tile that was clicked still shows the others");
    await chooseMark(page, HEAT, name);
    await eventually(() => exact(page, REVENUE), whole, "a second click lets go");
    assert.equal(query().get("weekday"), null);
  });

  it("look as if they could be clicked only where they can", async () => {
    await settled(page);
    const cursorOver = async (tile, { x, y }) => {
      const box = await page.locator(`[data-tile="${tile}"] canvas`).boundingBox();
      await page.mouse.move(box.x + x * box.width, box.y + y * box.height);
      await page.waitForTimeout(120);
      return page
        .locator(`[data-tile="${tile}"] .canvas > div`)
        .first()
        .evaluate((each) => each.style.cursor);
    };
    await page.locator(`[data-tile="${PRODUCTS}"]`).scrollIntoViewIfNeeded();
    assert.equal(await cursorOver(PRODUCTS, { x: 0.35, y: 0.05 }), "pointer");
    await page.locator(`[data-tile="${FUNNEL}"]`).scrollIntoViewIfNeeded();
    assert.equal(await cursorOver(FUNNEL, { x: 0.35, y: 0.1 }), "default");
  });

  it("open a day, and back undoes it", async () => {
    const before = page.url();
    await settled(page);
    await page.locator(`[data-tile="${BY_DAY}"] [role="listbox"]`).focus();
    await page.keyboard.press("Home");
    await page.keyboard.press("Enter");
    await eventually(() => [query().get("from"), query().get("to")].join(), "2025-06-12,2025-06-12");
    await page.goBack();
    assert.equal(page.url(), before);
  });

  it("do nothing where the page has no filter for what they are", async () => {
    await settled(page);
    const before = page.url();
    const funnel = page.locator(`[data-tile="${FUNNEL}"] [role="listbox"]`);
    assert.doesNotMatch(await funnel.getAttribute("aria-label"), /Enter filters/);
    await funnel.focus();
    await page.keyboard.press("Home");
    await page.keyboard.press("Enter");
    assert.equal(page.url(), before);
  });
});
