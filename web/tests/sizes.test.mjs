// The first load stays small: what index.html asks for, gzipped; charts and editors come when they are needed.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { gzipSync } from "node:zlib";

const DIST = new URL("../dist/", import.meta.url);
const weight = (name) => gzipSync(readFileSync(new URL(name, DIST)), { level: 9 }).length;

describe("the built app", () => {
  const html = readFileSync(new URL("index.html", DIST), "utf8");
  const first = [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(([, name]) => name);
  it("loads under 250 KB gzipped at first, and the charts beside it still do", () => {
    const own = first.reduce((sum, name) => sum + weight(name), weight("index.html"));
    const charts = readdirSync(new URL("assets/", DIST))
      .filter((name) => /^engine-/.test(name))
      .reduce((sum, name) => sum + weight(`assets/${name}`), 0);
    console.log(`first load ${(own / 1000).toFixed(1)} KB gzipped, charts ${(charts / 1000).toFixed(1)} KB more`);
    assert.ok(first.length > 0 && own < 100_000, `${own} bytes`);
    assert.ok(own + charts < 250_000, `${own + charts} bytes`);
  });
  it("has no inline script or style: its content security policy allows none", () => {
    assert.doesNotMatch(html, /<script(?![^>]*src=)|<style|style="|\son\w+="/);
  });
});
