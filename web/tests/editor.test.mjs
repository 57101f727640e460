// The editor of a dashboard where the same file is changed elsewhere: nobody's work is lost.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { eventually, openShop, settled } from "./helpers.mjs";

const MINE = "title: My review";
const THEIRS = "title: Their review";

describe("a dashboard that is changed elsewhere while somebody types", () => {
  let shop, page, before;
  beforeEach(async () => {
    shop = await openShop({ scenario: "usual" });
    before = file();
    page = await shop.page("/d/weekly?edit=1");
    await settled(page);
    await page.locator(".cm-content").click();
    await page.keyboard.press("Control+a");
    await page.keyboard.insertText(before.replace("title: Weekly review", MINE));
  });
  afterEach(() => shop.close());
  const file = () => shop.mock.state.sources.get("weekly");
  const change = (text) => shop.mock.state.sources.set("weekly", text);
  const typed = () => page.locator(".cm-content").innerText();
  const save = () => page.getByRole("button", { name: "Save", exact: true }).click();

  it("is not overwritten: what was typed stays, and beside it what is in the file now", async () => {
    const theirs = before.replace("title: Weekly review", THEIRS);
    change(theirs);
    await save();
    await page.getByRole("alert").getByText("The file was changed elsewhere.").waitFor();
    assert.equal((await page.getByLabel("What is in the file now").textContent()).trim(), theirs.trim());
    assert.deepEqual(await page.locator("mark").allTextContents(), [THEIRS], "what differs is marked");
    assert.ok((await typed()).includes(MINE), "what was typed");
    assert.equal(file(), theirs);
  });

  it("takes mine where I keep it, on top of what I have seen and of nothing newer", async () => {
    change(before.replace("title: Weekly review", THEIRS));
    await save();
    await page.getByRole("alert").getByText(THEIRS).waitFor();
    const newer = before.replace("title: Weekly review", "title: Newer review");
    change(newer);
    await page.getByRole("button", { name: "Keep mine" }).click();
    await page.getByRole("alert").getByText("title: Newer review").waitFor();
    assert.equal(file(), newer, "nobody has seen that one yet");
    await page.getByRole("button", { name: "Keep mine" }).click();
    await page.getByRole("heading", { name: "My review", level: 1 }).waitFor();
    assert.ok(file().includes(MINE));
    assert.equal(await page.getByRole("button", { name: "Keep mine" }).count(), 0);
  });

  it("takes theirs where I take it, and what I change then is saved", async () => {
    change(before.replace("title: Weekly review", THEIRS));
    await save();
    await page.getByRole("button", { name: "Take theirs" }).click();
    await eventually(typed, (text) => text.includes(THEIRS) && !text.includes(MINE), "their text is in the editor");
    await page.locator(".cm-content").click();
    await page.keyboard.press("Control+End");
    await page.keyboard.insertText("# seen\n");
    await save();
    await eventually(file, (text) => text.includes(THEIRS) && text.includes("# seen"), "saved on top of theirs");
  });

  it("is written anew where it was removed", async () => {
    shop.mock.state.sources.delete("weekly");
    await save();
    await page.getByText("The file was removed elsewhere.").waitFor();
    await page.getByRole("button", { name: "Keep mine" }).click();
    await eventually(file, (text) => text?.includes(MINE) ?? false, "the file is there again");
  });
});
