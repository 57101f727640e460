// Every page as a picture, light and dark, narrow and wide, of real shops in every state. Each picture is looked at: no
// error, no empty chart, nothing beside the page at 360, 1440 and 3840 px. SHOPLAKE names the binary, SHOPS a folder for
// the shops, SHOTS where the pictures go, and KEPT those of the repository, which are these pictures and no others:
// `cargo xtask web` sets them, and with `--screenshots` SHOTS is KEPT.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { settled } from "./helpers.mjs";
import { faultsOf } from "./looks.mjs";
import * as scenes from "./scenes.mjs";
import { openBrowser, PATIENCE, Shops, viewport } from "./shops.mjs";

const { SHOPLAKE, SHOPS, SHOTS, KEPT } = process.env;
const WIDTHS = [360, 1440, 3840];
const BOTH = [
  [1440, "light"],
  [360, "dark"],
];
const ALL = [...BOTH, [1440, "dark"], [360, "light"]];
const WIDEST = [3840, "light"];

async function ask(page) {
  await page.locator(".cm-content").waitFor();
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page
    .getByText(/\d rows/)
    .first()
    .waitFor();
  await page.getByRole("button", { name: "area", exact: true }).click();
}
async function openGroup(page) {
  await page.getByText("at stake").first().click();
}

/** Each shop with its pictures: where they are taken, whole or as the window shows it, after what was done there. */
const ALBUMS = [
  {
    scene: "usual",
    pictures: [
      { name: "sales", sizes: [...ALL, WIDEST] },
      { name: "sales-filtered", path: (shop) => `/?category=${shop.category}&segment=loyal`, sizes: ALL },
      { name: "sales-hours", path: (shop) => `/?from=${shop.yesterday}&to=${shop.yesterday}` },
      { name: "sales-year", path: "/?period=last365&compare=year" },
      { name: "why", path: "/?why=revenue", whole: false },
      { name: "order", path: "/?order=N000002", whole: false },
      { name: "dashboard", path: "/d/weekly", sizes: [...ALL, WIDEST] },
      { name: "editor", path: "/d/weekly?edit=1" },
      { name: "new-dashboard", path: "/d" },
      { name: "health", path: "/health" },
      { name: "pipeline", path: "/pipeline" },
      { name: "quality", path: "/quality", act: openGroup },
      { name: "catalog", path: "/catalog?table=sales_by_category" },
      { name: "sql", path: "/sql", act: ask },
      { name: "alerts", path: "/alerts" },
      { name: "settings", path: "/settings" },
    ],
  },
  {
    scene: "empty",
    pictures: ["sales", "health", "pipeline", "quality", "catalog", "alerts"].map((page) => ({
      name: `empty-${page}`,
      path: page === "sales" ? "/" : `/${page}`,
    })),
  },
  { scene: "past", pictures: [{ name: "past" }] },
  { scene: "oneDay", pictures: [{ name: "one-day" }] },
  {
    scene: "failed",
    pictures: [
      { name: "failed-sales", whole: false },
      { name: "failed-pipeline", path: "/pipeline", errors: true },
      { name: "failed-alerts", path: "/alerts" },
      { name: "failed-health", path: "/health" },
    ],
  },
  { scene: "mistaken", pictures: [{ name: "mistake", whole: false }] },
  {
    scene: "people",
    pictures: [{ name: "sign-in" }, { name: "settings-people", path: "/settings", signedIn: true }],
  },
];
const PAPER = "sales-a4.pdf";
const fileOf = (name, width, scheme) => `${name}-${width}-${scheme}.png`;
const NAMES = [
  PAPER,
  ...ALBUMS.flatMap(({ pictures }) =>
    pictures.flatMap(({ name, sizes = BOTH }) => sizes.map((size) => fileOf(name, ...size))),
  ),
];

/** Takes the pictures of one page, and looks at it at every width; each fault with where it was seen. */
async function take(browser, shop, { name, path = "/", sizes = BOTH, whole = true, act, errors, signedIn }) {
  const faults = [];
  const address = typeof path === "function" ? path(shop) : path;
  const [[width, scheme]] = sizes;
  const storage = signedIn ? shop.storage : undefined;
  const page = await browser.page(shop, address, { width, scheme, storage }, faults);
  await settled(page, PATIENCE);
  await act?.(page);
  const unseen = WIDTHS.filter((each) => !sizes.some(([size]) => size === each)).map((each) => [each, "light"]);
  for (const [size, theme] of [...sizes, ...unseen]) {
    await page.setViewportSize(viewport(size));
    await page.emulateMedia({ colorScheme: theme });
    await settled(page, PATIENCE);
    faults.push(...(await faultsOf(page, { errors })).map((fault) => `${size} px, ${theme}: ${fault}`));
    if (unseen.some(([each]) => each === size)) continue;
    await page.screenshot({ path: `${SHOTS}/${fileOf(name, size, theme)}`, fullPage: whole, timeout: PATIENCE });
  }
  await page.context().close();
  return faults;
}

const skip = SHOPLAKE && SHOPS && SHOTS ? false : "SHOPLAKE, SHOPS and SHOTS are not set";

describe("the pictures of every page", { skip, concurrency: 2 }, () => {
  let browser, shops;
  before(async () => {
    // What no picture is made of any more does not stay.
    if (existsSync(SHOTS)) for (const name of readdirSync(SHOTS)) rmSync(`${SHOTS}/${name}`);
    mkdirSync(SHOTS, { recursive: true });
    shops = new Shops(SHOPLAKE, SHOPS);
    browser = await openBrowser();
  });
  after(() => browser.close());

  for (const { scene, pictures } of ALBUMS)
    describe(scene, { concurrency: 1 }, () => {
      let shop;
      before(async () => (shop = await scenes[scene](shops, browser)));
      after(() => shop.end());
      for (const picture of pictures)
        it(`${picture.name}: nothing is wrong to see`, async () => {
          assert.deepEqual(await take(browser, shop, picture), []);
        });
      if (scene === "usual")
        it("the sales page on A4", async () => {
          const page = await browser.page(shop, "/", { width: 1440, scheme: "light" });
          await settled(page, PATIENCE);
          await page.pdf({ path: `${SHOTS}/${PAPER}`, format: "A4", printBackground: true });
          assert.ok(readFileSync(`${SHOTS}/${PAPER}`).length > 20_000);
          await page.context().close();
        });
    });
});

describe("docs/screenshots", { skip: KEPT ? false : "KEPT is not set" }, () => {
  it("has the pictures that are taken here, and no others", () => {
    assert.deepEqual(readdirSync(KEPT).toSorted(), NAMES.toSorted(), "`cargo xtask web --screenshots` makes them anew");
  });
});
