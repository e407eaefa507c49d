// Name and password; which of the two was wrong is not said.
import { html, nothing, type TemplateResult } from "lit";
import { Problem, call } from "../api/client";
import type { Session } from "../api/types";
import { DeskElement } from "../base/element";
import { LANGUAGES, choose, isLanguage, language, t } from "../base/i18n";
import { problemWords } from "../parts/words";

class SignIn extends DeskElement {
  static override properties = { error: { state: true }, isBusy: { state: true }, hasCapsLock: { state: true }, hasEnded: { attribute: false } };
  declare error: string;
  declare isBusy: boolean;
  declare hasCapsLock: boolean;
  declare hasEnded: boolean;

  constructor() {
    super();
    this.error = "";
    this.isBusy = false;
    this.hasCapsLock = false;
    this.hasEnded = false;
  }

  override firstUpdated(): void {
    this.querySelector("input")?.focus();
  }

  override render(): TemplateResult {
    const message = this.error || (this.hasEnded ? t("sign_in.ended") : "");
    return html`<main class="sign-in">
      <form @submit=${(event: SubmitEvent) => void this.submit(event)} @keyup=${(event: KeyboardEvent) => (this.hasCapsLock = event.getModifierState("CapsLock"))}>
        <p class="brand" aria-hidden="true">devicemgr</p>
        <h1>${t("sign_in.title")}</h1>
        <p class="message" role="alert">${message}</p>
        <label class="field">${t("sign_in.name")}<input name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required maxlength="64" /></label>
        <label class="field">${t("sign_in.password")}<input name="password" type="password" autocomplete="current-password" required aria-describedby="caps" /></label>
        <p id="caps" class="hint">${this.hasCapsLock ? t("sign_in.caps") : nothing}</p>
        <button class="main" ?disabled=${this.isBusy}>${t("sign_in.submit")}</button>
        <label class="field language">${t("menu.language")}${languageSelect(() => this.useLanguage())}</label>
        <details data-display>
          <summary>${t("sign_in.display")}</summary>
          <label class="field">${t("sign_in.token")}<input name="token" type="password" form="display" autocomplete="off" maxlength="100" aria-describedby="token-hint" /></label>
          <p id="token-hint" class="hint">${t("sign_in.token_hint")}</p>
          <button form="display" data-display-submit ?disabled=${this.isBusy}>${t("sign_in.token_submit")}</button>
        </details>
      </form>
      <form id="display" hidden @submit=${(event: SubmitEvent) => void this.submitToken(event)}></form>
    </main>`;
  }

  private useLanguage(): void {
    this.error = "";
    this.requestUpdate();
    this.dispatchEvent(new CustomEvent("language"));
  }

  private async submitToken(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const field = this.querySelector<HTMLInputElement>("input[name=token]");
    const token = field?.value.trim() ?? "";
    if (this.isBusy || token === "") return;
    this.isBusy = true;
    this.error = "";
    try {
      const detail: Session = await call("post", "/api/v1/session/kiosk", {}, { token });
      this.dispatchEvent(new CustomEvent("signed-in", { detail }));
    } catch (error) {
      this.error = error instanceof Problem && error.status === 401 ? t("sign_in.token_wrong") : problemWords(error);
    } finally {
      if (field) field.value = "";
      this.isBusy = false;
    }
  }

  private async submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const given = new FormData(form);
    if (this.isBusy) return;
    this.isBusy = true;
    this.error = "";
    try {
      const body = { operator: text(given, "username"), password: text(given, "password") };
      const detail: Session = await call("post", "/api/v1/session", {}, body);
      this.dispatchEvent(new CustomEvent("signed-in", { detail }));
    } catch (error) {
      const isWrong = error instanceof Problem && (error.status === 401 || error.status === 422);
      this.error = isWrong ? t("sign_in.wrong") : problemWords(error);
      const password = form.querySelector<HTMLInputElement>("input[name=password]");
      if (password) password.value = "";
      password?.focus();
    } finally {
      this.isBusy = false;
    }
  }
}

/** Return the choice of a language; `chosen` is called once its words are there. */
export function languageSelect(chosen: () => void): TemplateResult {
  const change = async (event: Event): Promise<void> => {
    const { value } = event.target as HTMLSelectElement;
    if (!isLanguage(value)) return;
    await choose(value);
    chosen();
  };
  return html`<select data-language @change=${(event: Event) => void change(event)}>
    ${Object.entries(LANGUAGES).map(([name, words]) => html`<option value=${name} lang=${name} ?selected=${name === language()}>${words}</option>`)}
  </select>`;
}

function text(given: FormData, name: string): string {
  const found = given.get(name);
  return typeof found === "string" ? found : "";
}

customElements.define("desk-sign-in", SignIn);
