import { html, type TemplateResult } from "lit";
import { StoreElement } from "../../base/element";
import { t } from "../../base/i18n";

class PeopleImport extends StoreElement {
  override render(): TemplateResult {
    return html`<p class="empty">${t("page.loading")}</p>`;
  }
}

customElements.define("desk-people-import", PeopleImport);
