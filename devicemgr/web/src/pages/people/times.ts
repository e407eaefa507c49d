// Validity as people write it: a day, whose end is included; a moment keeps its time. All in the site's time zone.
import { zoneName } from "../../base/dates";

/** What a field holds: a day, or a moment. */
export interface Written {
  type: "date" | "datetime-local";
  value: string;
}

const DAY: Written = { type: "date", value: "" };

/** Return a stored time as a field shows it; an end at midnight is the day before, which is included. */
export function written(time: string | null, isEnd = false, zone = zoneName()): Written {
  if (time === null) return DAY;
  const moment = local(new Date(time), zone);
  if (!moment.endsWith("T00:00")) return { type: "datetime-local", value: moment };
  const shown = isEnd ? local(new Date(Date.parse(time) - 1), zone) : moment;
  return { type: "date", value: shown.slice(0, 10) };
}

function local(time: Date, timeZone: string): string {
  const options = { timeZone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
  const parts = Object.fromEntries(new Intl.DateTimeFormat("en", options).formatToParts(time).map(({ type, value }) => [type, value]));
  return `${parts["year"] ?? ""}-${parts["month"] ?? ""}-${parts["day"] ?? ""}T${parts["hour"] ?? ""}:${parts["minute"] ?? ""}`;
}
