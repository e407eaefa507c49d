// Visitors: the lists of the day, a visit, its printed badge, and the form of a new one, by the address.
import { html, type TemplateResult } from "lit";
import { keyed } from "lit/directives/keyed.js";
import { DeskElement } from "../../base/element";
import { store } from "../../live/store";
import "./arrival";
import "./lists";
import "./new-visit";
import "./one";
import "./visitors.css";

class Visitors extends DeskElement {
  static override properties = { rest: { attribute: false } };
  declare rest: readonly string[];

  override render(): TemplateResult {
    const [first, second] = this.rest;
    return html`${this.view(first, second === "badge")}<desk-visitor-arrival></desk-visitor-arrival>`;
  }

  private view(first: string | undefined, isBadge: boolean): TemplateResult {
    if (first === undefined) return html`<desk-visitor-lists></desk-visitor-lists>`;
    if (first === "new" && store.may("POST /visitors")) return html`<desk-new-visit></desk-new-visit>`;
    return html`${keyed(first, html`<desk-visit .badge=${first} .isBadge=${isBadge}></desk-visit>`)}`;
  }
}

customElements.define("desk-visitors", Visitors);
