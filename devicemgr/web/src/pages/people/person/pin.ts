// A person's PIN: set, replaced or removed; it is never shown.
import { html, nothing, type TemplateResult } from "lit";
import { call } from "../../../api/client";
import { t } from "../../../base/i18n";
import { store } from "../../../live/store";
import { confirmed } from "../../../parts/confirm";
import { textField } from "../../../parts/fields";
import { PersonPart } from "./part";

const PIN = /^\d{4,8}$/;

class PersonPin extends PersonPart {
  static override properties = { ...PersonPart.properties, isOpen: { state: true }, error: { state: true } };
  declare isOpen: boolean;
  declare error: string | undefined;
  // Not a property of the element that is drawn: it is in the field alone, and gone with it.
  private pin = "";
  private again = "";

  constructor() {
    super();
    this.isOpen = false;
  }

  override render(): TemplateResult {
    const { pin } = this.person;
    const sets = store.may("PUT /people/{badge}/pin");
    return html`<section class="part pin" aria-labelledby="pin-title">
      <h3 id="pin-title">${t("person.pin")}</h3>
      <p>${t(pin ? "person.pin_set" : "person.pin_none")}</p>
      ${this.isOpen ? this.form() : nothing}
      ${this.isOpen
        ? nothing
        : html`<div class="acts">
            ${sets ? html`<button type="button" data-pin ?disabled=${this.isOff} @click=${this.open}>${t(pin ? "person.pin_replace" : "person.pin_give")}</button>` : nothing}
            ${pin && store.may("DELETE /people/{badge}/pin") ? html`<button type="button" class="quiet" data-pin-remove ?disabled=${this.isOff} @click=${() => void this.removePin()}>${t("person.pin_remove")}</button>` : nothing}
          </div>`}
    </section>`;
  }

  private form(): TemplateResult {
    return html`<form @submit=${(event: SubmitEvent) => void this.save(event)}>
      <div class="pair">
        ${textField({ name: "pin", label: t("person.pin_new"), type: "password", value: this.pin, hint: t("person.pin_hint"), error: this.error, isRequired: true, max: 8, change: (value) => (this.pin = value) })}
        ${textField({ name: "pin_again", label: t("person.pin_again"), type: "password", value: this.again, isRequired: true, max: 8, change: (value) => (this.again = value) })}
      </div>
      <div class="acts">
        <button type="submit" class="main" data-pin-save ?disabled=${this.isOff}>${t("person.save")}</button>
        <button type="button" class="quiet" @click=${this.close}>${t("action.cancel")}</button>
      </div>
    </form>`;
  }

  private readonly open = (): void => {
    this.isOpen = true;
    void this.updateComplete.then(() => this.querySelector<HTMLElement>("[name=pin]")?.focus());
  };

  private readonly close = (): void => {
    this.pin = "";
    this.again = "";
    this.error = undefined;
    this.isOpen = false;
    void this.updateComplete.then(() => this.querySelector<HTMLElement>("[data-pin]")?.focus());
  };

  private async save(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const { pin } = this;
    this.error = !PIN.test(pin) ? t("person.pin_hint") : pin !== this.again ? t("person.pin_differs") : undefined;
    if (this.error !== undefined) return;
    const made = await this.change(() => call("put", "/api/v1/people/{badge}/pin", { path: this.path }, { pin, duress: false }), () => t("person.pin_saved"));
    if (made) this.close();
  }

  private async removePin(): Promise<void> {
    const question = { title: t("person.pin_remove_title", { name: this.person.name }), effect: t("person.pin_remove_effect"), action: t("person.pin_remove"), isDangerous: true };
    if (!(await confirmed(question))) return;
    await this.change(() => call("delete", "/api/v1/people/{badge}/pin", { path: this.path }), () => t("person.pin_removed"));
  }
}

customElements.define("desk-person-pin", PersonPin);
