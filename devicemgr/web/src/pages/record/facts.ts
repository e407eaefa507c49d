// The details of an event as names and values in words.
import { moment } from "../../base/dates";
import { named, number, t } from "../../base/i18n";
import type { TemplateResult } from "lit";

export type Fact = [name: string, value: string | TemplateResult];

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
/** Details whose values are names of the daemon. */
const NAMED: Record<string, (name: string) => string> = {
  alarm: (name) => named("kind", name),
  because: (name) => named("because", name),
  mode: (name) => named("mode", name),
  reason: (name) => named("reason", name),
  roles: (name) => named("role", name),
};

/** Return what is recorded, a row each; details within a detail stand in one row. */
export function facts(given: Record<string, unknown>): Fact[] {
  return Object.entries(given)
    .filter(([, value]) => value !== null && value !== "")
    .map(([name, value]) => [named("detail", name), valueWords(name, value)]);
}

/** Return a value in words; what is no name of the daemon is shown as it is. */
export function valueWords(name: string, value: unknown): string {
  if (typeof value === "boolean") return t(value ? "value.yes" : "value.no");
  if (typeof value === "number") return number(value);
  if (Array.isArray(value)) return value.map((one) => valueWords(name, one)).join(", ");
  if (typeof value === "object" && value !== null) {
    return Object.entries(value)
      .filter(([, one]) => one !== null)
      .map(([inner, one]) => `${named("detail", inner)}: ${valueWords(inner, one)}`)
      .join("; ");
  }
  const text = String(value);
  if (TIME.test(text)) return moment(text);
  // Reasons of people are text; names of the daemon have no blanks.
  return /^[a-z_]+$/.test(text) ? (NAMED[name]?.(text) ?? text) : text;
}
