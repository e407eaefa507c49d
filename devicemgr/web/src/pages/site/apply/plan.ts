// A plan of the site's file: the difference, the replay, and applying exactly that.
import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { Problem, Unreachable, call, type Answer } from "../../../api/client";
import { StoreElement } from "../../../base/element";
import { t } from "../../../base/i18n";
import { store } from "../../../live/store";
import { confirmed } from "../../../parts/confirm";
import { say } from "../../../parts/status";
import { problemWords } from "../../../parts/words";
import { causeWords } from "../editing/words";
import { changesView, hoursView, type Plan } from "./changes";
import { replayView, type Replay } from "./replay";

const TIMEOUT_MS = 180_000;
const APPROVAL_MS = 3000;
const ACTION = "change of the site's settings";

type Approval = Answer<"/api/v1/approvals", "get">[number];

class SitePlan extends StoreElement {
  static override properties = { toml: { attribute: false }, prune: { attribute: false }, plan: { state: true }, error: { state: true }, replay: { state: true }, isBusy: { state: true }, approval: { state: true } };
  declare toml: string;
  declare prune: boolean;
  declare plan: Plan | null;
  declare error: unknown;
  declare replay: Replay | null;
  /** What is being done: planning, replaying, applying. */
  declare isBusy: "plan" | "replay" | "apply" | null;
  /** The request that another admin must agree to; null while none was made. */
  declare approval: Approval | "waiting" | null;
  private turn = 0;
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor() {
    super();
    this.prune = false;
    this.plan = null;
    this.error = null;
    this.replay = null;
    this.isBusy = null;
    this.approval = null;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.turn += 1;
    clearInterval(this.timer);
  }

  override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("toml") || changed.has("prune")) void this.look();
  }

  /** Plan again, against the site as it is now. */
  private async look(): Promise<void> {
    this.plan = null;
    this.replay = null;
    this.stopWaiting();
    await this.during("plan", async (turn) => {
      const plan = await this.send({ plan: true });
      if (turn !== this.turn) return;
      this.plan = plan;
      await this.updateComplete;
      this.querySelector<HTMLElement>(".plan")?.focus();
    });
  }

  private async during(what: "plan" | "replay" | "apply", work: (turn: number) => Promise<void>): Promise<void> {
    const turn = ++this.turn;
    this.isBusy = what;
    this.error = null;
    try {
      await work(turn);
    } catch (error) {
      if (turn === this.turn) this.error = error;
    }
    if (turn === this.turn) this.isBusy = null;
  }

  private send(more: { plan?: boolean; digest?: string; replay?: string; people?: boolean }): Promise<Plan> {
    return call("post", "/api/v1/site/apply", { timeoutMs: TIMEOUT_MS }, { toml: this.toml, prune: this.prune, pictures: {}, plan: false, digest: "", replay: "", people: false, ...more });
  }

  override render(): TemplateResult {
    const { plan } = this;
    return html`<section class="plan" tabindex="-1" aria-label=${t("site.plan")} aria-busy=${this.isBusy !== null}>
      <p class="busy" role="status">${this.isBusy ? t(`site_busy.${this.isBusy}`) : nothing}</p>
      ${this.error !== null ? this.trouble() : nothing}
      ${plan ? html`${changesView(plan)} ${this.notes(plan)} ${plan.hours.length > 0 ? hoursView(plan.hours) : nothing} ${this.waiting()} ${this.replay ? replayView(this.replay) : nothing} ${this.buttons(plan)}` : nothing}
    </section>`;
  }

  private trouble(): TemplateResult {
    return html`<p class="trouble" role="alert" data-refused>
      ${causeWords(this.error)} <button type="button" class="quiet" @click=${() => void this.look()}>${t("site.plan_again")}</button>
    </p>`;
  }

  private notes(plan: Plan): TemplateResult {
    const unnamed = plan.not_in_file.map((one) => `${one.kind} ${one.name}`).join(", ");
    return html`<ul class="notes">
      ${plan.two_admins.length > 0 ? html`<li class="warn" data-two-admins>${t("site.two_admins", { what: plan.two_admins.join(", ") })}</li>` : nothing}
      ${plan.without_password.length > 0 ? html`<li class="warn">${t("site.without_password", { devices: plan.without_password.join(", ") })}</li>` : nothing}
      ${unnamed ? html`<li>${t("site.not_in_file", { what: unnamed })}</li>` : nothing}
    </ul>`;
  }

  private buttons(plan: Plan): TemplateResult | typeof nothing {
    if (plan.changes.length === 0) return nothing;
    const isOff = this.isBusy !== null || store.link === "away";
    return html`<div class="tools">
      ${store.may("GET /events") ? html`<button type="button" data-replay-plan ?disabled=${isOff} @click=${() => void this.look30()}>${t("site.replay_30")}</button>` : nothing}
      <button type="button" class="main" data-apply ?disabled=${isOff} @click=${() => void this.apply(plan)}>${t("site.apply_it")}</button>
    </div>`;
  }

  private async look30(): Promise<void> {
    await this.during("replay", async (turn) => {
      const found = await this.send({ plan: true, replay: "30d", people: true });
      if (turn !== this.turn) return;
      this.plan = found;
      this.replay = found.replay ?? null;
    });
  }

  private async apply(plan: Plan): Promise<void> {
    const removed = plan.changes.filter((one) => one.change === "remove").length;
    const losing = this.replay?.totals["losses"]?.people ?? 0;
    const effect = losing > 0 ? t("site.apply_loses", { people: losing }) : removed > 0 ? t("site.apply_removes", { count: removed }) : t("site.apply_effect");
    if (!(await confirmed({ title: t("site.apply_it"), effect, action: t("site.apply_it"), isDangerous: removed > 0 || losing > 0 }))) return;
    await this.during("apply", async () => {
      try {
        await this.send({ digest: plan.digest });
      } catch (error) {
        await this.refused(error);
        return;
      }
      say(t("site.applied"));
      this.stopWaiting();
      this.dispatchEvent(new CustomEvent("applied", { bubbles: true }));
    });
  }

  /** Nothing was applied, or it is not known: then the plan made now shows it. */
  private async refused(error: unknown): Promise<void> {
    const code = error instanceof Problem ? error.code : "";
    if (code === "approval_needed") {
      this.waitForApproval();
      say(t("site.approval_asked"), "warn");
    } else if (code === "plan_outdated" || error instanceof Unreachable) {
      say(code === "plan_outdated" ? problemWords(error) : t("site.answer_lost"), "warn");
      await this.look();
    } else throw error;
  }

  private waitForApproval(): void {
    this.approval = "waiting";
    clearInterval(this.timer);
    this.timer = setInterval(() => void this.readApproval(), APPROVAL_MS);
    void this.readApproval();
  }

  private stopWaiting(): void {
    clearInterval(this.timer);
    this.approval = null;
  }

  private async readApproval(): Promise<void> {
    const subject = this.plan?.two_admins.join(", ");
    const found = (await call("get", "/api/v1/approvals").catch(() => [])).find((one) => one.action === ACTION && one.subject === subject);
    if (found && this.approval !== null) this.approval = found;
  }

  private waiting(): TemplateResult | typeof nothing {
    const { approval } = this;
    if (approval === null) return nothing;
    const by = approval === "waiting" ? null : approval.approved_by;
    return html`<p class="effect ${by ? "" : "grave"}" role="status" data-approval=${by ? "given" : "waiting"}>
      ${by ? t("site.approved", { who: by.replace(/^operator:/, "") }) : t("site.approval_waits")}
      ${store.may("GET /operators") ? html`<a href="#/operators">${t("page.operators")}</a>` : nothing}
    </p>`;
  }
}

customElements.define("desk-site-plan", SitePlan);
