import { describe, expect, it } from "vitest";
import type { Event, PortalState } from "../src/api/types";
import { groupOf, isWanted, NO_FILTER, toneOf, withEvents } from "../src/live/rows";
import { AWAY_MS, STALE_MS, Store } from "../src/live/store";

export function event(seq: number, more: Partial<Event> = {}): Event {
  const nothing = { portal: null, direction: null, device: null, person: null, reason: null, request: null, evidence: null, latency_ms: null, actor: null };
  return { seq, id: String(seq), time: "2026-01-01T00:00:00.000Z", kind: "device_online", detail: {}, ...nothing, ...more };
}

function portal(name: string, state = "idle"): PortalState {
  return { name, state, mode: "normal", door: null };
}

describe("rows", () => {
  it("hold each event once, newest first, and no more than they may", () => {
    const rows = withEvents([event(3), event(2)], [event(5), event(2), event(4), event(4)], 4);
    expect(rows.map((row) => row.seq)).toEqual([5, 4, 3, 2]);
    expect(withEvents(rows, [event(6)], 4).map((row) => row.seq)).toEqual([6, 5, 4, 3]);
  });

  it("are filtered by group, portal, reason and person, whatever the case and accents", () => {
    const denied = event(1, { kind: "access_denied", portal: "main", reason: "expired", person: "17", person_name: "Әсел Ёлкина" });
    expect(isWanted(denied, NO_FILTER)).toBe(true);
    expect(isWanted(denied, { ...NO_FILTER, groups: new Set(["devices"]) })).toBe(false);
    expect(isWanted(denied, { ...NO_FILTER, groups: new Set(["access"]), portal: "main", reason: "expired" })).toBe(true);
    expect(isWanted(denied, { ...NO_FILTER, person: "елкина" })).toBe(true);
    expect(isWanted(denied, { ...NO_FILTER, person: "17" })).toBe(true);
    expect(isWanted(denied, { ...NO_FILTER, portal: "back" })).toBe(false);
  });

  it("have a group and a tone for every kind, known or not", () => {
    expect(groupOf("admin.signed_in")).toBe("changes");
    expect(groupOf("passage_completed")).toBe("doors");
    expect(groupOf("of_a_later_version")).toBe("system");
    expect([toneOf("access_granted"), toneOf("portal_forced"), toneOf("device_offline"), toneOf("x")]).toEqual(["good", "bad", "warn", "plain"]);
  });
});

describe("Store", () => {
  it("takes an event once, also after a stream that began again", () => {
    const store = new Store();
    store.addEvents([event(1), event(2)]);
    store.addEvents([event(2), event(3)]);
    expect(store.rows.map((row) => row.seq)).toEqual([3, 2, 1]);
    expect(store.head).toBe(3);
  });

  it("keeps the newest decision of each portal", () => {
    const store = new Store();
    store.addEvents([event(1, { kind: "access_granted", portal: "a" }), event(2, { kind: "access_denied", portal: "a" }), event(3, { portal: "a" })]);
    expect(store.decisions.get("a")?.seq).toBe(2);
  });

  it("merges changes of states, removes what is gone, and begins again with a whole one", () => {
    const store = new Store();
    store.apply({ whole: true, portals: { a: portal("a"), b: portal("b") } });
    store.apply({ whole: false, portals: { a: portal("a", "passing"), b: null } });
    expect(store.states.portals).toEqual({ a: portal("a", "passing") });
    store.apply({ whole: true, portals: { c: portal("c") } });
    expect(Object.keys(store.states.portals)).toEqual(["c"]);
  });

  it("counts the daemon as away before states go gray, and both end with a message", () => {
    const store = new Store();
    store.messageArrived();
    store.look(AWAY_MS);
    expect([store.link, store.isStale]).toEqual(["away", false]);
    store.look(STALE_MS);
    expect(store.isStale).toBe(true);
    store.messageArrived();
    expect([store.link, store.isStale]).toEqual(["live", false]);
  });

  it("forgets people at the end of the session", () => {
    const store = new Store();
    store.addEvents([event(1, { person_name: "A", portal: "a", kind: "access_granted" })]);
    store.signOut();
    expect([store.rows.length, store.decisions.size, store.head]).toEqual([0, 0, 0]);
  });
});
