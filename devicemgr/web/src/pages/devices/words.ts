// How devices are said.
import { html, type TemplateResult } from "lit";
import { clock, day, moment } from "../../base/dates";
import { named } from "../../base/i18n";
import { deviceSymbol } from "../../parts/symbols";

export function health(state: string): TemplateResult {
  return html`${deviceSymbol({ state })}${named("health", state)}`;
}

export function since(time: string): TemplateResult {
  return html`<time datetime=${time} title=${moment(time)}>${day(time)} ${clock(time)}</time>`;
}

/** Return a value that the daemon gave, as people read it. */
export function valueWords(value: unknown): string {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value !== "object") return `${value as string | number | boolean}`;
  if (Array.isArray(value)) return value.map(valueWords).join(", ");
  return Object.entries(value)
    .map(([name, part]) => `${name} ${valueWords(part)}`)
    .join(", ");
}

/** Return the facts of a document as a list; names as the daemon has them. */
export function facts(found: Record<string, unknown>): TemplateResult {
  return html`<dl class="facts">
    ${Object.entries(found).map(([name, value]) => html`<dt>${name.replaceAll("_", " ")}</dt><dd>${valueWords(value)}</dd>`)}
  </dl>`;
}

/** Return the words that a person has typed for options, without those that are empty. */
export function given(values: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries([...values].filter(([, value]) => value.trim() !== "").map(([name, value]) => [name, value.trim()]));
}
