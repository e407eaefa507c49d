// All people in few fields, kept while one is signed in and brought up to date by what has changed.
import { call, type Answer } from "../../../api/client";
import { store } from "../../../live/store";
import { entryOf, type Entry } from "./search";

export type Line = Answer<"/api/v1/people/changes", "get">["changed"][number];

interface Known {
  session: unknown;
  revision: number;
  byBadge: Map<string, Entry<Line>>;
  /** By name. */
  sorted: Entry<Line>[];
}

let known: Known | null = null;

/** Return all people by name, as they are now. */
export async function everyone(): Promise<Entry<Line>[]> {
  const { session } = store;
  const before = known?.session === session ? known : null;
  const found = await call("get", "/api/v1/people/changes", { query: { after: before?.revision ?? 0 } });
  const byBadge = found.whole || before === null ? new Map<string, Entry<Line>>() : new Map(before.byBadge);
  for (const badge of found.removed) byBadge.delete(badge);
  for (const line of found.changed) byBadge.set(line.badge, entryOf(line));
  const isSame = before !== null && !found.whole && found.changed.length === 0 && found.removed.length === 0;
  const sorted = isSame ? before.sorted : byName([...byBadge.values()]);
  // Those of another session, or of none, are not to stay in memory.
  if (store.session === session && session !== null) known = { session, revision: found.revision, byBadge, sorted };
  return sorted;
}

store.subscribe(() => {
  if (store.session === null) known = null;
});

/** Return entries by name, then by badge. */
export function byName(entries: Entry<Line>[]): Entry<Line>[] {
  const { compare } = new Intl.Collator(undefined, { numeric: true });
  return entries.sort((a, b) => compare(a.person.name, b.person.name) || compare(a.person.badge, b.person.badge));
}

export type State = "active" | "suspended" | "not_yet" | "expired";

/** Return whether a person's validity holds at a time, ms; a suspension comes first. */
export function stateOf(person: Pick<Line, "suspended" | "valid_from" | "valid_to">, now: number): State {
  if (person.suspended) return "suspended";
  if (person.valid_from !== null && Date.parse(person.valid_from) > now) return "not_yet";
  return person.valid_to !== null && Date.parse(person.valid_to) <= now ? "expired" : "active";
}

export interface Wanted {
  state: string;
  level: string;
}

/** Return True for a person whom the filters beside the search want. */
export function isWanted(person: Line, wanted: Wanted, now: number): boolean {
  if (wanted.level !== "" && !person.levels.includes(wanted.level) && !person.department_levels.includes(wanted.level)) return false;
  if (wanted.state === "") return true;
  if (wanted.state === "no_face") return !person.face;
  if (wanted.state === "no_card") return person.cards.length === 0;
  return stateOf(person, now) === wanted.state;
}
