import { describe, expect, it } from "vitest";
import { intervalsOf, openPart, painted, parseWindow, windowsOf } from "../../src/pages/site/schedules/week";

describe("windows of a week", () => {
  it.each([
    ["mon-fri 08:00-18:00"],
    ["daily 00:00-24:00"],
    ["sat,sun 22:00-06:00"],
    ["sat-mon 09:00-12:00"],
    ["mon,wed 08:30-17:15"],
  ])("%s is read and written again", (text) => {
    const again = windowsOf(intervalsOf([text]));
    expect(windowsOf(intervalsOf(again))).toEqual(again);
    expect(intervalsOf(again)).toEqual(intervalsOf([text]));
  });

  it.each(["", "mon", "fri 8-9", "mon 25:00-26:00", "mon 08:00-08:00", "mo 08:00-09:00", "mon 00:00-24:30"])("%s is none", (text) => {
    expect(parseWindow(text)).toBeNull();
  });

  it("joins days with the same hours", () => {
    expect(windowsOf(intervalsOf(["mon 08:00-18:00", "tue-thu 08:00-18:00", "fri 08:00-16:00"]))).toEqual([
      "mon-thu 08:00-18:00",
      "fri 08:00-16:00",
    ]);
  });
});

describe("painting", () => {
  it("opens, joins and closes", () => {
    let found = painted([], 0, 480, 720, true);
    found = painted(found, 0, 720, 1080, true);
    expect(windowsOf(found)).toEqual(["mon 08:00-18:00"]);
    found = painted(found, 0, 720, 780, false);
    expect(windowsOf(found)).toEqual(["mon 08:00-12:00", "mon 13:00-18:00"]);
  });

  it("cuts what goes on over midnight, in the week's last night too", () => {
    const nights = intervalsOf(["fri 22:00-06:00", "sun 22:00-06:00"]);
    expect(windowsOf(painted(nights, 5, 0, 120, false))).toEqual(["fri 22:00-24:00", "sat 02:00-06:00", "sun 22:00-06:00"]);
    expect(windowsOf(painted(nights, 0, 300, 480, false))).toEqual(["fri 22:00-06:00", "sun 22:00-05:00"]);
    expect(windowsOf(painted(nights, 6, 1320, 1440, false))).toEqual(["mon 00:00-06:00", "fri 22:00-06:00"]);
  });

  it("writes nothing that is longer than a day", () => {
    const found = painted(intervalsOf(["fri 22:00-06:00"]), 4, 0, 1320, true);
    expect(windowsOf(found)).toEqual(["fri 00:00-24:00", "sat 00:00-06:00"]);
  });

  it("says how much is open", () => {
    const found = intervalsOf(["mon 08:00-08:45", "mon 08:15-08:50", "sun 23:00-01:00"]);
    expect(openPart(found, 0, 480, 540)).toBeCloseTo(50 / 60);
    expect(openPart(found, 0, 0, 60)).toBe(1);
    expect(openPart(found, 1, 0, 1440)).toBe(0);
  });
});
