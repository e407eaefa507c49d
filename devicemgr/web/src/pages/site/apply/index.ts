// The site's file: save it, choose or paste one, see what it would change, apply it.
import { html, nothing, type TemplateResult } from "lit";
import { StoreElement } from "../../../base/element";
import { t } from "../../../base/i18n";
import { store } from "../../../live/store";
import { checkField, textArea } from "../../../parts/fields";
import "./plan";

const MAX_BYTES = 1024 * 1024;

class SiteApply extends StoreElement {
  static override properties = { text: { state: true }, prune: { state: true }, problem: { state: true }, planned: { state: true } };
  declare text: string;
  declare prune: boolean;
  declare problem: string;
  /** What the plan below was made of. */
  declare planned: { toml: string; prune: boolean } | null;

  constructor() {
    super();
    this.text = "";
    this.prune = false;
    this.problem = "";
    this.planned = null;
  }

  override render(): TemplateResult {
    return html`<div class="file">
      <section>
        <h2>${t("site.export")}</h2>
        <p>${t("site.export_words")}</p>
        <p><a class="button" href="/api/v1/site?format=toml" download data-export>${t("site.save_file")}</a></p>
      </section>
      ${store.may("POST /site/apply") ? this.form() : nothing}
      ${this.planned ? html`<h2>${t("site.plan")}</h2><desk-site-plan .toml=${this.planned.toml} .prune=${this.planned.prune} @applied=${() => this.done()}></desk-site-plan>` : nothing}
    </div>`;
  }

  private form(): TemplateResult {
    return html`<section>
      <h2>${t("site.apply")}</h2>
      <form @submit=${(event: SubmitEvent) => this.plan(event)}>
        <label class="field">${t("site.choose_file")}<input type="file" name="file" accept=".toml,application/toml,text/plain" @change=${(event: Event) => void this.choose(event)} /></label>
        ${textArea({ name: "toml", label: t("site.or_paste"), value: this.text, rows: 8, error: this.problem, change: (value) => this.edit(value) })}
        ${checkField({ name: "prune", label: t("site.prune"), isOn: this.prune, change: (isOn) => ((this.prune = isOn), (this.planned = null)) })}
        <p><button type="submit" class="main" data-plan ?disabled=${store.link === "away"}>${t("site.plan_it")}</button></p>
      </form>
    </section>`;
  }

  private edit(value: string): void {
    this.text = value;
    this.problem = "";
    this.planned = null;
  }

  private async choose(event: Event): Promise<void> {
    const input = event.target as HTMLInputElement;
    const file = input.files?.[0];
    if (!file) return;
    if (file.size > MAX_BYTES) {
      this.edit("");
      this.problem = t("site.file_large");
      input.value = "";
      return;
    }
    this.edit(await file.text());
  }

  private plan(event: SubmitEvent): void {
    event.preventDefault();
    if (this.text.trim() === "") {
      this.problem = t("site.file_missing");
      this.querySelector<HTMLElement>("textarea")?.focus();
    } else this.planned = { toml: this.text, prune: this.prune };
  }

  private done(): void {
    this.planned = null;
    this.querySelector<HTMLElement>("textarea")?.focus();
  }
}

customElements.define("desk-site-apply", SiteApply);
