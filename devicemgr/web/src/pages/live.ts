// What happens now: portals with their last decision, who is inside, and the newest events.
import { html, nothing, type TemplateResult } from "lit";
import { guard } from "lit/directives/guard.js";
import { repeat } from "lit/directives/repeat.js";
import { call } from "../api/client";
import type { Event, ZoneState } from "../api/types";
import { StoreElement } from "../base/element";
import { clock, day, moment } from "../base/dates";
import { counted, number, t } from "../base/i18n";
import { isWall } from "../base/wall";
import { GROUPS, NO_FILTER, isWanted, toneOf, withEvents, type Filter, type Group } from "../live/rows";
import { store } from "../live/store";
import { portalCard } from "../parts/portal-card";
import { toneSymbol } from "../parts/symbols";
import { directionWords, kindWords, reasonWords, whoWords } from "../parts/words";
import { whyLink } from "../live/why-link";

const OLDER = 100;
const MAX_OLDER = 1000;

class Live extends StoreElement {
  static override properties = { filter: { state: true }, held: { state: true }, older: { state: true }, isLoading: { state: true } };
  declare filter: Filter;
  /** The rows that stay while one reads; null while rows come as they happen. */
  declare held: readonly Event[] | null;
  declare older: readonly Event[];
  declare isLoading: boolean;
  private isPaused = false;
  private isAtEnd = false;

  constructor() {
    super();
    this.filter = NO_FILTER;
    this.held = null;
    this.older = [];
    this.isLoading = false;
  }

  override render(): TemplateResult {
    const portals = Object.values(store.states.portals);
    const zones = Object.values(store.states.zones);
    return html`<section class="page live">
      <section aria-labelledby="portals-title">
        <h2 id="portals-title" class="sr">${t("live.portals")}</h2>
        ${portals.length > 0
          ? html`<ul class="portals">${repeat(portals, (portal) => portal.name, portalCard)}</ul>`
          : html`<p class="empty">${store.hasStates ? t("live.no_portals") : t("live.waiting")}</p>`}
        ${zones.length > 0 ? zoneTotals(zones) : nothing}
      </section>
      <section class="events" aria-labelledby="events-title">
        <div class="tools">
          <h2 id="events-title">${t("live.events")}</h2>
          ${this.tools()}
        </div>
        ${this.list()}
      </section>
    </section>`;
  }

  private tools(): TemplateResult | typeof nothing {
    if (isWall) return nothing;
    const { filter } = this;
    const portals = Object.keys(store.states.portals);
    const reasons = [...new Set(store.rows.map((row) => row.reason).filter((reason) => reason !== null))].sort();
    return html`<label class="search"><span class="sr">${t("live.person")}</span><input type="search" data-search placeholder=${t("live.person")} .value=${filter.person} @input=${(event: InputEvent) => this.want({ person: (event.target as HTMLInputElement).value })} /></label>
      <div class="chips" role="group" aria-label=${t("live.filters")}>
        ${GROUPS.map((group) => html`<button type="button" class="chip" aria-pressed=${filter.groups.has(group)} @click=${() => this.toggle(group)}>${t(`group.${group}`)}</button>`)}
        ${portals.length > 1 ? this.choice("portal", t("live.all_portals"), portals.map((name) => [name, name])) : nothing}
        ${reasons.length > 0 ? this.choice("reason", t("live.all_reasons"), reasons.map((reason) => [reason, reasonWords(reason)])) : nothing}
      </div>
      <button type="button" class="quiet" data-key="p" aria-pressed=${this.isPaused} @click=${this.pause}>${this.isPaused ? t("live.go_on") : t("live.pause")}</button>`;
  }

  private choice(part: "portal" | "reason", all: string, entries: readonly (readonly [string, string])[]): TemplateResult {
    const chosen = this.filter[part];
    return html`<select class="chip ${chosen ? "chosen" : ""}" aria-label=${part === "portal" ? t("live.portal") : t("live.reason")} @change=${(event: globalThis.Event) => this.want({ [part]: (event.target as HTMLSelectElement).value })}>
      <option value="" ?selected=${chosen === ""}>${all}</option>
      ${entries.map(([value, words]) => html`<option value=${value} ?selected=${value === chosen}>${words}</option>`)}
    </select>`;
  }

  private list(): TemplateResult {
    const newest = this.held ?? store.rows;
    const all = this.older.length > 0 ? withEvents(newest, this.older, newest.length + MAX_OLDER) : newest;
    // A display shows what happens at the entrances, not who changed what.
    const rows = all.filter((event) => isWanted(event, this.filter) && !(isWall && event.kind.startsWith("admin.")));
    const waiting = this.held === null ? 0 : store.rows.filter((event) => event.seq > (newest[0]?.seq ?? 0) && isWanted(event, this.filter)).length;
    const today = new Date().toDateString();
    return html`${waiting > 0 ? html`<button type="button" class="newer" @click=${this.toTop}>${counted("live.newer", waiting)}</button>` : nothing}
      <div class="scroll" tabindex="0" role="region" aria-label=${t("live.list")} @scroll=${this.scrolled}>
        ${rows.length > 0
          ? html`<ol class="rows">${repeat(rows, (event) => event.seq, (event) => row(event, today))}</ol>`
          : html`<p class="empty">${store.rows.length > 0 ? t("live.no_match") : store.link === "starting" ? t("live.waiting") : t("live.no_events")}</p>`}
        ${isWall || this.isAtEnd || store.rows.length === 0 ? nothing : html`<button type="button" class="quiet older" ?disabled=${this.isLoading} @click=${() => void this.loadOlder()}>${t("live.older")}</button>`}
      </div>`;
  }

  private want(part: Partial<Filter>): void {
    this.filter = { ...this.filter, ...part };
    this.older = [];
    this.isAtEnd = false;
  }

  private toggle(group: Group): void {
    const groups = new Set(this.filter.groups);
    if (!groups.delete(group)) groups.add(group);
    this.want({ groups });
  }

  private pause(): void {
    this.isPaused = !this.isPaused;
    this.requestUpdate();
    if (this.isPaused) this.held ??= store.rows;
    else this.toTop();
  }

  private toTop(): void {
    this.isPaused = false;
    this.held = null;
    this.older = [];
    this.isAtEnd = false;
    this.querySelector(".scroll")?.scrollTo({ top: 0 });
  }

  /** Hold the rows while one reads further down, so that nothing moves under the eyes. */
  private scrolled(event: globalThis.Event): void {
    const list = event.target as HTMLElement;
    if (list.scrollTop > 4) {
      this.held ??= store.rows;
      if (list.scrollHeight - list.scrollTop - list.clientHeight < 80) void this.loadOlder();
    } else if (!this.isPaused && this.older.length === 0) this.held = null;
  }

  private async loadOlder(): Promise<void> {
    const shown = this.older.at(-1) ?? (this.held ?? store.rows).at(-1);
    if (!shown || this.isLoading || this.isAtEnd) return;
    this.held ??= store.rows;
    this.isLoading = true;
    try {
      // Seq has no gaps: the hundred before the oldest row that is shown.
      const after = Math.max(0, shown.seq - OLDER - 1);
      const found = await call("get", "/api/v1/events", { query: { after, limit: OLDER } });
      const fresh = found.filter((event) => event.seq < shown.seq);
      this.isAtEnd = fresh.length === 0 || after === 0 || this.older.length >= MAX_OLDER;
      this.older = withEvents(this.older, fresh, MAX_OLDER);
    } catch {
      this.isAtEnd = false;
    } finally {
      this.isLoading = false;
    }
  }
}

function zoneTotals(zones: readonly ZoneState[]): TemplateResult {
  return html`<h2 class="sr">${t("live.inside")}</h2>
    <ul class="zones ${store.isStale ? "stale" : ""}">
      ${repeat(
        zones,
        (zone) => zone.name,
        (zone) => html`<li class=${zone.max !== null && zone.count >= zone.max ? "full" : ""}>
          <span>${zone.name}</span><strong>${store.isStale ? "–" : number(zone.count)}</strong>
          ${zone.max === null ? nothing : html`<small>${t("live.of", { max: number(zone.max) })}</small>`}
          ${zone.unsure ? html`<small>${t("live.unsure")}</small>` : nothing}
        </li>`,
      )}
    </ul>`;
}

/** A row is written once: an event does not change, only what day it was, and what one may do about it. */
function row(event: Event, today: string): unknown {
  return guard([event, today, store.features], () => eventRow(event));
}

function eventRow(event: Event): TemplateResult {
  const tone = toneOf(event.kind);
  const where = [event.portal ?? event.device, directionWords(event.direction)].filter(Boolean).join(" · ");
  return html`<li class="row ${tone}" data-seq=${event.seq}>
    <time title=${moment(event.time)}>${clock(event.time)}${day(event.time) ? html`<small>${day(event.time)}</small>` : nothing}</time>
    ${toneSymbol(tone)}
    <span class="kind">${kindWords(event)}${event.reason ? html` <em>${reasonWords(event.reason)}</em>` : nothing}${whyLink(event)}</span>
    <span class="who">${whoWords(event)}</span>
    <span class="where">${where}</span>
  </li>`;
}

customElements.define("desk-live", Live);
