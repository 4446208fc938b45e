/**
 * Calendar dates as YYYY-MM-DD strings: a due date has no time of day, so no time zone can shift
 * it.
 */

const DATE_PATTERN = /^(\d{4})-(\d{2})-(\d{2})$/;

function daysInMonth(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}

function split(date: string): { year: number; month: number; day: number } | null {
  const match = DATE_PATTERN.exec(date);
  if (!match) return null;
  const [year, month, day] = match.slice(1).map(Number) as [number, number, number];
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return null;
  return { year, month, day };
}

export function isCalendarDate(text: string): boolean {
  return split(text) !== null;
}

export function today(now: Date = new Date()): string {
  return now.toISOString().slice(0, 10);
}

/**
 * The same day `count` months later, or that month's last day when it is shorter (31 January → 28
 * February).
 */
export function addMonths(date: string, count: number): string {
  const start = split(date);
  if (!start || !Number.isInteger(count) || count < 0)
    throw new RangeError(`cannot add ${count} months to ${date}`);
  const months = start.year * 12 + (start.month - 1) + count;
  const year = Math.floor(months / 12);
  const month = (months % 12) + 1;
  const day = Math.min(start.day, daysInMonth(year, month));
  return [
    String(year).padStart(4, "0"),
    String(month).padStart(2, "0"),
    String(day).padStart(2, "0"),
  ].join("-");
}
