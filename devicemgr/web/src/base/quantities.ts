// Sizes and durations in words of the chosen language.
import { language } from "./i18n";
import { kazakhUnit } from "./languages/kazakh";

const SIZES = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;
const DURATIONS = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
] as const;

/** Return a size with the largest unit that leaves a whole number before the point. */
export function size(bytes: number): string {
  const step = Math.min(SIZES.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return unit(bytes / 1000 ** step, SIZES[step] ?? "byte", step > 2 ? 1 : 0);
}

/** Return how long something lasts, in whole units of the largest one. */
export function duration(seconds: number): string {
  const [name, length] = DURATIONS.find(([, one]) => seconds >= one) ?? ["second", 1];
  return unit(Math.floor(seconds / length), name, 0);
}

function unit(value: number, name: string, digits: number): string {
  if (language() === "kk") return kazakhUnit(value, name, digits);
  const format = { style: "unit", unit: name, unitDisplay: name === "byte" ? "long" : "short", maximumFractionDigits: digits } as const;
  return new Intl.NumberFormat(language(), format).format(value);
}
