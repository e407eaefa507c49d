import { describe, expect, it } from "vitest";
import { isWanted, stateOf, type Line } from "../src/pages/people/find/roster";
import { entryOf, found } from "../src/pages/people/find/search";
import { written } from "../src/pages/people/times";

function line(badge: string, name: string, more: Partial<Line> = {}): Line {
  return { badge, name, kind: "staff", suspended: false, levels: [], department: null, department_levels: [], valid_from: null, valid_to: null, face: false, cards: [], ...more };
}

const NAMES = ["Әсел Қожабекова-Төлегенова", "Нұрлан Өтеген", "Дарья Ёлкина", "Гүлнар Іңкәрқызы", "Ғалым Ұлық", "Һарун Ерланұлы", "Mehmet Yıldız", "José Ångström", "Тарас Ґудзь", "李小龙", "محمّد", "Yerzhan Zhumabayev"];
const PEOPLE = NAMES.map((name, index) => line(String(1001 + index), name, { cards: [`80:5840${index}`] }));
const ENTRIES = PEOPLE.map(entryOf);

function names(wanted: string): string[] {
  return found(ENTRIES, wanted).map((entry) => entry.person.name);
}

describe("the search for people", () => {
  it.each([
    ["Әсел", 0], ["асел", 0], ["АСЕЛЬ", 0], ["asel", 0], ["Assel", 0], ["Кожабекова", 0], ["kozhabekova", 0], ["Qojabekova", 0], ["толегенова", 0], ["Тулегенова", 0], ["tulegenova", 0],
    ["Нурлан", 1], ["nurlan", 1], ["утеген", 1], ["отеген", 1], ["Utegen", 1], ["ötegen", 1],
    ["елкина", 2], ["ёлкина", 2], ["Elkina", 2], ["Yolkina", 2], ["daria", 2], ["Darya", 2],
    ["Гульнар", 3], ["gulnar", 3], ["Инкаркызы", 3], ["inkarkyzy", 3],
    ["галым", 4], ["Ghalym", 4], ["улык", 4], ["ulyq", 4],
    ["харун", 5], ["harun", 5], ["kharun", 5], ["yerlan", 5], ["Erlan", 5],
    ["yildiz", 6], ["YILDIZ", 6], ["ıldız", 6], ["jose", 7], ["angstrom", 7], ["Гудзь", 8], ["小龙", 9], ["محمد", 10], ["Ержан", 11], ["жумабаев", 11],
  ])("finds by %s", (wanted, index) => {
    expect(names(wanted)[0]).toBe(NAMES[index]);
  });

  it("finds at each letter that is typed, in each spelling", () => {
    for (const word of ["Қожабекова", "кожабекова", "kozhabekova", "daniel"]) {
      const people = [entryOf(line("1", "Әсел Қожабекова")), entryOf(line("2", "Daniel Smith"))];
      const goal = word === "daniel" ? "2" : "1";
      for (let end = 3; end <= word.length; end++) expect(found(people, word.slice(0, end))[0]?.person.badge, word.slice(0, end)).toBe(goal);
    }
  });

  it("wants all words, in any order, and finds by badge and card, with and without what separates", () => {
    expect(names("қожаб әсел")).toEqual([NAMES[0]]);
    expect(names("әсел ёлкина")).toEqual([]);
    expect(names("1003")[0]).toBe(NAMES[2]);
    expect(names("80:58404")).toEqual([NAMES[4]]);
    expect(names("8058404")).toEqual([NAMES[4]]);
    expect(names("мария 1003")).toEqual([]);
    expect(names("  ")).toHaveLength(NAMES.length);
  });

  it("shows whole numbers first, then beginnings of words", () => {
    const people = [line("2100", "Berik"), line("100", "Anna"), line("1000", "Zara")].map(entryOf);
    expect(found(people, "100").map((entry) => entry.person.badge)).toEqual(["100", "1000", "2100"]);
    const named = [line("1", "Roxanna"), line("2", "Anna")].map(entryOf);
    expect(found(named, "anna").map((entry) => entry.person.badge)).toEqual(["2", "1"]);
  });

  it("takes what is typed as text", () => {
    for (const wanted of [".*", "[", "\\", "(", "\n", "\u0000", "%", "__proto__"]) expect(() => names(wanted)).not.toThrow();
    expect(names(".*")).toEqual([]);
  });
});

describe("people", () => {
  const now = Date.parse("2026-12-01T00:00:00Z");

  it("are in one state each, a suspension first", () => {
    expect(stateOf(line("1", "A"), now)).toBe("active");
    expect(stateOf(line("1", "A", { valid_to: "2026-12-01T00:00:00.000Z" }), now)).toBe("expired");
    expect(stateOf(line("1", "A", { valid_from: "2026-12-01T00:00:01.000Z" }), now)).toBe("not_yet");
    expect(stateOf(line("1", "A", { valid_to: "2020-01-01T00:00:00.000Z", suspended: true }), now)).toBe("suspended");
  });

  it("are filtered by state, level and what they lack", () => {
    const person = line("1", "A", { levels: ["staff"], department_levels: ["lab"], cards: ["1"] });
    expect(isWanted(person, { state: "", level: "lab" }, now)).toBe(true);
    expect(isWanted(person, { state: "", level: "vault" }, now)).toBe(false);
    expect(isWanted(person, { state: "no_face", level: "staff" }, now)).toBe(true);
    expect(isWanted(person, { state: "no_card", level: "" }, now)).toBe(false);
    expect(isWanted(person, { state: "suspended", level: "" }, now)).toBe(false);
  });
});

describe("validity in fields", () => {
  it("is a day where it begins or ends with one in the site's zone, else a moment", () => {
    expect(written(null)).toEqual({ type: "date", value: "" });
    expect(written("2026-12-31T19:00:00.000Z", true, "Asia/Almaty")).toEqual({ type: "date", value: "2026-12-31" });
    expect(written("2026-12-31T19:00:00.000Z", false, "Asia/Almaty")).toEqual({ type: "date", value: "2027-01-01" });
    expect(written("2026-12-31T13:30:00.000Z", true, "Asia/Almaty")).toEqual({ type: "datetime-local", value: "2026-12-31T18:30" });
  });
});
