// How figures, days and moments are written: the reader's locale, the shop's currency and time zone.
import { parseDecimal } from "./decimal";
import { toMillis } from "./dates";

type Numeric = string | number | null | undefined;

const LOCAL = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.\d+)?)?$/;

export class Formats {
  readonly locale: string;
  readonly currency: string;
  readonly zone: string;
  readonly #cache = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat>();

  constructor(locale: string, currency: string, zone: string) {
    this.locale = locale;
    this.currency = currency;
    this.zone = zone;
  }

  #number(options: Intl.NumberFormatOptions): Intl.NumberFormat {
    const key = `n${JSON.stringify(options)}`;
    const known = this.#cache.get(key) as Intl.NumberFormat | undefined;
    if (known) return known;
    const made = new Intl.NumberFormat(this.locale, options);
    this.#cache.set(key, made);
    return made;
  }

  #date(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
    const key = `d${JSON.stringify(options)}`;
    const known = this.#cache.get(key) as Intl.DateTimeFormat | undefined;
    if (known) return known;
    const made = new Intl.DateTimeFormat(this.locale, options);
    this.#cache.set(key, made);
    return made;
  }

  /** Intl takes decimal strings as they are, digit by digit. */
  #exact(format: Intl.NumberFormat, value: Numeric): string {
    if (value === null || value === undefined || value === "") return "–";
    if (typeof value === "number") return format.format(value);
    return parseDecimal(value) ? format.format(value as Intl.StringNumericLiteral) : value;
  }

  /** The full amount, with every digit that the currency has and the value carries. */
  money(value: Numeric): string {
    return this.#exact(
      this.#number({ style: "currency", currency: this.currency, ...this.#moneyDigits(value) }),
      value,
    );
  }

  #moneyDigits(value: Numeric): Intl.NumberFormatOptions {
    const scale = typeof value === "string" ? (value.split(".")[1]?.replace(/0+$/, "").length ?? 0) : 0;
    const usual =
      this.#number({ style: "currency", currency: this.currency }).resolvedOptions().maximumFractionDigits ?? 2;
    return scale > usual ? { maximumFractionDigits: Math.min(scale, 20) } : {};
  }

  /** An amount to the currency's own digits: an average that has more is rounded. */
  moneyRounded(value: Numeric): string {
    return this.#exact(this.#number({ style: "currency", currency: this.currency }), value);
  }

  /**
   * A figure in short, `128.4K`; null where the locale has no short word for its size: German has none for thousands,
   * and rounds all the same, so that a rounded figure would look like an exact one.
   */
  #short(value: Numeric, significant: number, style: Intl.NumberFormatOptions = {}): string | null {
    const format = this.#number({ ...style, notation: "compact", maximumSignificantDigits: significant });
    const shortened = format.formatToParts(Number(value)).some((part) => part.type === "compact");
    return shortened ? this.#exact(format, value) : null;
  }

  /** A short amount for tiles and labels: `€128.4K`. The full one stands on hover. */
  moneyShort(value: Numeric): string {
    const size = Math.abs(Number(value));
    const style = { style: "currency", currency: this.currency } as const;
    const short = size >= 10_000 ? this.#short(value, size < 100_000 ? 3 : 4, style) : null;
    return short ?? this.moneyRounded(value);
  }

  /** An amount at a mark, where the title has said the currency. */
  amountShort(value: Numeric): string {
    const size = Math.abs(Number(value));
    const short = size >= 10_000 ? this.#short(value, size < 100_000 ? 3 : 4) : null;
    if (short !== null) return short;
    const digits =
      size < 1000
        ? (this.#number({ style: "currency", currency: this.currency }).resolvedOptions().maximumFractionDigits ?? 2)
        : 0;
    return this.#exact(this.#number({ minimumFractionDigits: digits, maximumFractionDigits: digits }), value);
  }

  /** An amount on an axis: no currency, it stands in the title. */
  axis(value: number): string {
    return this.#number({ notation: "compact", maximumFractionDigits: 1 }).format(value);
  }

  count(value: Numeric): string {
    return this.#exact(this.#number({ maximumFractionDigits: 20 }), value);
  }

  countShort(value: Numeric): string {
    const short = Math.abs(Number(value)) >= 100_000 ? this.#short(value, 4) : null;
    return short ?? this.count(value);
  }

  percent(share: number | null, digits = 1): string {
    if (share === null || !Number.isFinite(share)) return "–";
    return this.#number({
      style: "percent",
      maximumFractionDigits: digits,
      minimumFractionDigits: Math.abs(share) < 0.1 ? digits : 0,
    }).format(share);
  }

  signedPercent(share: number): string {
    return this.#number({
      style: "percent",
      maximumFractionDigits: Math.abs(share) >= 1 ? 0 : 1,
      signDisplay: "exceptZero",
    }).format(share);
  }

  bytes(value: number): string {
    const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
    const step = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3));
    return this.#number({
      style: "unit",
      unit: units[step] ?? "byte",
      unitDisplay: "short",
      maximumFractionDigits: 1,
    }).format(value / 1000 ** step);
  }

  seconds(value: number): string {
    const short = value < 1;
    return this.#number({
      style: "unit",
      unit: short ? "millisecond" : "second",
      unitDisplay: "short",
      maximumFractionDigits: short ? 0 : 1,
    }).format(short ? value * 1000 : value);
  }

  day(date: string): string {
    const millis = toMillis(date);
    return Number.isNaN(millis)
      ? date
      : this.#date({ day: "numeric", month: "short", year: "numeric", timeZone: "UTC" }).format(millis);
  }

  dayShort(date: string): string {
    return this.#date({ day: "numeric", month: "short", timeZone: "UTC" }).format(toMillis(date));
  }

  dayLong(date: string): string {
    return this.#date({ weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC" }).format(
      toMillis(date),
    );
  }

  month(date: string): string {
    return this.#date({ month: "short", year: "numeric", timeZone: "UTC" }).format(toMillis(date));
  }

  monthLong(date: string): string {
    return this.#date({ month: "long", year: "numeric", timeZone: "UTC" }).format(toMillis(date));
  }

  range(from: string, to: string): string {
    if (from === to) return this.dayLong(from);
    return this.#date({ day: "numeric", month: "short", year: "numeric", timeZone: "UTC" }).formatRange(
      toMillis(from),
      toMillis(to),
    );
  }

  weekday(day: number, style: "short" | "long" | "narrow" = "short"): string {
    return this.#date({ weekday: style, timeZone: "UTC" }).format(Date.UTC(2024, 0, day));
  }

  hour(hour: number): string {
    return this.#date({ hour: "numeric", minute: "2-digit", timeZone: "UTC" }).format(Date.UTC(2024, 0, 1, hour));
  }

  hourShort(hour: number): string {
    return this.#date({ hour: "numeric", timeZone: "UTC" }).format(Date.UTC(2024, 0, 1, hour));
  }

  /** A moment in the shop's zone. One without an offset is already the shop's own clock. */
  moment(text: string, { seconds = false, year = true }: { seconds?: boolean; year?: boolean } = {}): string {
    const local = LOCAL.exec(text);
    if (local && !local[2]) return this.day(text);
    const options: Intl.DateTimeFormatOptions = {
      day: "numeric",
      month: "short",
      ...(year ? { year: "numeric" } : {}),
      hour: "2-digit",
      minute: "2-digit",
      ...(seconds ? { second: "2-digit" } : {}),
      timeZone: local ? "UTC" : this.zone,
    };
    const millis = Date.parse(local ? `${local[1]}T${local[2]}Z` : text);
    return Number.isNaN(millis) ? text : this.#date(options).format(millis);
  }

  /** The shop's zone with its offset on that day, so that no hour is read in the wrong one. */
  zoneName(date?: string): string {
    const parts = new Intl.DateTimeFormat("en", { timeZone: this.zone, timeZoneName: "shortOffset" }).formatToParts(
      date ? toMillis(date) : Date.now(),
    );
    const offset = parts.find((part) => part.type === "timeZoneName")?.value.replace("GMT", "UTC") ?? "";
    const city = this.zone.split("/").at(-1)?.replaceAll("_", " ") ?? this.zone;
    return offset && offset !== city ? `${city}, ${offset}` : city;
  }

  ago(instant: string, now: number): string {
    const seconds = Math.max(0, Math.round((now - Date.parse(instant)) / 1000));
    // It stands in a sentence of the app, so it speaks the app's language, not the reader's.
    const relative = new Intl.RelativeTimeFormat("en", { numeric: "always", style: "long" });
    if (seconds < 5) return "just now";
    if (seconds < 90) return relative.format(-seconds, "second");
    if (seconds < 5400) return relative.format(-Math.round(seconds / 60), "minute");
    if (seconds < 129_600) return relative.format(-Math.round(seconds / 3600), "hour");
    return relative.format(-Math.round(seconds / 86_400), "day");
  }
}

/** `1 row`, `2 rows`. */
export const plural = (count: number, one: string, many: string): string => (count === 1 ? one : many);
