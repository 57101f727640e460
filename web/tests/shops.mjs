// Shops for pictures: each a project folder of its own under a real `shoplake serve`, brought to the state that is shown.
import { execFile, spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import { LAUNCH } from "./browser.mjs";
import { startBefore } from "../mock/server.mjs";
import { WEEKLY } from "./weekly.mjs";

const start = promisify(execFile);
/** Runs end with these where rows were set aside (3), and where a test or a file failed (1). */
const ENDS = [0, 1, 3];
/** A machine that does something else beside may take its time, in milliseconds. */
export const PATIENCE = 60_000;

/** Makes shops below `folder` with the binary. */
export class Shops {
  #binary;
  #folder;

  constructor(binary, folder) {
    this.#binary = binary;
    this.#folder = folder;
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }

  /** A new project; `options` go to `shoplake init`. */
  async make(name, options = []) {
    const shop = new Shop(this.#binary, join(this.#folder, name));
    const usual = ["--name", "Casa Azul", "--timezone", "Europe/Lisbon", "--currency", "EUR", "--quiet"];
    await start(this.#binary, ["init", shop.folder, ...usual, ...options]);
    return shop;
  }
}

export class Shop {
  #binary;
  #server = null;
  #app = null;

  constructor(binary, folder) {
    this.#binary = binary;
    this.folder = folder;
  }

  /** Runs `shoplake` on the project. */
  async shoplake(args, input = "") {
    const running = start(this.#binary, [...args, "--project-dir", this.folder], { maxBuffer: 1 << 28 });
    running.child.stdin.end(input);
    try {
      return (await running).stdout;
    } catch (failure) {
      if (ENDS.includes(failure.code)) return failure.stdout;
      throw failure;
    }
  }

  async query(sql) {
    return JSON.parse(await this.shoplake(["query", "--quiet", "--output", "json", sql]));
  }

  write(name, text) {
    writeFileSync(join(this.folder, name), text);
  }

  change(name, from, to) {
    const text = readFileSync(join(this.folder, name), "utf8");
    if (!text.includes(from)) throw new Error(`${name} has no ${from}`);
    this.write(name, text.replace(from, to));
  }

  /** A dashboard as code with every type of tile, on the tables of the template. */
  addDashboard() {
    this.write("dashboards/weekly.yml", WEEKLY);
  }

  /** Serves the project, without the schedule: what is shown is what was done here, in the app of this folder. */
  async serve() {
    const args = ["serve", "--listen", "127.0.0.1:0", "--no-schedule", "--project-dir", this.folder];
    this.#server = spawn(this.#binary, args, { stdio: ["ignore", "pipe", "ignore"] });
    for await (const line of createInterface(this.#server.stdout)) {
      this.#app = await startBefore(line.trim());
      this.url = this.#app.url;
      break;
    }
    for (let tries = 0; !(await fetch(`${this.url}/api/v1/trust`)).ok; tries += 1) {
      if (tries > PATIENCE / 50) throw new Error(`${this.folder}: the server does not come to its figures`);
      await new Promise((done) => setTimeout(done, 50));
    }
    return this;
  }

  async send(method, path, body) {
    const session = await (await fetch(`${this.url}/api/v1/session`)).json();
    const headers = { "Content-Type": "application/json", "X-Shoplake-CSRF": session.csrf ?? "" };
    const response = await fetch(`${this.url}/api/v1${path}`, { method, headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response;
  }

  async end() {
    await this.#app?.close();
    this.#server?.kill("SIGTERM");
  }
}

/** A browser, and pages of shops in it; `problems` fills with what goes wrong on them. */
export async function openBrowser() {
  const browser = await chromium.launch(LAUNCH);
  return {
    async page(shop, path, { width, scheme, storage }, problems = []) {
      const context = await browser.newContext({
        viewport: viewport(width),
        colorScheme: scheme,
        locale: "en-GB",
        ...(storage ? { storageState: storage } : {}),
      });
      const page = await context.newPage();
      page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
      await page.goto(shop.url + path);
      await page.locator("h1").first().waitFor({ timeout: PATIENCE });
      return page;
    },
    close: () => browser.close(),
  };
}

export const viewport = (width) => ({ width, height: width < 500 ? 780 : width > 2000 ? 2160 : 900 });
