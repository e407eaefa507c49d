// Undo and redo of a plan's changes, apart from all other plans and pages.
import type { Placement } from "../../api/types";

const MAX_STEPS = 100;
/** Key presses within so long are one step. */
const JOINED_MS = 800;

export class History {
  private past: (readonly Placement[])[] = [];
  private future: (readonly Placement[])[] = [];
  private last = { label: "", at: -Infinity };

  get canUndo(): boolean {
    return this.past.length > 0;
  }

  get canRedo(): boolean {
    return this.future.length > 0;
  }

  /** Note how it was before a change; changes of one label that follow each other quickly are undone together. */
  note(before: readonly Placement[], label = "", now = performance.now()): void {
    const isJoined = label !== "" && label === this.last.label && now - this.last.at < JOINED_MS;
    this.last = { label, at: now };
    this.future = [];
    if (!isJoined) this.past = [...this.past, before].slice(-MAX_STEPS);
  }

  /** Return how it was before the last change, or nothing. */
  undo(present: readonly Placement[]): readonly Placement[] | undefined {
    const before = this.past.at(-1);
    if (before) {
      this.past = this.past.slice(0, -1);
      this.future = [...this.future, present];
      this.last = { label: "", at: -Infinity };
    }
    return before;
  }

  redo(present: readonly Placement[]): readonly Placement[] | undefined {
    const after = this.future.at(-1);
    if (after) {
      this.future = this.future.slice(0, -1);
      this.past = [...this.past, present];
    }
    return after;
  }

  clear(): void {
    this.past = [];
    this.future = [];
    this.last = { label: "", at: -Infinity };
  }
}
