// The list of a muster as it is shown: from its answer or the states of the stream, and the marks that are under way.
import type { Answer } from "../../api/client";
import type { Found, Marked, MusterPerson } from "../../api/types";
import { folded } from "../../live/rows";
import type { MarkName, WaitingMark } from "./queue";

export type MusterAnswer = Answer<"/api/v1/musters/{muster}", "get">;
export const FOUND: readonly Found[] = ["missing", "safe", "out", "not_here"];

export interface Row {
  key: string;
  badge: string | null;
  name: string;
  zone: string;
  since: string;
  found: Found;
  marks: readonly Marked[];
  late: boolean;
  /** A mark of this page has no answer yet. */
  waits: boolean;
}

/** Return the rows of an answer. */
export function rowsOfAnswer(answer: MusterAnswer): Row[] {
  return FOUND.flatMap((found) => answer[found].map((person, at) => row({ ...person, found }, `${found} ${at}`, person.name ?? "")));
}

/** Return the rows of a muster by the stream's states; names come from `names`, by badge. */
export function rowsOfStates(people: Record<string, MusterPerson>, muster: string, names: ReadonlyMap<string, string>): Row[] {
  const mine = Object.entries(people).filter(([key]) => key.startsWith(`${muster}/`));
  return mine.map(([key, person]) => row(person, key, names.get(person.badge ?? "") ?? ""));
}

function row(person: MusterPerson, key: string, name: string): Row {
  const { badge, zone, since, found, marks, late } = person;
  return { key: badge ?? key, badge, name, zone, since, found, marks, late, waits: false };
}

/** Return the names of an answer by badge. */
export function namesOf(answer: MusterAnswer | undefined): Map<string, string> {
  const all = answer ? FOUND.flatMap((found) => answer[found]) : [];
  return new Map(all.map((person) => [person.badge ?? "", person.name ?? ""]));
}

/** Return a row with marks of this page that the daemon does not have yet: any safe counts, unless taken back. */
export function withMarks(given: Row, under: readonly WaitingMark[], isWaiting: (mark: WaitingMark) => boolean): Row {
  const fresh = under.filter((mark) => mark.badge === given.badge && !isKnown(given.marks, mark));
  if (fresh.length === 0) return given;
  const marks = [...given.marks, ...fresh.map(({ mark, actor, at, reason }): Marked => ({ mark, by: actor, at, reason: reason || null }))];
  const names = new Set(standing(marks).map((mark) => mark.mark));
  const found = names.has("safe") ? "safe" : given.found === "out" ? "out" : names.has("not_here") ? "not_here" : "missing";
  return { ...given, marks, found, waits: fresh.some(isWaiting) };
}

function isKnown(known: readonly Marked[], mark: WaitingMark): boolean {
  return known.some((one) => one.mark === mark.mark && one.by === mark.actor && Date.parse(one.at) >= Date.parse(mark.at));
}

/** Return the marks that their makers have not taken back. */
export function standing(marks: readonly Marked[]): Marked[] {
  const taken = new Map(marks.filter((mark) => mark.mark === "missing").map((mark) => [mark.by, Date.parse(mark.at)]));
  return marks.filter((mark) => Date.parse(mark.at) > (taken.get(mark.by) ?? 0));
}

/** Return True if guards contradict each other: safe counts then. */
export function isContradicted(row: Row): boolean {
  const names = new Set(standing(row.marks).map((mark) => mark.mark));
  return names.has("safe") && names.has("not_here");
}

/** Return True for a row that this operator has marked, and may take back. */
export function isMarkedBy(row: Row, actor: string | undefined): boolean {
  return standing(row.marks).some((mark) => mark.by === actor);
}

export function totalsOf(rows: readonly Row[]): Record<Found, number> {
  const totals = { missing: 0, safe: 0, out: 0, not_here: 0 };
  for (const { found } of rows) totals[found] += 1;
  return totals;
}

/** Return the rows of a filter by zone and name; those of `held` stay, whatever has become of them. */
export function chosen(rows: readonly Row[], filter: Found | "all", search: string, held: ReadonlySet<string>): Row[] {
  const wanted = folded(search);
  const matches = ({ key, found, name, badge }: Row): boolean =>
    (filter === "all" || found === filter || held.has(key)) && (wanted === "" || folded(`${name} ${badge ?? ""}`).includes(wanted));
  return rows.filter(matches);
}

const order = new Intl.Collator(undefined, { numeric: true });

/** Return rows by zone, name and badge. */
export function sorted(rows: readonly Row[]): Row[] {
  return [...rows].sort((a, b) => order.compare(a.zone, b.zone) || order.compare(a.name, b.name) || order.compare(a.badge ?? "", b.badge ?? ""));
}

export interface ZoneRows {
  zone: string;
  rows: Row[];
}

/** Return rows in the groups of their zones, in the order of the rows. */
export function byZone(rows: readonly Row[]): ZoneRows[] {
  const groups = new Map<string, Row[]>();
  for (const one of rows) {
    const group = groups.get(one.zone);
    if (group) group.push(one);
    else groups.set(one.zone, [one]);
  }
  return [...groups].map(([zone, some]) => ({ zone, rows: some }));
}

/** Return which mark a key makes on a row, or nothing: Enter and the space bar tick those who are missing. */
export function markOfKey(key: string, row: Row, actor: string | undefined): MarkName | undefined {
  if ((key === "Enter" || key === " ") && row.found !== "safe") return "safe";
  if (key === "n" && row.found === "missing") return "not_here";
  return key === "u" && isMarkedBy(row, actor) ? "missing" : undefined;
}
