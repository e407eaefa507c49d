import { html, type TemplateResult } from "lit";
import { StoreElement } from "../../base/element";
import { t } from "../../base/i18n";

class Visitors extends StoreElement {
  static override properties = { rest: { attribute: false } };
  declare rest: readonly string[];

  override render(): TemplateResult {
    return html`<section class="page visitors"><p class="empty">${t("page.loading")}</p></section>`;
  }
}

customElements.define("desk-visitors", Visitors);
