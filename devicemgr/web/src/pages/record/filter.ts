// The filter of the record's events, as it stands in the address.
import { GROUPS, groupOf, type Group } from "../../live/rows";

export interface RecordFilter {
  kinds: readonly string[];
  portal: string;
  person: string;
  reason: string;
  from: string;
  to: string;
  /** The highest number that is wanted. */
  seq: string;
}

export const ALL_CHANGES = "admin.*";

/** Return the filter of an address. */
export function filterOf(query: URLSearchParams): RecordFilter {
  const given = (name: string): string => query.get(name) ?? "";
  const seq = /^\d{1,15}$/.test(given("seq")) ? given("seq") : "";
  const kinds = given("kinds").split(",").filter(Boolean);
  return { kinds, portal: given("portal"), person: given("person"), reason: given("reason"), from: given("from"), to: given("to"), seq };
}

/** Return a filter as parameters of an address; empty ones are left out there. */
export function addressOf(filter: RecordFilter): Record<string, string> {
  return { ...filter, kinds: filter.kinds.join(",") };
}

/** Return a filter as parameters of `GET /events`, for the page of events before a number. */
export function queryOf(filter: RecordFilter, before?: number): Record<string, string | number | readonly string[] | undefined> {
  const first = filter.seq === "" ? undefined : Number(filter.seq) + 1;
  return {
    kind: filter.kinds,
    portal: filter.portal || undefined,
    person: filter.person || undefined,
    reason: filter.reason || undefined,
    since: filter.from || undefined,
    until: filter.to || undefined,
    before: before ?? first,
  };
}

/** Return kinds by the group that they are shown in. */
export function kindsByGroup(kinds: readonly string[]): [Group, string[]][] {
  return GROUPS.map((group): [Group, string[]] => [group, kinds.filter((kind) => groupOf(kind) === group)]).filter(([, found]) => found.length > 0);
}
