// Setting a device up by a profile: what would change, then doing it, setting by setting.
import { html, nothing, type TemplateResult } from "lit";
import { call } from "../../api/client";
import type { components } from "../../api/schema";
import { StoreElement } from "../../base/element";
import { named, t } from "../../base/i18n";
import { Job } from "../../base/job";
import { Loaded } from "../../base/loaded";
import { store } from "../../live/store";
import { confirmed } from "../../parts/confirm";
import { selectField } from "../../parts/fields";
import { listing } from "../../parts/listing";
import { since, valueWords } from "./words";

interface Step {
  step: string;
  wanted: unknown;
  was: unknown;
  now: unknown;
  outcome: string;
  why: string;
}
interface Result {
  ok: boolean;
  differs: boolean;
  error: string | null;
  steps: Step[];
}
const BAD = ["refused", "failed", "unknown"];

class Setup extends StoreElement {
  static override properties = { device: { attribute: false }, profile: { state: true }, isPlan: { state: true } };
  declare device: components["schemas"]["DeviceDetails"];
  declare profile: string;
  declare isPlan: boolean;
  private readonly profiles = new Loaded(this, () => call("get", "/api/v1/profiles"));
  private readonly job = new Job<Result>(this, "provision", () => this.device.name);

  constructor() {
    super();
    this.profile = "";
    this.isPlan = true;
  }

  override render(): TemplateResult {
    const profiles = this.profiles.value ?? [];
    const chosen = this.profile || (this.device.profile ?? profiles[0]?.name ?? "");
    const isOff = store.link !== "live" || this.job.isRunning || chosen === "";
    const done = this.device.provisioned;
    return html`<section class="panel">
      ${this.profiles.notice()}
      ${this.profiles.value && profiles.length === 0 ? html`<p class="empty">${t("devices.profiles_none")}</p>` : nothing}
      ${done ? html`<p>${t("devices.setup_last", { profile: done.profile, phase: named("job_phase", done.phase) })} ${since(done.at)}</p>` : nothing}
      ${profiles.length > 0
        ? html`${selectField({ name: "profile", label: t("devices.profile"), value: chosen, isDisabled: this.job.isRunning, options: profiles.map((one) => [one.name, one.name] as const), change: (profile) => (this.profile = profile) })}
            <div class="tools">
              <button type="button" data-plan ?disabled=${isOff} @click=${() => this.begin(chosen, true)}>${t("devices.setup_plan")}</button>
              <button type="button" class="main" data-setup ?disabled=${isOff} @click=${() => void this.apply(chosen)}>${t("devices.setup_apply")}</button>
            </div>`
        : nothing}
      <div aria-live="polite">${this.job.view()} ${this.result()}</div>
    </section>`;
  }

  private result(): TemplateResult | typeof nothing {
    const { result } = this.job;
    if (!result) return nothing;
    return html`${this.verdict(result)}
      ${listing<Step>({
        label: t("devices.setup"),
        rows: result.steps,
        key: (step) => step.step,
        tone: (step) => (BAD.includes(step.outcome) ? "bad" : ""),
        columns: [
          { title: t("devices.setting"), isHeader: true, cell: (step) => step.step.replaceAll("_", " ") },
          { title: t("devices.wanted"), cell: (step) => valueWords(step.wanted) },
          { title: t("devices.was"), cell: (step) => valueWords(step.was) },
          { title: t("devices.outcome"), cell: (step) => named("setup", step.outcome) },
          { title: t("devices.cause"), name: "cause", cell: (step) => step.why },
        ],
        empty: t("devices.setup_same"),
      })}`;
  }

  private verdict(result: Result): TemplateResult {
    if (result.error) return html`<p class="outcome refused">${result.error}</p>`;
    if (!result.ok) return html`<p class="outcome refused">${t("devices.setup_failed")}</p>`;
    if (result.differs) return html`<p class="outcome unknown">${t("devices.setup_differs")}</p>`;
    return html`<p class="outcome confirmed" data-set-up>${t("devices.setup_done")}</p>`;
  }

  private begin(profile: string, isPlan: boolean): void {
    this.isPlan = isPlan;
    const { name } = this.device;
    void this.job.begin(() => call("post", "/api/v1/devices/{name}/provision/jobs", { path: { name } }, { profile, plan: isPlan }));
  }

  private async apply(profile: string): Promise<void> {
    const { name } = this.device;
    const yes = await confirmed({ title: t("devices.setup_title", { name }), effect: t("devices.setup_effect", { profile }), action: t("devices.setup_apply") });
    if (yes) this.begin(profile, false);
  }
}

customElements.define("desk-device-setup", Setup);
