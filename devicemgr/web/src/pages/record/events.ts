// Events by filter: the newest first, older ones by pages; the address keeps the filter.
import { html, nothing, type TemplateResult } from "lit";
import { Problem, call } from "../../api/client";
import type { Event } from "../../api/types";
import { StoreElement } from "../../base/element";
import { clock, day, moment } from "../../base/dates";
import { keysOf, named, t } from "../../base/i18n";
import { go, href, query } from "../../base/router";
import { store } from "../../live/store";
import { toneOf } from "../../live/rows";
import { selectField, textField } from "../../parts/fields";
import { listing } from "../../parts/listing";
import { toneSymbol } from "../../parts/symbols";
import { directionWords, kindWords, problemWords, reasonWords, whoWords } from "../../parts/words";
import { ALL_CHANGES, addressOf, filterOf, kindsByGroup, queryOf, type RecordFilter } from "./filter";

const PAGE = 100;

class RecordEvents extends StoreElement {
  static override properties = {
    draft: { state: true },
    rows: { state: true },
    isLoading: { state: true },
    isAtEnd: { state: true },
    error: { state: true },
  };
  declare draft: RecordFilter;
  declare rows: readonly Event[] | null;
  declare isLoading: boolean;
  declare isAtEnd: boolean;
  declare error: unknown;
  private turn = 0;
  private portals: readonly string[] = [];
  private readonly follow = (): void => this.read();
  /** On a phone the events come first. */
  private readonly isWide = matchMedia("(min-width: 761px)").matches;

  constructor() {
    super();
    this.rows = null;
    this.isLoading = false;
    this.isAtEnd = false;
    this.error = null;
    this.draft = filterOf(query());
  }

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener("hashchange", this.follow);
    void this.loadPortals();
    this.read();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("hashchange", this.follow);
    this.turn += 1;
  }

  override render(): TemplateResult {
    return html`<details class="filters" ?open=${this.isWide}><summary>${t("record.filters")}</summary>${this.form()}</details>
      ${this.error === null ? nothing : html`<p class="trouble" role="alert">${problemWords(this.error)} <button type="button" class="quiet" @click=${() => this.read()}>${t("action.retry")}</button></p>`}
      ${this.rows === null ? (this.error === null ? html`<p class="empty">${t("page.loading")}</p>` : nothing) : this.list(this.rows)}`;
  }

  private form(): TemplateResult {
    const { draft } = this;
    const reasons = keysOf("reason").map((reason) => [reason, reasonWords(reason)] as const);
    const portals = [...new Set([...this.portals, draft.portal])].filter(Boolean).map((name) => [name, name] as const);
    return html`<form class="filter" aria-label=${t("record.filters")} @submit=${(event: SubmitEvent) => this.apply(event)}>
      ${this.kindField()}
      ${selectField({ name: "portal", label: t("live.portal"), value: draft.portal, options: [["", t("live.all_portals")], ...portals], change: (portal) => this.want({ portal }) })}
      ${textField({ name: "person", label: t("record.badge"), value: draft.person, max: 64, change: (person) => this.want({ person }) })}
      ${selectField({ name: "reason", label: t("record.reason"), value: draft.reason, options: [["", t("live.all_reasons")], ...reasons], change: (reason) => this.want({ reason }) })}
      ${textField({ name: "from", label: t("record.from"), type: "datetime-local", value: draft.from, change: (from) => this.want({ from }) })}
      ${textField({ name: "to", label: t("record.to"), type: "datetime-local", value: draft.to, change: (to) => this.want({ to }) })}
      ${textField({ name: "seq", label: t("record.number"), type: "number", value: draft.seq, change: (seq) => this.want({ seq }) })}
      <div class="buttons">
        <button type="submit" class="main" data-apply>${t("record.apply")}</button>
        <a class="button" href=${href("record")} data-clear>${t("record.clear")}</a>
      </div>
    </form>`;
  }

  private kindField(): TemplateResult {
    const { kinds } = this.draft;
    const known = keysOf("kind").filter((kind) => kind !== "admin" && !kinds.includes(kind));
    const add = (event: globalThis.Event): void => {
      const select = event.target as HTMLSelectElement;
      if (select.value !== "") this.want({ kinds: [...kinds, select.value] });
      select.value = "";
    };
    return html`<div class="field kinds">
      <label
        >${t("record.kinds")}
        <select name="kind" @change=${add}>
          <option value="">${kinds.length > 0 ? t("record.add_kind") : t("record.kinds_none")}</option>
          ${kinds.includes(ALL_CHANGES) ? nothing : html`<option value=${ALL_CHANGES}>${kindChoice(ALL_CHANGES)}</option>`}
          ${kindsByGroup(known).map(
            ([group, found]) => html`<optgroup label=${t(`group.${group}`)}>${found.map((kind) => html`<option value=${kind}>${kindChoice(kind)}</option>`)}</optgroup>`,
          )}
        </select>
      </label>
      ${kinds.length > 0
        ? html`<p class="chips">
            ${kinds.map((kind) => html`<button type="button" class="chip chosen" data-kind=${kind} aria-label=${t("record.remove_kind", { what: kindChoice(kind) })} @click=${() => this.want({ kinds: kinds.filter((one) => one !== kind) })}>${kindChoice(kind)} ×</button>`)}
          </p>`
        : nothing}
    </div>`;
  }

  private list(rows: readonly Event[]): TemplateResult {
    const footer = html`${this.isAtEnd ? nothing : html`<p class="beyond"><button type="button" class="quiet" data-older ?disabled=${this.isLoading} @click=${() => void this.loadOlder()}>${this.isLoading ? t("page.loading") : t("record.older")}</button></p>`}`;
    return html`<p class="beyond"><button type="button" class="quiet" ?disabled=${this.isLoading || store.isStale} @click=${() => this.read()}>${t("record.newest")}</button></p>
      ${listing<Event>({
        label: t("record.list"),
        rows,
        isWhole: true,
        key: (event) => String(event.seq),
        tone: (event) => toneOf(event.kind),
        open: (event) => go(href("record", "event", String(event.seq))),
        columns: [
          { title: t("record.number_short"), name: "number", isHeader: true, cell: (event) => event.seq },
          { title: t("record.time"), name: "since", cell: (event) => html`<time title=${moment(event.time)}>${day(event.time)} ${clock(event.time)}</time>` },
          { title: t("record.kind"), cell: (event) => html`<span class="toned">${toneSymbol(toneOf(event.kind))}<span>${kindWords(event)}${event.reason ? html` <em>${reasonWords(event.reason)}</em>` : nothing}</span></span>` },
          { title: t("record.who"), cell: whoWords },
          { title: t("record.place"), name: "soft", cell: (event) => [event.portal ?? event.device, directionWords(event.direction)].filter(Boolean).join(" · ") },
        ],
        empty: t("record.no_match"),
        footer,
      })}`;
  }

  private want(part: Partial<RecordFilter>): void {
    this.draft = { ...this.draft, ...part };
  }

  private apply(event: SubmitEvent): void {
    event.preventDefault();
    const address = href("record", addressOf(this.draft));
    if (address === location.hash) this.read();
    else go(address);
  }

  /** Read the first page of what the address names. */
  private read(): void {
    if (!/^#?\/?(record)?(\?|$)/.test(location.hash)) return;
    this.draft = filterOf(query());
    void this.load();
  }

  private async load(before?: number): Promise<void> {
    const turn = ++this.turn;
    this.isLoading = true;
    try {
      const found = await call("get", "/api/v1/events", { query: { ...queryOf(filterOf(query()), before), limit: PAGE } });
      if (turn !== this.turn) return;
      const older = [...found].reverse();
      this.rows = before === undefined ? older : [...(this.rows ?? []), ...older];
      this.isAtEnd = found.length < PAGE;
      this.error = null;
    } catch (error) {
      if (turn !== this.turn) return;
      this.error = error;
      if (error instanceof Problem) this.rows = before === undefined ? [] : this.rows;
    }
    this.isLoading = false;
  }

  private async loadOlder(): Promise<void> {
    const last = this.rows?.at(-1);
    if (last && !this.isLoading) await this.load(last.seq);
  }

  private async loadPortals(): Promise<void> {
    const found = await call("get", "/api/v1/portals").catch(() => []);
    this.portals = found.map((portal) => portal.name);
    this.requestUpdate();
  }
}

function kindChoice(kind: string): string {
  return kind === ALL_CHANGES ? t("record.all_of_group", { group: t("group.changes") }) : named("kind", kind);
}

customElements.define("desk-record-events", RecordEvents);
