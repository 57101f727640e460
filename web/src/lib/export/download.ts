// Gives the reader a file: CSV, picture, or the page as one HTML file.

export function download(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export const fileName = (title: string, ending: string, more = ""): string =>
  `${`${title} ${more}`
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-|-$/g, "")}.${ending}`;

export const downloadCsv = (title: string, csv: string, more = ""): void =>
  download(fileName(title, "csv", more), new Blob(["﻿", csv], { type: "text/csv;charset=utf-8" }));

/** The chart with its title and period above it, so that the picture speaks for itself in a mail. */
export async function downloadPicture(title: string, subtitle: string, chart: string): Promise<void> {
  const image = new Image();
  image.src = chart;
  await image.decode();
  const scale = 2;
  const margin = 16 * scale;
  const head = 56 * scale;
  const canvas = document.createElement("canvas");
  canvas.width = image.width + margin * 2;
  canvas.height = image.height + head + margin * 2;
  const pen = canvas.getContext("2d");
  if (!pen) return;
  const style = getComputedStyle(document.body);
  const probe = document.createElement("i");
  probe.hidden = true;
  probe.style.color = "var(--surface)";
  document.body.append(probe);
  pen.fillStyle = getComputedStyle(probe).color;
  probe.remove();
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = style.color;
  pen.font = `600 ${18 * scale}px ${style.fontFamily}`;
  pen.fillText(title, margin, margin + 18 * scale);
  pen.globalAlpha = 0.75;
  pen.font = `${12 * scale}px ${style.fontFamily}`;
  pen.fillText(subtitle, margin, margin + 38 * scale);
  pen.globalAlpha = 1;
  pen.drawImage(image, margin, head + margin);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (blob) download(fileName(title, "png"), blob);
}
