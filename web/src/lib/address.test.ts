import { describe, expect, it } from "vitest";
import { ownAddress } from "./address";

const here = "https://shop.example:8443/sign-in?to=x";

describe("the address after sign-in", () => {
  it("is the page that was asked for", () => {
    for (const own of ["/", "/d/weekly?edit=1", "/?category=Tea%20%26%20more&from=2026-01-01"])
      expect(ownAddress(own, here)).toBe(own);
    expect(ownAddress("https://shop.example:8443/sql", here)).toBe("/sql");
    expect(ownAddress(null, here)).toBe("/");
  });
  it("is never another site's, however it is spelt", () => {
    for (const other of [
      "//evil.example",
      "/\\evil.example",
      "\\\\evil.example",
      "/\t/evil.example",
      "https://evil.example/",
      "https:evil.example",
      "https://shop.example/",
      "javascript:alert(1)",
      "data:text/html,x",
      "https://",
      "/..//evil.example",
    ])
      expect(new URL(ownAddress(other, here), here).origin, other).toBe("https://shop.example:8443");
    expect(ownAddress("/%2f%2fevil.example", here)).toBe("/%2f%2fevil.example");
  });
});
