// The pure parts of the plan: geometry, changes of what stands on it, and undoing.
import { describe, expect, it } from "vitest";
import type { Placement } from "../src/api/types";
import { History } from "../src/pages/plan/history";
import { missing, movedTo, neighbor, stepped, turned, withCorner, withNewCorner, withThing, without, withoutCorner } from "../src/pages/plan/placements";
import { fitting, moved, toDrawing, toScreen, zoomed } from "../src/pages/plan/view";

const DRAWING = { width: 1000, height: 500 };
const SCREEN = { width: 800, height: 600 };
const LOBBY: Placement = { kind: "portal", name: "lobby", x: 10, y: 20, rotation: 350 };
const GATE: Placement = { kind: "device", name: "gate", x: 60, y: 20, rotation: 0 };
const HALL: Placement = { kind: "zone", name: "hall", x: 50, y: 50, rotation: 0, points: [[40, 40], [60, 40], [60, 60], [40, 60]] };
const ALL = [LOBBY, GATE, HALL];

describe("the view", () => {
  const whole = fitting(DRAWING, SCREEN);

  it("shows the whole drawing in the middle", () => {
    const left = toScreen(whole, DRAWING, { x: 0, y: 0 });
    const right = toScreen(whole, DRAWING, { x: 100, y: 100 });
    expect(left.x).toBeGreaterThan(0);
    expect(left.x + right.x).toBeCloseTo(SCREEN.width);
    expect(left.y + right.y).toBeCloseTo(SCREEN.height);
  });

  it("keeps the point under the pointer when it zooms", () => {
    const at = { x: 300, y: 250 };
    const before = toDrawing(whole, DRAWING, at);
    expect(toDrawing(zoomed(whole, 3, at, DRAWING, SCREEN), DRAWING, at)).toEqual(before);
  });

  it("is neither too close nor too far, and a part stays in sight", () => {
    const at = { x: 400, y: 300 };
    expect(zoomed(whole, 1e9, at, DRAWING, SCREEN).scale).toBeCloseTo(whole.scale * 20);
    expect(zoomed(whole, 1e-9, at, DRAWING, SCREEN).scale).toBeCloseTo(whole.scale / 2);
    expect(moved(whole, 1e6, 1e6, DRAWING, SCREEN).x).toBeLessThan(SCREEN.width);
    expect(moved(whole, -1e6, 0, DRAWING, SCREEN).x + DRAWING.width * whole.scale).toBeGreaterThan(0);
  });

  it("gives points of the drawing alone", () => {
    expect(toDrawing(whole, DRAWING, { x: -500, y: 5000 })).toEqual({ x: 0, y: 100 });
  });
});

describe("placements", () => {
  it("are moved within the drawing, an area with its name", () => {
    expect(movedTo(ALL, LOBBY, { x: 120, y: -3 })[0]).toEqual({ ...LOBBY, x: 100, y: 0 });
    expect(movedTo(ALL, HALL, { x: 60, y: 50 })[2]?.points).toEqual([[50, 40], [70, 40], [70, 60], [50, 60]]);
    expect(stepped(ALL, GATE, "ArrowUp", 0.5)[1]?.y).toBe(19.5);
    expect(ALL[0]).toBe(LOBBY);
  });

  it("are turned around", () => {
    expect(turned(ALL, LOBBY, 15)[0]?.rotation).toBe(5);
    expect(turned(ALL, GATE, -15)[1]?.rotation).toBe(345);
  });

  it("come and go", () => {
    expect(withThing([], HALL, { x: 99, y: 50 })[0]?.points?.[1]).toEqual([100, 42]);
    expect(without(ALL, GATE)).toEqual([LOBBY, HALL]);
    const known = [{ kind: "portal", name: "lobby" } as const, { kind: "device", name: "lobby" } as const];
    expect(missing(ALL, known)).toEqual([known[1]]);
  });

  it("have corners that move, come and go", () => {
    expect(withCorner(ALL, HALL, 0, { x: 20, y: 40 })[2]).toMatchObject({ x: 45, points: [[20, 40], [60, 40], [60, 60], [40, 60]] });
    const five = withNewCorner(ALL, HALL, 3);
    expect(five[2]?.points?.[4]).toEqual([40, 50]);
    expect(withoutCorner(five, HALL, 4)[2]?.points).toEqual(HALL.points);
    const three = withoutCorner(ALL, HALL, 0);
    expect(withoutCorner(three, HALL, 0)).toEqual(three);
  });

  it("have neighbors in each direction", () => {
    expect(neighbor(ALL, LOBBY, "ArrowRight")?.name).toBe("gate");
    expect(neighbor(ALL, GATE, "ArrowDown")?.name).toBe("hall");
    expect(neighbor(ALL, LOBBY, "ArrowLeft")).toBeUndefined();
  });
});

describe("undoing", () => {
  it("goes back and forth, and a new change ends what was undone", () => {
    const history = new History();
    history.note([], "", 0);
    history.note([LOBBY], "", 0);
    expect(history.undo(ALL)).toEqual([LOBBY]);
    expect(history.redo([LOBBY])).toEqual(ALL);
    expect(history.undo(ALL)).toEqual([LOBBY]);
    history.note([LOBBY], "", 5);
    expect([history.canUndo, history.canRedo]).toEqual([true, false]);
  });

  it("joins presses of a key that follow each other quickly", () => {
    const history = new History();
    history.note([], "move", 0);
    history.note([LOBBY], "move", 500);
    history.note([GATE], "move", 3000);
    expect(history.undo(ALL)).toEqual([GATE]);
    expect(history.undo([GATE])).toEqual([]);
    expect(history.canUndo).toBe(false);
  });
});
