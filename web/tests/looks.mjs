// What nobody should see on a page: errors, charts without a mark, words that are cut off, things beside the paper.

/** Figures and words that no page means to show. */
const WRONG = /\b(NaN|undefined|Infinity)\b|\[object |Invalid Date/;

/** What is wrong on the page as it stands, one line each; with `errors` it is there to show one. */
export async function faultsOf(page, { errors = false } = {}) {
  const text = await page.evaluate(() => document.body.innerText);
  const wrong = WRONG.exec(text);
  return [
    ...(wrong ? [`it says \`${text.slice(Math.max(0, wrong.index - 30), wrong.index + 30)}\``] : []),
    ...(errors ? [] : await page.evaluate(errorsShown)),
    ...(await page.evaluate(emptyCharts)),
    ...(await page.evaluate(besideThePage)),
  ];
}

// What follows runs in the browser, and knows nothing of this file.

function errorsShown() {
  const shown = [...document.querySelectorAll('[role="alert"], .tile .late')].filter((each) => each.checkVisibility());
  return shown.map((each) => `an error stands there: ${each.textContent.trim().replace(/\s+/g, " ").slice(0, 120)}`);
}

/** A chart has marks, and something coloured is drawn; axes and labels are grey. */
function emptyCharts() {
  // One day alone is a dot of a few pixels.
  const ENOUGH = 12;
  const coloured = (canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let found = 0;
    for (let at = 0; at < data.length && found < ENOUGH; at += 4) {
      const [red, green, blue, alpha] = data.subarray(at, at + 4);
      if (alpha > 100 && Math.max(red, green, blue) - Math.min(red, green, blue) > 30) found += 1;
    }
    return found === ENOUGH;
  };
  return [...document.querySelectorAll(".chart")].flatMap((chart) => {
    const name = chart.getAttribute("aria-label").split(",")[0];
    if (chart.querySelectorAll('[role="option"]').length === 0) return [`the chart ${name} has no mark`];
    return [...chart.querySelectorAll("canvas")].some(coloured) ? [] : [`the chart ${name} is drawn without a mark`];
  });
}

/** What reaches past the window sideways outside of a box that scrolls, and words that their own box cuts off. */
function besideThePage() {
  const wide = window.innerWidth;
  const words = (element) => `${element.tagName.toLowerCase()} \`${element.textContent.trim().slice(0, 40)}\``;
  const found = [];
  const { scrollWidth } = document.documentElement;
  if (scrollWidth > wide) found.push(`the page is ${scrollWidth} px wide in a window of ${wide}`);
  const held = (element) => {
    for (let each = element.parentElement; each && each !== document.body; each = each.parentElement)
      if (getComputedStyle(each).overflowX !== "visible") return true;
    return false;
  };
  for (const element of document.body.querySelectorAll("*")) {
    if (element.closest(".visually-hidden, .skip") || !element.checkVisibility()) continue;
    const box = element.getBoundingClientRect();
    if (box.width > 0 && (box.right > wide + 1 || box.left < -1) && !held(element))
      found.push(`${words(element)} ends at ${Math.round(box.right)} of ${wide} px`);
    const cuts = ["hidden", "clip"].includes(getComputedStyle(element).overflowX);
    if (cuts && element.scrollWidth > element.clientWidth + 1 && !element.title && element.closest("main, dialog"))
      found.push(`${words(element)} is cut off after ${element.clientWidth} of ${element.scrollWidth} px`);
  }
  return found.slice(0, 5);
}
