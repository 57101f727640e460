// Pictures of a page while working on it: node tests/shots.mjs BASE OUT PATH [width] [scheme] [full]
import { chromium } from "playwright-core";
import { LAUNCH } from "./browser.mjs";

const [, , base, out, path, width = "1440", scheme = "light", full = "full", action = ""] = process.argv;
const browser = await chromium.launch(LAUNCH);
const page = await browser.newPage({
  viewport: { width: Number(width), height: Number(width) < 500 ? 780 : 900 },
  colorScheme: scheme,
  locale: "en-GB",
});
page.on("console", (message) => message.type() === "error" && console.log("console:", message.text()));
page.on("pageerror", (error) => console.log("page:", error.message));
await page.goto(base + path);
await page.waitForTimeout(1800);
if (action) {
  await page.evaluate(action);
  await page.waitForTimeout(900);
}
await page.screenshot({ path: out, fullPage: full === "full" });
await browser.close();
