// The list of one muster: who is missing, safe, out or not here, by zone; marked by touch or keys, also without network.
import { html, nothing, type TemplateResult } from "lit";
import { Problem, call } from "../../api/client";
import type { Found, MusterState } from "../../api/types";
import { announce } from "../../base/announce";
import { clock, day } from "../../base/dates";
import { StoreElement } from "../../base/element";
import { counted, number, t } from "../../base/i18n";
import { Loaded } from "../../base/loaded";
import { store } from "../../live/store";
import { confirmed } from "../../parts/confirm";
import { say } from "../../parts/status";
import { problemWords } from "../../parts/words";
import { mark, marks } from "./marks";
import { rowList } from "./person";
import type { MarkName, WaitingMark } from "./queue";
import { FOUND, chosen, namesOf, rowsOfAnswer, rowsOfStates, sorted, totalsOf, withMarks, type MusterAnswer, type Row } from "./roll";
import { actorWords, placeWords, unnamedWords } from "./words";

const STEP = 100;
const RETRY_MS = 3000;

class MusterList extends StoreElement {
  static override properties = { muster: { attribute: false }, filter: { state: true }, search: { state: true }, shown: { state: true }, isPrinting: { state: true } };
  declare muster: string;
  declare filter: Found | "all";
  declare search: string;
  declare shown: number;
  declare isPrinting: boolean;
  private readonly answer = new Loaded(this, () => call("get", "/api/v1/musters/{muster}", { path: { muster: this.muster } }), false);
  /** The rows that this view has shown: they stay in their places until one wants them away. */
  private held = new Set<string>();
  private rows: readonly Row[] = [];
  private made: readonly unknown[] = [];
  /** As the stream has shown it last. */
  private last: MusterState | undefined;
  private unknown = "";
  private isEnding = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.filter = "missing";
    this.search = "";
    this.shown = STEP;
    this.isPrinting = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener("beforeprint", this.beforePrint);
    addEventListener("afterprint", this.afterPrint);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("beforeprint", this.beforePrint);
    removeEventListener("afterprint", this.afterPrint);
    clearTimeout(this.timer);
  }

  /** A paper has all rows, at once. */
  private readonly beforePrint = (): void => {
    this.isPrinting = true;
    this.performUpdate();
  };
  private readonly afterPrint = (): void => {
    this.isPrinting = false;
  };

  override willUpdate(): void {
    const present = store.states.musters[this.muster];
    if (present) this.last = present;
    const isOver = !present && store.hasStates && this.answer.value?.state === "running";
    if (isOver && !this.answer.isLoading) this.readAgain();
    const made = [store.states.muster_people, this.answer.value, marks.recent.length, marks.waiting.length, present === undefined];
    if (made.every((part, at) => part === this.made[at])) return;
    this.made = made;
    this.rows = this.rowsNow(present);
    this.readNames();
  }

  private rowsNow(present: MusterState | undefined): Row[] {
    const { value } = this.answer;
    const isLive = present !== undefined || (this.last !== undefined && value?.state !== "ended");
    const known = isLive ? rowsOfStates(store.states.muster_people, this.muster, namesOf(value)) : [];
    const rows = known.length > 0 ? known : value ? rowsOfAnswer(value) : [...this.rows];
    if (value?.state === "ended") return sorted(rows);
    const waiting = new Set<WaitingMark>(marks.waiting);
    const recent = marks.recent;
    return sorted(recent.length > 0 ? rows.map((row) => withMarks(row, recent, (one) => waiting.has(one))) : rows);
  }

  /** Read the names of people whom a console has put on the list since. */
  private readNames(): void {
    if (!this.answer.value || this.answer.isLoading || this.answer.value.state === "ended") return;
    const names = namesOf(this.answer.value);
    const unknown = this.rows.filter((row) => row.badge !== null && !names.has(row.badge)).map((row) => row.key).join();
    if (unknown !== "" && unknown !== this.unknown) void this.answer.reload();
    this.unknown = unknown;
  }

  /** Its end is recorded soon: until then the list stays as it was. */
  private readAgain(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.answer.reload(), this.answer.error === null ? 0 : RETRY_MS);
  }

  override render(): TemplateResult {
    const head: MusterState | MusterAnswer | undefined = this.answer.value?.state === "ended" ? this.answer.value : (store.states.musters[this.muster] ?? this.answer.value ?? this.last);
    if (!head) return html`<section class="page muster">${this.isUnknown() ? this.notThere() : this.answer.notice()}</section>`;
    const isOver = head.state === "ended" || (store.hasStates && !store.states.musters[this.muster] && this.last !== undefined);
    const totals = totalsOf(this.rows);
    return html`<section class="page muster one ${isOver ? "over" : ""}">
      ${this.heading(head, isOver)}
      ${isOver ? nothing : this.waitingWords()}
      ${unnamedWords(head).map((words) => html`<p class="note unnamed">${words}</p>`)}
      ${this.tiles(totals)}
      <div class="tools no-print">
        <label class="search"><span class="sr">${t("muster.search")}</span><input type="search" data-search placeholder=${t("muster.search")} .value=${this.search} @input=${(event: InputEvent) => this.want({ search: (event.target as HTMLInputElement).value })} /></label>
        ${this.tidyButton()}
      </div>
      ${this.list(isOver)}
    </section>`;
  }

  private isUnknown(): boolean {
    return this.answer.error instanceof Problem && this.answer.error.status === 404;
  }

  private notThere(): TemplateResult {
    return html`<p class="empty">${t("muster.not_there")} <a href="#/muster">${t("muster.all")}</a></p>`;
  }

  private heading(head: MusterState | MusterAnswer, isOver: boolean): TemplateResult {
    const when = (time: string): string => `${day(time)} ${clock(time)}`.trim();
    return html`<header class="head">
      <p class="back no-print"><a href="#/muster">${t("muster.all")}</a></p>
      <h2>${t(head.drill ? "muster.drill_of" : "muster.real_of", { place: placeWords(head.zone) })}</h2>
      <p class="when">
        ${t("muster.since", { time: when(head.started), by: actorWords(head) })}
        ${isOver ? html`<strong data-over>${head.ended ? t("muster.over", { time: when(head.ended) }) : t("muster.over_unrecorded")}</strong>` : nothing}
      </p>
      <p class="buttons no-print">
        <button type="button" class="quiet" data-print @click=${() => void this.print()}>${t("action.print")}</button>
        ${isOver || !store.may("POST /musters/{muster}/end") ? nothing : html`<button type="button" class="danger" data-end ?disabled=${store.link === "away"} @click=${() => void this.end(head)}>${t("muster.end")}</button>`}
      </p>
    </header>`;
  }

  private waitingWords(): TemplateResult | typeof nothing {
    if (store.link !== "away") return nothing;
    return html`<p class="note" data-offline>${t("muster.offline", { time: clock(store.lastMessage) })}</p>`;
  }

  /** How many were found and how; each tile shows these people. */
  private tiles(totals: Record<Found, number>): TemplateResult {
    const tile = (name: Found | "all", words: string, count: number): TemplateResult => html`<button type="button" class="tile ${name}" data-filter=${name} aria-pressed=${this.filter === name} @click=${() => this.want({ filter: name })}>
      <strong>${number(count)}</strong><span>${words}</span>
    </button>`;
    return html`<div class="tiles" role="group" aria-label=${t("live.filters")}>${FOUND.map((found) => tile(found, t(`muster_found.${found}`), totals[found]))}${tile("all", t("muster.everyone"), this.rows.length)}</div>`;
  }

  private list(isOver: boolean): TemplateResult {
    const filter = this.isPrinting ? "all" : this.filter;
    const all = chosen(this.rows, filter, this.isPrinting ? "" : this.search, this.held);
    const part = this.isPrinting ? all : all.slice(0, this.shown);
    if (!this.isPrinting) for (const row of part) if (row.found === filter) this.held.add(row.key);
    if (all.length === 0) return html`<p class="empty">${this.emptyWords()}</p>`;
    return html`${rowList(part, { mayMark: !isOver && store.may("POST /musters/marks"), actor: store.session?.actor, mark: (row, name) => void this.mark(row, name) })}
      ${all.length > part.length ? html`<p class="beyond no-print">${t("list.part", { shown: number(part.length), all: number(all.length) })} <button type="button" class="quiet" data-more @click=${() => (this.shown += STEP)}>${t("list.more")}</button></p>` : nothing}`;
  }

  private emptyWords(): string {
    if (this.search !== "") return t("muster.no_match");
    if (this.rows.length === 0) return t("muster.no_one_inside");
    return this.filter === "missing" ? t("muster.no_one_missing") : t("muster.no_one");
  }

  private tidyButton(): TemplateResult | typeof nothing {
    const count = this.filter === "all" ? 0 : this.rows.filter((row) => row.found !== this.filter && this.held.has(row.key)).length;
    return count === 0 ? nothing : html`<button type="button" class="quiet" data-tidy @click=${() => this.want({})}>${counted("muster.tidy", count)}</button>`;
  }

  private want(part: { filter?: Found | "all"; search?: string }): void {
    this.filter = part.filter ?? this.filter;
    this.search = part.search ?? this.search;
    this.held = new Set();
    this.shown = STEP;
    this.requestUpdate();
  }

  private async mark(row: Row, name: MarkName): Promise<void> {
    if (row.badge === null) return;
    const who = row.name || row.badge;
    let reason = "";
    if (name === "not_here") {
      const given = await confirmed({
        title: t("muster.not_here_title", { who }),
        effect: t("muster.effect_not_here"),
        action: t("muster.not_here"),
        reason: { label: t("muster.how_known"), isRequired: true },
      });
      if (!given) return;
      reason = given.reason;
    }
    mark(row.badge, name, reason);
    announce(`${who}: ${t(name === "missing" ? "muster.taken_back" : `muster_found.${name}`)}`);
  }

  private async end(head: MusterState | MusterAnswer): Promise<void> {
    const { missing } = totalsOf(this.rows);
    const waiting = marks.waiting.length > 0 ? ` ${counted("muster.waiting", marks.waiting.length)}` : "";
    const given = await confirmed({
      title: t("muster.end"),
      effect: `${t("muster.effect_end", { place: placeWords(head.zone) })} ${counted("muster.missing_left", missing)}${waiting}`,
      action: t("muster.end"),
      isDangerous: true,
      isHeld: !head.drill && missing > 0,
    });
    if (!given || this.isEnding) return;
    this.isEnding = true;
    try {
      this.answer.value = await call("post", "/api/v1/musters/{muster}/end", { path: { muster: this.muster } });
      this.want({ filter: "all" });
      say(t("muster.ended"));
    } catch (error) {
      say(error instanceof Problem ? problemWords(error) : t("muster.unknown_end"), error instanceof Problem ? "bad" : "warn");
    } finally {
      this.isEnding = false;
    }
  }

  private async print(): Promise<void> {
    this.isPrinting = true;
    await this.updateComplete;
    print();
    this.isPrinting = false;
  }
}

customElements.define("desk-muster-list", MusterList);
