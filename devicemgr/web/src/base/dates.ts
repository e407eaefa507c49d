// Times as the site's clocks show them, whatever zone the browser is in.
import { language } from "./i18n";
import { kazakhDay } from "./languages/kazakh";

let zone = "UTC";
const formats = new Map<string, Intl.DateTimeFormat>();

export function setZone(name: string | undefined): void {
  zone = name ?? "UTC";
  formats.clear();
}

export function zoneName(): string {
  return zone;
}

/** Return hours, minutes and seconds. */
export function clock(time: string | number): string {
  return format({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }).format(new Date(time));
}

/** Return day and month, or nothing for a time of today. */
export function day(time: string | number, now: number = Date.now()): string {
  if (isoDay(time) === isoDay(now)) return "";
  return isKazakh() ? kazakhDay(new Date(time), zone, false) : format({ day: "numeric", month: "short" }).format(new Date(time));
}

/** Return a day with its year. */
export function date(time: string | number): string {
  return isKazakh() ? kazakhDay(new Date(time), zone, true) : format({ dateStyle: "medium" }).format(new Date(time));
}

/** Return a day that is written as `2026-11-30`, in whatever zone, with its year. */
export function dayWords(day: string): string {
  const options = { dateStyle: "medium", timeZone: "UTC" } as const;
  const time = new Date(`${day}T00:00:00Z`);
  return isKazakh() ? kazakhDay(time, "UTC", true) : new Intl.DateTimeFormat(language(), options).format(time);
}

/** Return the day of a moment by the site's clocks, as forms have it: 2026-11-30. */
export function isoDay(time: string | number | Date): string {
  return new Intl.DateTimeFormat("sv-SE", { timeZone: zone }).format(new Date(time));
}

/** Return the present day of the site as forms have it: 2026-11-30. */
export function today(): string {
  return isoDay(Date.now());
}

/** Return a whole moment, with the zone. */
export function moment(time: string | number): string {
  if (isKazakh()) return `${date(time)}, ${format({ timeStyle: "long", hourCycle: "h23" }).format(new Date(time))}`;
  return format({ dateStyle: "medium", timeStyle: "long", hourCycle: "h23" }).format(new Date(time));
}

/** Return a time of the site's zone as a `datetime-local` field holds it. */
export function fieldTime(time: string | number): string {
  return new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "short", timeZone: zone }).format(new Date(time)).replace(" ", "T");
}

function isKazakh(): boolean {
  return language() === "kk";
}

function format(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = language() + JSON.stringify(options);
  const found = formats.get(key) ?? new Intl.DateTimeFormat(language(), { ...options, timeZone: zone });
  formats.set(key, found);
  return found;
}
