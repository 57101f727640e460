// What the app promises about other people's words: they are text, never markup.
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const root = new URL("../", import.meta.url);
const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter(
  (name) => /\.(svelte|ts)$/.test(name) && !name.endsWith(".test.ts"),
);

describe("the sources", () => {
  it("never make markup of data, and hold no inline style that the content security policy would refuse", () => {
    expect(files.length).toBeGreaterThan(50);
    for (const name of files) {
      const text = readFileSync(new URL(name, root), "utf8");
      expect(text, name).not.toMatch(/\{@html|\.innerHTML\s*=|insertAdjacentHTML|document\.write/);
      if (name.endsWith(".svelte")) expect(text, name).not.toMatch(/\sstyle="/);
    }
  });
  it("keep to files that can be read at once", () => {
    for (const name of files)
      expect(readFileSync(new URL(name, root), "utf8").split("\n").length, name).toBeLessThanOrEqual(500);
  });
});
