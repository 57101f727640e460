// For everybody: no serious finding of axe on any page, light and dark, wide and narrow; all of it by keyboard.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { eventually, findings, openShop, settled } from "./helpers.mjs";
import { faultsOf } from "./looks.mjs";

const PAGES = [
  "/",
  "/?category=Books&segment=loyal",
  "/?why=revenue",
  "/d/weekly",
  "/d/weekly?edit=1",
  "/d",
  "/health",
  "/pipeline",
  "/quality",
  "/catalog",
  "/sql",
  "/alerts",
  "/settings",
];

describe("access", () => {
  let shop;
  before(async () => (shop = await openShop()));
  after(() => shop.close());

  for (const scheme of ["light", "dark"]) {
    for (const width of [1440, 360]) {
      it(`axe finds nothing serious: ${scheme}, ${width} px`, async () => {
        const found = [];
        for (const path of PAGES) {
          const page = await shop.page(path, { scheme, width, height: 800 });
          await settled(page);
          found.push(...(await findings(page)).map((each) => `${path} ${each}`));
          assert.ok(
            await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth),
            `${path} does not scroll sideways at ${width} px`,
          );
          await page.context().close();
        }
        assert.deepEqual(found, []);
      });
    }
  }

  it("the page's first stop leads past the navigation, and each stop is seen", async () => {
    const page = await shop.page("/");
    await settled(page);
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Go to the page's content");
    await page.keyboard.press("Enter");
    const unseen = [];
    for (let step = 0; step < 40; step += 1) {
      await page.keyboard.press("Tab");
      const seen = await page.evaluate(() => {
        const element = document.activeElement;
        const style = getComputedStyle(element);
        const box = element.getBoundingClientRect();
        return {
          name: element.getAttribute("aria-label") ?? element.textContent.trim().slice(0, 30),
          outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
          size: box.width * box.height,
        };
      });
      if (!seen.outlined || seen.size === 0) unseen.push(seen.name);
    }
    assert.deepEqual(unseen, []);
  });

  it("a filter can be set and removed without a mouse", async () => {
    const page = await shop.page("/");
    await settled(page);
    await page.getByRole("button", { name: /^Filter by category/i }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("checkbox").first().waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Space");
    await eventually(() => new URL(page.url()).searchParams.has("category"), true);
    await page.keyboard.press("Escape");
    assert.equal(await page.evaluate(() => document.activeElement.title), "Filter by category");
    await page.getByRole("button", { name: /^Category .*: remove$/ }).focus();
    await page.keyboard.press("Enter");
    await eventually(() => new URL(page.url()).searchParams.has("category"), false);
  });

  it("text grows to 200 % without anything falling off the page", async () => {
    // A window of 1280 px at 200 % has 640 px of the page's own, at 400 % 320 px.
    for (const width of [640, 320]) {
      const page = await shop.page("/", { width });
      await settled(page);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), `${width} px`);
    }
  });

  it("motion stops where the reader asks so", async () => {
    const page = await shop.page("/", { reducedMotion: "reduce" });
    assert.match(
      await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue("--quick").trim()),
      /^0m?s$/,
    );
  });

  it("on a phone the days are not cut off, though they are of two years", async () => {
    const page = await shop.page("/?from=2024-09-22&to=2025-09-21", { width: 360, height: 780, isMobile: true });
    await settled(page);
    const days = page.getByRole("button", { name: /^Period/ });
    assert.match(await days.innerText(), /22 Sep\w* 2024[^]*21 Sep\w* 2025/);
    assert.deepEqual(await faultsOf(page), []);
  });

  it("on a phone the filters stand in a sheet, and the pages behind a button", async () => {
    const page = await shop.page("/", { width: 360, height: 780, hasTouch: true, isMobile: true });
    await settled(page);
    await page.getByRole("button", { name: /^Filters/ }).click();
    const sheet = page.getByRole("dialog", { name: "Filters" });
    await sheet.getByText("Category", { exact: true }).click();
    await sheet.getByRole("checkbox", { name: /Books/ }).check();
    await sheet.getByRole("button", { name: "Show the figures" }).click();
    await eventually(() => new URL(page.url()).searchParams.get("category"), "Books");
    await page.getByRole("button", { name: "Pages" }).click();
    await page.getByRole("link", { name: "Quality" }).click();
    await page.getByRole("heading", { name: "Quality" }).waitFor();
  });
});
