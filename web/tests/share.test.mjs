// What a link holds is said before it is made: its days, its filters, and what it cannot show.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { eventually, exact, openShop, settled } from "./helpers.mjs";

describe("the panel that makes a link", () => {
  let shop, page;
  before(async () => (shop = await openShop({ scenario: "usual" })));
  afterEach(() => page.context().close());
  after(() => shop.close());
  async function panel(path) {
    page = await shop.page(path);
    await settled(page);
    await page.getByRole("button", { name: "Share" }).click();
    return page.getByRole("dialog", { name: "Share this view" });
  }
  const said = (on) => on.locator("[data-shown]").innerText();
  async function link(on) {
    await on.getByRole("button", { name: "Make a link" }).click();
    return new URL(await on.locator("[data-share-link]").inputValue()).pathname;
  }
  const sent = () => shop.mock.state.shares.at(-1).filters;

  it("holds days that move on: the guest sees those of today, and has no way to others", async () => {
    const on = await panel("/?period=last7&segment=loyal");
    assert.match(await said(on), /with Segment: Loyal .* Its days: Last 7 days, moving on .* no others/);
    const path = await link(on);
    assert.deepEqual(sent(), { period: ["last7"], compare: ["previous"], segment: ["loyal"] });
    await on.getByRole("listitem").getByText("Last 7 days, moving on").waitFor();
    const guest = await shop.page(`${path}?from=2025-01-01&to=2025-01-31&period=year`);
    await settled(guest);
    assert.equal(await exact(guest, "revenue"), await exact(page, "revenue"));
    assert.equal(await guest.getByRole("button", { name: /Period/ }).count(), 0);
    assert.match(await guest.locator('[data-tile="trend"]').innerText(), /12 – 18 Jun 2025/);
    await guest.context().close();
  });

  it("holds the same days for good where they were chosen by date", async () => {
    const on = await panel("/?from=2025-06-01&to=2025-06-07");
    assert.match(await said(on), /with no other filters, .* Its days: 1 – 7 Jun 2025, and no others/);
    assert.equal(await on.getByRole("option", { name: /moving on/ }).count(), 0);
    await link(on);
    assert.deepEqual([sent().from, sent().to, sent().period], [["2025-06-01"], ["2025-06-07"], undefined]);
  });

  it("says it plainly where the guest may choose the days", async () => {
    const on = await panel("/?period=last7");
    await on.getByLabel("The days").selectOption({ label: "Whoever has the link chooses" });
    assert.match(await said(on), /Its days: any that they choose/);
    const path = await link(on);
    assert.deepEqual(Object.keys(sent()), ["compare"]);
    const guest = await shop.page(path);
    await guest.getByRole("button", { name: /Period/ }).waitFor();
    await guest.context().close();
  });

  it("names the tiles that cannot be narrowed before the link is made, and a guest sees no figure of them", async () => {
    const on = await panel("/d/weekly?period=last7");
    await on.getByText("From visit to order (no days in its rows)").waitFor();
    assert.equal(await on.locator(".refused li").count(), 1, "only that one");
    const guest = await shop.page(await link(on));
    const tile = guest.locator(".tile").filter({ has: guest.getByRole("heading", { name: "From visit to order" }) });
    await tile.getByText("that is not in the link").waitFor();
    assert.equal(await tile.getByRole("option").count(), 0);
    await guest.context().close();
    await on.getByLabel("The days").selectOption({ label: "Whoever has the link chooses" });
    await eventually(() => on.locator(".refused li").count(), 0, "the link then holds nothing that the tile lacks");
  });
});
