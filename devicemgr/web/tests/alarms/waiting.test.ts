import { describe, expect, it } from "vitest";
import type { AlarmState } from "../../src/api/types";
import { begun, ordered, urgency, waiting } from "../../src/bell/waiting";

function alarm(id: string, priority: number, since: string, more: Partial<AlarmState> = {}): AlarmState {
  return { id, kind: id, subject: "main", device: null, priority, state: "active", acknowledged: null, needs_comment: false, escalated: false, count: 1, since, seq: 1, cause: "", ...more };
}

function byId(...alarms: AlarmState[]): Record<string, AlarmState> {
  return Object.fromEntries(alarms.map((one) => [one.id, one]));
}

const TAKEN = { by: "operator:a", at: "2026-11-30T10:00:00Z", comment: "" };

describe("alarms", () => {
  it("come by priority, then age, and those that are acknowledged last", () => {
    const all = byId(alarm("young", 2, "2026-11-30T11:00:00Z"), alarm("old", 2, "2026-11-30T10:00:00Z"), alarm("fire", 1, "2026-11-30T12:00:00Z"), alarm("taken", 1, "2026-11-30T09:00:00Z", { acknowledged: TAKEN }));
    expect(ordered(all).map((one) => one.id)).toEqual(["fire", "old", "young", "taken"]);
    expect(waiting(all).map((one) => one.id)).toEqual(["fire", "old", "young"]);
  });

  it("are new when they begin, and when they begin again", () => {
    const before = byId(alarm("a", 2, "t", { seq: 5 }), alarm("b", 2, "t", { seq: 6 }), alarm("c", 2, "t", { seq: 7, acknowledged: TAKEN }));
    const now = byId(alarm("a", 2, "t", { seq: 5 }), alarm("b", 2, "t", { seq: 9 }), alarm("c", 2, "t", { seq: 10 }), alarm("d", 4, "t", { seq: 8 }), alarm("e", 1, "t", { seq: 11, acknowledged: TAKEN }));
    expect(begun(before, now).map((one) => one.id)).toEqual(["b", "c", "d"]);
  });

  it("sound by the most urgent; information does not", () => {
    expect([[], [5], [5, 4], [3], [4, 2], [1]].map((all) => urgency(all.map((priority) => alarm("x", priority, "t"))))).toEqual(["none", "none", "calm", "calm", "urgent", "urgent"]);
  });
});
