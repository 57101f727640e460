// The shops that pictures are taken of: what each has lived through before somebody looks at it. Each is served.

/** Two years of sales, dirt as real exports have it, a dashboard as code, and a second run this morning. */
export async function usual(shops) {
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
  const { today } = (await (await fetch(`${shop.url}/api/v1/session`)).json()).shop;
  shop.yesterday = new Date(Date.parse(today) - 86_400_000).toISOString().slice(0, 10);
  const [top] = await shop.query("SELECT category FROM sales_by_category ORDER BY revenue DESC LIMIT 1");
  shop.category = encodeURIComponent(top.category);
  return shop;
}

/** No data yet. */
export const empty = async (shops) => (await shops.make("empty")).serve();

/** A shop whose data ends in the past. */
export async function past(shops) {
  const shop = await shops.make("past");
  const start = new Date(Date.now() - 150 * 86_400_000).toISOString().slice(0, 10);
  await shop.shoplake(["generate", "--rows", "6000", "--days", "60", "--start", start, "--quiet"]);
  await shop.shoplake(["run", "--quiet"]);
  return shop.serve();
}

/** One day of sales. */
export async function oneDay(shops) {
  const shop = await shops.make("one-day");
  await shop.shoplake(["generate", "--rows", "140", "--days", "1", "--quiet"]);
  await shop.shoplake(["run", "--quiet"]);
  return shop.serve();
}

/** A run that failed: a model's test does not hold any more. */
export async function failed(shops) {
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
  return shop.serve();
}

/** A mistake in the project's files, made while it is served. */
export async function mistaken(shops) {
  const shop = await shops.make("mistaken", ["--sample"]);
  await shop.shoplake(["run", "--quiet"]);
  await shop.serve();
  shop.change("sources/sales.yml", "event_time: transaction_date", "event_time: transaction_dat");
  for (let tries = 0; tries < 200; tries += 1) {
    const trust = await (await fetch(`${shop.url}/api/v1/trust`)).json();
    if (trust.project.mistakes.length > 0) return shop;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error("the server does not see the mistake in sources/sales.yml");
}

/** A shop with people; `shop.storage` is the browser of an admin who has signed in. */
export async function people(shops, browser) {
  const shop = await (await shops.make("people", ["--sample"])).serve();
  await shop.send("POST", "/tokens", { name: "nightly export", role: "analyst" });
  const password = "a password of ours";
  await shop.send("POST", "/users", { name: "ana@casa-azul.example", password, role: "admin" });
  await shop.shoplake(["user", "add", "rui@casa-azul.example", "--role", "viewer"], `${password}\n`);
  const page = await browser.page(shop, "/", { width: 1440, scheme: "light" });
  await page.getByLabel("Name").fill("ana@casa-azul.example");
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("Sign out").first().waitFor();
  shop.storage = await page.context().storageState();
  await page.context().close();
  return shop;
}
