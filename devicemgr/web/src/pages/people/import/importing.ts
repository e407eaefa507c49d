// An import: choose a file, look at what it would change, begin, follow and stop it. Its id is in the address, so a reload goes on.
import { html, nothing, type TemplateResult } from "lit";
import { Problem, call, importFailures } from "../../../api/client";
import { announce } from "../../../base/announce";
import { StoreElement } from "../../../base/element";
import { counted, named, number, t } from "../../../base/i18n";
import { go, href, query } from "../../../base/router";
import { store } from "../../../live/store";
import { confirmed } from "../../../parts/confirm";
import { listing } from "../../../parts/listing";
import { codeWords, problemWords } from "../../../parts/words";
import { type Consent, NO_CONSENT, consentBody, consentForm } from "../face/consent";
import { chooser, type Choice } from "./chooser";
import { BUSY, OVER, type Import, type Row, countWords, placeWords, rowWords } from "./rows";

const POLL_MS = 500;
const SEND_TIMEOUT_MS = 600_000;
const MAX_BYTES = 128 * 1024 * 1024;
const MAX_ROWS = 1000;

class PeopleImport extends StoreElement {
  static override properties = {
    job: { state: true },
    rows: { state: true },
    total: { state: true },
    recent: { state: true },
    choice: { state: true },
    consent: { state: true },
    consentError: { state: true },
    trouble: { state: true },
    isSending: { state: true },
    onlyRefused: { state: true },
  };
  declare job: Import | null;
  declare rows: readonly Row[];
  declare total: number;
  declare recent: readonly Import[];
  declare choice: Choice;
  declare consent: Consent;
  declare consentError: string;
  declare trouble: string;
  /** Something was sent, and its answer is not there yet: a button sends once. */
  declare isSending: boolean;
  declare onlyRefused: boolean;
  private run = 0;
  private readonly moved = (): void => void this.follow(query().get("job") ?? "");

  constructor() {
    super();
    this.job = null;
    this.rows = [];
    this.total = 0;
    this.recent = [];
    this.choice = { update: false, missing: "keep", encoding: "" };
    this.consent = NO_CONSENT;
    this.consentError = "";
    this.trouble = "";
    this.isSending = false;
    this.onlyRefused = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener("hashchange", this.moved);
    this.moved();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("hashchange", this.moved);
    this.run += 1;
    this.job = null;
    this.rows = [];
    this.recent = [];
  }

  override render(): TemplateResult {
    return html`<div class="importing">
      <p><a href=${href("people")}>${t("import.back")}</a></p>
      <h2>${this.job ? this.job.name : t("import.title")}</h2>
      ${this.trouble ? html`<p class="outcome refused" role="alert">${this.trouble}</p>` : nothing}
      ${this.job ? this.present(this.job) : this.choosing()}
    </div>`;
  }

  private choosing(): TemplateResult {
    return html`${chooser(this.choice, this.isSending || store.link === "away", (change) => (this.choice = { ...this.choice, ...change }), (file) => void this.send(file))}
    ${this.isSending ? html`<p class="empty" role="status">${t("import.sending")}</p>` : nothing}
    ${this.recent.length > 0
      ? html`<h3>${t("import.recent")}</h3>
          <ul class="recent">${this.recent.map((one) => html`<li><a href=${href("people", "import", { job: one.id })}>${one.name}</a> ${named("import_phase", one.phase)}</li>`)}</ul>`
      : nothing}`;
  }

  private present(job: Import): TemplateResult {
    const isBusy = BUSY.includes(job.phase);
    return html`<p class="summary" role="status" data-phase=${job.phase}>${named("import_phase", job.phase)}${isBusy && job.total > 0 ? ` ${t("import.progress", { done: number(job.done), total: number(job.total) })}` : ""}</p>
      ${isBusy ? html`<progress max=${Math.max(job.total, 1)} value=${job.phase === "reading" ? nothing : job.done} aria-label=${named("import_phase", job.phase)}></progress>` : nothing}
      ${job.error ? html`<p class="outcome refused" data-import-error>${codeWords(job.error)}</p>` : nothing}
      <p>${countWords(job)}</p>
      ${this.notes(job)}
      ${job.phase === "planned" ? this.beginning(job) : this.buttons(job)}
      ${this.rows.length > 0 || this.onlyRefused ? this.table(job) : nothing}`;
  }

  private notes(job: Import): TemplateResult {
    const isHeld = (job.taken_away ?? 0) > (job.max_taken_away ?? 0);
    const notes = [
      job.is_guess ? t("import.guess", { form: job.read_as ?? "" }) : "",
      job.ignored_columns?.length ? t("import.ignored", { columns: job.ignored_columns.join(", ") }) : "",
      job.skipped_files?.length ? counted("import.skipped_files", job.skipped_files.length) : "",
      job.differing?.length ? t("import.differing", { people: job.differing.join(", ") }) : "",
      job.unsure ? t("import.unsure") : "",
      isHeld && job.phase === "planned" ? counted("import.held", job.taken_away ?? 0) : "",
    ].filter(Boolean);
    return html`${notes.map((note) => html`<p class="outcome unknown">${note}</p>`)}`;
  }

  private beginning(job: Import): TemplateResult {
    return html`<form @submit=${(event: SubmitEvent) => void this.begin(event, job)}>
      ${job.kind === "photos" ? consentForm(this.consent, this.consentError, (change) => this.agree(change)) : nothing}
      <footer>
        <button type="submit" class="main" data-begin ?disabled=${this.isSending || job.total === 0 || store.link === "away"}>${counted("import.begin", job.total)}</button>
        ${this.failuresLink(job)}
        <button type="button" class="quiet" data-other @click=${() => void this.stop(job, true)}>${t("import.other")}</button>
      </footer>
    </form>`;
  }

  private buttons(job: Import): TemplateResult {
    return html`<footer>
      ${OVER.includes(job.phase)
        ? html`${this.failuresLink(job)}<a class="button" href=${href("people", "import")}>${t("import.other")}</a>`
        : html`<button type="button" class="danger" data-stop ?disabled=${this.isSending || job.phase === "stopping" || store.link === "away"} @click=${() => void this.stop(job, false)}>${t("import.stop")}</button>`}
    </footer>`;
  }

  private failuresLink(job: Import): TemplateResult | typeof nothing {
    if ((job.counts?.["refused"] ?? 0) === 0) return nothing;
    return html`<a class="button" data-failures href=${importFailures(job.id)} download="failures.csv">${t("import.failures")}</a>`;
  }

  private table(job: Import): TemplateResult {
    const columns = [
      { title: t("import.what"), name: "short", cell: (row: Row) => named("import_what", row.what) },
      { title: t("import.badge"), cell: (row: Row) => row.badge || "–", isHeader: true },
      { title: t("import.name"), cell: (row: Row) => row.name ?? "" },
      { title: t("import.place"), cell: placeWords, name: "soft short" },
      { title: t("import.details"), cell: rowWords, name: "cause" },
    ];
    const footer = this.total > this.rows.length ? html`<p class="beyond">${t("import.first", { shown: number(this.rows.length), all: number(this.total) })}</p>` : undefined;
    return html`<label class="check"><input type="checkbox" name="only_refused" .checked=${this.onlyRefused} @change=${(event: Event) => this.filter(job, (event.target as HTMLInputElement).checked)} />${t("import.only_refused")}</label>
      ${listing({ label: t("import.rows"), rows: this.rows, columns, key: (row) => String(this.rows.indexOf(row)), tone: (row) => (row.what === "refused" ? "bad" : ""), empty: t("import.none_refused"), ...(footer ? { footer } : {}) }, job.id)}`;
  }

  private filter(job: Import, only: boolean): void {
    this.onlyRefused = only;
    void this.readRows(job.id);
  }

  private agree(change: Partial<Consent>): void {
    this.consent = { ...this.consent, ...change };
    this.consentError = "";
  }

  private async send(file: File): Promise<void> {
    this.trouble = file.size > MAX_BYTES ? t("import.too_large") : "";
    if (this.isSending || this.trouble) return;
    this.isSending = true;
    try {
      const data = new Uint8Array(await file.arrayBuffer());
      const { update, missing, encoding } = this.choice;
      const wanted = { name: file.name.slice(-255), update: String(update), missing, encoding: encoding || undefined };
      const job = await call("post", "/api/v1/imports", { query: wanted, raw: { data, type: "application/octet-stream" }, timeoutMs: SEND_TIMEOUT_MS });
      if (this.isConnected) go(href("people", "import", { job: job.id }), true);
    } catch (error) {
      this.trouble = error instanceof Problem ? problemWords(error) : t("import.unsent");
    }
    this.isSending = false;
  }

  private async begin(event: SubmitEvent, job: Import): Promise<void> {
    event.preventDefault();
    if (job.kind === "photos" && this.consent.reference.trim() === "") {
      this.consentError = t("face.consent_missing");
      await this.updateComplete;
      return this.querySelector<HTMLElement>("[name=consent]")?.focus();
    }
    if ((job.taken_away ?? 0) > 0 && !(await this.isAccepted(job))) return;
    const given = job.kind === "photos" ? consentBody(this.consent) : { accept: job.digest ?? null };
    await this.act(() => call("post", "/api/v1/imports/{job}/start", { path: { job: job.id } }, { levels: [], update: false, ...given }));
    if (this.job) void this.follow(this.job.id);
  }

  private async isAccepted(job: Import): Promise<boolean> {
    const effect = counted("import.takes_away", job.taken_away ?? 0);
    return (await confirmed({ title: t("import.takes_title"), effect, action: t("import.takes_action"), isDangerous: true })) !== null;
  }

  private async stop(job: Import, isDropped: boolean): Promise<void> {
    await this.act(() => call("post", "/api/v1/imports/{job}/stop", { path: { job: job.id } }));
    if (isDropped) go(href("people", "import"));
  }

  private async act(step: () => Promise<Import>): Promise<void> {
    if (this.isSending) return;
    this.isSending = true;
    this.trouble = "";
    try {
      this.job = await step();
    } catch (error) {
      this.trouble = error instanceof Problem ? problemWords(error) : t("import.unknown");
    }
    this.isSending = false;
  }

  /** Show an import until it needs no more looks; without an id, those of before. */
  private async follow(id: string): Promise<void> {
    const run = ++this.run;
    if (id === "") return this.list(run);
    let phase = "";
    while (run === this.run) {
      try {
        const job = await call("get", "/api/v1/imports/{job}", { path: { job: id } });
        if (run !== this.run) return;
        this.job = job;
        this.trouble = "";
        if (job.phase !== phase) announce(named("import_phase", job.phase));
        if (job.phase !== phase && job.phase !== "reading") void this.readRows(id);
        phase = job.phase;
        if (!BUSY.includes(phase)) return;
      } catch (error) {
        if (run !== this.run) return;
        if (error instanceof Problem) {
          this.job = null;
          this.trouble = error.status === 404 ? t("import.gone") : problemWords(error);
          return this.list(run);
        }
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  private async list(run: number): Promise<void> {
    this.job = null;
    this.rows = [];
    this.consent = NO_CONSENT;
    const found = await call("get", "/api/v1/imports").catch(() => []);
    if (run === this.run) this.recent = found;
  }

  private async readRows(id: string): Promise<void> {
    const refused = this.onlyRefused ? { refused: "true" } : {};
    const found = await call("get", "/api/v1/imports/{job}/rows", { path: { job: id }, query: { limit: MAX_ROWS, ...refused } }).catch(() => null);
    if (!found || this.job?.id !== id) return;
    this.rows = found.rows;
    this.total = found.total;
  }
}

customElements.define("desk-people-import", PeopleImport);
