// What the law entitles a person to: a copy of all that is stored, and to be erased.
import { html, nothing, type TemplateResult } from "lit";
import { call, personCopy, type Answer } from "../../../api/client";
import { clock } from "../../../base/dates";
import { t } from "../../../base/i18n";
import { go, href } from "../../../base/router";
import { store } from "../../../live/store";
import { confirmed } from "../../../parts/confirm";
import { carryOut } from "../changes";
import { PersonPart } from "./part";

const ACTION = "export of templates";
const LOOK_MS = 5000;

type Approval = Answer<"/api/v1/approvals", "get">[number];

class PersonData extends PersonPart {
  static override properties = { ...PersonPart.properties, approval: { state: true } };
  /** The request for a copy with the vectors of the face, on which another admin must agree; null without one. */
  declare approval: Approval | null;
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor() {
    super();
    this.approval = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.look();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.timer);
  }

  override render(): TemplateResult {
    return html`<section class="part data" aria-labelledby="data-title">
      <h3 id="data-title">${t("person.data")}</h3>
      <p class="soft">${t("person.data_hint")}</p>
      ${this.waits()}
      <div class="acts">
        ${store.may("GET /people/{badge}/export") ? this.copies() : nothing}
        ${store.may("DELETE /people/{badge}") ? html`<button type="button" class="danger" data-erase ?disabled=${this.isOff} @click=${() => void this.erase()}>${t("person.erase")}</button>` : nothing}
      </div>
    </section>`;
  }

  private waits(): TemplateResult | typeof nothing {
    if (!this.approval) return nothing;
    if (this.approval.approved_by) return html`<p class="outcome confirmed" role="status" data-approved>${t("person.copy_approved", { time: clock(this.approval.ends) })}</p>`;
    return html`<p class="outcome unknown" role="status" data-waits>
      ${t("people.waits")} <a href=${href("operators", "approvals")}>${t("people.approvals")}</a>
    </p>`;
  }

  private copies(): TemplateResult {
    const { badge, templates } = this.person;
    const name = `person-${badge}.json`;
    const isApproved = Boolean(this.approval?.approved_by);
    return html`<a class="button" href=${personCopy(badge)} download=${name} data-copy>${t("person.copy")}</a>
      ${templates === 0
        ? nothing
        : isApproved
          ? html`<a class="button" href=${personCopy(badge, true)} download=${name} data-copy-face @click=${() => (this.approval = null)}>${t("person.copy_face_now")}</a>`
          : html`<button type="button" class="quiet" data-copy-face ?disabled=${this.isOff || this.approval !== null} @click=${() => void this.request()}>${t("person.copy_face")}</button>`}`;
  }

  /** Look whether the copy with the face was requested, and approved. */
  private async look(): Promise<void> {
    if (!store.may("GET /approvals") || this.person.templates === 0) return;
    const all = await call("get", "/api/v1/approvals").catch(() => []);
    this.approval = all.find((one) => one.action === ACTION && one.own && one.subject === this.person.badge) ?? null;
    clearInterval(this.timer);
    if (this.approval && !this.approval.approved_by && this.isConnected) this.timer = setInterval(() => void this.look(), LOOK_MS);
  }

  private async request(): Promise<void> {
    const question = { title: t("person.copy_face"), effect: t("person.copy_face_effect"), action: t("person.copy_request") };
    if (this.isBusy || !(await confirmed(question))) return;
    this.isBusy = true;
    // Without an approval nothing is given; the answer says that one was requested.
    await carryOut(
      () => call("get", "/api/v1/people/{badge}/export", { path: this.path, query: { templates: "true" } }),
      () => t("person.copied"),
    );
    this.isBusy = false;
    await this.look();
  }

  private async erase(): Promise<void> {
    const { badge, name } = this.person;
    const question = {
      title: t("person.erase_title", { name }),
      effect: t("person.erase_effect"),
      action: t("person.erase_now"),
      isDangerous: true,
      typed: { wanted: badge, label: t("person.erase_typed", { badge }) },
    };
    if (!(await confirmed(question)) || this.isBusy) return;
    this.isBusy = true;
    const answer = await carryOut(
      () => call("delete", "/api/v1/people/{badge}", { path: this.path, timeoutMs: 60_000 }),
      ({ verified, devices }) => (devices.length > 0 ? t("person.erased_but", { name, devices: devices.join(", ") }) : t(verified ? "person.erased" : "person.erased_unverified", { name })),
    );
    this.isBusy = false;
    if (answer) go(href("people"));
  }
}

customElements.define("desk-person-data", PersonData);
