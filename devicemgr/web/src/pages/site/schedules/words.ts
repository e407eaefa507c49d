// Days of the week and windows in words.
import { language } from "../../../base/i18n";
import { kazakhWeekday } from "../../../base/languages/kazakh";
import { DAYS, parseWindow } from "./week";

const MONDAY = Date.UTC(2024, 0, 1);
const DAY_MS = 86_400_000;

/** Return the name of a day, 0 for Monday. */
export function dayWords(day: number, length: "short" | "long" = "short"): string {
  if (language() === "kk") return kazakhWeekday(day, length);
  return new Intl.DateTimeFormat(language(), { weekday: length, timeZone: "UTC" }).format(MONDAY + day * DAY_MS);
}

/** Return a window with its days in words: `Mon–Fri 08:00–18:00`. */
export function windowWords(window: string): string {
  const [days = "", hours = ""] = window.split(" ");
  if (days === "daily") return `${dayWords(0)}–${dayWords(6)} ${hours.replace("-", "–")}`;
  const words = days.replace(/[a-z]+/g, (name) => dayWords(DAYS.indexOf(name as (typeof DAYS)[number])));
  return `${words.replaceAll("-", "–").replaceAll(",", ", ")} ${hours.replace("-", "–")}`;
}

/** Return how many hours of a week the windows are long. */
export function weekHours(windows: readonly string[]): number {
  const minutes = windows.flatMap((window) => parseWindow(window) ?? []).reduce((sum, one) => sum + one.to - one.from, 0);
  return Math.round(minutes / 6) / 10;
}
