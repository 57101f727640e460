// Calendar days as `YYYY-MM-DD`, without clocks and zones: the server has already said which day it is.

const DAY = 86_400_000;

export const toMillis = (date: string): number => Date.parse(`${date.slice(0, 10)}T00:00:00Z`);
export const fromMillis = (millis: number): string => new Date(millis).toISOString().slice(0, 10);
export const addDays = (date: string, days: number): string => fromMillis(toMillis(date) + days * DAY);
export const daysBetween = (from: string, to: string): number => Math.round((toMillis(to) - toMillis(from)) / DAY);
export const isDate = (text: string): boolean =>
  /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(toMillis(text)) && fromMillis(toMillis(text)) === text;

/** ISO weekday, Monday 1. */
export const weekdayOf = (date: string): number => ((Math.floor(toMillis(date) / DAY) + 3) % 7) + 1;
export const monthStart = (date: string): string => `${date.slice(0, 7)}-01`;
export const yearStart = (date: string): string => `${date.slice(0, 4)}-01-01`;
export const weekStart = (date: string): string => addDays(date, 1 - weekdayOf(date));

export function addMonths(date: string, months: number): string {
  const [year = 0, month = 1] = date.split("-").map(Number);
  return fromMillis(Date.UTC(year, month - 1 + months, 1));
}

export const monthEnd = (date: string): string => addDays(addMonths(date, 1), -1);

/** The reader's first day of the week; Monday where the browser does not say. */
export function firstWeekday(locale: string): number {
  try {
    const info = new Intl.Locale(locale) as Intl.Locale & {
      weekInfo?: { firstDay: number };
      getWeekInfo?: () => { firstDay: number };
    };
    return (info.getWeekInfo?.() ?? info.weekInfo)?.firstDay ?? 1;
  } catch {
    return 1;
  }
}
