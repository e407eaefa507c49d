// Beside the drawing: how the chosen thing stands, what happened there, and what one may do; in the edit mode, where it is.
import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { call } from "../../api/client";
import type { Event, Placement } from "../../api/types";
import { clock, day, moment } from "../../base/dates";
import { StoreElement } from "../../base/element";
import { t } from "../../base/i18n";
import { Loaded } from "../../base/loaded";
import { allowedPages, href } from "../../base/router";
import { toneOf, withEvents } from "../../live/rows";
import { store } from "../../live/store";
import { textField } from "../../parts/fields";
import { portalActions } from "../../parts/portal-card";
import { deviceSymbol, portalSymbol, toneSymbol } from "../../parts/symbols";
import { kindWords, reasonWords, whoWords } from "../../parts/words";
import { Editor } from "./editor";
import { isPresent, portalSign, stateWords } from "./layer";
import { isSame, movedTo, turned, without, withNewCorner, withThing, type Thing } from "./placements";

const EVENTS = 10;
const QUARTER = 90;

class Panel extends StoreElement {
  static override properties = { thing: { attribute: false }, editor: { attribute: false }, isEditing: { attribute: false } };
  declare thing: Thing;
  declare editor: Editor;
  declare isEditing: boolean;
  private portal = "";
  private readonly events = new Loaded<readonly Event[]>(this, () => this.readEvents(), false);

  override willUpdate(): void {
    const portal = this.thing.kind === "portal" ? this.thing.name : "";
    if (portal === this.portal) return;
    this.portal = portal;
    this.events.value = undefined;
    void this.events.reload();
  }

  private async readEvents(): Promise<readonly Event[]> {
    if (this.portal === "" || !store.may("GET /events")) return [];
    return call("get", "/api/v1/events", { query: { portal: this.portal, limit: EVENTS } });
  }

  override render(): TemplateResult {
    const { kind, name } = this.thing;
    return html`<aside class="plan-panel ${isPresent() ? "" : "stale"}" aria-labelledby="thing-title" @keydown=${(event: KeyboardEvent) => this.keyDown(event)}>
      <header>
        ${kind === "portal" ? portalSymbol(portalSign(name)) : kind === "device" ? deviceSymbol({ state: isPresent() ? (store.states.devices[name]?.state ?? "unknown") : "unknown" }) : nothing}
        <h2 id="thing-title" tabindex="-1">${name}</h2>
        <button type="button" class="quiet" data-close @click=${() => this.close()}>${t("action.close")}</button>
      </header>
      <p class="state" data-state>${t(`plan.kind.${kind}`)} · ${stateWords(this.thing)}</p>
      ${this.isEditing ? this.fields() : this.about()}
    </aside>`;
  }

  /** Give the focus to the panel. */
  reach(): void {
    void this.updateComplete.then(() => this.querySelector<HTMLElement>("#thing-title")?.focus());
  }

  private close(): void {
    this.dispatchEvent(new CustomEvent("close-thing"));
  }

  private keyDown(event: KeyboardEvent): void {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    this.close();
  }

  private about(): TemplateResult {
    const { kind, name } = this.thing;
    if (kind === "device") return this.aboutDevice(name);
    if (kind === "zone") return this.aboutZone(name);
    const portal = store.states.portals[name];
    return html`${portal ? portalActions(portal) : html`<p class="empty">${t("plan.gone")}</p>`} ${store.may("GET /events") ? this.lastEvents() : nothing}`;
  }

  private aboutDevice(name: string): TemplateResult {
    const device = store.states.devices[name];
    return html`${device?.cause ? html`<p>${device.cause}</p>` : nothing}
      ${device?.since ? html`<p>${t("plan.since")} <time title=${moment(device.since)}>${day(device.since)} ${clock(device.since)}</time></p>` : nothing}
      ${store.may("GET /devices") ? html`<a href=${href("devices", name)}>${t("plan.to_device")}</a>` : nothing}`;
  }

  private aboutZone(name: string): TemplateResult {
    const zone = store.states.zones[name];
    return html`${zone && zone.unnamed > 0 ? html`<p>${t("plan.unnamed", { count: zone.unnamed })}</p>` : nothing}`;
  }

  private lastEvents(): TemplateResult {
    const fresh = store.rows.filter((event) => event.portal === this.portal);
    const rows = withEvents(this.events.value ?? [], fresh, EVENTS);
    return html`<h3>${t("plan.last_events")}</h3>
      ${rows.length > 0 ? html`<ol class="plan-events">${repeat(rows, (event) => event.seq, eventRow)}</ol>` : (this.events.notice() === nothing ? html`<p class="empty">${t("plan.no_events")}</p>` : this.events.notice())}`;
  }

  private fields(): TemplateResult {
    const one = this.editor.placements.find((other) => isSame(other, this.thing));
    if (!one) return html`<p class="empty">${t("plan.not_placed")}</p>`;
    const change = (placements: readonly Placement[], label: string): void => this.editor.change(placements, `${label} ${one.kind} ${one.name}`);
    const all = this.editor.placements;
    const turn = (degrees: number): void => change(turned(all, one, degrees), "turn");
    return html`<div class="plan-fields">
      ${numberField("x", t("plan.x"), one.x, 100, (x) => change(movedTo(all, one, { x, y: one.y }), "x"))}
      ${numberField("y", t("plan.y"), one.y, 100, (y) => change(movedTo(all, one, { x: one.x, y }), "y"))}
      ${one.kind === "zone"
        ? html`<div class="buttons">
            ${one.points ? html`<button type="button" data-corner-add @click=${() => change(withNewCorner(all, one, 0), "corner")}>${t("plan.add_corner")}</button>` : html`<button type="button" data-area-add @click=${() => change(withThing(all, one, one), "area")}>${t("plan.add_area")}</button>`}
          </div>`
        : html`${numberField("rotation", t("plan.rotation"), one.rotation, 359.9, (rotation) => change(turned(all, one, rotation - one.rotation), "turn"))}
            <div class="buttons">
              <button type="button" data-turn @click=${() => turn(QUARTER)}>${t("plan.turn")}</button>
            </div>`}
      <button type="button" class="danger" data-take-off @click=${() => this.takeOff(one)}>${t("plan.take_off")}</button>
      <p class="hint">${t(one.kind === "zone" ? "plan.zone_keys" : "plan.move_keys")}</p>
    </div>`;
  }

  private takeOff(one: Placement): void {
    this.editor.change(without(this.editor.placements, one));
    this.close();
  }
}

function numberField(name: string, label: string, value: number, max: number, change: (value: number) => void): TemplateResult {
  return textField({
    name: `plan-${name}`,
    label,
    type: "number",
    value: String(value),
    change: (text) => {
      const given = Number(text);
      if (text !== "" && given >= 0 && given <= max && given !== value) change(given);
    },
  });
}

function eventRow(event: Event): TemplateResult {
  const tone = toneOf(event.kind);
  const isExplained = event.kind === "access_denied" && store.may("GET /access/why/{event}") && allowedPages(store.features).some((page) => page.name === "why");
  return html`<li class=${tone} data-event=${event.seq}>
    ${toneSymbol(tone)}
    <span>${kindWords(event)}${event.reason ? html` · <strong>${reasonWords(event.reason)}</strong>` : nothing}</span>
    <time title=${moment(event.time)}>${day(event.time)} ${clock(event.time)}</time>
    ${whoWords(event) || isExplained ? html`<small>${whoWords(event)} ${isExplained ? html`<a href=${href("why", String(event.seq))} aria-label=${t("plan.why", { number: event.seq })}>${t("plan.why_short")}</a>` : nothing}</small>` : nothing}
  </li>`;
}

customElements.define("desk-plan-panel", Panel);
declare global {
  interface HTMLElementTagNameMap {
    "desk-plan-panel": Panel;
  }
}
