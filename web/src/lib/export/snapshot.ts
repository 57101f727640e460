// The page as one HTML file: its words and figures, its charts as pictures, its tables whole. It needs no server.
import { readColours } from "../charts/colours";
import { session } from "../state/session.svelte";
import { isDark } from "../state/theme.svelte";
import { download, fileName } from "./download";

/** The sheets as they were written: a browser that writes its rules back loses shorthands that hold a variable. */
async function styles(): Promise<string> {
  const sheets = [...document.styleSheets].map((sheet) =>
    sheet.href ? fetch(sheet.href).then((answer) => answer.text()) : (sheet.ownerNode?.textContent ?? ""),
  );
  return (await Promise.all(sheets)).join("\n");
}

/** A chart on the surface that it was drawn for: its words can be read whatever it is laid on. */
function pictureOf(canvas: HTMLCanvasElement, surface: string): string {
  const whole = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
  const pen = whole.getContext("2d");
  if (!pen) return canvas.toDataURL("image/png");
  pen.fillStyle = surface;
  pen.fillRect(0, 0, whole.width, whole.height);
  pen.drawImage(canvas, 0, 0);
  return whole.toDataURL("image/png");
}

export async function saveSnapshot(title: string): Promise<void> {
  const main = document.querySelector("main");
  if (!main) return;
  const copy = main.cloneNode(true) as HTMLElement;
  const { surface } = readColours().of;
  const drawn = main.querySelectorAll("canvas");
  copy.querySelectorAll("canvas").forEach((canvas, index) => {
    const source = drawn[index];
    const chart = canvas.closest(".chart");
    if (!source || !chart) return;
    const picture = document.createElement("img");
    picture.src = pictureOf(source, surface);
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
  // A head that sorts and a number that opens are words here.
  copy.querySelectorAll("th button, td button").forEach((button) => button.replaceWith(...button.childNodes));
  copy.querySelectorAll("[data-stated]").forEach((words) => words.classList.remove("on-paper"));
  copy.querySelectorAll(".no-print, button, script, dialog").forEach((element) => element.remove());
  copy.querySelectorAll("a").forEach((link) => link.replaceWith(...link.childNodes));
  copy.querySelectorAll<HTMLElement>(".scroll").forEach((element) => (element.style.maxHeight = "none"));
  // The charts were drawn for this theme: the file keeps it, whatever the system that opens it prefers.
  const theme = isDark() ? "dark" : "light";
  const foot = document.createElement("p");
  foot.textContent = `Saved on ${session.formats.moment(new Date().toISOString())} (${session.formats.zoneName()}) from Shoplake ${session.current?.version ?? ""}${session.trust?.batch != null ? `, batch ${session.trust.batch}` : ""}.`;
  const name = document.createElement("title");
  name.textContent = `${title}, ${session.current?.shop.name ?? ""}`;
  const css = (await styles()).replaceAll("</", "<\\/");
  download(
    fileName(`${title} ${session.today}`, "html"),
    new Blob(
      [
        `<!doctype html>\n<html lang="${document.documentElement.lang}" data-theme="${theme}">\n<head>\n<meta charset="utf-8">\n`,
        `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">\n`,
        `${name.outerHTML}\n<style>\n${css}\n</style>\n</head>\n<body>\n${copy.outerHTML}\n${foot.outerHTML}\n</body>\n</html>\n`,
      ],
      { type: "text/html" },
    ),
  );
}
