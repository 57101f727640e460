// A real shop at work: loads, corrections, hostile files, dashboards as code, links, people. It runs last, since the
// other tests look at the shop as the sample has it. Needs BASE_URL, SHOPLAKE and SHOP (`cargo xtask web` sets them).
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { eventually, exact, formats, openShop, settled } from "./helpers.mjs";
import { dayAfter, fileOf, load, query, REAL, shoplake } from "./shop.mjs";

describe("a real shop moves", { skip: !REAL }, () => {
  let shop, write;
  before(async () => {
    shop = await openShop();
    write = formats(await shop.api("/session"));
  });
  after(() => shop.close());

  it("a file in the inbox and a run: the page shows it within two seconds of the publish, in place", async () => {
    const today = (await shop.api("/session")).shop.today;
    const page = await shop.page(`/?from=${dayAfter(today, -29)}&to=${today}`);
    await settled(page);
    await page.evaluate(() => {
      window.sameDocument = true;
      window.skeletons = 0;
      window.changedAt = null;
      const value = () => document.querySelector('[data-kpi="transactions"] .value')?.dataset.exact;
      const first = value();
      new MutationObserver(() => {
        window.skeletons += document.querySelectorAll("main .skeleton, main .stale").length;
        if (value() !== first) window.changedAt ??= Date.now();
      }).observe(document.body, { subtree: true, childList: true, attributes: true });
    });
    const before = Number((await exact(page, "transactions")).replaceAll(",", ""));
    const header = "transaction_id,customer_id,product_id,quantity,amount,transaction_date\n";
    const [known] = await query(
      "SELECT customer_id, product_id FROM sales WHERE city IS NOT NULL ORDER BY transaction_id LIMIT 1",
    );
    const sale = (id) => `${id},${known.customer_id},${known.product_id},1,19.90,${new Date().toISOString()}\n`;
    await load("sales", "live.csv", header + sale("LIVE1") + sale("LIVE2"));
    await eventually(() => exact(page, "transactions"), write.count(before + 2), "both sales are there");
    await page.locator('[data-tile="transactions"]').getByRole("button", { name: "LIVE2", exact: true }).waitFor();
    const seen = await page.evaluate(() => ({
      at: window.changedAt,
      same: window.sameDocument,
      skeletons: window.skeletons,
    }));
    assert.deepEqual({ same: seen.same, skeletons: seen.skeletons }, { same: true, skeletons: 0 });
    const after = seen.at - Date.parse((await shop.api("/trust")).loaded_at);
    console.log(`a published batch stood on the page after ${after} ms`);
    assert.ok(after < 2000, `${after} ms after the publish`);
  });

  it("a correction moves every figure that it touches", async () => {
    const [sale] = await query(
      "SELECT transaction_id, customer_id, product_id, amount, transaction_date, local_date(transaction_date) AS day FROM sales ORDER BY transaction_date LIMIT 1",
    );
    const page = await shop.page(`/?from=${sale.day}&to=${sale.day}`);
    await settled(page);
    const header = "transaction_id,customer_id,product_id,quantity,amount,transaction_date\n";
    await load(
      "sales",
      "correction.csv",
      `${header}${sale.transaction_id},${sale.customer_id},${sale.product_id},2,4321.09,${sale.transaction_date}\n`,
    );
    const [{ revenue }] = await query(
      `SELECT sum(amount) AS revenue FROM sales WHERE local_date(transaction_date) = DATE '${sale.day}'`,
    );
    await eventually(() => exact(page, "revenue"), write.money(revenue), "the correction is in");
  });

  it("hostile names in files are words on every page", async () => {
    const hostile = `<img src=x onerror="window.hostile=1"><script>window.hostile=1</script>`;
    const quoted = `"${hostile.replaceAll('"', '""')}"`;
    const [sample] = await query("SELECT * FROM products LIMIT 1");
    const named = Object.fromEntries(Object.entries(sample).filter(([name]) => !name.startsWith("_")));
    const product = { ...named, product_id: "XSS", name: hostile, category: hostile };
    await load("products", "hostile.json", JSON.stringify([product]));
    const [known] = await query("SELECT customer_id FROM sales WHERE city IS NOT NULL ORDER BY transaction_id LIMIT 1");
    const header = "transaction_id,customer_id,product_id,quantity,amount,transaction_date\n";
    await load(
      "sales",
      "=hostile<b>.csv",
      `${header}HOSTILE,${known.customer_id},XSS,1,99999.00,${new Date().toISOString()}\nBAD,${known.customer_id},XSS,1,${quoted},${new Date().toISOString()}\n`,
    );
    for (const path of [
      "/",
      "/?why=revenue",
      "/?order=HOSTILE",
      "/quality",
      "/pipeline",
      "/d/sales",
      "/catalog?table=sales",
    ]) {
      const page = await shop.page(path);
      await settled(page);
      if (path === "/") await page.locator('[data-tile="transactions"]').getByText("<img src=x").first().waitFor();
      assert.equal(await page.evaluate(() => window.hostile), undefined, path);
      await page.context().close();
    }
  });

  it("a change of shoplake.yml is taken up in place, and a mistake in it is said until it is corrected", async () => {
    const file = fileOf("shoplake.yml");
    const settings = readFileSync(file, "utf8");
    const page = await shop.page("/");
    await settled(page);
    await page.evaluate(() => (window.sameDocument = true));
    const shown = () => exact(page, "revenue");
    const [before, trust] = [await shown(), page.locator("[data-trust]")];
    writeFileSync(file, settings.replace("currency: EUR", "currency: GBP"));
    await eventually(shown, before.replace("€", "£"), "the amount stands in the new currency");
    writeFileSync(file, settings.replace("currency: EUR", "currency: Euro"));
    await trust.getByText(/shoplake\.yml, line \d+:[^]*what the project's files said before holds/).waitFor();
    assert.equal(await shown(), before.replace("€", "£"));
    writeFileSync(file, settings.replace("0 6 * * *", "0 7 * * *"));
    await trust.getByText(/waiting for a restart of shoplake serve: schedule/).waitFor();
    writeFileSync(file, settings);
    await eventually(() => trust.getByRole("status").count(), 0, "corrected, nothing waits");
    await eventually(shown, before);
    assert.equal(await page.evaluate(() => window.sameDocument), true, "without a reload");
    await page.context().close();
  });

  it("a dashboard's file is followed as it is saved, its mistakes stand in place", async () => {
    const file = fileOf("dashboards", "weekly.yml");
    const source = readFileSync(file, "utf8");
    const page = await shop.page("/d/weekly");
    await settled(page);
    writeFileSync(file, source.replace("title: Top products", "title: Best sellers"));
    await page.getByRole("heading", { name: "Best sellers" }).waitFor();
    writeFileSync(file, source.replace("kind: bar", "kind: barr"));
    const line = source.split("\n").findIndex((text) => text.includes("kind: bar,")) + 1;
    await page.getByRole("alert").getByText(`dashboards/weekly.yml:${line}`).waitFor();
    await page.getByRole("alert").getByText(/barr/).first().waitFor();
    await page.getByRole("button", { name: "Edit" }).click();
    await page.locator(".cm-content").waitFor();
    writeFileSync(file, source);
    await eventually(() => page.getByRole("alert").count(), 0, "mended, the mistakes go");
    await page.getByRole("heading", { name: "Top products" }).waitFor();
    await eventually(
      () => page.locator(".cm-content").textContent(),
      (shown) => shown.includes("kind: bar,"),
    );
    await page.locator(".cm-content").click();
    await page.keyboard.press("Control+a");
    await page.keyboard.insertText(source.replace("title: Weekly review", "title: Monday review"));
    await page.keyboard.press("Control+s");
    await page.getByRole("heading", { name: "Monday review", level: 1 }).waitFor();
    assert.match(readFileSync(file, "utf8"), /Monday review/, "the editor writes the same file");
    writeFileSync(file, source);
  });

  it("the tiles of a dashboard are the query's rows", async () => {
    const page = await shop.page("/d/weekly");
    await settled(page);
    const [row] = await query("SELECT sum(revenue) AS revenue, count(*) AS n FROM top_products");
    assert.ok(row.n > 0);
    const shown = await page.locator(".tiles > *").count();
    assert.equal(shown, 12);
    const top = await query("SELECT name, revenue FROM top_products ORDER BY revenue DESC LIMIT 1");
    const bars = await page
      .locator("section, article")
      .filter({ has: page.getByRole("heading", { name: "Top products" }) })
      .getByRole("option")
      .allTextContents();
    assert.ok(
      bars.some((bar) => bar.startsWith(`${top[0].name}: `) && bar.includes(write.money(top[0].revenue))),
      bars.slice(0, 3).join(" | "),
    );
  });

  it("a share of the project's dashboard called `sales` shows that one, and the sales page's shows itself", async () => {
    const page = await shop.page("/d/sales");
    await settled(page);
    const title = await page.locator("h1").first().textContent();
    const link = async () => {
      await page.getByRole("button", { name: "Share" }).click();
      await page.getByRole("button", { name: "Make a link" }).click();
      return new URL(await page.locator("[data-share-link]").inputValue()).pathname;
    };
    const ofCode = await shop.page(await link());
    await settled(ofCode);
    assert.equal(await ofCode.locator("h1").first().textContent(), title);
    assert.equal(await ofCode.locator('[data-tile="transactions"]').count(), 0);
    await page.goto(`${shop.base}/`);
    await settled(page);
    const own = await shop.page(await link());
    await settled(own);
    assert.equal(await own.locator('[data-tile="transactions"]').count(), 1);
  });
});

describe("people of a real shop", { skip: !REAL }, () => {
  let shop;
  before(async () => (shop = await openShop()));
  after(async () => {
    // The other tests look at a shop without users.
    for (const name of ["ines", "rui"]) await shoplake(["user", "remove", name], { codes: [0, 1, 2] });
    await shop.close();
  });

  it("the first one is added on the page, then everybody signs in, and a role that changes counts at once", async () => {
    const page = await shop.page("/settings");
    const people = page.locator("section").filter({ has: page.getByRole("heading", { name: "People" }) });
    const add = async (name, role) => {
      await people.getByLabel("Name").fill(name);
      await people.getByLabel("Password").fill("lagoa-lagoa-lagoa");
      await people.locator("form").getByLabel("Role").selectOption(role);
      const added = page.waitForResponse((answer) => answer.request().method() === "POST");
      await people.getByRole("button", { name: "Add" }).click();
      assert.equal((await added).status(), 201);
    };
    const signIn = async (on, name) => {
      await on.getByRole("heading", { name: "Sign in" }).waitFor();
      await on.getByLabel("Name").fill(name);
      await on.getByLabel("Password").fill("lagoa-lagoa-lagoa");
      await on.getByRole("button", { name: "Sign in" }).click();
    };
    await add("ines", "admin");
    await page.goto(`${shop.base}/settings`);
    await signIn(page, "ines");
    await people.getByText("ines").first().waitFor();
    await add("rui", "viewer");
    await people.getByRole("button", { name: "Remove rui" }).waitFor();
    const other = await shop.page("/pipeline");
    await signIn(other, "rui");
    await other.getByRole("heading", { name: "Pipeline" }).waitFor();
    assert.equal(await other.getByRole("button", { name: "Run now" }).count(), 0, "a viewer starts nothing");
    await people.getByLabel("Role of rui").selectOption("operator");
    await eventually(
      async () => (await other.request.get(`${shop.base}/api/v1/trust`)).status(),
      401,
      "the old session ended",
    );
    await other.reload();
    await signIn(other, "rui");
    await other.getByRole("button", { name: "Run now" }).waitFor();
    await people.getByRole("button", { name: "Remove rui" }).click();
    await people.getByRole("button", { name: "Yes, remove rui" }).click();
    await eventually(async () => (await other.request.get(`${shop.base}/api/v1/trust`)).status(), 401);
  });
});
