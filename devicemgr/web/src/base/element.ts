// Elements without a shadow tree: one linked style sheet for the whole page, as the policy wants it.
import { LitElement } from "lit";
import { store } from "../live/store";

export class DeskElement extends LitElement {
  override createRenderRoot(): HTMLElement {
    return this;
  }
}

/**
 * Return what listens to `close` of a dialog. The event comes a little after the closing: by then the dialog may be open
 * again, for another question.
 */
export function whenClosed(act: () => void): (event: Event) => void {
  return (event) => {
    if (!(event.currentTarget as HTMLDialogElement).open) act();
  };
}

/** An element that is drawn again when the store changes, at most once a frame. */
export class StoreElement extends DeskElement {
  private leave: (() => void) | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.leave = store.subscribe(() => {
      this.requestUpdate();
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.leave?.();
  }
}
