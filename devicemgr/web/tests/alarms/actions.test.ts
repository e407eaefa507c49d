import { describe, expect, it } from "vitest";
import { ActionKeys, SAME_ACTION_MS } from "../../src/api/actions";

function keys(): { keys: ActionKeys; clock: { now: number } } {
  const clock = { now: 0 };
  let drawn = 0;
  return { keys: new ActionKeys(() => clock.now, () => String(++drawn)), clock };
}

describe("the key of an action", () => {
  it("is the same for a double click, and another one for the next action", () => {
    const { keys: found, clock } = keys();
    expect([found.begin("open"), found.begin("open")]).toEqual(["1", "1"]);
    found.end("1");
    clock.now = SAME_ACTION_MS;
    expect(found.begin("open")).toBe("2");
  });

  it("stays while the first is under way, however long that takes", () => {
    const { keys: found, clock } = keys();
    found.begin("open");
    clock.now = 60_000;
    expect(found.begin("open")).toBe("1");
  });

  it("is a new one after anything else, so that lock, free, lock is three actions", () => {
    const { keys: found } = keys();
    expect(["lock", "free", "lock"].map((what) => found.begin(what))).toEqual(["1", "2", "3"]);
  });

  it("is not ended by an earlier action's answer", () => {
    const { keys: found, clock } = keys();
    found.begin("lock");
    found.begin("free");
    found.end("1");
    clock.now = 60_000;
    expect(found.begin("free")).toBe("2");
  });

  it("is drawn at random", () => {
    const [one, other] = [new ActionKeys(), new ActionKeys()];
    expect(one.begin("open")).not.toBe(other.begin("open"));
    expect(one.begin("x")).toMatch(/^[\d-]{1,128}$/);
  });
});
