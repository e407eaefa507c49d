// The face of one person: the element of the address `#/people/BADGE/face`.
import { html, type TemplateResult } from "lit";
import { StoreElement } from "../../base/element";
import "./face/enrollment";
import "./face/face.css";

class PersonFace extends StoreElement {
  static override properties = { badge: { attribute: false } };
  declare badge: string;

  override render(): TemplateResult {
    return html`<desk-face-enrollment .badge=${this.badge}></desk-face-enrollment>`;
  }
}

customElements.define("desk-person-face", PersonFace);
