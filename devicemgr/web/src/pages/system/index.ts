// The box: version, disk, backups, clock, its alarms, and the doctor's checks for those who may run them.
import { html, nothing, type TemplateResult } from "lit";
import { call, type Answer } from "../../api/client";
import { StoreElement } from "../../base/element";
import { announce } from "../../base/announce";
import { clock, day, moment } from "../../base/dates";
import { counted, named, number, t } from "../../base/i18n";
import { Loaded } from "../../base/loaded";
import { duration, size } from "../../base/quantities";
import { store } from "../../live/store";
import { toneSymbol } from "../../parts/symbols";
import { alarmKindWords, problemWords } from "../../parts/words";
import "../../styles/office.css";

type Status = Answer<"/api/v1/status", "get">;
type Box = Answer<"/api/v1/box", "get">;
type Check = Answer<"/api/v1/doctor", "get">["checks"][number];

const DOCTOR_MS = 10 * 60_000;
const POLL_MS = 10_000;
const DAY_MS = 86_400_000;
const LOW_DISK = 0.05;
const OLD_BACKUP_DAYS = 7;

class System extends StoreElement {
  static override properties = { checks: { state: true }, error: { state: true }, isChecking: { state: true }, wasStopped: { state: true } };
  declare checks: readonly Check[] | null;
  declare error: unknown;
  declare isChecking: boolean;
  declare wasStopped: boolean;
  private readonly status = new Loaded(this, () => call("get", "/api/v1/status"), false);
  private readonly box = new Loaded(this, () => call("get", "/api/v1/box"), false);
  private polling: ReturnType<typeof setInterval> | undefined;
  private ticking: ReturnType<typeof setInterval> | undefined;
  private ending = new AbortController();
  private began = 0;

  constructor() {
    super();
    this.checks = null;
    this.error = null;
    this.isChecking = this.wasStopped = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.polling = setInterval(() => {
      void this.status.reload();
      void this.box.reload();
    }, POLL_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.polling);
    clearInterval(this.ticking);
    this.ending.abort();
  }

  override render(): TemplateResult {
    const status = this.status.value;
    const box = this.box.value;
    return html`<section class="page office system ${store.isStale ? "stale" : ""}">
      ${this.status.notice()} ${this.box.error === null ? nothing : this.box.notice()}
      <div class="cards">${status && box ? facts(status, box) : nothing} ${status ? alarms(status) : nothing}</div>
      ${store.may("GET /doctor") ? this.doctor() : nothing}
    </section>`;
  }

  private doctor(): TemplateResult {
    const seconds = Math.floor((performance.now() - this.began) / 1000);
    return html`<article class="card">
      <h2>${t("system.checks")}</h2>
      <p class="soft">${t("system.checks_none")}</p>
      <div class="buttons">
        <button type="button" class="main" data-doctor ?disabled=${this.isChecking || store.isStale} @click=${() => void this.examine()}>${t("system.run")}</button>
      </div>
      <div role="status">
        ${this.isChecking
          ? html`<div class="progress"><label>${t("system.checking", { seconds: number(seconds) })}<progress></progress></label><button type="button" class="quiet" data-cancel @click=${() => this.ending.abort()}>${t("system.stop")}</button></div>`
          : nothing}
        ${this.wasStopped ? html`<p>${t("system.stopped")}</p>` : nothing}
      </div>
      ${this.error === null ? nothing : html`<p class="trouble" role="alert">${problemWords(this.error)}</p>`} ${this.checks ? checkList(this.checks) : nothing}
    </article>`;
  }

  private async examine(): Promise<void> {
    if (this.isChecking) return;
    this.isChecking = true;
    this.wasStopped = false;
    this.error = null;
    this.began = performance.now();
    this.ending = new AbortController();
    this.ticking = setInterval(() => this.requestUpdate(), 1000);
    try {
      const { checks } = await call("get", "/api/v1/doctor", { timeoutMs: DOCTOR_MS, signal: this.ending.signal });
      this.checks = checks;
      announce(checkSummary(checks));
    } catch (error) {
      if (this.ending.signal.aborted) this.wasStopped = true;
      else this.error = error;
    }
    clearInterval(this.ticking);
    this.isChecking = false;
  }
}

function facts({ daemon, ledger, gallery }: Status, box: Box): TemplateResult {
  const sealed = ledger.sealed_at;
  const rows: [string, boolean, unknown][] = [
    [t("system.version"), true, daemon.version],
    [t("system.daemon"), daemon.ready, daemon.ready ? t("system.daemon_ready", { time: duration(daemon.uptime_s) }) : t("system.daemon_unready")],
    [t("system.disk"), box.disk_free_bytes > box.disk_total_bytes * LOW_DISK, t("system.disk_free", { free: size(box.disk_free_bytes), total: size(box.disk_total_bytes) })],
    [t("system.backup"), box.backup_made !== null && daysSince(box.backup_made) <= OLD_BACKUP_DAYS, backupWords(box)],
    [t("system.clock"), box.clock_behind_s === 0 && box.clock_ahead_s === 0 && box.clock_synchronized !== false, clockWords(box)],
    [t("system.ledger"), sealed !== null, sealed === null ? t("system.ledger_unsealed", { seq: number(ledger.seq) }) : t("system.ledger_sealed", { seq: number(ledger.seq), time: `${day(sealed)} ${clock(sealed)}`.trim() })],
    [t("system.gallery"), true, t("system.gallery_words", { people: number(gallery.people), model: gallery.model })],
  ];
  return html`<article class="card" data-box>
    <h2>${t("system.box")}</h2>
    <dl class="facts">${rows.map(([name, isWell, words]) => html`<dt>${name}</dt><dd class="toned">${toneSymbol(isWell ? "plain" : "warn")}<span>${words}</span></dd>`)}</dl>
  </article>`;
}

function daysSince(time: string): number {
  return Math.floor((Date.now() - store.clockOff - Date.parse(time)) / DAY_MS);
}

function backupWords({ backup_made: made }: Box): string {
  if (made === null) return t("system.backup_none");
  return `${moment(made)}, ${counted("system.days_ago", Math.max(0, daysSince(made)))}`;
}

function clockWords(box: Box): string {
  if (box.clock_behind_s > 0) return t("system.behind", { seconds: number(Math.round(box.clock_behind_s)) });
  if (box.clock_ahead_s > 0) return t("system.ahead", { seconds: number(Math.round(box.clock_ahead_s)) });
  if (box.clock_synchronized === null) return t("system.clock_unseen");
  return t(box.clock_synchronized ? "system.clock_held" : "system.clock_free");
}

function alarms({ alarms: found }: Status): TemplateResult {
  return html`<article class="card" data-alarms>
    <h2>${t("system.alarms")}</h2>
    ${found.length === 0
      ? html`<p class="toned">${toneSymbol("good")}<span>${t("system.alarms_none")}</span></p>`
      : html`<ul>
          ${found.map((alarm) => {
            const where = alarm.portal ?? alarm.device ?? alarm.zone ?? alarm.calendar ?? alarm.source ?? alarm.threat;
            return html`<li>
              <p class="toned">${toneSymbol("warn")}<span><strong>${alarmKindWords(alarm.kind)}</strong>${where ? ` · ${where}` : ""}</span></p>
              ${alarm.cause ? html`<p class="soft" lang="en">${alarm.cause}</p>` : nothing}
            </li>`;
          })}
        </ul>`}
  </article>`;
}

function checkWords(name: string): string {
  if (name.startsWith("device ")) return t("check.device", { name: name.slice("device ".length) });
  return named("check", name.replaceAll(" ", "_"));
}

function checkSummary(checks: readonly Check[]): string {
  const failed = checks.filter((check) => !check.ok).length;
  return failed === 0 ? t("system.well") : counted("system.failed", failed);
}

function checkList(checks: readonly Check[]): TemplateResult {
  const ordered = [...checks].sort((a, b) => Number(a.ok) - Number(b.ok));
  return html`<p class="summary" data-checked>${checkSummary(checks)}</p>
    <ul class="checks">
      ${ordered.map(
        (check) => html`<li data-check=${check.check}>
          <p class="toned">${toneSymbol(check.ok ? "good" : "bad")}<span><strong>${checkWords(check.check)}</strong> <span class="sr">${t(check.ok ? "system.ok" : "system.problem")}</span></span></p>
          <p class="soft" lang="en">${check.detail}</p>
          ${check.fix ? html`<p><span class="soft">${t("system.what_to_do")}:</span> <span lang="en">${check.fix}</span></p>` : nothing}
        </li>`,
      )}
    </ul>`;
}

customElements.define("desk-system", System);
