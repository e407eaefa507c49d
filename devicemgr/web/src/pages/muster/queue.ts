// Marks of a muster on their way to the daemon: each is kept until the daemon has answered, with the time it was made.
import { Problem } from "../../api/client";

export type MarkName = "safe" | "not_here" | "missing";

export interface WaitingMark {
  badge: string;
  mark: MarkName;
  reason: string;
  /** When it was made, by the daemon's clock, RFC 3339. */
  at: string;
  /** Who made it: it is sent in no other name. */
  actor: string;
}

export interface Outlet {
  send: (mark: WaitingMark) => Promise<unknown>;
  /** Who is signed in. */
  actor: () => string | null;
  changed: () => void;
  refused: (mark: WaitingMark, error: unknown) => void;
}

/** How many marks that were sent are shown until the list itself has them. */
const MAX_SENT = 200;

/** Marks in the order in which they were made. Marks are told apart by their times, so one sent again counts once. */
export class MarkQueue {
  private marks: readonly WaitingMark[] = [];
  private sent: readonly WaitingMark[] = [];
  private isSending = false;
  private last = 0;

  constructor(private readonly outlet: Outlet) {}

  /** What waits to be sent in the name of who is signed in. */
  get waiting(): readonly WaitingMark[] {
    const actor = this.outlet.actor();
    return this.marks.filter((mark) => mark.actor === actor);
  }

  /** What waits in anyone's name. */
  get size(): number {
    return this.marks.length;
  }

  /** What waits, and what was sent lately, which a list may not have yet. */
  get recent(): readonly WaitingMark[] {
    return [...this.sent, ...this.waiting];
  }

  add(badge: string, mark: MarkName, reason: string, now: number): void {
    const actor = this.outlet.actor();
    if (actor === null) return;
    // Later than the one before, whatever has become of the clock.
    this.last = Math.max(this.last + 1, Math.round(now));
    this.marks = [...this.marks, { badge, mark, reason, at: new Date(this.last).toISOString(), actor }];
    this.outlet.changed();
    void this.flush();
  }

  /** Send what waits, one after another, until one gets no answer. */
  async flush(): Promise<void> {
    if (this.isSending) return;
    this.isSending = true;
    try {
      for (let next = this.waiting[0]; next; next = this.waiting[0]) {
        if (!(await this.isAnswered(next))) return;
      }
    } finally {
      this.isSending = false;
    }
  }

  private async isAnswered(mark: WaitingMark): Promise<boolean> {
    try {
      await this.outlet.send(mark);
      this.sent = [...this.sent, mark].slice(-MAX_SENT);
    } catch (error) {
      if (!isRefusal(error)) {
        // One that the daemon fails at does not keep the others waiting.
        if (error instanceof Problem && error.status >= 500) this.marks = [...this.marks.filter((one) => one !== mark), mark];
        return false;
      }
      this.outlet.refused(mark, error);
    }
    this.marks = this.marks.filter((one) => one !== mark);
    this.outlet.changed();
    return true;
  }
}

/** Return True for an answer that will be the same another time. */
function isRefusal(error: unknown): boolean {
  return error instanceof Problem && error.status < 500 && ![401, 408, 429].includes(error.status);
}
