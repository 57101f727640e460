// Decimals as the API writes them: strings, never floating point where digits could be lost.

export interface Decimal {
  readonly units: bigint;
  readonly scale: number;
}

const SHAPE = /^([+-]?)(\d+)(?:\.(\d+))?$/;

export function parseDecimal(text: string): Decimal | null {
  const match = SHAPE.exec(text.trim());
  if (!match) return null;
  const [, sign, whole = "0", fraction = ""] = match;
  const units = BigInt(whole + fraction);
  return { units: sign === "-" ? -units : units, scale: fraction.length };
}

function aligned(left: Decimal, right: Decimal): [bigint, bigint, number] {
  const scale = Math.max(left.scale, right.scale);
  return [left.units * 10n ** BigInt(scale - left.scale), right.units * 10n ** BigInt(scale - right.scale), scale];
}

export function add(left: Decimal, right: Decimal): Decimal {
  const [first, second, scale] = aligned(left, right);
  return { units: first + second, scale };
}

export function subtract(left: Decimal, right: Decimal): Decimal {
  return add(left, { units: -right.units, scale: right.scale });
}

export function compareDecimals(left: Decimal, right: Decimal): number {
  const [first, second] = aligned(left, right);
  return first < second ? -1 : first > second ? 1 : 0;
}

export function decimalText({ units, scale }: Decimal): string {
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  return `${units < 0n ? "-" : ""}${whole}${scale > 0 ? `.${digits.slice(digits.length - scale)}` : ""}`;
}

/** The sum of decimal strings, exact; what is no decimal counts as nothing. */
export function sumDecimals(texts: Iterable<string | null | undefined>): string {
  let total: Decimal = { units: 0n, scale: 0 };
  for (const text of texts) {
    const value = text == null ? null : parseDecimal(text);
    if (value) total = add(total, value);
  }
  return decimalText(total);
}

/** `numerator / denominator` with eight digits, or null where that means nothing. For percentages, not for money. */
export function ratio(numerator: string, denominator: string): number | null {
  const top = parseDecimal(numerator);
  const bottom = parseDecimal(denominator);
  if (!top || !bottom || bottom.units === 0n) return null;
  const [first, second] = aligned(top, bottom);
  return Number((first * 100_000_000n) / second) / 100_000_000;
}

/** The change from `previous` to `current` as a share of `previous`; null without anything to compare with. */
export function change(current: string | number | null, previous: string | number | null): number | null {
  if (current === null || previous === null) return null;
  const now = parseDecimal(String(current));
  const before = parseDecimal(String(previous));
  if (!now || !before || before.units === 0n) return null;
  const base = before.units < 0n ? { units: -before.units, scale: before.scale } : before;
  return ratio(decimalText(subtract(now, before)), decimalText(base));
}

/** Where a mark stands on a chart: pixels need no more than floating point has. Never shown as text. */
export function position(text: string | number | null | undefined): number | null {
  if (text === null || text === undefined || text === "") return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}
