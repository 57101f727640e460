// Over a real `shoplake serve`: each figure on the sales dashboard is what `shoplake query` says, and the app does
// with a shop's own files what it does with the mock's. Needs BASE_URL, SHOPLAKE and SHOP (`cargo xtask web` sets them).
import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { chooseMark, downloadOf, eventually, exact, formats, openShop, settled } from "./helpers.mjs";
import { between, dayAfter, fileOf, landedLines, load, query, REAL, SALES, shoplake, text } from "./shop.mjs";

const SEGMENT_NAMES = {
  new: "New (1 order)",
  returning: "Returning (2–4)",
  loyal: "Loyal (5 or more)",
  unknown: "Unknown customer",
};
const marks = (page, tile) => page.locator(`[data-tile="${tile}"] [role="option"]`).allTextContents();
const cells = (page, tile) =>
  page
    .locator(`[data-tile="${tile}"] tbody tr`)
    .evaluateAll((lines) => lines.map((line) => [...line.children].map((cell) => cell.textContent.trim())));
const csvOf = async (page, title) => {
  await page.getByRole("button", { name: `More about ${title}` }).click();
  const file = await downloadOf(page, () => page.getByRole("button", { name: "Download as CSV" }).click());
  const lines = file.bytes.toString("utf8").replace("\uFEFF", "").trimEnd().split("\r\n");
  const cell = (text) => (text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text);
  return lines.map((line) => [...`${line},`.matchAll(/("(?:[^"]|"")*"|[^,]*),/g)].map(([, text]) => cell(text)));
};

describe("the figures of a real shop", { skip: !REAL }, () => {
  let shop, write, session, from, to, range;
  before(async () => {
    shop = await openShop();
    session = await shop.api("/session");
    write = formats(session);
    to = (await query(`SELECT max(shop_day) AS day FROM ${SALES}`))[0].day;
    from = dayAfter(to, -29);
    range = `from=${from}&to=${to}`;
  });
  after(() => shop.close());

  const totals = async (where) =>
    (
      await query(
        `SELECT coalesce(sum(amount), 0.00) AS revenue, count(*) AS transactions, count(DISTINCT customer_id) AS customers,
           CAST(sum(amount) AS DECIMAL(30, 8)) / count(*) AS average FROM ${SALES} WHERE ${where}`,
      )
    )[0];

  /** The four key figures are those of these sales. */
  async function holds(page, where) {
    const wanted = await totals(where);
    await eventually(() => exact(page, "revenue"), write.money(wanted.revenue), `revenue where ${where}`);
    assert.equal(await exact(page, "transactions"), write.count(wanted.transactions));
    assert.equal(await exact(page, "unique_customers"), write.count(wanted.customers));
    if (wanted.transactions > 0) {
      const shown = Number((await exact(page, "average_order_value")).replace(/[^\d.]/g, ""));
      assert.ok(Math.abs(shown - Number(wanted.average)) < 0.00006, `${shown} is ${wanted.average}`);
    }
  }

  it("today, this week and this month, and the period, are those of the query", async () => {
    const page = await shop.page(`/?${range}`);
    await settled(page);
    await holds(page, between(from, to));
    const { today } = session.shop;
    const monday = dayAfter(today, -((new Date(today).getUTCDay() + 6) % 7));
    for (const [name, first] of [
      ["today", today],
      ["week", monday],
      ["month", `${today.slice(0, 8)}01`],
    ]) {
      const { revenue } = await totals(between(first, today));
      assert.equal(await exact(page, `now-${name}`), write.money(revenue), name);
    }
    const [now, before] = [
      await totals(between(from, to)),
      await totals(between(dayAfter(from, -30), dayAfter(from, -1))),
    ];
    const change = Number(now.revenue) / Number(before.revenue) - 1;
    const words = (await page.locator('[data-kpi="revenue"] .change').textContent()).replace(/\s+/g, " ");
    assert.match(words, change > 0 ? /▲.*more than/ : /▼.*less than/);
    const percent = Number(words.match(/[\d.,]+(?=\s?%)/)[0].replace(",", ""));
    assert.ok(Math.abs(percent - Math.abs(change) * 100) < 0.06, `${words} is ${change}`);
  });

  it("each point of the trend, slice, bar, cell and row is that of the query", async () => {
    const page = await shop.page(`/?${range}`);
    await settled(page);
    const where = between(from, to);
    const days = await query(
      `SELECT shop_day AS day, sum(amount) AS revenue FROM ${SALES} WHERE ${where} GROUP BY 1 ORDER BY 1`,
    );
    const points = (await marks(page, "trend")).map((mark) => mark.match(/Net revenue ([^,]*(?:,\d{3})*[^,]*)/)[1]);
    assert.equal(points.length, 30);
    const byDay = new Map(days.map((row) => [row.day, write.money(row.revenue)]));
    points.forEach((point, index) => assert.equal(point, byDay.get(dayAfter(from, index)) ?? "no sales"));

    const products = await query(
      `SELECT product_id, name_now AS name, sum(amount) AS revenue, count(*) AS orders FROM ${SALES} WHERE ${where} AND known
       GROUP BY 1, 2 ORDER BY revenue DESC, product_id LIMIT 10`,
    );
    assert.deepEqual(
      await marks(page, "products"),
      products.map((row) => `${row.name}: Net revenue ${write.money(row.revenue)}, Orders ${write.count(row.orders)}`),
    );

    const hours = await query(
      `SELECT shop_weekday AS weekday, shop_hour AS hour, sum(amount) AS revenue, count(*) AS sales FROM ${SALES}
       WHERE ${where} GROUP BY 1, 2 ORDER BY 1, 2`,
    );
    await page.getByRole("button", { name: "When customers buy as a table" }).click();
    assert.deepEqual(
      (await cells(page, "heatmap")).map(([, , sales, revenue]) => [sales, revenue]),
      hours.map((row) => [write.count(row.sales), write.money(row.revenue)]),
    );

    const categories = await query(
      `SELECT category_now AS category, count(*) AS orders, sum(amount) AS revenue FROM ${SALES} WHERE ${where}
       GROUP BY 1 ORDER BY revenue DESC, 1`,
    );
    await page.getByRole("button", { name: "Sales by category as a table" }).click();
    assert.deepEqual(
      (await cells(page, "categories")).map((row) => row.slice(0, 3)),
      categories.map((row) => [row.category ?? "Without category", write.count(row.orders), write.money(row.revenue)]),
    );

    const segments = await query(
      `SELECT segment_now AS segment, count(DISTINCT customer_id) AS customers, sum(amount) AS revenue FROM ${SALES}
       WHERE ${where} GROUP BY 1`,
    );
    await page.getByRole("button", { name: "Customer segments as a table" }).click();
    const bySegment = (left, right) => left[0].localeCompare(right[0]);
    assert.deepEqual(
      (await cells(page, "segments")).toSorted(bySegment),
      segments
        .map((row) => [SEGMENT_NAMES[row.segment], write.count(row.customers), write.money(row.revenue)])
        .toSorted(bySegment),
    );

    const rows = await query(
      `SELECT transaction_id, amount, quantity, city FROM ${SALES} WHERE ${where}
       ORDER BY transaction_date DESC, transaction_id DESC LIMIT 50`,
    );
    assert.deepEqual(
      (await cells(page, "transactions")).map((row) => [row[0], row[2], row[4], row[6]]),
      rows.map((row) => [row.transaction_id, write.money(row.amount), write.count(row.quantity), row.city ?? "–"]),
    );
  });

  it("under every filter, alone and together, they stay those of the query; back undoes each", async () => {
    const page = await shop.page(`/?${range}`);
    await settled(page);
    const [{ category }] = await query(
      `SELECT category_now AS category, sum(amount) AS revenue FROM ${SALES} WHERE ${between(from, to)} GROUP BY 1 ORDER BY 2 DESC LIMIT 1`,
    );
    const all = between(from, to);
    await chooseMark(page, "categories", category);
    const first = `${all} AND category_now = ${text(category)}`;
    await holds(page, first);
    await chooseMark(page, "segments", SEGMENT_NAMES.loyal);
    const second = `${first} AND segment_now = 'loyal'`;
    await holds(page, second);
    const [{ city }] = await query(
      `SELECT city, count(*) AS sales FROM ${SALES} WHERE ${second} AND city IS NOT NULL GROUP BY 1 ORDER BY 2 DESC LIMIT 1`,
    );
    await page.getByRole("button", { name: /^Filter by city/i }).click();
    await page.getByRole("searchbox", { name: "Search city" }).fill(city);
    await page.getByRole("checkbox", { name: city }).check();
    await page.keyboard.press("Escape");
    await holds(page, `${second} AND city = ${text(city)}`);
    await page.goBack();
    await holds(page, second);
    await page.goBack();
    await holds(page, first);
    await page.goBack();
    await holds(page, all);
    for (const [filter, where] of [
      ["segment=unknown", "segment_now = 'unknown'"],
      ["category=(unknown%20product)", "category_now = '(unknown product)'"],
      ["weekday=6&weekday=7&hour=9", "shop_weekday IN (6, 7) AND shop_hour = 9"],
    ]) {
      const filtered = await shop.page(`/?${range}&${filter}`);
      await settled(filtered);
      await holds(filtered, `${all} AND ${where}`);
      await filtered.context().close();
    }
  });

  it("the way down from a month ends at the line of the file that was dropped", async () => {
    const page = await shop.page("/?period=last365");
    await settled(page);
    const down = async (words) => {
      await chooseMark(page, "trend", words);
      await settled(page);
    };
    const last = (await marks(page, "trend")).findLast((mark) => !mark.includes("Net revenue no sales"));
    await down(last.split(":")[0].split(" (")[0]);
    const day = (await marks(page, "trend")).findLast((mark) => !mark.includes("Net revenue no sales"));
    await down(day.split(":")[0].split(" (")[0]);
    const hours = await marks(page, "trend");
    assert.equal(hours.length, 24);
    const hour = hours.findIndex((mark) => !mark.includes("Net revenue no sales"));
    await page.locator('[data-tile="trend"] [role="listbox"]').focus();
    await page.keyboard.press("Home");
    for (let step = 0; step < hour; step += 1) await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await eventually(() => new URL(page.url()).searchParams.get("hour"), String(hour));
    const at = new URL(page.url()).searchParams;
    const where = `${between(at.get("from"), at.get("to"))} AND shop_hour = ${hour}`;
    await holds(page, where);
    const [sale] = await query(
      `SELECT transaction_id, amount, _source_file, _source_line FROM ${SALES} WHERE ${where}
       ORDER BY transaction_date DESC, transaction_id DESC LIMIT 1`,
    );
    await page.getByRole("button", { name: sale.transaction_id, exact: true }).click();
    const panel = page.getByRole("dialog", { name: `Transaction ${sale.transaction_id}` });
    await panel.getByText(sale._source_file).waitFor();
    await panel.getByText(`line ${write.count(sale._source_line)}`).waitFor();
    await panel.getByText(write.money(sale.amount)).waitFor();
    assert.match(landedLines(sale._source_file)[sale._source_line - 1], new RegExp(`\\b${sale.transaction_id}\\b`));
  });

  it("the SQL that the panel shows gives the chart that the page shows", async () => {
    const count = { category: 0, orders: 0 };
    for (const filter of ["", "segment=loyal&segment=unknown", "weekday=1&hour=10&hour=11"]) {
      const sqlOf = async (name) => {
        const page = await shop.page(`/?${range}&${filter}&why=${name}`);
        await settled(page);
        const sql = await page.getByRole("dialog").locator("pre").textContent();
        await page.context().close();
        return query(sql);
      };
      const rows = async (name) => (await shop.api(`/sales/${name}?${range}&${filter}`)).rows;
      const categories = await rows("categories");
      count.category += categories.length;
      const sorted = (list) => list.map((row) => row.map(String).join(" ")).toSorted();
      assert.deepEqual(
        sorted((await sqlOf("categories")).map((row) => [row.category, row.revenue, row.order_count])),
        sorted(categories.map((row) => [row.category, row.revenue, row.order_count])),
      );
      assert.deepEqual(
        (await sqlOf("products")).map((row) => [row.product_id, row.revenue, row.order_count]),
        (await rows("top-products")).map((row) => [row.product_id, row.revenue, row.order_count]),
      );
      assert.deepEqual(
        sorted((await sqlOf("segments")).map((row) => [row.segment, row.customers, row.revenue])),
        sorted((await rows("segments")).map((row) => [row.segment, row.customers, row.revenue])),
      );
      assert.deepEqual(
        (await sqlOf("heatmap")).map((row) => [row.day_of_week, row.hour, row.revenue, row.transactions]),
        (await rows("heatmap")).map((row) => [row.day_of_week, row.hour, row.revenue, row.transactions]),
      );
      assert.deepEqual(
        (await sqlOf("trend")).map((row) => [row.date, row.revenue]),
        (await shop.api(`/sales/trend?${range}&${filter}&grain=day`)).points.map((point) => [point.at, point.revenue]),
      );
    }
    assert.ok(count.category > 10, "the sample has categories");
  });

  it("each chart's CSV is the query's", async () => {
    const page = await shop.page(`/?${range}`);
    await settled(page);
    const where = between(from, to);
    const trend = await query(
      `SELECT shop_day AS at, count(*) AS n, sum(amount) AS revenue FROM ${SALES} WHERE ${where} GROUP BY 1 ORDER BY 1`,
    );
    const [head, ...rows] = await csvOf(page, "Revenue over time");
    assert.deepEqual(head, ["at", "transactions", "revenue"]);
    assert.deepEqual(
      rows,
      trend.map((row) => [row.at, String(row.n), row.revenue]),
    );
    const categories = await query(
      `SELECT category_now AS category, count(*) AS n, sum(amount) AS revenue FROM ${SALES} WHERE ${where} GROUP BY 1 ORDER BY revenue DESC, 1`,
    );
    assert.deepEqual(
      (await csvOf(page, "Sales by category")).slice(1).map((row) => row.slice(0, 3)),
      categories.map((row) => [row.category ?? "Without category", String(row.n), row.revenue]),
    );
    const sales = await query(
      `SELECT transaction_id, amount, _source_file, _source_line FROM ${SALES} WHERE ${where} ORDER BY transaction_date DESC, transaction_id DESC LIMIT 50`,
    );
    const listed = await csvOf(page, "Recent transactions");
    const named = ["transaction_id", "amount", "_source_file", "_source_line"].map((name) => listed[0].indexOf(name));
    assert.deepEqual(
      listed.slice(1).map((row) => named.map((column) => row[column])),
      sales.map((row) => [row.transaction_id, row.amount, row._source_file, String(row._source_line)]),
    );
  });

  it("the other pages show this shop: its runs add up, its quarantine has its lines, its views are tables too", async () => {
    const page = await shop.page("/pipeline");
    await settled(page);
    const [run] = await shop.api("/runs");
    assert.equal(run.rows.rows_read, run.rows.inserted + run.rows.updated + run.rows.duplicate + run.rows.rejected);
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
    const [{ n }] = await query("SELECT count(*) AS n FROM quarantine");
    await page.goto(`${shop.base}/quality`);
    await page.getByText(write.count(n)).first().waitFor();
    await page.goto(`${shop.base}/catalog?table=daily_sales_summary`);
    await page.getByRole("button", { name: "total_revenue" }).click();
    await page.getByRole("heading", { name: /Where daily_sales_summary\.total_revenue comes from/ }).waitFor();
    await page.getByRole("link", { name: /^sales\.amount/ }).waitFor();
    await page
      .getByRole("link", { name: /^stg_sales/ })
      .first()
      .waitFor();
    await page.goto(`${shop.base}/sql`);
    const editor = page.locator(".cm-content");
    await editor.click();
    await page.keyboard.press("Control+a");
    await page.keyboard.insertText("SELECT count(*) AS n, sum(amount) AS amount FROM sales");
    await page.keyboard.press("Control+Enter");
    const [{ amount }] = await query("SELECT sum(amount) AS amount FROM sales");
    await page.getByText(write.money(amount)).first().waitFor();
  });
});

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
    await eventually(async () => (await other.request.get(`${shop.base}/api/v1/trust`)).status(), 401);
  });
});
