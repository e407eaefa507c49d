// The checks of a decision in words, with what each of them read.
import { html, nothing, type TemplateResult } from "lit";
import type { Check, Advice } from "../../api/types";
import { clock, day, zoneName } from "../../base/dates";
import { counted, knows, language, named, number, t, type Arguments } from "../../base/i18n";
import { kazakhChoice } from "../../base/languages/kazakh";
import { listing } from "../../parts/listing";
import { reasonWords } from "../../parts/words";

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;

/** Return checks: first those that found or read something, and behind a summary those that did not. */
export function checkTable(checks: readonly Check[]): TemplateResult {
  const telling = checks.filter((check) => check.objected || check.recorded || Object.keys(check.facts).length > 0);
  const silent = checks.filter((check) => !telling.includes(check));
  return html`<h3>${t("why.checks")}</h3>
    ${table(telling, t("why.checks"))}
    ${silent.length > 0 ? html`<details class="silent"><summary>${counted("why.silent", silent.length)}</summary>${table(silent, t("why.checks"))}</details>` : nothing}`;
}

function table(checks: readonly Check[], label: string): TemplateResult {
  return listing({
    label,
    rows: checks,
    key: (check) => check.code,
    tone: (check) => (check.objected ? "bad" : check.recorded ? "warn" : ""),
    columns: [
      { title: t("why.finds"), cell: (check) => (check.objected ? html`<strong>${t("why.objects")}</strong>` : t(check.recorded ? "why.recorded" : "why.passes")), name: "finds" },
      { title: t("why.check"), cell: (check) => html`${reasonWords(check.check)}<small>${checkWords(check)}</small>`, isHeader: true },
      { title: t("why.facts"), cell: (check) => factList(check.facts), name: "cause" },
    ],
    empty: t("why.nothing"),
  });
}

/** Return when a check objects; in the daemon's words where the catalog has none. */
export function checkWords(check: Check): string {
  return knows("check", check.code) ? named("check", check.code) : check.when;
}

function factList(facts: Readonly<Record<string, unknown>>): TemplateResult | typeof nothing {
  const entries = Object.entries(facts);
  if (entries.length === 0) return nothing;
  return html`<ul class="facts-read">${entries.map(([name, value]) => html`<li><span>${named("fact", name)}:</span> ${factWords(value, name)}</li>`)}</ul>`;
}

/** Return a fact in words: times by the site's clocks, lists with commas, what is not known as such. */
export function factWords(value: unknown, name = ""): string {
  if (value === null || value === undefined) return t("value.none");
  if (typeof value === "boolean") return t(value ? "value.yes" : "value.no");
  if (typeof value === "number") return number(value);
  if (typeof value === "string") return TIME.test(value) ? timeWords(value) : valueWords(value, name);
  if (Array.isArray(value)) return value.length > 0 ? value.map((one) => factWords(one, name)).join(", ") : t("value.none");
  if (typeof value !== "object") return "";
  return Object.entries(value)
    .map(([key, one]) => `${named("fact", key)} ${factWords(one, key)}`)
    .join(", ");
}

/** Names of portals, levels and people stay as they are; words of the daemon's own have a translation. */
const WORDED = new Set(["mode", "how", "state", "host", "not_shut", "shown", "require"]);

function valueWords(value: string, name: string): string {
  if (value === "") return t("value.none");
  if (!WORDED.has(name) && !knows("value", value)) return value;
  return value
    .split("+")
    .map((part) => (knows("value", part) ? named("value", part) : part))
    .join(" + ");
}

function timeWords(value: string): string {
  return `${day(value)} ${clock(value)}`.trim();
}

/** Return what would help, by its code; the daemon's own sentence where there are no words for it. */
export function adviceWords(advice: Advice, sentence: string): string {
  const { code } = advice;
  const args = advice.args;
  const levels = Array.isArray(args["levels"]) ? args["levels"].map(String) : [];
  const key = levels.length > 0 && knows("advice", `${code}_named`) ? `${code}_named` : code;
  if (!knows("advice", key)) return sentence;
  const given: Arguments = { zone_name: zoneName() };
  for (const [name, value] of Object.entries(args)) given[name] = name === "levels" || name === "portals" ? listWords(value) : factWords(value, name);
  return named("advice", key).replace(/\{(\w+)\}/g, (whole, name: string) => String(given[name] ?? whole));
}

function listWords(value: unknown): string {
  const all = Array.isArray(value) ? value.map(String) : [];
  return language() === "kk" ? kazakhChoice(all) : new Intl.ListFormat(language(), { type: "disjunction" }).format(all);
}
