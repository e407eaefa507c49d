// The kept face of an enrolled person, beside a decision about them; nothing where there is none.
import { html, nothing, type TemplateResult } from "lit";
import { photoAddress } from "../api/client";
import type { Event } from "../api/types";
import { DeskElement } from "../base/element";
import { t } from "../base/i18n";
import { store } from "./store";

/** Return the picture of a decision's person, where the site and the caller's roles allow it. */
export function photoOf(event: Event): TemplateResult | typeof nothing {
  if (!event.person || !store.session?.photos || !store.may("GET /people/{badge}/photo")) return nothing;
  return html`<desk-photo .badge=${event.person} .name=${event.person_name ?? event.person}></desk-photo>`;
}

class Photo extends DeskElement {
  static override properties = { badge: { attribute: false }, name: { attribute: false }, missing: { state: true } };
  declare badge: string;
  declare name: string;
  /** The badge of whom no photo came. */
  declare missing: string;

  constructor() {
    super();
    this.missing = "";
  }

  override render(): TemplateResult | typeof nothing {
    if (this.missing === this.badge) return nothing;
    return html`<img class="photo" src=${photoAddress(this.badge)} alt=${t("live.photo", { name: this.name })} @error=${() => (this.missing = this.badge)} />`;
  }
}

customElements.define("desk-photo", Photo);
