// Pictures of every page for docs/screenshots, over the mock's unchanging shop: npm run screenshots
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { openShop, settled } from "./helpers.mjs";

const OUT = process.env.SHOTS ?? fileURLToPath(new URL("../../docs/screenshots/", import.meta.url));
mkdirSync(OUT, { recursive: true });

const PAGES = [
  ["sales", "/"],
  ["sales-filtered", "/?category=Books&segment=loyal"],
  ["sales-hours", "/?from=2025-06-17&to=2025-06-17"],
  ["sales-year", "/?period=last365&compare=year"],
  ["why", "/?why=revenue"],
  ["order", "/?order=T031860"],
  ["dashboard", "/d/weekly"],
  ["editor", "/d/weekly?edit=1"],
  ["pipeline", "/pipeline"],
  ["quality", "/quality?cluster=sales%7Cmalformed%7Ctype+decimal%2812%2C2%29%7Camount"],
  ["catalog", "/catalog?table=sales_by_category"],
  ["sql", "/sql"],
  ["alerts", "/alerts"],
  ["settings", "/settings"],
];

async function shoot(shop, name, path, width, scheme, act) {
  const page = await shop.page(path, { width, height: width < 500 ? 780 : 900, scheme });
  await settled(page);
  if (act) await act(page);
  const whole = !/why|order/.test(name);
  await page.screenshot({ path: `${OUT}/${name}-${width}-${scheme}.png`, fullPage: whole });
  await page.context().close();
}

const run = async (page) => {
  await page.locator(".cm-content").waitFor();
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page
    .getByText(/30 rows/)
    .first()
    .waitFor();
  await page.getByRole("button", { name: "area", exact: true }).click();
  await page.waitForTimeout(600);
};

const usual = await openShop({ scenario: "usual" });
for (const [name, path] of PAGES) {
  const all = ["sales", "sales-filtered", "dashboard"].includes(name);
  for (const [width, scheme] of all
    ? [
        [1440, "light"],
        [1440, "dark"],
        [360, "light"],
        [360, "dark"],
      ]
    : [
        [1440, "light"],
        [360, "dark"],
      ])
    await shoot(usual, name, path, width, scheme, name === "sql" ? run : undefined);
}
await shoot(usual, "sales", "/", 3840, "light");
const page = await usual.page("/");
await settled(page);
await page.pdf({ path: `${OUT}/sales-a4.pdf`, format: "A4", printBackground: true });
await usual.close();

for (const [scenario, path] of [
  ["empty", "/"],
  ["past", "/"],
  ["one_day", "/"],
  ["failed", "/pipeline"],
]) {
  const shop = await openShop({ scenario });
  await shoot(shop, scenario.replace("_", "-"), path, 1440, "light");
  await shop.close();
}
const closed = await openShop({ signIn: true });
const form = await closed.page("/", { width: 1440 });
await form.getByRole("heading", { name: "Sign in" }).waitFor();
await form.screenshot({ path: `${OUT}/sign-in-1440-light.png` });
await closed.close();
