import { describe, expect, it } from "vitest";
import type { Found, Marked, MusterPerson } from "../../src/api/types";
import type { MarkName, WaitingMark } from "../../src/pages/muster/queue";
import { byZone, chosen, standing, isContradicted, isMarkedBy, markOfKey, rowsOfStates, sorted, totalsOf, withMarks, type Row } from "../../src/pages/muster/roll";

const ME = "operator:me";
const at = (minute: number): string => `2026-12-01T10:${String(minute).padStart(2, "0")}:00.000Z`;

function marked(mark: MarkName, by: string, minute: number): Marked {
  return { mark, by, at: at(minute), reason: null };
}

function waiting(mark: MarkName, minute: number, badge = "1"): WaitingMark {
  return { badge, mark, reason: "", at: at(minute), actor: ME };
}

function row(found: Found, marks: Marked[] = [], badge = "1"): Row {
  return { key: badge, badge, name: `Name ${badge}`, zone: "lab", since: at(0), found, marks, late: false, waits: false };
}

const after = (given: Row, ...queued: WaitingMark[]): Row => withMarks(given, queued, () => true);

describe("marks under way", () => {
  it("are shown at once, as the daemon will count them", () => {
    expect(after(row("missing"), waiting("safe", 1))).toMatchObject({ found: "safe", waits: true });
    expect(after(row("missing"), waiting("not_here", 1)).found).toBe("not_here");
    expect(after(row("not_here", [marked("not_here", "operator:other", 1)]), waiting("safe", 2)).found).toBe("safe");
    expect(after(row("safe", [marked("safe", "operator:other", 1)]), waiting("not_here", 2)).found).toBe("safe");
    expect(after(row("out"), waiting("not_here", 1)).found).toBe("out");
  });

  it("take back one's own marks and no one else's", () => {
    expect(after(row("safe", [marked("safe", ME, 1)]), waiting("missing", 2)).found).toBe("missing");
    expect(after(row("safe", [marked("safe", ME, 1), marked("safe", "operator:other", 1)]), waiting("missing", 2)).found).toBe("safe");
    expect(after(row("missing"), waiting("safe", 1), waiting("missing", 2), waiting("safe", 3)).found).toBe("safe");
  });

  it("are of their person, and end when the list has them", () => {
    expect(after(row("missing"), waiting("safe", 1, "2"))).toMatchObject({ found: "missing", waits: false });
    expect(after(row("safe", [marked("safe", ME, 1)]), waiting("safe", 1)).waits).toBe(false);
    expect(withMarks(row("missing"), [waiting("safe", 1)], () => false)).toMatchObject({ found: "safe", waits: false });
  });
});

describe("a row", () => {
  it("shows that marks contradict each other until one is taken back", () => {
    const marks = [marked("safe", "operator:a", 1), marked("not_here", ME, 2)];
    expect(isContradicted(row("safe", marks))).toBe(true);
    expect(isContradicted(row("safe", [...marks, marked("missing", ME, 3)]))).toBe(false);
    expect(isMarkedBy(row("safe", marks), ME)).toBe(true);
    expect(standing([...marks, marked("missing", ME, 3)]).map((one) => one.by)).toEqual(["operator:a"]);
  });

  it("is marked by keys as by its buttons", () => {
    expect(markOfKey("Enter", row("missing"), ME)).toBe("safe");
    expect(markOfKey(" ", row("not_here"), ME)).toBe("safe");
    expect(markOfKey("Enter", row("safe"), ME)).toBeUndefined();
    expect(markOfKey("n", row("missing"), ME)).toBe("not_here");
    expect(markOfKey("u", row("missing"), ME)).toBeUndefined();
    expect(markOfKey("u", row("safe", [marked("safe", ME, 1)]), ME)).toBe("missing");
  });
});

describe("the list", () => {
  const person = (badge: string | null, found: Found, zone = "lab"): MusterPerson => ({ badge, zone, since: at(0), marks: [], late: false, found });

  it("is of one muster, with names by badge, by zone and name", () => {
    const people = { "m/0": person("10", "missing"), "m/1": person("9", "safe", "hall"), "mm/0": person("11", "missing"), "m/2": person(null, "missing") };
    const rows = sorted(rowsOfStates(people, "m", new Map([["10", "Anna"]])));
    expect(rows.map(({ key, name }) => [key, name])).toEqual([["9", ""], ["m/2", ""], ["10", "Anna"]]);
    expect(byZone(rows).map((group) => [group.zone, group.rows.length])).toEqual([["hall", 1], ["lab", 2]]);
    expect(totalsOf(rows)).toEqual({ missing: 2, safe: 1, out: 0, not_here: 0 });
  });

  it("keeps rows in their places that were shown and are found since", () => {
    const rows = [row("safe", [], "1"), row("missing", [], "2"), row("safe", [], "3")];
    expect(chosen(rows, "missing", "", new Set(["1"])).map((one) => one.key)).toEqual(["1", "2"]);
    expect(chosen(rows, "all", "name 3", new Set()).map((one) => one.key)).toEqual(["3"]);
  });
});
