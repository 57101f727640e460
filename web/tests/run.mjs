// Runs the browser tests: npm run test:browser [name …].
// BASE_URL=http://… SHOPLAKE=/path/shoplake SHOP=/path/project looks at a real server where a test can.
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { addDashboard, REAL } from "./shop.mjs";

const here = fileURLToPath(new URL("./", import.meta.url));
if (!existsSync(`${here}../dist/index.html`)) {
  console.error("there is no built app: run `npm run build` first");
  process.exit(2);
}
if (REAL) addDashboard();
const names = process.argv.slice(2);
const files = readdirSync(here)
  .filter((name) => name.endsWith(".test.mjs") && (names.length === 0 || names.some((each) => name.startsWith(each))))
  .map((name) => here + name);
spawn(process.execPath, ["--test", "--test-reporter=spec", "--test-concurrency=1", ...files], { stdio: "inherit" }).on(
  "exit",
  (code) => process.exit(code ?? 1),
);
