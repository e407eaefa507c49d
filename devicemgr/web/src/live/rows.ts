// The newest events in memory: newest first, each once.
import type { Event } from "../api/types";

export const MAX_ROWS = 200;

/** Return `rows` with `events` (in any order), without doubles, newest first, at most `most`. */
export function withEvents(rows: readonly Event[], events: readonly Event[], most = MAX_ROWS): Event[] {
  const known = new Set(rows.map((row) => row.seq));
  const added = events.filter((event) => !known.has(event.seq) && (known.add(event.seq), true));
  return [...added, ...rows].sort((a, b) => b.seq - a.seq).slice(0, most);
}

export type Group = "access" | "doors" | "devices" | "changes" | "system";
export const GROUPS: readonly Group[] = ["access", "doors", "devices", "changes", "system"];

/** Return which of the groups of filters a kind of event is in. */
export function groupOf(kind: string): Group {
  if (kind.startsWith("admin.")) return "changes";
  if (/^(access_|rule_|decision_)/.test(kind)) return "access";
  if (/^(portal_|passage_|rex_|fire_|tamper|interlock_|occupancy_)/.test(kind)) return "doors";
  if (kind.startsWith("device_")) return "devices";
  return "system";
}

export type Tone = "good" | "bad" | "warn" | "plain";
const WARNINGS = /^(rule_violated|visitor_|visit_overdue|duress_|muster_started|occupancy_|interlock_broken|portal_unlock_|passage_(tailgated|reversed|climbed|obstructed)|device_(offline|degraded)|alarm_escalated|decision_disputed|clock_|calendar_|admin\.(sign_in_failed|call_refused|sync_(held|failed)))/;
const ALARMS = /^(access_denied|threat_set|portal_forced|portal_held_open|tamper|fire_release|storage_failed)/;

/** Return how an event is marked: beside its color each tone has a shape and a word. */
export function toneOf(kind: string): Tone {
  if (kind === "access_granted" || kind === "storage_restored" || kind === "device_online") return "good";
  if (ALARMS.test(kind)) return "bad";
  return WARNINGS.test(kind) ? "warn" : "plain";
}

export interface Filter {
  groups: ReadonlySet<Group>;
  portal: string;
  reason: string;
  person: string;
}

export const NO_FILTER: Filter = { groups: new Set(), portal: "", reason: "", person: "" };

/** Return True if an event is wanted; empty parts of a filter want everything. */
export function isWanted(event: Event, filter: Filter): boolean {
  if (filter.groups.size > 0 && !filter.groups.has(groupOf(event.kind))) return false;
  if (filter.portal !== "" && event.portal !== filter.portal) return false;
  if (filter.reason !== "" && event.reason !== filter.reason) return false;
  const person = folded(filter.person);
  return person === "" || folded(`${event.person_name ?? ""} ${event.person ?? ""}`).includes(person);
}

/** Return a text without case and accents. */
export function folded(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLocaleLowerCase().trim();
}
