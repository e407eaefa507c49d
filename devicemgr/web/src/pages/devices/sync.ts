// What a device holds of people and cards, how that differs from what it should, and synchronizing it.
import { html, nothing, type TemplateResult } from "lit";
import { call, type Answer } from "../../api/client";
import type { components } from "../../api/schema";
import { StoreElement } from "../../base/element";
import { named, number, t } from "../../base/i18n";
import { Job } from "../../base/job";
import { Loaded } from "../../base/loaded";
import { store } from "../../live/store";
import { confirmed } from "../../parts/confirm";
import { listing } from "../../parts/listing";
import { problemWords } from "../../parts/words";
import { since } from "./words";

type Plan = Answer<"/api/v1/devices/{name}/plan", "get">;
type Failure = components["schemas"]["HoldingFailure"];
const PLAN_MS = 120_000;
const COUNTS = ["held", "incomplete", "pending", "failed", "to_remove"] as const;

class Sync extends StoreElement {
  static override properties = { device: { attribute: false }, plan: { state: true }, error: { state: true }, isBusy: { state: true } };
  declare device: components["schemas"]["DeviceDetails"];
  declare plan: Plan | null;
  declare error: string;
  declare isBusy: boolean;
  private readonly holdings = new Loaded(this, () => call("get", "/api/v1/devices/{name}/holdings", { path: { name: this.device.name } }));
  private readonly job = new Job<{ done: number; failed: number }>(this, "sync", () => this.device.name);

  constructor() {
    super();
    this.plan = null;
    this.error = "";
    this.isBusy = false;
  }

  override render(): TemplateResult {
    const isOff = store.link !== "live" || this.isBusy || this.job.isRunning;
    return html`<section class="panel">
      ${this.counts()}
      <div class="tools">
        ${store.may("GET /devices/{name}/plan") ? html`<button type="button" data-drift ?disabled=${isOff} @click=${() => void this.compare()}>${t("devices.drift")}</button>` : nothing}
        ${store.may("POST /devices/{name}/sync/jobs") ? html`<button type="button" class="main" data-sync ?disabled=${isOff} @click=${() => void this.sync(false)}>${t("devices.sync_now")}</button>` : nothing}
        ${(this.plan?.unknown.length ?? 0) > 0 && store.may("POST /devices/{name}/sync/jobs") ? html`<button type="button" class="danger" data-prune ?disabled=${isOff} @click=${() => void this.prune()}>${t("devices.prune")}</button>` : nothing}
      </div>
      <div aria-live="polite">
        ${this.isBusy ? html`<p>${t("page.loading")}</p>` : nothing}
        <p class="outcome ${this.error ? "refused" : ""}">${this.error || nothing}</p>
        ${this.job.view()} ${this.job.result && this.job.state?.phase === "done" ? html`<p class="outcome confirmed" data-synced>${t("devices.synced", { done: number(this.job.result.done), failed: number(this.job.result.failed) })}</p>` : nothing}
      </div>
      ${this.plan ? this.drift(this.plan) : nothing}
    </section>`;
  }

  private counts(): TemplateResult {
    const found = this.holdings.value;
    if (!found) return html`${this.holdings.notice()}`;
    return html`<dl class="facts">
        ${COUNTS.map((count) => html`<dt>${named("holding", count)}</dt><dd>${number(found[count])}</dd>`)}
        <dt>${t("devices.unknown_keys")}</dt><dd>${found.unknown === null ? "–" : number(found.unknown)}</dd>
      </dl>
      ${found.notes.map((note) => html`<p class="outcome unknown">${note}</p>`)}
      ${found.failures.length > 0
        ? listing<Failure>({
            label: t("devices.failures"),
            rows: found.failures,
            key: (row) => row.key,
            tone: () => "bad",
            columns: [
              { title: t("devices.key"), isHeader: true, cell: (row) => row.badge ?? row.key },
              { title: t("devices.outcome"), cell: (row) => named("holding", row.state) },
              { title: t("devices.cause"), name: "cause", cell: (row) => row.error },
              { title: t("devices.since"), name: "since", cell: (row) => since(row.at) },
            ],
            empty: "",
          })
        : nothing}`;
  }

  private drift(plan: Plan): TemplateResult {
    if (!plan.differs && plan.unknown.length === 0 && plan.unfit.length === 0) return html`<p class="outcome confirmed">${t("devices.drift_none", { same: number(plan.same) })}</p>`;
    const rows = [
      ...plan.changes.map((change) => ({ key: change.key, what: named("drift", change.do), why: "" })),
      ...plan.unknown.map((key) => ({ key, what: t("drift.unknown"), why: "" })),
      ...plan.unfit.map(({ key, why }) => ({ key, what: t("drift.unfit"), why })),
    ];
    return listing({
      label: t("devices.drift"),
      rows,
      key: (row) => `${row.what} ${row.key}`,
      columns: [
        { title: t("devices.key"), isHeader: true, cell: (row) => row.key },
        { title: t("devices.drift_do"), cell: (row) => row.what },
        { title: t("devices.cause"), name: "cause", cell: (row) => row.why },
      ],
      empty: "",
    });
  }

  private async compare(): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    this.error = "";
    try {
      this.plan = await call("get", "/api/v1/devices/{name}/plan", { path: { name: this.device.name }, timeoutMs: PLAN_MS });
    } catch (error) {
      this.error = problemWords(error);
    } finally {
      this.isBusy = false;
    }
  }

  private async sync(prune: boolean): Promise<void> {
    const { name } = this.device;
    this.plan = null;
    await this.job.begin(() => call("post", "/api/v1/devices/{name}/sync/jobs", { path: { name }, query: { prune: String(prune) } }));
    await this.holdings.reload();
  }

  private async prune(): Promise<void> {
    const { name } = this.device;
    const yes = await confirmed({ title: t("devices.prune_title", { name }), effect: t("devices.prune_effect"), action: t("devices.prune"), isDangerous: true });
    if (yes) await this.sync(true);
  }
}

customElements.define("desk-device-sync", Sync);
