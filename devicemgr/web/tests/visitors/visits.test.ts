import { describe, expect, it } from "vitest";
import { fieldTime, setZone } from "../../src/base/dates";
import { partOf, read, visitsOf, type Visit } from "../../src/pages/visitors/visits";

const NOW = Date.parse("2026-12-01T05:00:00Z");

function visit(badge: string, more: Partial<Visit> = {}): Visit {
  const times = { valid_from: "2026-12-01T04:00:00Z", valid_to: "2026-12-01T12:00:00Z", arrived: null, left: null, cancelled: null };
  const host = { host: "1001", host_name: "Әсел", host_problem: null };
  return { badge, name: `Name ${badge}`, state: "expected", ...host, ...times, levels: [], cards: [], escort: false, inside: false, ended_by: null, ...more };
}

describe("parts of the page", () => {
  it("follow the state, and the day in the site's zone", () => {
    setZone("Asia/Almaty");
    expect(partOf(visit("1"), NOW)).toBe("today");
    expect(partOf(visit("2", { valid_from: "2026-12-01T19:30:00Z" }), NOW)).toBe("later"); // 00:30 of the next day there
    expect(partOf(visit("3", { state: "arrived" }), NOW)).toBe("here");
    expect(partOf(visit("4", { state: "inside" }), NOW)).toBe("here");
    expect(partOf(visit("5", { state: "overdue" }), NOW)).toBe("overdue");
    expect(partOf(visit("6", { state: "left", left: "2026-11-30T20:00:00Z" }), NOW)).toBe("left");
    expect(partOf(visit("7", { state: "cancelled", cancelled: "2026-11-29T20:00:00Z" }), NOW)).toBeNull();
  });

  it("find words in name, host and card without case and accents", () => {
    const all = [visit("V-1", { cards: ["80:58400"] }), visit("V-2", { name: "Дарья Ёлкина" })];
    expect(visitsOf(all, "today", "ЕЛКИНА", NOW).map((one) => one.badge)).toEqual(["V-2"]);
    expect(visitsOf(all, "today", "58400", NOW).map((one) => one.badge)).toEqual(["V-1"]);
    expect(visitsOf(all, "here", "", NOW)).toEqual([]);
  });
});

describe("what a reader types", () => {
  const all = [visit("V-000001", { cards: ["14725378"] }), visit("V-000002", { cards: ["0F00FBD6AA"] })];

  it("is the number of a badge or of a card, with or without leading zeros", () => {
    for (const typed of ["v-000001", "14725378", "0014725378 "]) expect(read(all, typed)?.badge, typed).toBe("V-000001");
    expect(read(all, "0f00fbd6aa")?.badge).toBe("V-000002");
    for (const typed of ["", "0", "147", "F00FBD6AA"]) expect(read(all, typed), typed).toBeUndefined();
  });
});

describe("a field's time", () => {
  it("is that of the site's zone", () => {
    setZone("Asia/Almaty");
    expect(fieldTime("2026-12-01T20:30:05Z")).toBe("2026-12-02T01:30");
  });
});
