// What one admin requested and another must approve.
import { html, nothing, type TemplateResult } from "lit";
import { call, type Answer } from "../../api/client";
import { StoreElement } from "../../base/element";
import { clock, moment } from "../../base/dates";
import { t, type Key } from "../../base/i18n";
import { Loaded } from "../../base/loaded";
import { store } from "../../live/store";
import { confirmed } from "../../parts/confirm";
import { say } from "../../parts/status";
import { problemWords } from "../../parts/words";

type Approval = Answer<"/api/v1/approvals", "get">[number];
const POLL_MS = 5000;
/** What the daemon names an action, and the words for it. */
const ACTIONS: Record<string, Key> = {
  "new admin": "approval.new_admin",
  "key rotation": "approval.key_rotate",
  "export of templates": "approval.templates",
  "change of the site's settings": "approval.settings",
};

export function whatWords({ action, subject }: Approval): string {
  const known = ACTIONS[action];
  return `${known ? t(known) : action}: ${subject}`;
}

class Approvals extends StoreElement {
  static override properties = { isSent: { state: true } };
  declare isSent: boolean;
  private readonly found = new Loaded(this, () => call("get", "/api/v1/approvals"), false);
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor() {
    super();
    this.isSent = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.timer = setInterval(() => void this.found.reload(), POLL_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.timer);
  }

  override render(): TemplateResult {
    const all = this.found.value;
    return html`${this.found.notice()} ${all?.length === 0 ? html`<p class="empty">${t("operator.approvals_none")}</p>` : nothing}
      <ul class="cards">
        ${all?.map((one) => this.card(one))}
      </ul>`;
  }

  private card(one: Approval): TemplateResult {
    const isOff = this.isSent || store.isStale;
    return html`<li class="card" data-approval=${one.id}>
      <h2>${whatWords(one)}</h2>
      <dl class="facts">
        <dt>${t("operator.requested_by")}</dt>
        <dd>${who(one.asked_by)}</dd>
        <dt>${t("operator.requested")}</dt>
        <dd>${moment(one.asked)}</dd>
        <dt>${t("operator.valid_until")}</dt>
        <dd>${clock(one.ends)}</dd>
      </dl>
      ${one.approved_by ? html`<p class="outcome confirmed">${t("operator.approved", { by: who(one.approved_by) })}</p>` : nothing}
      ${one.own && !one.approved_by ? html`<p class="soft" data-own>${t("operator.own_request")}</p>` : nothing}
      <div class="buttons">
        ${!one.own && !one.approved_by && store.may("POST /approvals/{approval}") ? html`<button type="button" class="main" data-approve ?disabled=${isOff} @click=${() => void this.approve(one)}>${t("operator.approve")}</button>` : nothing}
        ${store.may("DELETE /approvals/{approval}") ? html`<button type="button" data-refuse ?disabled=${isOff} @click=${() => void this.refuse(one)}>${t(one.own ? "operator.withdraw" : "operator.refuse")}</button>` : nothing}
      </div>
    </li>`;
  }

  private async approve(one: Approval): Promise<void> {
    const by = who(one.asked_by);
    const yes = await confirmed({ title: t("operator.approve"), effect: t("operator.approve_effect", { by, what: whatWords(one) }), action: t("operator.approve") });
    if (!yes) return;
    await this.send(async () => {
      await call("post", "/api/v1/approvals/{approval}", { path: { approval: one.id } });
      say(t("operator.approved_said", { by, time: clock(one.ends) }));
    });
  }

  private async refuse(one: Approval): Promise<void> {
    const by = who(one.asked_by);
    const action = t(one.own ? "operator.withdraw" : "operator.refuse");
    const yes = await confirmed({ title: action, effect: t("operator.refuse_effect", { by, what: whatWords(one) }), action });
    if (!yes) return;
    await this.send(async () => {
      await call("delete", "/api/v1/approvals/{approval}", { path: { approval: one.id } });
      say(t("operator.refused_said", { what: whatWords(one) }));
    });
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
    await this.found.reload();
  }
}

function who(actor: string): string {
  return actor.replace(/^operator:/, "");
}

customElements.define("desk-approvals", Approvals);
