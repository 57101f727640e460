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
    marks.append(
      summary,
      ...[...chart.querySelectorAll('[role="option"]')].map((option) =>
        Object.assign(document.createElement("div"), { textContent: option.textContent }),
      ),
    );
    chart.replaceWith(picture, marks);
  });
  copy.querySelectorAll(".no-print, button, script, dialog").forEach((element) => element.remove());
  copy.querySelectorAll("a").forEach((link) => link.replaceWith(...link.childNodes));
  copy.querySelectorAll<HTMLElement>(".scroll").forEach((element) => (element.style.maxHeight = "none"));
  const theme = document.documentElement.dataset["theme"];
  const foot = document.createElement("p");
  foot.textContent = `Saved on ${session.formats.moment(new Date().toISOString())} (${session.formats.zoneName()}) from Shoplake ${session.current?.version ?? ""}${session.trust?.batch != null ? `, batch ${session.trust.batch}` : ""}.`;
  const name = document.createElement("title");
  name.textContent = `${title}, ${session.current?.shop.name ?? ""}`;
  const css = (await styles()).replaceAll("</", "<\\/");
  download(
    fileName(`${title} ${session.today}`, "html"),
    new Blob(
      [
        `<!doctype html>\n<html lang="${document.documentElement.lang}"${theme ? ` data-theme="${theme}"` : ""}>\n<head>\n<meta charset="utf-8">\n`,
        `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">\n`,
        `${name.outerHTML}\n<style>\n${css}\n</style>\n</head>\n<body>\n${copy.outerHTML}\n${foot.outerHTML}\n</body>\n</html>\n`,
      ],
      { type: "text/html" },
    ),
  );
}
