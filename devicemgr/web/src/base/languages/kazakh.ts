// Dates, numbers and units in Kazakh, which Chromium has no data for: it would show "2026 M11 30", "Mon" and "3 days".
// The words are those of CLDR (common/main/kk.xml); numbers are written as in Russian.

const MONTHS = "қаң. ақп. нау. сәу. мам. мау. шіл. там. қыр. қаз. қар. жел.".split(" ");
const WEEKDAYS = { short: "Дс Сс Ср Бс Жм Сб Жс".split(" "), long: "дүйсенбі сейсенбі сәрсенбі бейсенбі жұма сенбі жексенбі".split(" ") };
const UNITS: Record<string, string> = { byte: "байт", kilobyte: "КБ", megabyte: "МБ", gigabyte: "ГБ", terabyte: "ТБ", day: "күн", hour: "сағ", minute: "мин", second: "с" };
const NUMBERS = "ru";
const NBSP = "\u00a0";

/** Return day and month of a moment in a zone, with the year where it is wanted: `2026 ж. 30 қар.`. */
export function kazakhDay(time: Date, timeZone: string, hasYear: boolean): string {
  const parts = new Intl.DateTimeFormat("en", { day: "numeric", month: "numeric", year: "numeric", timeZone }).formatToParts(time);
  const part = (type: string): string => parts.find((one) => one.type === type)?.value ?? "";
  const words = `${part("day")}${NBSP}${MONTHS[Number(part("month")) - 1] ?? ""}`;
  return hasYear ? `${part("year")}${NBSP}ж. ${words}` : words;
}

/** Return the name of a day of the week, 0 for Monday. */
export function kazakhWeekday(day: number, length: "short" | "long"): string {
  return WEEKDAYS[length][day] ?? "";
}

export function kazakhNumber(value: number, digits?: number): string {
  return new Intl.NumberFormat(NUMBERS, digits === undefined ? {} : { maximumFractionDigits: digits }).format(value);
}

export function kazakhUnit(value: number, unit: string, digits: number): string {
  return `${kazakhNumber(value, digits)}${NBSP}${UNITS[unit] ?? unit}`;
}

/** Return names of which one is meant: `a, b немесе c`. */
export function kazakhChoice(all: readonly string[]): string {
  return all.length < 2 ? (all[0] ?? "") : `${all.slice(0, -1).join(", ")} немесе ${all.at(-1) ?? ""}`;
}
