// One operator: roles, password, tokens, and the end of their work here.
import { html, nothing, type TemplateResult } from "lit";
import { call } from "../../api/client";
import { StoreElement } from "../../base/element";
import { moment } from "../../base/dates";
import { t } from "../../base/i18n";
import { Loaded } from "../../base/loaded";
import { go, href } from "../../base/router";
import { store } from "../../live/store";
import { confirmed } from "../../parts/confirm";
import { textField } from "../../parts/fields";
import { say } from "../../parts/status";
import { problemWords } from "../../parts/words";
import { shortWords } from "./add";
import { waysWords, type Operator } from "./list";
import { ROLES, roleFields, roleWords, type Role } from "./roles";
import "./tokens";

class OperatorPage extends StoreElement {
  static override properties = { name: { attribute: false }, roles: { state: true }, password: { state: true }, isChecked: { state: true }, isSent: { state: true } };
  declare name: string;
  /** What is chosen; null as long as nothing was changed. */
  declare roles: readonly Role[] | null;
  declare password: string;
  declare isChecked: boolean;
  declare isSent: boolean;
  private readonly all = new Loaded(this, () => call("get", "/api/v1/operators"), false);

  constructor() {
    super();
    this.roles = null;
    this.password = "";
    this.isChecked = this.isSent = false;
  }

  override render(): TemplateResult {
    const found = this.all.value?.find((one) => one.name === this.name);
    if (!found) return html`${this.all.notice()} ${this.all.value ? html`<p class="empty">${t("problem.not_found")}</p>` : nothing}`;
    return html`<article class="card">
        <h2>${found.name}</h2>
        <dl class="facts">
          <dt>${t("operator.roles")}</dt>
          <dd>${roleWords(found.roles)}</dd>
          <dt>${t("operator.signs_in")}</dt>
          <dd>${waysWords(found)}</dd>
          <dt>${t("operator.created")}</dt>
          <dd>${moment(found.created)}</dd>
        </dl>
      </article>
      <div class="cards">
        ${store.may("PUT /operators/{name}/roles") ? this.rolesCard(found) : nothing} ${store.may("PUT /operators/{name}/password") ? this.passwordCard(found) : nothing}
        <desk-tokens .operator=${found} @changed=${() => void this.all.reload()}></desk-tokens>
        ${store.may("DELETE /operators/{name}") ? this.removeCard(found) : nothing}
      </div>`;
  }

  private rolesCard(found: Operator): TemplateResult {
    const isAdmin = found.roles.includes("admin");
    const chosen = this.roles ?? (found.roles as Role[]);
    const offered = ROLES.filter((role) => role !== "admin" || isAdmin);
    return html`<form class="card" novalidate @submit=${(event: SubmitEvent) => this.saveRoles(event, found)}>
      <h3>${t("operator.change_roles")}</h3>
      ${roleFields("roles", offered, chosen, chosen.length === 0 ? t("operator.roles_required") : undefined, (roles) => (this.roles = roles))}
      ${isAdmin ? nothing : html`<small class="soft">${t("operator.roles_admin")}</small>`}
      <div class="buttons"><button type="submit" data-save-roles ?disabled=${this.isOff || this.roles === null || chosen.length === 0}>${t("operator.save")}</button></div>
    </form>`;
  }

  private passwordCard(found: Operator): TemplateResult {
    return html`<form class="card" novalidate @submit=${(event: SubmitEvent) => this.savePassword(event, found)}>
      <h3>${t("operator.reset")}</h3>
      ${textField({ name: "new-password", label: t("operator.password"), hint: t("operator.password_hint"), type: "password", value: this.password, error: this.isChecked ? shortWords(this.password) : undefined, change: (password) => (this.password = password) })}
      <div class="buttons"><button type="submit" data-save-password ?disabled=${this.isOff}>${t("operator.reset")}</button></div>
    </form>`;
  }

  private removeCard(found: Operator): TemplateResult {
    return html`<article class="card">
      <h3>${t("operator.remove")}</h3>
      <p>${this.isLastAdmin(found) ? t("operator.last_admin") : t("operator.remove_effect", { name: found.name })}</p>
      <div class="buttons"><button type="button" class="danger" data-remove ?disabled=${this.isOff || this.isLastAdmin(found)} @click=${() => void this.removed(found)}>${t("operator.remove")}</button></div>
    </article>`;
  }

  private get isOff(): boolean {
    return this.isSent || store.isStale;
  }

  private isLastAdmin(found: Operator): boolean {
    const admins = (this.all.value ?? []).filter((one) => one.roles.includes("admin"));
    return admins.length === 1 && admins[0]?.name === found.name && store.session?.owner !== true;
  }

  private saveRoles(event: SubmitEvent, found: Operator): void {
    event.preventDefault();
    const { roles } = this;
    if (roles === null || roles.length === 0) return;
    void this.send(async () => {
      await call("put", "/api/v1/operators/{name}/roles", { path: { name: found.name } }, { roles: [...roles] });
      this.roles = null;
      say(t("operator.roles_said", { name: found.name }));
    });
  }

  private savePassword(event: SubmitEvent, found: Operator): void {
    event.preventDefault();
    this.isChecked = true;
    if (shortWords(this.password)) return;
    void this.send(async () => {
      const yes = await confirmed({ title: t("operator.reset"), effect: t("operator.reset_effect", { name: found.name }), action: t("operator.reset") });
      if (!yes) return;
      await call("put", "/api/v1/operators/{name}/password", { path: { name: found.name } }, { password: this.password });
      this.password = "";
      this.isChecked = false;
      say(t("operator.password_said", { name: found.name }));
    });
  }

  private async removed(found: Operator): Promise<void> {
    await this.send(async () => {
      const yes = await confirmed({ title: t("operator.remove_of", { name: found.name }), effect: t("operator.remove_effect", { name: found.name }), action: t("operator.remove"), isDangerous: true });
      if (!yes) return;
      await call("delete", "/api/v1/operators/{name}", { path: { name: found.name } });
      say(t("operator.removed", { name: found.name }));
      go(href("operators"));
    });
  }

  /** Do what changes the operator, once; then read again. */
  private async send(doing: () => Promise<void>): Promise<void> {
    if (this.isSent) return;
    this.isSent = true;
    try {
      await doing();
    } catch (error) {
      say(problemWords(error), "bad");
    }
    this.isSent = false;
    if (this.isConnected) await this.all.reload();
  }
}

customElements.define("desk-operator", OperatorPage);
