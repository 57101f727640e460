// What the browser tests share: a shop to look at (the mock's, or the one that BASE_URL names), a browser, patience.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import { start } from "../mock/server.mjs";
import { LAUNCH } from "./browser.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** A shop and a browser; `mock` is null where a real server is looked at. */
export async function openShop(options = {}) {
  const given = process.env.BASE_URL;
  const mock = given && !options.scenario && !options.signIn ? null : await start({ port: 0, ...options });
  const browser = await chromium.launch(LAUNCH);
  const base = mock ? mock.url : given;
  const problems = [];
  return {
    mock,
    base,
    browser,
    problems,
    async page(path = "/", { width = 1440, height = 900, scheme = "light", ...more } = {}) {
      const context = await browser.newContext({
        viewport: { width, height },
        colorScheme: scheme,
        locale: "en-GB",
        acceptDownloads: true,
        bypassCSP: false,
        ...more,
      });
      const page = await context.newPage();
      page.on("pageerror", (error) => problems.push(`error on ${path}: ${error.message}`));
      page.on("console", (message) => {
        // Typing over a selection, Chromium itself writes a style into the editor's text, which the policy refuses
        // and the editor has no use for: nothing is lost.
        const here = new URL(page.url()).pathname;
        if (/^\/(sql|d\/)/.test(here) && message.text().startsWith("Applying inline style")) return;
        if (message.type() === "error" && !/status of (401|403|404|412|422|503)/.test(message.text()))
          problems.push(`console on ${path}: ${message.text()}`);
      });
      await page.goto(base + path);
      await page.locator("h1").first().waitFor();
      return page;
    },
    async api(path) {
      const response = await fetch(`${base}/api/v1${path}`);
      assert.equal(response.status, 200, `${path} answers ${response.status}`);
      return response.json();
    },
    async close() {
      await browser.close();
      await mock?.close();
      assert.deepEqual(
        [...new Set(problems)].slice(0, 10),
        [],
        "the pages ran without errors, and within their content security policy",
      );
    },
  };
}

/** Waits until something holds; says what it was last. */
export async function eventually(read, wanted, message = "", limit = 8000) {
  const end = Date.now() + limit;
  let last;
  do {
    last = await read();
    if (typeof wanted === "function" ? wanted(last) : last === wanted) return last;
    await new Promise((done) => setTimeout(done, 50));
  } while (Date.now() < end);
  if (typeof wanted === "function") assert.fail(`${message}: it stayed ${JSON.stringify(last)}`);
  assert.equal(last, wanted, message);
  return last;
}

/** Nothing is on its way any more. */
export async function settled(page, limit = 8000) {
  await eventually(() => page.locator(".skeleton").count(), 0, "every part of the page arrived", limit);
  await eventually(() => page.locator(".stale").count(), 0, "no part shows figures of before", limit);
  await eventually(
    () => page.evaluate(() => [...document.querySelectorAll(".chart")].every((chart) => chart.querySelector("canvas"))),
    true,
    "every chart is drawn",
    limit,
  );
  await page.waitForTimeout(260);
}

/** The findings of axe that are serious or worse, one line each. */
export async function findings(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run(document, {
      resultTypes: ["violations"],
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }),
  );
  return violations
    .filter((each) => ["serious", "critical"].includes(each.impact))
    .flatMap((each) =>
      each.nodes.map((node) => `${each.id}: ${node.target.join(" ")} ${node.failureSummary?.split("\n")[1] ?? ""}`),
    );
}

/** Chooses a mark of a chart by keyboard, by the words that a screen reader hears. */
export async function chooseMark(page, tile, words) {
  const chart = page.locator(`[data-tile="${tile}"] [role="listbox"]`);
  await chart.waitFor();
  const options = await chart.locator('[role="option"]').allTextContents();
  const index = options.findIndex((text) => text.startsWith(words));
  assert.notEqual(index, -1, `${words} is among ${options.slice(0, 12).join(" | ")}`);
  await chart.focus();
  await page.keyboard.press("Home");
  for (let step = 0; step < index; step += 1) await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
}

export const exact = (page, kpi) => page.locator(`[data-kpi="${kpi}"] .value`).getAttribute("data-exact");

/** A download of a button: its name and its bytes. */
export async function downloadOf(page, act) {
  const [download] = await Promise.all([page.waitForEvent("download"), act()]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

export function formats(session) {
  const money = new Intl.NumberFormat("en-GB", { style: "currency", currency: session.shop.currency });
  return {
    money: (text) =>
      new Intl.NumberFormat("en-GB", {
        style: "currency",
        currency: session.shop.currency,
        maximumFractionDigits: Math.max(
          money.resolvedOptions().maximumFractionDigits,
          (text.split(".")[1] ?? "").replace(/0+$/, "").length,
        ),
      }).format(text),
    count: (value) => new Intl.NumberFormat("en-GB").format(value),
  };
}
