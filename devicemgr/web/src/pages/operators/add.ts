// Add an operator; another admin, where there were two already, with a second one's approval.
import { html, nothing, type TemplateResult } from "lit";
import { call } from "../../api/client";
import { StoreElement } from "../../base/element";
import { t } from "../../base/i18n";
import { go, href } from "../../base/router";
import { store } from "../../live/store";
import { textField } from "../../parts/fields";
import { say } from "../../parts/status";
import { problemWords } from "../../parts/words";
import { ROLES, roleFields, type Role } from "./roles";

export const MIN_PASSWORD = 12;

class OperatorAdd extends StoreElement {
  static override properties = {
    name: { state: true },
    account: { state: true },
    password: { state: true },
    roles: { state: true },
    isChecked: { state: true },
    isSent: { state: true },
    error: { state: true },
  };
  declare name: string;
  declare account: string;
  declare password: string;
  declare roles: readonly Role[];
  declare isChecked: boolean;
  declare isSent: boolean;
  declare error: unknown;

  constructor() {
    super();
    this.name = this.account = this.password = "";
    this.roles = [];
    this.isChecked = this.isSent = false;
    this.error = null;
  }

  override firstUpdated(): void {
    this.querySelector("input")?.focus();
  }

  override render(): TemplateResult {
    const noRoles = this.isChecked && this.roles.length === 0 ? t("operator.roles_required") : undefined;
    return html`<form class="card" novalidate @submit=${(event: SubmitEvent) => void this.send(event)}>
      <h2>${t("operator.add")}</h2>
      ${textField({ name: "name", label: t("operator.name"), hint: t("operator.name_hint"), value: this.name, max: 63, isRequired: true, change: (name) => (this.name = name) })}
      ${roleFields("roles", ROLES, this.roles, noRoles, (roles) => (this.roles = roles))}
      ${textField({ name: "password", label: t("operator.password"), hint: t("operator.password_hint"), type: "password", value: this.password, error: this.isChecked ? shortWords(this.password, true) : undefined, change: (password) => (this.password = password) })}
      ${textField({ name: "account", label: t("operator.account"), hint: t("operator.account_hint"), value: this.account, max: 64, change: (account) => (this.account = account) })}
      ${this.error === null ? nothing : html`<p class="trouble" role="alert">${problemWords(this.error)}</p>`}
      <div class="buttons">
        <button type="submit" class="main" data-send ?disabled=${this.isSent || store.isStale}>${t("operator.add")}</button>
        <a class="button" href=${href("operators")}>${t("action.cancel")}</a>
      </div>
    </form>`;
  }

  private async send(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    this.isChecked = true;
    if (this.isSent || this.roles.length === 0 || shortWords(this.password, true)) return;
    this.isSent = true;
    this.error = null;
    try {
      const body = { name: this.name.trim(), roles: [...this.roles], os_user: this.account.trim() || null, password: this.password || null };
      const made = await call("post", "/api/v1/operators", {}, body);
      say(t("operator.added", { name: made.name }));
      go(href("operators", "of", made.name));
    } catch (error) {
      this.error = error;
    }
    this.isSent = false;
  }
}

/** Return what is wrong with a password; an empty one may stand for none. */
export function shortWords(password: string, mayBeEmpty = false): string | undefined {
  return password.length >= MIN_PASSWORD || (mayBeEmpty && password === "") ? undefined : t("operator.password_short");
}

customElements.define("desk-operator-add", OperatorAdd);
