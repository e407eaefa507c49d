// Cells of reports in words.
import { html, type TemplateResult } from "lit";
import { clock, date, dayWords, moment } from "../../base/dates";
import { named, number, t, type Key } from "../../base/i18n";
import type { Column } from "../../parts/listing";
import type { Kind, Row } from "./model";

const TIMES = new Set(["from", "to", "first", "last", "first_time", "last_time", "started", "ended", "arrived", "left"]);
const NUMBERS = new Set(["hours", "count", "on_list", "missing", "safe", "out", "not_here", "unnamed"]);
/** Names of columns here, where those of the daemon say something else. */
const FIELDS: Record<string, string> = { first_time: "first", last_time: "last", on_list: "count" };

export function column(kind: Kind, name: string): Column<Row> {
  const field = FIELDS[name] ?? name;
  return {
    title: t(`report.${name === "reason" ? "because" : name}` as Key),
    cell: (row) => cell(kind, name, row[field], row),
    isHeader: name === "badge" || name === "muster",
    name: NUMBERS.has(name) ? "number" : TIMES.has(name) ? "since" : "",
  };
}

function cell(kind: Kind, name: string, value: unknown, row: Row): unknown {
  if (name === "badge" && value === null) return t(kind === "denials" ? "report.no_one" : "report.erased");
  if (name === "zone" && value === null) return t("report.whole_site");
  if (value === null || value === undefined) return "–";
  if (typeof value === "boolean") return t(value ? "value.yes" : "value.no");
  if (name === "exceptions") return (value as string[]).map((one) => named("report", `exception.${one}`)).join(", ");
  if (typeof value === "number") return number(value);
  const words = typeof value === "string" ? value : JSON.stringify(value);
  if (name === "reason" || name === "because") return named("reason", words);
  if (name === "state") return named("report", `state.${words}`);
  if (name === "day") return dayWords(words);
  if (name === "host") return [words, row["host_name"]].filter(Boolean).join(" · ");
  if (TIMES.has(name)) return time(words);
  return words;
}

function time(value: string): TemplateResult {
  return html`<time title=${moment(value)}>${date(value)} ${clock(value)}</time>`;
}
