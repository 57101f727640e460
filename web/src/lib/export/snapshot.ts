// The page as one HTML file: its words and figures, its charts as pictures, its tables whole. It needs no server.
import { session } from "../state/session.svelte";
import { download, fileName } from "./download";

async function styles(): Promise<string> {
  const sheets = [...document.styleSheets].map((sheet) => {
    try {
      return [...sheet.cssRules].map((rule) => rule.cssText).join("\n");
    } catch {
      return "";
    }
  });
  return sheets.join("\n");
}

export async function saveSnapshot(title: string): Promise<void> {
  const main = document.querySelector("main");
  if (!main) return;
  const copy = main.cloneNode(true) as HTMLElement;
  const drawn = main.querySelectorAll("canvas");
  copy.querySelectorAll("canvas").forEach((canvas, index) => {
    const source = drawn[index];
    const chart = canvas.closest(".chart");
    if (!source || !chart) return;
    const picture = document.createElement("img");
    picture.src = source.toDataURL("image/png");
    picture.alt = chart.getAttribute("aria-label") ?? "";
    picture.style.width = "100%";
    // The marks stay as a list behind the picture: the data is in the file, not only its looks.
    const marks = document.createElement("details");
    const summary = document.createElement("summary");
    summary.textContent = "The figures";
    marks.append(summary, ...[...chart.querySelectorAll('[role="option"]')].map((option) => Object.assign(document.createElement("div"), { textContent: option.textContent })));
    chart.replaceWith(picture, marks);
  });
  copy.querySelectorAll(".no-print, button, script, dialog").forEach((element) => element.remove());
  copy.querySelectorAll("a").forEach((link) => link.replaceWith(...link.childNodes));
  copy.querySelectorAll<HTMLElement>(".scroll").forEach((element) => (element.style.maxHeight = "none"));
  const page = document.implementation.createHTMLDocument(`${title}, ${session.current?.shop.name ?? ""}`);
  page.documentElement.lang = document.documentElement.lang;
  const theme = document.documentElement.dataset["theme"];
  if (theme) page.documentElement.dataset["theme"] = theme;
  const charset = page.createElement("meta");
  charset.setAttribute("charset", "utf-8");
  const policy = page.createElement("meta");
  policy.httpEquiv = "Content-Security-Policy";
  policy.content = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
  const style = page.createElement("style");
  style.textContent = await styles();
  page.head.prepend(charset, policy);
  page.head.append(style);
  const foot = page.createElement("p");
  foot.textContent = `Saved on ${session.formats.moment(new Date().toISOString())} (${session.formats.zoneName()}) from Shoplake ${session.current?.version ?? ""}${session.trust?.batch != null ? `, batch ${session.trust.batch}` : ""}.`;
  page.body.append(copy, foot);
  download(fileName(`${title} ${session.today}`, "html"), new Blob(["<!doctype html>\n", page.documentElement.outerHTML], { type: "text/html" }));
}
