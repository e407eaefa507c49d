import { html, type TemplateResult } from "lit";
import { StoreElement } from "../../base/element";
import { t } from "../../base/i18n";

class PersonFace extends StoreElement {
  static override properties = { badge: { attribute: false } };
  declare badge: string;

  override render(): TemplateResult {
    return html`<p class="empty">${t("page.loading")}</p>`;
  }
}

customElements.define("desk-person-face", PersonFace);
