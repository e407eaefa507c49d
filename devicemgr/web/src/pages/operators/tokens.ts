// API tokens of an operator: a new one is shown once.
import { html, nothing, type TemplateResult } from "lit";
import { call } from "../../api/client";
import { StoreElement } from "../../base/element";
import { moment } from "../../base/dates";
import { t } from "../../base/i18n";
import { store } from "../../live/store";
import { confirmed } from "../../parts/confirm";
import { textField } from "../../parts/fields";
import { say } from "../../parts/status";
import { problemWords } from "../../parts/words";
import type { Operator } from "./list";
import { roleFields, roleWords, type Role } from "./roles";

const DAYS = "90";
const MAX_DAYS = 3650;

class Tokens extends StoreElement {
  static override properties = { operator: { attribute: false }, roles: { state: true }, days: { state: true }, secret: { state: true }, isChecked: { state: true }, isSent: { state: true } };
  declare operator: Operator;
  declare roles: readonly Role[];
  declare days: string;
  declare secret: string;
  declare isChecked: boolean;
  declare isSent: boolean;

  constructor() {
    super();
    this.roles = [];
    this.days = DAYS;
    this.secret = "";
    this.isChecked = this.isSent = false;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.secret = "";
  }

  override render(): TemplateResult {
    const { tokens } = this.operator;
    return html`<article class="card">
      <h3>${t("operator.tokens")}</h3>
      ${tokens.length > 0 ? html`<ul>${tokens.map((token) => this.row(token))}</ul>` : html`<p class="soft">${t("operator.no_tokens")}</p>`}
      <div role="status">${this.secret ? this.shown() : nothing}</div>
      ${store.may("POST /operators/{name}/tokens") ? this.form() : nothing}
    </article>`;
  }

  private row(token: Operator["tokens"][number]): TemplateResult {
    const isOver = Date.parse(token.expires) <= Date.now() - store.clockOff;
    return html`<li class="buttons" data-token=${token.id}>
      <span><code>${token.id}</code> ${roleWords(token.roles)} · ${isOver ? t("operator.is_expired") : `${t("operator.expires")} ${moment(token.expires)}`}</span>
      ${store.may("DELETE /operators/{name}/tokens/{token}")
        ? html`<button type="button" class="quiet" data-revoke ?disabled=${this.isSent || store.isStale} aria-label=${t("operator.revoke_of", { id: token.id })} @click=${() => void this.revoke(token.id)}>${t("operator.revoke")}</button>`
        : nothing}
    </li>`;
  }

  private shown(): TemplateResult {
    return html`<p>${t("operator.token_once", { name: this.operator.name })}</p>
      <p class="secret"><code data-secret>${this.secret}</code></p>
      <p class="buttons">
        <button type="button" class="main" data-copy @click=${() => void this.copy()}>${t("operator.copy")}</button>
        <button type="button" class="quiet" @click=${() => (this.secret = "")}>${t("action.close")}</button>
      </p>`;
  }

  private form(): TemplateResult {
    const days = Number(this.days);
    const isBad = this.isChecked && !(Number.isInteger(days) && days >= 1 && days <= MAX_DAYS);
    const noRoles = this.isChecked && this.roles.length === 0 ? t("operator.roles_required") : undefined;
    return html`<form novalidate @submit=${(event: SubmitEvent) => void this.make(event)}>
      ${roleFields("token", this.operator.roles as Role[], this.roles, noRoles, (roles) => (this.roles = roles))}
      ${textField({ name: "days", label: t("operator.days"), type: "number", value: this.days, error: isBad ? t("problem.invalid_field") : undefined, change: (value) => (this.days = value) })}
      <div class="buttons"><button type="submit" data-make-token ?disabled=${this.isSent || store.isStale}>${t("operator.make_token")}</button></div>
    </form>`;
  }

  private async make(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    this.isChecked = true;
    const days = Number(this.days);
    if (this.roles.length === 0 || !Number.isInteger(days) || days < 1 || days > MAX_DAYS) return;
    await this.send(async () => {
      const made = await call("post", "/api/v1/operators/{name}/tokens", { path: { name: this.operator.name } }, { roles: [...this.roles], days, kiosk: false });
      this.secret = made.token;
      this.roles = [];
      this.isChecked = false;
      await this.updateComplete;
      this.querySelector<HTMLElement>("[data-copy]")?.focus();
    });
  }

  private async revoke(id: string): Promise<void> {
    const yes = await confirmed({ title: t("operator.revoke_of", { id }), effect: t("operator.revoke_effect"), action: t("operator.revoke"), isDangerous: true });
    if (!yes) return;
    await this.send(async () => {
      await call("delete", "/api/v1/operators/{name}/tokens/{token}", { path: { name: this.operator.name, token: id } });
      say(t("operator.revoked", { id }));
    });
  }

  private async copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.secret);
      say(t("operator.copied"));
    } catch {
      // Without https, or against the browser's settings.
      say(t("operator.copy_failed"), "warn");
    }
  }

  private async send(doing: () => Promise<void>): Promise<void> {
    if (this.isSent) return;
    this.isSent = true;
    try {
      await doing();
    } catch (error) {
      say(problemWords(error), "bad");
    }
    this.isSent = false;
    this.dispatchEvent(new CustomEvent("changed"));
  }
}

customElements.define("desk-tokens", Tokens);
