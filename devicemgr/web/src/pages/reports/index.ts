// Reports: a table and a chart of what the daemon has evaluated, and files that it makes.
import { html, nothing, type TemplateResult } from "lit";
import { Problem, call, fileAddress } from "../../api/client";
import { StoreElement } from "../../base/element";
import { announce } from "../../base/announce";
import { dayWords, isoDay, moment, today } from "../../base/dates";
import { counted, named, number, t, type Key } from "../../base/i18n";
import { go, href, query } from "../../base/router";
import { store } from "../../live/store";
import { selectField, textField } from "../../parts/fields";
import { listing } from "../../parts/listing";
import { tabs } from "../../parts/tabs";
import { problemWords } from "../../parts/words";
import "../../styles/office.css";
import { column } from "./cells";
import "./chart";
import { BY_DAY, KINDS, MAKERS, OF_PERSON, OF_TIMES, OF_ZONE, barsOf, columnsOf, type Kind, type Report, type Row } from "./model";

const FILES = ["csv", "xlsx"] as const;
const TIMEOUT_MS = 10 * 60_000;
const TICK_MS = 1000;

interface Given {
  from: string;
  to: string;
  person: string;
  zone: string;
}

class Reports extends StoreElement {
  static override properties = {
    rest: { attribute: false },
    draft: { state: true },
    report: { state: true },
    error: { state: true },
    isRunning: { state: true },
    isChecked: { state: true },
    wasCancelled: { state: true },
  };
  declare rest: readonly string[];
  declare draft: Given;
  declare report: Report | null;
  declare error: unknown;
  declare isRunning: boolean;
  declare isChecked: boolean;
  declare wasCancelled: boolean;
  private began = 0;
  private shown = "";
  private ending = new AbortController();
  private ticking: ReturnType<typeof setInterval> | undefined;
  private zones: readonly string[] = [];
  private readonly follow = (): void => this.address();

  constructor() {
    super();
    this.report = null;
    this.error = null;
    this.isRunning = false;
    this.isChecked = false;
    this.wasCancelled = false;
    this.draft = given();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener("hashchange", this.follow);
    void call("get", "/api/v1/zones")
      .catch(() => [])
      .then((found) => {
        this.zones = found.map((zone) => zone.name);
        this.requestUpdate();
      });
    this.address();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("hashchange", this.follow);
    this.stop();
  }

  private get kinds(): readonly Kind[] {
    return KINDS.filter((kind) => store.may(`GET /reports/${kind}`));
  }

  private get kind(): Kind {
    // Of the address itself: what the frame hands over comes later.
    const [, , wanted] = location.hash.split(/[/?]/);
    return this.kinds.find((one) => one === wanted) ?? this.kinds[0] ?? "denials";
  }

  override render(): TemplateResult {
    const { kind } = this;
    const all = this.kinds.map((one) => ({ name: one, words: t(`report.${one}`), href: href("reports", one, { ...this.draft }) }));
    return html`<section class="page office reports">
      ${tabs(all, kind, t("report.kinds"))} ${this.form(kind)}
      <div role="status">${this.isRunning ? this.running() : nothing}${this.wasCancelled ? html`<p class="empty">${t("report.cancelled")}</p>` : nothing}</div>
      ${this.error === null ? nothing : trouble(this.error)}
      ${this.report ? this.result(kind, this.report) : this.isRunning || this.error !== null || this.wasCancelled ? nothing : html`<p class="empty">${t("report.hint")}</p>`}
    </section>`;
  }

  private form(kind: Kind): TemplateResult {
    const { draft } = this;
    const zones = [...new Set([...this.zones, draft.zone])].filter(Boolean).map((name) => [name, name] as const);
    const missing = (value: string, words: Key): string | undefined => (this.isChecked && value === "" ? t(words) : undefined);
    return html`<form class="filter" novalidate aria-label=${t(`report.${kind}`)} @submit=${(event: SubmitEvent) => this.make(event)}>
      ${textField({ name: "from", label: t("report.from"), type: "date", value: draft.from, isRequired: true, error: missing(draft.from, "report.from_required"), change: (from) => this.want({ from }) })}
      ${textField({ name: "to", label: t("report.to"), type: "date", value: draft.to, isRequired: true, error: missing(draft.to, "report.to_required"), change: (to) => this.want({ to }) })}
      ${OF_PERSON.includes(kind) ? textField({ name: "person", label: t("report.person"), value: draft.person, max: 64, change: (person) => this.want({ person }) }) : nothing}
      ${OF_ZONE.includes(kind) ? selectField({ name: "zone", label: t("report.zone"), value: draft.zone, options: [["", t("report.all_zones")], ...zones], change: (zone) => this.want({ zone }) }) : nothing}
      <div class="buttons">
        <button type="submit" class="main" data-make ?disabled=${this.isRunning || store.isStale}>${t("report.make")}</button>
        ${OF_TIMES.includes(kind) ? html`<small class="soft">${t("report.recorded")}</small>` : nothing}
      </div>
    </form>`;
  }

  private running(): TemplateResult {
    const seconds = Math.floor((performance.now() - this.began) / TICK_MS);
    return html`<div class="progress">
      <label>${t("report.running", { seconds: number(seconds) })}<progress></progress></label>
      <button type="button" class="quiet" data-cancel @click=${() => this.cancel()}>${t("action.cancel")}</button>
    </div>`;
  }

  private result(kind: Kind, report: Report): TemplateResult {
    const rows: readonly Row[] = report.rows;
    const sums = (report as { totals?: readonly Row[] }).totals ?? [];
    const span = t("report.span", { from: moment(report.from), to: moment(report.to), zone: report.timezone });
    const words = (label: string): string => (BY_DAY.has(kind) ? dayWords(label) : kind === "denials" ? named("reason", label) : label);
    const bars = barsOf(kind, rows, isoDay).map((bar) => ({ ...bar, label: words(bar.label) }));
    return html`<div class="report" data-report=${kind}>
      <p class="soft">${span}</p>
      ${report.removed_before ? html`<p class="outcome unknown">${t("report.removed", { time: moment(report.removed_before) })}</p>` : nothing}
      <p class="buttons"><strong>${counted("report.rows", rows.length)}</strong> ${rows.length > 0 ? this.files(kind) : nothing}</p>
      ${bars.length > 1 ? html`<desk-chart class="chart" .bars=${bars} .label=${t("report.chart", { what: t(`report.chart.${kind}`) })}></desk-chart>` : nothing}
      ${listing<Row>(
        {
          label: t(`report.${kind}`),
          rows,
          key: (row) => String(rows.indexOf(row)),
          columns: columnsOf(kind, rows).map((name) => column(kind, name)),
          empty: t("report.empty"),
        },
        this.shown,
      )}
      ${sums.length > 0 ? totals(sums) : nothing}
    </div>`;
  }

  private files(kind: Kind): TemplateResult {
    const address = (format: string): string => fileAddress(`/api/v1/reports/${kind}`, { query: { ...this.asked(kind, given()), format } });
    return html`<span>${t("report.save")}</span> ${FILES.map((format) => html`<a class="button" data-file=${format} download="${kind}.${format}" href=${address(format)}>${format.toUpperCase()}</a>`)}`;
  }

  private want(part: Partial<Given>): void {
    this.draft = { ...this.draft, ...part };
  }

  private make(event: SubmitEvent): void {
    event.preventDefault();
    this.isChecked = true;
    if (this.draft.from === "" || this.draft.to === "") return;
    const address = href("reports", this.kind, { ...this.draft, make: "1" });
    this.shown = "";
    if (address === location.hash) this.address();
    else go(address);
  }

  /** Make the report of the address, if that asks for one. */
  private address(): void {
    if (!location.hash.startsWith("#/reports")) return;
    this.draft = given();
    if (query().get("make") !== "1") this.clear();
    else if (this.shown !== location.hash) void this.load(this.kind, given());
  }

  private clear(): void {
    this.stop();
    this.report = null;
    this.error = null;
    this.shown = "";
  }

  private async load(kind: Kind, wanted: Given): Promise<void> {
    this.clear();
    this.shown = location.hash;
    this.wasCancelled = false;
    const ending = (this.ending = new AbortController());
    this.isRunning = true;
    this.began = performance.now();
    this.ticking = setInterval(() => this.requestUpdate(), TICK_MS);
    try {
      const found = await MAKERS[kind]({ query: this.asked(kind, wanted), timeoutMs: TIMEOUT_MS, signal: ending.signal });
      if (ending !== this.ending) return;
      this.report = found;
      announce(counted("report.rows", found.rows.length));
    } catch (error) {
      if (ending !== this.ending) return;
      if (!ending.signal.aborted) this.error = error;
    }
    this.stop();
  }

  private asked(kind: Kind, { from, to, person, zone }: Given): Record<string, string | undefined> {
    return { from, to, person: (OF_PERSON.includes(kind) && person.trim()) || undefined, zone: (OF_ZONE.includes(kind) && zone) || undefined };
  }

  private cancel(): void {
    this.wasCancelled = true;
    this.ending.abort();
  }

  private stop(): void {
    clearInterval(this.ticking);
    this.ending.abort();
    this.isRunning = false;
  }
}

/** Return what the address gives; the days of this month where it gives no time. */
function given(): Given {
  const found = query();
  const day = today();
  const text = (name: string): string => found.get(name) ?? "";
  return { from: text("from") || `${day.slice(0, 8)}01`, to: text("to") || day, person: text("person"), zone: text("zone") };
}

function totals(found: readonly Row[]): TemplateResult {
  return html`<h2>${t("report.added_up")}</h2>
    ${listing<Row>({
      label: t("report.added_up"),
      rows: found,
      key: (row) => String(found.indexOf(row)),
      columns: [
        ...columnsOf("hours", found)
          .filter((name) => name !== "day" && name !== "exceptions")
          .map((name) => column("hours", name)),
        { title: t("report.exceptions"), name: "soft", cell: (row) => (Number(row["days_without_hours"]) > 0 ? counted("report.without_hours", Number(row["days_without_hours"])) : "") },
      ],
      empty: "",
    })}`;
}

function trouble(error: unknown): TemplateResult {
  if (error instanceof Problem && error.code === "attendance_off") {
    return html`<div class="card" role="alert" data-attendance-off>
      <h2>${t("report.attendance_off")}</h2>
      <p>${t("report.attendance_how")}</p>
      <p><code lang="en">[site] attendance = true</code></p>
      ${store.may("POST /site/apply") ? html`<p><a class="button" href=${href("site")}>${t("page.site")}</a></p>` : nothing}
    </div>`;
  }
  return html`<p class="trouble" role="alert">${problemWords(error)}</p>`;
}

customElements.define("desk-reports", Reports);
