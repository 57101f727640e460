// How the pages write figures for a reader of `en-GB`, said once more beside the app's own words for it.
const LOCALE = "en-GB";
const number = (options) => new Intl.NumberFormat(LOCALE, options);
const date = (options) => new Intl.DateTimeFormat(LOCALE, options);
/** Thin and no-break spaces are spaces. */
export const plain = (text) => text.replace(/\s+/g, " ").trim();

export const count = (value) => number({ maximumFractionDigits: 20 }).format(value);
export const countShort = (value) =>
  Math.abs(value) >= 100_000
    ? number({ notation: "compact", maximumSignificantDigits: 4 }).format(value)
    : count(value);
export const percent = (share) =>
  number({
    style: "percent",
    maximumFractionDigits: 1,
    minimumFractionDigits: Math.abs(share) < 0.1 ? 1 : 0,
  }).format(share);

export function wordsOfShop({ currency, time_zone: zone }) {
  const style = { style: "currency", currency };
  const money = (text) => {
    const digits = (text.split(".")[1] ?? "").replace(/0+$/, "").length;
    const usual = number(style).resolvedOptions().maximumFractionDigits;
    return number({ ...style, maximumFractionDigits: Math.max(usual, digits) }).format(text);
  };
  const moneyShort = (text) => {
    const size = Math.abs(Number(text));
    const compact = { ...style, notation: "compact", maximumSignificantDigits: size < 100_000 ? 3 : 4 };
    return number(size < 10_000 ? style : compact).format(text);
  };
  const moment = (instant, more = {}) =>
    date({
      day: "numeric",
      month: "short",
      year: "numeric",
      hour: "2-digit",
      minute: "2-digit",
      timeZone: zone,
      ...more,
    }).format(Date.parse(instant));
  return { money, moneyShort, moment };
}

const utc = { timeZone: "UTC" };
export const day = (text) => date({ day: "numeric", month: "short", year: "numeric", ...utc }).format(Date.parse(text));
export const dayLong = (text) =>
  date({ weekday: "short", day: "numeric", month: "short", year: "numeric", ...utc }).format(Date.parse(text));
export const monthLong = (text) => date({ month: "long", year: "numeric", ...utc }).format(Date.parse(text));
export const weekday = (iso) => date({ weekday: "long", ...utc }).format(Date.UTC(2024, 0, iso));
export const hour = (value) => `${value}:00`;
export const range = (from, to) =>
  from === to
    ? dayLong(from)
    : plain(
        date({ day: "numeric", month: "short", year: "numeric", ...utc }).formatRange(Date.parse(from), Date.parse(to)),
      );

/** The change of a figure, in the words of its tile; amounts are decimal text. */
export function change(now, before, against, { running = false } = {}) {
  if (before === null || Number(before) === 0) return `no figures for ${against}`;
  const share = Number(now) / Number(before) - 1;
  if (Math.abs(share) < 0.0005) return `the same as ${against}`;
  const shown = number({
    style: "percent",
    maximumFractionDigits: Math.abs(share) >= 1 ? 0 : 1,
    signDisplay: "exceptZero",
  });
  return `${share > 0 ? "▲" : "▼"} ${shown.format(share)} ${running ? "so far, " : ""}against ${against}`;
}

/** A quotient of an amount and a count with four digits, as the API has averages. */
export function average(amount, of) {
  const [whole, part = ""] = amount.split(".");
  const units = BigInt(`${whole}${part.padEnd(6, "0").slice(0, 6)}`);
  const scaled = (units * 2n + BigInt(of)) / (BigInt(of) * 2n);
  const digits = String((scaled + 50n) / 100n).padStart(5, "0");
  return `${digits.slice(0, -4)}.${digits.slice(-4)}`;
}

/** A cell of a table, by the type and the name of its column in the query's answer. */
export function cell(value, { name, type }, { money, moment }) {
  if (value === null || value === "") return "–";
  if (/^timestamp/.test(type)) return moment(value);
  if (/^date/.test(type)) return day(value);
  if (/^decimal/.test(type)) return /(revenue|value|amount)$/.test(name) ? money(value) : count(value);
  if (/^integer/.test(type) && !/^(hour|day_of_week)$/.test(name)) return count(value);
  return String(value);
}
