// Musters: those that run and those that were, or the list of one, by the address.
import { html, type TemplateResult } from "lit";
import { keyed } from "lit/directives/keyed.js";
import { DeskElement } from "../../base/element";
import "./list";
import "./muster.css";
import "./overview";

class Muster extends DeskElement {
  static override properties = { rest: { attribute: false } };
  declare rest: readonly string[];

  override render(): TemplateResult {
    const [muster] = this.rest;
    return muster === undefined ? html`<desk-muster-overview></desk-muster-overview>` : html`${keyed(muster, html`<desk-muster-list .muster=${muster}></desk-muster-list>`)}`;
  }
}

customElements.define("desk-muster", Muster);
