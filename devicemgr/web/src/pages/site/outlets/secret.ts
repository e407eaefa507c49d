// An outlet's secret: one that signs is made here and shown once; a password is entered and never shown.
import { html, nothing, type TemplateResult } from "lit";
import { call } from "../../../api/client";
import { StoreElement } from "../../../base/element";
import { t } from "../../../base/i18n";
import { store } from "../../../live/store";
import { confirmed } from "../../../parts/confirm";
import { checkField, textField } from "../../../parts/fields";
import { say } from "../../../parts/status";
import { causeWords } from "../editing/words";
import { hasUser, type Outlet } from "./fields";

let made: { name: string; secret: string } | null = null;

/** Make a new outlet's secret, which its card then shows once. */
export async function makeSecret(name: string): Promise<void> {
  const { secret } = await call("put", "/api/v1/outlets/{name}/secret", { path: { name } }, { secret: null, keep_last: false });
  made = secret ? { name, secret } : null;
}

class OutletSecret extends StoreElement {
  static override properties = { outlet: { attribute: false }, secret: { state: true }, password: { state: true }, keepsLast: { state: true }, error: { state: true }, isBusy: { state: true } };
  declare outlet: Outlet;
  /** Shown until the card is left. */
  declare secret: string;
  declare password: string;
  declare keepsLast: boolean;
  declare error: string;
  declare isBusy: boolean;

  constructor() {
    super();
    this.secret = "";
    this.password = "";
    this.keepsLast = true;
    this.error = "";
    this.isBusy = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (made?.name === this.outlet.name) this.secret = made.secret;
    made = null;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.secret = "";
    this.password = "";
  }

  override render(): TemplateResult | typeof nothing {
    const { kind, has_secret, user } = this.outlet;
    const signs = kind === "webhook";
    if (!signs && (!hasUser(kind) || user === "")) return nothing;
    const present = signs ? (has_secret ? "outlet.signed" : "outlet.unsigned") : has_secret ? "outlet.password_set" : "outlet.password_missing";
    return html`<article class="card" aria-labelledby="secret-title">
      <h3 id="secret-title">${t(signs ? "outlet.secret" : "outlet.password")}</h3>
      <p>${t(present)}</p>
      <div role="status">${this.secret ? this.shown() : nothing}</div>
      ${store.may("PUT /outlets/{name}/secret") ? (signs ? this.maker(has_secret) : this.form()) : has_secret ? nothing : html`<p class="outcome unknown">${t("outlet.secret_by_admin")}</p>`}
      ${this.error ? html`<p class="outcome refused" role="alert">${this.error}</p>` : nothing}
    </article>`;
  }

  private get isOff(): boolean {
    return this.isBusy || store.link !== "live";
  }

  private shown(): TemplateResult {
    return html`<p>${t("outlet.secret_once")}</p>
      <p class="secret"><code data-secret>${this.secret}</code></p>
      <p class="tools"><button type="button" class="main" data-copy @click=${() => void this.copy()}>${t("outlet.copy")}</button> <button type="button" class="quiet" @click=${() => (this.secret = "")}>${t("action.close")}</button></p>`;
  }

  private maker(isSet: boolean): TemplateResult {
    return html`${isSet ? checkField({ name: "keep_last", label: t("outlet.keep_last"), isOn: this.keepsLast, change: (isOn) => (this.keepsLast = isOn) }) : nothing}
      <p class="tools"><button type="button" data-make-secret ?disabled=${this.isOff} @click=${() => void this.make(isSet)}>${t(isSet ? "outlet.new_secret" : "outlet.make_secret")}</button></p>`;
  }

  private form(): TemplateResult {
    return html`<form @submit=${(event: SubmitEvent) => void this.save(event)}>
      ${textField({ name: "outlet-password", label: t("outlet.password_of", { user: this.outlet.user }), type: "password", value: this.password, hint: t("outlet.password_hint"), max: 200, change: (value) => (this.password = value) })}
      <p class="tools"><button type="submit" data-save-password ?disabled=${this.isOff || this.password === ""}>${t("site.save")}</button></p>
    </form>`;
  }

  private async make(isSet: boolean): Promise<void> {
    const keeps = isSet && this.keepsLast;
    const effect = t(keeps ? "outlet.new_secret_kept" : "outlet.new_secret_alone");
    if (isSet && !(await confirmed({ title: t("outlet.new_secret"), effect, action: t("outlet.new_secret"), isDangerous: !keeps }))) return;
    await this.during(async () => {
      const answer = await call("put", "/api/v1/outlets/{name}/secret", { path: { name: this.outlet.name } }, { secret: null, keep_last: keeps });
      this.secret = answer.secret ?? "";
      await this.updateComplete;
      this.querySelector<HTMLElement>("[data-copy]")?.focus();
    });
  }

  private async save(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    await this.during(async () => {
      await call("put", "/api/v1/outlets/{name}/secret", { path: { name: this.outlet.name } }, { secret: this.password, keep_last: false });
      this.password = "";
      say(t("outlet.password_saved"));
    });
  }

  private async copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.secret);
      say(t("outlet.secret_copied"));
    } catch {
      // Without https, or against the browser's settings.
      say(t("outlet.copy_failed"), "warn");
    }
  }

  private async during(work: () => Promise<void>): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    this.error = "";
    try {
      await work();
    } catch (error) {
      this.error = causeWords(error);
    }
    this.isBusy = false;
    this.dispatchEvent(new CustomEvent("changed"));
  }
}

customElements.define("desk-outlet-secret", OutletSecret);
