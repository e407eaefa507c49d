// What a device is, which rules it keeps alone, and tests, identity and restart.
import { html, nothing, type TemplateResult } from "lit";
import { call, type Answer } from "../../api/client";
import type { components } from "../../api/schema";
import { StoreElement } from "../../base/element";
import { named, t } from "../../base/i18n";
import { Job } from "../../base/job";
import { store } from "../../live/store";
import { confirmed } from "../../parts/confirm";
import { say } from "../../parts/status";
import { problemWords } from "../../parts/words";
import { facts, valueWords } from "./words";

type Details = components["schemas"]["DeviceDetails"];
type Identity = Answer<"/api/v1/devices/{name}/identify", "post">;
interface Check {
  found: Record<string, unknown>;
}
const SLOW_MS = 40_000;

class Upkeep extends StoreElement {
  static override properties = { device: { attribute: false }, identity: { state: true }, isBusy: { state: true } };
  declare device: Details;
  declare identity: Identity | null;
  declare isBusy: boolean;
  private readonly check = new Job<Check>(this, "test", () => this.device.name);

  constructor() {
    super();
    this.identity = null;
    this.isBusy = false;
  }

  override willUpdate(changed: Map<string, Details | undefined>): void {
    const before = changed.get("device");
    if (before && before.name !== this.device.name) {
      this.identity = null;
      this.check.clear();
    }
  }

  override render(): TemplateResult {
    const { result } = this.check;
    return html`<div class="columns">
      <section class="panel" aria-labelledby="facts-title">
        <h3 id="facts-title">${t("devices.facts")}</h3>
        ${this.facts()}
      </section>
      <section class="panel" aria-labelledby="work-title">
        <h3 id="work-title">${t("devices.work")}</h3>
        ${this.buttons()}
        <div aria-live="polite">
          ${this.check.view()}
          ${result ? html`<p class="outcome confirmed" data-tested><strong>${t("devices.tested")}</strong></p>${facts(result.found)}` : nothing}
          ${this.identity ? this.identityFacts(this.identity) : nothing}
        </div>
      </section>
    </div>`;
  }

  private facts(): TemplateResult {
    const { device } = this;
    const rules = (names: readonly string[]): string => names.map((name) => named("device_rule", name)).join(", ") || "–";
    return html`<dl class="facts">
      <dt>${t("devices.kind")}</dt><dd>${device.driver}</dd>
      <dt>${t("devices.address")}</dt><dd>${device.address}</dd>
      <dt>${t("devices.username")}</dt><dd>${device.username ?? "–"}</dd>
      <dt>${t("devices.password")}</dt><dd>${device.has_password ? t("devices.password_set") : t("devices.password_none")}</dd>
      <dt>${t("devices.profile")}</dt><dd>${device.profile ?? "–"}</dd>
      ${Object.entries(device.options).map(([name, value]) => html`<dt>${name.replaceAll("_", " ")}</dt><dd>${valueWords(value)}</dd>`)}
      <dt>${t("devices.alone")}</dt><dd>${device.decides_alone ? t("devices.alone_yes") : t("devices.alone_no")}</dd>
      ${device.decides_alone
        ? html`<dt>${t("devices.keeps")}</dt><dd>${rules(device.keeps)}</dd>
            <dt>${t("devices.cannot_keep")}</dt><dd>${rules(device.cannot_keep)}</dd>`
        : nothing}
    </dl>`;
  }

  private buttons(): TemplateResult {
    const { can } = this.device;
    const isOff = store.link !== "live" || this.isBusy;
    const name = { name: this.device.name };
    return html`<div class="tools">
      ${store.may("POST /devices/{name}/test/jobs")
        ? html`<button type="button" data-test ?disabled=${isOff || this.check.isRunning} @click=${() => void this.check.begin(() => call("post", "/api/v1/devices/{name}/test/jobs", { path: name }))}>${t("devices.test")}</button>`
        : nothing}
      ${can.includes("identify") && store.may("POST /devices/{name}/identify")
        ? html`<button type="button" data-identify ?disabled=${isOff} @click=${() => void this.identify()}>${t("devices.identify")}</button>`
        : nothing}
      ${can.includes("reboot") && store.may("POST /devices/{name}/reboot")
        ? html`<button type="button" class="danger" data-restart ?disabled=${isOff} @click=${() => void this.restart()}>${t("devices.restart")}</button>`
        : nothing}
    </div>`;
  }

  private identityFacts(found: Identity): TemplateResult {
    return html`<dl class="facts" data-identity>
      <dt>${t("devices.maker")}</dt><dd>${found.manufacturer || "–"}</dd>
      <dt>${t("devices.model")}</dt><dd>${found.model || "–"}</dd>
      <dt>${t("devices.firmware")}</dt><dd>${found.firmware || "–"}</dd>
      <dt>${t("devices.serial")}</dt><dd>${found.serial || "–"}</dd>
    </dl>`;
  }

  private async identify(): Promise<void> {
    await this.sending(async () => {
      this.identity = await call("post", "/api/v1/devices/{name}/identify", { path: { name: this.device.name }, timeoutMs: SLOW_MS });
    });
  }

  private async restart(): Promise<void> {
    const { name } = this.device;
    const yes = await confirmed({ title: t("devices.restart_title", { name }), effect: t("devices.restart_effect"), action: t("devices.restart"), isDangerous: true });
    if (!yes) return;
    await this.sending(async () => {
      const answer = await call("post", "/api/v1/devices/{name}/reboot", { path: { name }, timeoutMs: SLOW_MS });
      if (answer.outcome === "confirmed") say(t("devices.restarts", { name }));
      else say(t("devices.restart_unknown", { name }), "warn");
    });
  }

  private async sending(work: () => Promise<void>): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    try {
      await work();
    } catch (error) {
      say(problemWords(error), "bad");
    } finally {
      this.isBusy = false;
    }
  }
}

customElements.define("desk-device-upkeep", Upkeep);
