// A picture for a plan: a new one with its name, or another one for a plan that is there.
import { html, nothing, type TemplateResult } from "lit";
import { Problem, call } from "../../api/client";
import { DeskElement } from "../../base/element";
import { t } from "../../base/i18n";
import { textField } from "../../parts/fields";
import { say } from "../../parts/status";
import { problemWords } from "../../parts/words";

const TYPES = "image/png,image/jpeg,image/webp,image/svg+xml,.svg";
const MAX_BYTES = 8 * 1024 * 1024;
const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const TIMEOUT_MS = 120_000;

class Upload extends DeskElement {
  static override properties = { plan: { attribute: false }, revision: { attribute: false }, name: { state: true }, error: { state: true }, nameError: { state: true }, isSending: { state: true } };
  /** The plan that gets another picture; empty for a new one. */
  declare plan: string;
  declare revision: number | undefined;
  declare name: string;
  declare error: string;
  declare nameError: string;
  declare isSending: boolean;
  private file: File | null = null;

  constructor() {
    super();
    this.plan = "";
    this.revision = undefined;
    this.name = "";
    this.error = "";
    this.nameError = "";
    this.isSending = false;
  }

  override render(): TemplateResult {
    return html`<form class="plan-upload" novalidate @submit=${(event: SubmitEvent) => void this.send(event)}>
      ${this.plan
        ? nothing
        : textField({ name: "plan-name", label: t("plan.name"), value: this.name, hint: t("plan.name_hint"), error: this.nameError, isRequired: true, max: 63, change: (value) => (this.name = value) })}
      <div class="field">
        <label>${t("plan.picture")}<input type="file" name="plan-picture" accept=${TYPES} required aria-describedby="plan-picture-hint" aria-invalid=${this.error ? "true" : nothing} @change=${(event: Event) => this.choose(event)} /></label>
        <small id="plan-picture-hint" class="hint">${t("plan.picture_hint")}</small>
        ${this.error ? html`<small class="error" role="alert">${this.error}</small>` : nothing}
      </div>
      <div class="buttons">
        <button type="submit" class="main" data-upload ?disabled=${this.isSending}>${this.isSending ? t("plan.sending") : this.plan ? t("plan.replace") : t("plan.add")}</button>
        ${this.plan ? html`<button type="button" class="quiet" @click=${() => this.dispatchEvent(new CustomEvent("uploaded"))}>${t("action.cancel")}</button>` : nothing}
      </div>
    </form>`;
  }

  private choose(event: Event): void {
    this.file = (event.target as HTMLInputElement).files?.[0] ?? null;
    this.error = this.file && this.file.size > MAX_BYTES ? t("problem.picture_too_big") : "";
    const proposed = this.file?.name.replace(/\.\w+$/, "").toLowerCase().replace(/[^a-z0-9._-]+/g, "-") ?? "";
    if (this.name === "" && NAME.test(proposed)) this.name = proposed;
  }

  private async send(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const name = this.plan || this.name.trim();
    this.nameError = NAME.test(name) ? "" : t("plan.name_wrong");
    if (!this.file) this.error = t("plan.picture_missing");
    if (this.isSending || this.nameError || this.error || !this.file) return;
    this.isSending = true;
    try {
      // A new plan must not be one that is there.
      const revision = this.plan ? this.revision : 0;
      const raw = { data: new Uint8Array(await this.file.arrayBuffer()), type: this.file.type || "application/octet-stream" };
      const plan = await call("put", "/api/v1/plans/{name}", { path: { name }, query: { revision }, raw, timeoutMs: TIMEOUT_MS });
      say(t("plan.uploaded", { plan: plan.name }));
      this.file = null;
      this.name = "";
      this.dispatchEvent(new CustomEvent<string>("uploaded", { detail: plan.name }));
    } catch (error) {
      this.error = error instanceof Problem && error.code === "plan_changed" ? t(this.plan ? "plan.changed_by_others" : "plan.name_taken") : problemWords(error);
    } finally {
      this.isSending = false;
    }
  }
}

customElements.define("desk-plan-upload", Upload);
