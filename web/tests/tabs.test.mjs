// Many tabs of one browser share six connections to the server: the tab in front must always have one.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { eventually, exact, openShop, settled } from "./helpers.mjs";

const TABS = 8;

describe("many tabs of one browser", () => {
  let shop, context;
  const tabs = [];
  /** Chromium without a screen holds every page for the one in front: pages are told here what a browser tells them. */
  async function bringToFront(page) {
    for (const each of tabs)
      await each.evaluate((shown) => {
        window.shown = shown;
        document.dispatchEvent(new Event("visibilitychange"));
      }, each === page);
  }

  before(async () => {
    shop = await openShop({ scenario: "usual" });
    context = await shop.browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "en-GB" });
    context.setDefaultTimeout(8000);
    await context.addInitScript(() => {
      const state = () => (window.shown === false ? "hidden" : "visible");
      Object.defineProperty(Document.prototype, "visibilityState", { get: state });
    });
    while (tabs.length < TABS) {
      const page = await context.newPage();
      await page.goto(`${shop.base}/?period=last7`);
      await settled(page);
      tabs.push(page);
      // The next one opens in front of it.
      await bringToFront(null);
    }
  });
  after(() => shop.close());

  it("each answers a click when it is in front", async () => {
    for (const page of tabs) {
      await bringToFront(page);
      await page.getByRole("button", { name: /^Filter by city/i }).click();
      await page.getByRole("checkbox").first().waitFor();
      await page.keyboard.press("Escape");
    }
  });

  it("one in the background holds no line, and shows what was loaded meanwhile once it is seen", async () => {
    const [first, last] = [tabs[0], tabs.at(-1)];
    await bringToFront(last);
    await eventually(() => shop.mock.state.listeners.size, 1, "only the tab in front listens");
    const before = await exact(first, "revenue");
    shop.mock.load();
    await eventually(
      () => exact(last, "revenue"),
      (now) => now !== before,
      "the tab in front follows",
    );
    assert.equal(await exact(first, "revenue"), before, "the tab in the background asks for nothing");
    await bringToFront(first);
    await eventually(() => exact(first, "revenue"), await exact(last, "revenue"), "the tab that is seen catches up");
    await first.getByText("live", { exact: true }).waitFor();
  });

  it("one that is seen again shows a dashboard's file as it was saved meanwhile", async () => {
    const [first, last] = [tabs[0], tabs.at(-1)];
    await first.goto(`${shop.base}/d/weekly`);
    await settled(first);
    await bringToFront(last);
    const source = shop.mock.state.sources.get("weekly");
    shop.mock.state.sources.set("weekly", source.replace("title: Top products,", "title: Best sellers,"));
    await bringToFront(first);
    await first.getByRole("heading", { name: "Best sellers" }).waitFor();
  });
});
