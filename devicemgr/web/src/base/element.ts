// Elements without a shadow tree: one linked style sheet for the whole page, as the policy wants it.
import { LitElement } from "lit";
import { store } from "../live/store";

export class DeskElement extends LitElement {
  override createRenderRoot(): HTMLElement {
    return this;
  }
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
