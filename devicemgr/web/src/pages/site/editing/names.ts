// A choice of several names: those chosen as buttons that take them out, and a field that adds one.
import { html, nothing, type TemplateResult } from "lit";
import { DeskElement } from "../../../base/element";
import { t } from "../../../base/i18n";

class Names extends DeskElement {
  static override properties = { label: {}, name: {}, hint: {}, value: { attribute: false }, offered: { attribute: false }, words: { attribute: false }, isOpen: { attribute: false }, isDisabled: { attribute: false }, error: {}, wrong: { state: true } };
  declare label: string;
  declare name: string;
  declare hint: string;
  declare value: readonly string[];
  declare offered: readonly string[];
  /** How a name is shown. */
  declare words: (name: string) => string;
  /** Names beside those that are offered are fine. */
  declare isOpen: boolean;
  declare isDisabled: boolean;
  declare error: string | undefined;
  declare wrong: string;
  private typed = "";

  constructor() {
    super();
    this.hint = "";
    this.value = [];
    this.offered = [];
    this.words = (name) => name;
    this.isOpen = false;
    this.isDisabled = false;
    this.wrong = "";
  }

  override render(): TemplateResult {
    const left = this.offered.filter((name) => !this.value.includes(name));
    const error = this.wrong || this.error;
    return html`<fieldset class="field names" data-names=${this.name}>
      <legend>${this.label}</legend>
      <div class="chips">
        ${this.value.map((name) => html`<button type="button" class="chip" ?disabled=${this.isDisabled} aria-label=${t("site.take_out", { name: this.words(name) })} data-chosen=${name} @click=${() => this.take(name)}>${this.words(name)}${this.isDisabled ? nothing : html` <span aria-hidden="true">×</span>`}</button>`)}
        ${this.value.length === 0 ? html`<span class="hint">${t("site.none")}</span>` : nothing}
      </div>
      ${this.isDisabled
        ? nothing
        : html`<div class="adds">
            <input name=${this.name} list="${this.name}-offered" autocomplete="off" maxlength="128" aria-label=${t("site.add_to", { what: this.label })} aria-invalid=${error ? "true" : nothing} aria-describedby=${error ? `${this.name}-error` : this.hint ? `${this.name}-hint` : nothing} .value=${this.typed} @input=${(event: InputEvent) => this.type(event)} @keydown=${(event: KeyboardEvent) => this.key(event)} />
            <datalist id="${this.name}-offered">${left.map((name) => html`<option value=${this.words(name)}></option>`)}</datalist>
            <button type="button" class="quiet" data-add-name @click=${() => this.add()}>${t("site.add_name")}</button>
          </div>`}
      ${this.hint ? html`<small id="${this.name}-hint" class="hint">${this.hint}</small>` : nothing}
      ${error ? html`<small id="${this.name}-error" class="error" role="alert">${error}</small>` : nothing}
    </fieldset>`;
  }

  /** Take over what was typed and not added yet; False if that is no name. */
  settle(): boolean {
    return this.typed.trim() === "" || this.add();
  }

  private type(event: InputEvent): void {
    this.typed = (event.target as HTMLInputElement).value;
    this.wrong = "";
    // A click on an offered name is a choice, and no letter.
    if (event.inputType === "insertReplacementText" && this.known(this.typed) !== undefined) this.add();
  }

  private key(event: KeyboardEvent): void {
    if (event.key !== "Enter") return;
    event.preventDefault();
    this.add();
  }

  private known(text: string): string | undefined {
    const wanted = text.trim();
    return this.offered.find((name) => name === wanted || this.words(name) === wanted) ?? (this.isOpen && wanted !== "" ? wanted : undefined);
  }

  private add(): boolean {
    const name = this.known(this.typed);
    if (name === undefined) {
      this.wrong = this.typed.trim() === "" ? t("site.type_name") : t("site.no_such", { name: this.typed.trim() });
      return false;
    }
    this.typed = "";
    this.wrong = "";
    if (!this.value.includes(name)) this.change([...this.value, name]);
    this.requestUpdate();
    return true;
  }

  private take(name: string): void {
    this.change(this.value.filter((one) => one !== name));
    void this.updateComplete.then(() => this.querySelector<HTMLElement>("input")?.focus());
  }

  private change(value: string[]): void {
    this.value = value;
    this.dispatchEvent(new CustomEvent<string[]>("names", { detail: value }));
  }
}

customElements.define("desk-names", Names);
export type { Names };
