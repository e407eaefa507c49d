// Verify the record with progress, and export a copy that others can verify.
import { html, nothing, type TemplateResult } from "lit";
import { followed, fileAddress, type Answer } from "../../api/client";
import { StoreElement } from "../../base/element";
import { announce } from "../../base/announce";
import { clock, moment } from "../../base/dates";
import { counted, number, t } from "../../base/i18n";
import { href } from "../../base/router";
import { size } from "../../base/quantities";
import { store } from "../../live/store";
import { textField } from "../../parts/fields";
import { problemWords } from "../../parts/words";

type Result = Answer<"/api/v1/audit/verify", "get">;
type Bundle = Answer<"/api/v1/audit/bundles", "post">;
type Work = "verify" | "export";

class RecordCheck extends StoreElement {
  static override properties = {
    work: { state: true },
    done: { state: true },
    total: { state: true },
    result: { state: true },
    bundle: { state: true },
    error: { state: true },
    root: { state: true },
  };
  declare work: Work | null;
  declare done: number;
  declare total: number;
  declare result: Result | null;
  declare bundle: Bundle | null;
  declare error: unknown;
  declare root: string;
  private began = 0;
  private ending = new AbortController();

  constructor() {
    super();
    this.work = null;
    this.done = 0;
    this.total = 0;
    this.result = null;
    this.bundle = null;
    this.error = null;
    this.root = "";
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.ending.abort();
  }

  override render(): TemplateResult {
    const isOff = this.work !== null || store.isStale;
    return html`<div class="cards">
      <article class="card">
        <h2>${t("record.verify")}</h2>
        <p>${t("record.verify_why")}</p>
        <form @submit=${(event: SubmitEvent) => this.verify(event)}>
          ${textField({ name: "root", label: t("record.root_field"), hint: t("record.root_hint"), value: this.root, max: 64, change: (root) => (this.root = root) })}
          <div class="buttons"><button type="submit" class="main" data-verify ?disabled=${isOff}>${t("record.verify")}</button></div>
        </form>
        ${this.work === "verify" ? this.progress(t("record.verifying")) : nothing}
        <div role="status">${this.result ? outcome(this.result) : nothing}</div>
      </article>
      ${store.may("POST /audit/bundles")
        ? html`<article class="card">
            <h2>${t("record.export")}</h2>
            <p>${t("record.export_why")}</p>
            <div class="buttons"><button type="button" class="main" data-export ?disabled=${isOff} @click=${() => void this.export()}>${t("record.export")}</button></div>
            ${this.work === "export" ? this.progress(t("record.exporting")) : nothing}
            <div role="status">${this.bundle ? this.ready(this.bundle) : nothing}</div>
          </article>`
        : nothing}
      ${this.error === null ? nothing : html`<p class="trouble" role="alert">${problemWords(this.error)}</p>`}
    </div>`;
  }

  private progress(words: string): TemplateResult {
    const seconds = Math.max(0.001, (performance.now() - this.began) / 1000);
    const rate = Math.round(this.done / seconds);
    return html`<div class="progress">
      <label>${words}<progress max=${Math.max(1, this.total)} .value=${this.done}></progress></label>
      <p>${t("record.done_of", { done: number(this.done), total: number(this.total), rate: number(rate) })}</p>
      <button type="button" class="quiet" data-cancel @click=${() => this.ending.abort()}>${t("action.cancel")}</button>
    </div>`;
  }

  private ready(bundle: Bundle): TemplateResult {
    const words = t("record.bundle_ready", { name: bundle.name, size: size(bundle.bytes), until: clock(bundle.until) });
    const address = fileAddress("/api/v1/audit/bundles/{bundle}", { path: { bundle: bundle.id } });
    return html`<p class="outcome confirmed">${words}</p>
      <p><a class="button" href=${address} download=${bundle.name} data-bundle>${t("record.save")}</a></p>`;
  }

  private verify(event: SubmitEvent): void {
    event.preventDefault();
    this.result = null;
    const root = this.root.trim() || undefined;
    void this.run("verify", async (signal, note) => {
      this.result = await followed("get", "/api/v1/audit/verify", { query: { root }, signal }, note);
      announce(t(this.result.ok ? "record.good" : "record.bad"));
    });
  }

  private async export(): Promise<void> {
    this.bundle = null;
    await this.run("export", async (signal, note) => {
      this.bundle = await followed("post", "/api/v1/audit/bundles", { signal }, note);
    });
    await this.updateComplete;
    this.querySelector<HTMLAnchorElement>("a[data-bundle]")?.click();
  }

  private async run(work: Work, doing: (signal: AbortSignal, note: (done: number, total: number) => void) => Promise<void>): Promise<void> {
    if (this.work !== null) return;
    this.ending = new AbortController();
    const { signal } = this.ending;
    this.work = work;
    this.error = null;
    this.done = this.total = 0;
    this.began = performance.now();
    try {
      await doing(signal, (done, total) => {
        this.done = done;
        this.total = total;
      });
    } catch (error) {
      if (!signal.aborted) this.error = error;
    }
    this.work = null;
  }
}

function outcome(found: Result): TemplateResult {
  return found.ok ? good(found) : bad(found);
}

function good(found: Result): TemplateResult {
  const { sealed, removed, restored, root } = found;
  const through = removed?.["through"];
  const behind = sealed ? found.events + (typeof through === "number" ? through : 0) - sealed.seq : 0;
  return html`<div class="outcome confirmed" data-result="good">
    <p><strong>${t("record.good")}.</strong> ${t("record.good_words", { events: number(found.events) })}</p>
    <p>${sealed ? t("record.sealed_to", { seq: number(sealed.seq) }) : `${t("record.none_sealed")}.`} ${behind > 0 ? counted("record.after_seal", behind) : nothing}</p>
    ${typeof through === "number" ? html`<p>${t("record.removed", { through: number(through) })}</p>` : nothing}
    ${restored.map((one) => html`<p>${t("record.restored", { at: moment(one.at), events: String(one.events) })}</p>`)}
    <p class="soft">${t("record.root")}: <code>${root ?? t("record.no_root")}</code></p>
  </div>`;
}

function bad(found: Result): TemplateResult {
  const seq = found.first_bad_seq ?? 0;
  return html`<div class="outcome refused" data-result="bad">
    <p><strong>${t("record.bad")}.</strong> ${seq > 0 ? html`<a href=${href("record", "event", String(seq))} data-bad-row>${t("record.bad_row", { seq: number(seq) })}</a>` : t("record.bad_root")}</p>
    <p lang="en">${found.why}</p>
  </div>`;
}

customElements.define("desk-record-check", RecordCheck);
