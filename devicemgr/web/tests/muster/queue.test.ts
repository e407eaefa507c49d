import { beforeEach, describe, expect, it } from "vitest";
import { Problem, Unreachable } from "../../src/api/client";
import { MarkQueue, type WaitingMark } from "../../src/pages/muster/queue";

const NOW = Date.parse("2026-12-01T10:00:00Z");

let sent: WaitingMark[];
let refused: [WaitingMark, unknown][];
let actor: string | null;
let answer: (mark: WaitingMark) => unknown;
let queue: MarkQueue;

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

beforeEach(() => {
  sent = [];
  refused = [];
  actor = "operator:me";
  answer = () => undefined;
  queue = new MarkQueue({
    send: (mark) => {
      sent.push(mark);
      const error = answer(mark);
      return error instanceof Error ? Promise.reject(error) : Promise.resolve();
    },
    actor: () => actor,
    changed: () => undefined,
    refused: (mark, error) => refused.push([mark, error]),
  });
});

describe("queue of marks", () => {
  it("sends each mark once, with the time it was made", async () => {
    queue.add("1", "safe", "", NOW);
    queue.add("2", "not_here", "at home", NOW + 5);
    await settled();
    expect(sent.map(({ badge, mark, reason, at }) => [badge, mark, reason, at])).toEqual([
      ["1", "safe", "", "2026-12-01T10:00:00.000Z"],
      ["2", "not_here", "at home", "2026-12-01T10:00:00.005Z"],
    ]);
    expect(queue.size).toBe(0);
    expect(queue.recent).toHaveLength(2);
  });

  it("keeps marks without an answer, in their order, with their first times", async () => {
    answer = () => new Unreachable("away");
    queue.add("1", "safe", "", NOW);
    queue.add("2", "safe", "", NOW + 1000);
    await settled();
    expect(queue.waiting.map((mark) => mark.badge)).toEqual(["1", "2"]);
    answer = () => undefined;
    sent = [];
    await queue.flush();
    expect(sent.map((mark) => [mark.badge, mark.at])).toEqual([["1", "2026-12-01T10:00:00.000Z"], ["2", "2026-12-01T10:00:01.000Z"]]);
    expect(queue.size).toBe(0);
  });

  it("gives each mark a later time than the one before, whatever the clock does", () => {
    answer = () => new Unreachable("away");
    queue.add("1", "safe", "", NOW);
    queue.add("1", "missing", "", NOW - 5000);
    const [first, second] = queue.waiting;
    expect(Date.parse(second?.at ?? "")).toBeGreaterThan(Date.parse(first?.at ?? ""));
  });

  it("gives up what is refused, and says so", async () => {
    answer = (mark) => (mark.badge === "1" ? new Problem(404, "not_found", "the muster has ended") : undefined);
    queue.add("1", "safe", "", NOW);
    queue.add("2", "safe", "", NOW);
    await settled();
    expect(refused.map(([mark]) => mark.badge)).toEqual(["1"]);
    expect(queue.size).toBe(0);
    expect(queue.recent.map((mark) => mark.badge)).toEqual(["2"]);
  });

  it("tries later what may go then, and keeps no other waiting behind it", async () => {
    answer = (mark) => (mark.badge === "1" ? new Problem(500, "internal", "") : undefined);
    queue.add("1", "safe", "", NOW);
    queue.add("2", "safe", "", NOW);
    await settled();
    await queue.flush();
    expect(queue.waiting.map((mark) => mark.badge)).toEqual(["1"]);
    for (const status of [401, 429]) {
      answer = () => new Problem(status, "", "");
      await queue.flush();
      expect(queue.size).toBe(1);
    }
  });

  it("sends nothing in another's name", async () => {
    answer = () => new Unreachable("away");
    queue.add("1", "safe", "", NOW);
    await settled();
    sent = [];
    answer = () => undefined;
    for (const other of [null, "operator:other"]) {
      actor = other;
      await queue.flush();
      expect([sent, queue.waiting, queue.size]).toEqual([[], [], 1]);
    }
    actor = "operator:me";
    await queue.flush();
    expect(queue.size).toBe(0);
  });
});
