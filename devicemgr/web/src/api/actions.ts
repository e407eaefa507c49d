// The key of each action of a person: what is sent twice by a double click has one, so that the daemon does it once.

/** An identical change within this time of the last one is the same action. */
export const SAME_ACTION_MS = 1000;

export class ActionKeys {
  private last = { what: "", key: "", at: 0, isUnderWay: false };

  constructor(
    private readonly now: () => number = () => performance.now(),
    private readonly draw: () => string = () => crypto.getRandomValues(new Uint32Array(4)).join("-"),
  ) {}

  /** Return the key of a change that is sent now: that of the last change, if it is the same and was just sent. */
  begin(what: string): string {
    const { last } = this;
    const isSame = what === last.what && (last.isUnderWay || this.now() - last.at < SAME_ACTION_MS);
    if (!isSame) this.last = { what, key: this.draw(), at: this.now(), isUnderWay: true };
    return this.last.key;
  }

  /** Note that a change was answered, or that no answer came. */
  end(key: string): void {
    if (this.last.key === key) this.last.isUnderWay = false;
  }
}
