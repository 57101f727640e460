// Pictures of every page for docs/screenshots, from real shops: cargo xtask web --screenshots, or
// SHOPLAKE=/path/shoplake SHOPS=/folder/to/use npm run screenshots [name …]
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { settled } from "./helpers.mjs";
import { openBrowser, Shops } from "./shops.mjs";

const OUT = process.env.SHOTS ?? fileURLToPath(new URL("../../docs/screenshots/", import.meta.url));
const { SHOPLAKE, SHOPS } = process.env;
if (!SHOPLAKE || !SHOPS) {
  console.error(
    "SHOPLAKE names the binary, and SHOPS a folder for the shops: `cargo xtask web --screenshots` sets both",
  );
  process.exit(2);
}
const only = process.argv.slice(2);
const wanted = (name) => only.length === 0 || only.some((each) => name.startsWith(each));
/** A machine that does something else beside may take its time, in milliseconds. */
const PATIENCE = 60_000;
mkdirSync(OUT, { recursive: true });
// What no picture is made of any more does not stay.
if (only.length === 0) for (const name of readdirSync(OUT)) rmSync(`${OUT}/${name}`);

const BOTH = [
  [1440, "light"],
  [360, "dark"],
];
const ALL = [...BOTH, [1440, "dark"], [360, "light"]];
const WIDE = [[1440, "light"]];

const shops = new Shops(SHOPLAKE, SHOPS);
const browser = await openBrowser();

/** Pictures of one page, `whole` or as the window shows it, once `act` has done something there. */
async function shoot(shop, name, path, { sizes = BOTH, whole = true, act, storage } = {}) {
  if (!wanted(name)) return;
  for (const [width, scheme] of sizes) {
    const page = await browser.page(shop, path, { width, scheme, storage });
    await settled(page, PATIENCE);
    await act?.(page);
    await page.screenshot({ path: `${OUT}/${name}-${width}-${scheme}.png`, fullPage: whole });
    await page.context().close();
  }
}

const ask = async (page) => {
  await page.locator(".cm-content").waitFor();
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page
    .getByText(/\d rows/)
    .first()
    .waitFor();
  await page.getByRole("button", { name: "area", exact: true }).click();
  await page.waitForTimeout(600);
};

/** A shop with two years of sales, dirt as real exports have it, and a second run this morning. */
async function usual() {
  const shop = await shops.make("usual");
  await shop.shoplake(["generate", "--rows", "60000", "--days", "730", "--quiet"]);
  await shop.shoplake(["run", "--quiet"]);
  shop.addDashboard();
  const [sale] = await shop.query(
    "SELECT customer_id, product_id FROM sales WHERE city IS NOT NULL ORDER BY transaction_date DESC LIMIT 1",
  );
  const now = new Date().toISOString();
  shop.write(
    "inbox/sales/this-morning.csv",
    "transaction_id,customer_id,product_id,quantity,amount,transaction_date\n" +
      `N000001,${sale.customer_id},${sale.product_id},1,39.90,${now}\n` +
      `N000002,${sale.customer_id},${sale.product_id},2,64.00,${now}\n` +
      `N000003,${sale.customer_id},${sale.product_id},one,18.50,${now}\n`,
  );
  await shop.shoplake(["run", "--quiet"]);
  await shop.serve();
  const today = (await (await fetch(`${shop.url}/api/v1/session`)).json()).shop.today;
  const day = new Date(Date.parse(today) - 86_400_000).toISOString().slice(0, 10);
  const [top] = await shop.query("SELECT category FROM sales_by_category ORDER BY revenue DESC LIMIT 1");
  const filtered = `/?category=${encodeURIComponent(top.category)}&segment=loyal`;
  await shoot(shop, "sales", "/", { sizes: [...ALL, [3840, "light"]] });
  await shoot(shop, "sales-filtered", filtered, { sizes: ALL });
  await shoot(shop, "sales-hours", `/?from=${day}&to=${day}`);
  await shoot(shop, "sales-year", "/?period=last365&compare=year");
  await shoot(shop, "why", "/?why=revenue", { whole: false });
  await shoot(shop, "order", "/?order=N000002", { whole: false });
  await shoot(shop, "dashboard", "/d/weekly", { sizes: ALL });
  await shoot(shop, "editor", "/d/weekly?edit=1");
  await shoot(shop, "health", "/health");
  await shoot(shop, "pipeline", "/pipeline");
  await shoot(shop, "quality", "/quality", {
    act: async (page) => {
      await page.getByText("at stake").first().click();
      await settled(page, PATIENCE);
    },
  });
  await shoot(shop, "catalog", "/catalog?table=sales_by_category");
  await shoot(shop, "sql", "/sql", { act: ask });
  await shoot(shop, "alerts", "/alerts");
  await shoot(shop, "settings", "/settings");
  if (wanted("sales-a4")) {
    const page = await browser.page(shop, "/", { width: 1440, scheme: "light" });
    await settled(page, PATIENCE);
    await page.pdf({ path: `${OUT}/sales-a4.pdf`, format: "A4", printBackground: true });
  }
  const mistake = "event_time: transaction_dat";
  shop.change("sources/sales.yml", "event_time: transaction_date", mistake);
  await new Promise((done) => setTimeout(done, 1500));
  await shoot(shop, "mistake", "/", { sizes: BOTH, whole: false });
  shop.end();
}

/** No data yet. */
async function empty() {
  const shop = await (await shops.make("empty")).serve();
  for (const page of ["sales", "health", "pipeline", "quality", "catalog", "alerts"])
    await shoot(shop, `empty-${page}`, page === "sales" ? "/" : `/${page}`);
  shop.end();
}

/** A shop whose data ends in the past. */
async function past() {
  const shop = await shops.make("past");
  const start = new Date(Date.now() - 150 * 86_400_000).toISOString().slice(0, 10);
  await shop.shoplake(["generate", "--rows", "6000", "--days", "60", "--start", start, "--quiet"]);
  await shop.shoplake(["run", "--quiet"]);
  await shop.serve();
  await shoot(shop, "past", "/", { sizes: BOTH });
  shop.end();
}

/** One day of sales. */
async function oneDay() {
  const shop = await shops.make("one-day");
  await shop.shoplake(["generate", "--rows", "140", "--days", "1", "--quiet"]);
  await shop.shoplake(["run", "--quiet"]);
  await shop.serve();
  await shoot(shop, "one-day", "/", { sizes: BOTH });
  shop.end();
}

/** A run that failed: a model's test does not hold any more. */
async function failed() {
  const shop = await shops.make("failed", ["--sample"]);
  await shop.shoplake(["run", "--quiet"]);
  shop.write("models/marts/no_large_orders.sql", "SELECT transaction_id, amount FROM {{ source('shop', 'sales') }}\n");
  shop.write(
    "models/marts/no_large_orders.yml",
    "models:\n  - name: no_large_orders\n    description: One row a sale.\n    columns:\n" +
      "      - name: amount\n        description: Euro.\n        data_tests:\n" +
      "          - accepted_values: { values: [1, 2] }\n",
  );
  await shop.shoplake(["run", "--quiet"]);
  await shop.shoplake(["alert", "check", "--quiet"]);
  await shop.serve();
  await shoot(shop, "failed-sales", "/", { sizes: BOTH, whole: false });
  await shoot(shop, "failed-pipeline", "/pipeline");
  await shoot(shop, "failed-alerts", "/alerts");
  await shoot(shop, "failed-health", "/health");
  shop.end();
}

/** A shop with people: the sign-in, and the settings as an admin sees them. */
async function people() {
  const shop = await (await shops.make("people", ["--sample"])).serve();
  await shop.send("POST", "/tokens", { name: "nightly export", role: "analyst" });
  const password = "a password of ours";
  await shop.send("POST", "/users", { name: "ana@casa-azul.example", password, role: "admin" });
  await shop.shoplake(["user", "add", "rui@casa-azul.example", "--role", "viewer"], `${password}\n`);
  await shoot(shop, "sign-in", "/", { sizes: BOTH });
  const page = await browser.page(shop, "/", { width: 1440, scheme: "light" });
  await page.getByLabel("Name").fill("ana@casa-azul.example");
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("Sign out").first().waitFor();
  const storage = await page.context().storageState();
  await shoot(shop, "settings-people", "/settings", { storage });
  shop.end();
}

/** The pictures that each shop is made for. */
const MADE_FOR = [
  [
    usual,
    [
      "sales",
      "why",
      "order",
      "dashboard",
      "editor",
      "health",
      "pipeline",
      "quality",
      "catalog",
      "sql",
      "alerts",
      "settings",
      "mistake",
    ],
  ],
  [empty, ["empty"]],
  [past, ["past"]],
  [oneDay, ["one-day"]],
  [failed, ["failed"]],
  [people, ["sign-in", "settings-people"]],
];
for (const [make, names] of MADE_FOR) {
  const asked = only.length === 0 || names.some((name) => only.some((each) => each.startsWith(name)));
  if (!asked) continue;
  console.log(make.name);
  await make();
}
await browser.close();
