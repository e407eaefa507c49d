// What the parts of a person's card have in common.
import { StoreElement } from "../../../base/element";
import { store } from "../../../live/store";
import { carryOut } from "../changes";
import type { Person } from "../person";

export abstract class PersonPart extends StoreElement {
  static override properties = { person: { attribute: false }, isBusy: { state: true } };
  declare person: Person;
  /** A change is on its way: no button works until its answer is there. */
  declare isBusy: boolean;

  constructor() {
    super();
    this.isBusy = false;
  }

  protected get path(): { badge: string } {
    return { badge: this.person.badge };
  }

  protected get isOff(): boolean {
    return this.isBusy || store.link !== "live";
  }

  /** Make a change once, say what came of it, and have the card read again; true if it was made. */
  protected async change<T>(change: () => Promise<T>, done: (answer: T) => string): Promise<boolean> {
    if (this.isBusy) return false;
    this.isBusy = true;
    const answer = await carryOut(change, done);
    this.isBusy = false;
    // Also after a lost answer, which may have been a change.
    this.dispatchEvent(new CustomEvent("changed"));
    return answer !== null;
  }
}
