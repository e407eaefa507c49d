import { describe, expect, it } from "vitest";
import { ALWAYS, Matrix, seen } from "../../src/pages/site/levels/coverage";

const level = (name: string, portals: [string, string | null][]) => ({
  name,
  portals: portals.map(([portal, schedule]) => ({ portal, schedule })),
  waives: ["anti_passback"],
  visitors: false,
  escorts: true,
  escort_up_to: 3,
});

describe("the matrix", () => {
  it("counts what differs from what is stored, and forgets what is set back", () => {
    const matrix = new Matrix([level("staff", [["main", null]])]);
    matrix.set("staff", "lab", "@office");
    matrix.set("staff", "main", undefined);
    expect([matrix.changes, matrix.at("staff", "lab"), matrix.at("staff", "main")]).toEqual([2, "@office", undefined]);
    matrix.set("staff", "main", ALWAYS);
    matrix.set("staff", "lab", undefined);
    expect([matrix.changes, matrix.toml()]).toEqual([0, ""]);
  });

  it("writes the levels that change with all that they have", () => {
    const matrix = new Matrix([level("staff", [["main", null]]), level("other", [["main", "night"]])]);
    matrix.set("staff", "lab", "@office");
    expect(matrix.toml()).toBe(
      '[levels."staff"]\nportals = ["lab@office","main"]\nwaives = ["anti_passback"]\nvisitors = false\nescorts = true\nescort_up_to = 3\n',
    );
  });

  it("names levels that would cover nothing", () => {
    const matrix = new Matrix([level("staff", [["main", null]])]);
    matrix.set("staff", "main", undefined);
    expect(matrix.empty()).toEqual(["staff"]);
  });

  it("keeps what was chosen when the site was changed by others", () => {
    const before = new Matrix([level("staff", [["main", null]]), level("gone", [["main", null]])]);
    before.set("staff", "lab", ALWAYS);
    before.set("staff", "old", ALWAYS);
    before.set("gone", "lab", ALWAYS);
    const after = new Matrix([level("staff", [["main", "night"]])]);
    after.take(before, new Set(["main", "lab"]));
    expect([after.changes, after.at("staff", "lab"), after.at("staff", "main")]).toEqual([1, ALWAYS, "@night"]);
  });
});

it("draws what is seen and a margin", () => {
  expect(seen(0, 400, 40, 100)).toEqual({ first: 0, last: 13 });
  expect(seen(4000, 400, 40, 100)).toEqual({ first: 97, last: 100 });
  expect(seen(0, 400, 0, 100)).toEqual({ first: 0, last: 30 });
});
