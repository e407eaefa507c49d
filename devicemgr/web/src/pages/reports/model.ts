// What a report shows: its columns, and what its chart is of. Sums are of the report's own rows.
import { call, type Parameters } from "../../api/client";

export type Kind = "presence" | "first-last" | "hours" | "denials" | "visitors" | "musters";
export const KINDS: readonly Kind[] = ["presence", "first-last", "hours", "denials", "visitors", "musters"];
/** Reports that can be of one person, and of one zone. */
export const OF_PERSON: readonly Kind[] = ["presence", "first-last", "hours", "denials", "visitors"];
export const OF_ZONE: readonly Kind[] = ["presence", "first-last", "hours", "denials", "musters"];
/** Reports of when people came and went: making one is recorded. */
export const OF_TIMES: readonly Kind[] = ["presence", "first-last", "hours"];

/** Make a report. */
export const MAKERS = {
  presence: (given: Parameters) => call("get", "/api/v1/reports/presence", given),
  "first-last": (given: Parameters) => call("get", "/api/v1/reports/first-last", given),
  hours: (given: Parameters) => call("get", "/api/v1/reports/hours", given),
  denials: (given: Parameters) => call("get", "/api/v1/reports/denials", given),
  visitors: (given: Parameters) => call("get", "/api/v1/reports/visitors", given),
  musters: (given: Parameters) => call("get", "/api/v1/reports/musters", given),
};

export type Report = Awaited<ReturnType<(typeof MAKERS)[Kind]>>;
export type Row = Record<string, unknown>;

export interface Bar {
  label: string;
  value: number;
}

/** Return the columns that a report has, by the names of the daemon; without names where it gives none. */
export function columnsOf(kind: Kind, rows: readonly Row[]): string[] {
  const hasNames = rows.some((row) => "name" in row);
  const person = hasNames ? ["badge", "name"] : ["badge"];
  const columns: Record<Kind, string[]> = {
    presence: [...person, "zone", "from", "to", "hours", "exceptions"],
    "first-last": [...person, "day", "first", "last", "exceptions"],
    hours: [...person, "day", "hours", "exceptions"],
    denials: ["reason", "portal", ...person, "count", "first_time", "last_time"],
    visitors: [...person, "host", "state", "arrived", "left", "overdue"],
    musters: ["muster", "zone", "drill", "started", "ended", "by", "on_list", "missing", "safe", "out", "not_here", "unnamed"],
  };
  return columns[kind];
}

/** Return what the chart shows, at most `most` bars; days in order, everything else the largest first. */
export function barsOf(kind: Kind, rows: readonly Row[], dayOf: (time: string) => string, most = 60): Bar[] {
  const [label, value] = MEASURES[kind];
  const sums = new Map<string, number>();
  for (const row of rows) {
    const name = label(row, dayOf);
    if (name !== "") sums.set(name, (sums.get(name) ?? 0) + value(row));
  }
  const bars = [...sums].map(([name, sum]) => ({ label: name, value: Math.round(sum * 100) / 100 }));
  if (BY_DAY.has(kind)) return bars.sort((a, b) => a.label.localeCompare(b.label)).slice(-most);
  return bars.sort((a, b) => b.value - a.value).slice(0, most);
}

/** Reports whose bars are days. */
export const BY_DAY = new Set<Kind>(["first-last", "hours", "visitors", "musters"]);
type Measure = [label: (row: Row, dayOf: (time: string) => string) => string, value: (row: Row) => number];

const MEASURES: Record<Kind, Measure> = {
  presence: [(row) => text(row["zone"]), (row) => amount(row["hours"])],
  "first-last": [(row) => text(row["day"]), () => 1],
  hours: [(row) => text(row["day"]), (row) => amount(row["hours"])],
  denials: [(row) => text(row["reason"]), (row) => amount(row["count"])],
  visitors: [(row, dayOf) => (row["arrived"] ? dayOf(text(row["arrived"])) : ""), () => 1],
  musters: [(row, dayOf) => dayOf(text(row["started"])), (row) => amount(row["count"])],
};

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function amount(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
