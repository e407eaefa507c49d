// What stands on a drawing, as parts of one SVG: a symbol with shape, color and letter for each state, areas of zones.
import { nothing, svg, type TemplateResult } from "lit";
import type { Placement } from "../../api/types";
import { clock } from "../../base/dates";
import { language, named, number, t } from "../../base/i18n";
import { store } from "../../live/store";
import { deviceMark, portalMark, signOf, type PortalSign } from "../../parts/symbols";
import { keyOf, type Thing } from "./placements";
import type { Point } from "./view";

const HALO_PX = 19;
/** Fingers hit this. */
const TOUCH_PX = 22;

/** Return True if states are those of now: whatever is older is never shown as live. */
export function isPresent(): boolean {
  return store.hasStates && !store.isStale;
}

export function portalSign(name: string): PortalSign {
  const portal = store.states.portals[name];
  return portal && isPresent() ? signOf(portal) : "unknown";
}

/** Return how a thing stands, in words. */
export function stateWords({ kind, name }: Thing): string {
  if (!isPresent()) return store.lastMessage > 0 ? t("live.since", { time: clock(store.lastMessage) }) : t("sign.unknown");
  if (kind === "portal") return t(`sign.${portalSign(name)}`);
  if (kind === "device") return named("health", store.states.devices[name]?.state ?? "unknown");
  const zone = store.states.zones[name];
  if (!zone) return t("plan.count_unknown");
  const max = zone.max === null ? "" : ` ${t("live.of", { max: number(zone.max) })}`;
  return `${number(zone.count)}${max}${zone.unsure ? `, ${t("live.unsure")}` : ""}`;
}

/** Return the words that name a thing and its state, for screen readers. */
export function thingWords(thing: Thing): string {
  return `${t(`plan.kind.${thing.kind}`)} ${thing.name}: ${stateWords(thing)}`;
}

export interface Look {
  isSelected: boolean;
  isEditing: boolean;
  hasName: boolean;
  tabIndex: number;
  /** How large symbols and letters are; 1 where letters are of 16 px. */
  size: number;
}

/**
 * Return the symbol of a portal or device, or the name and count of a zone, at a point of the screen.
 *
 * What is seen stands beside the button, whose own words name the thing with its state.
 */
export function thingOnPlan(placement: Placement, at: Point, look: Look): TemplateResult {
  const { kind, name, rotation } = placement;
  const classes = ["thing", `kind-${kind}`, isPresent() ? stateClass(placement) : "stale", look.isSelected ? "selected" : "", look.isEditing ? "movable" : ""];
  return svg`<g
    class=${classes.filter(Boolean).join(" ")}
    transform="translate(${at.x.toFixed(1)} ${at.y.toFixed(1)}) scale(${look.size})"
    data-thing=${keyOf(placement)}
    data-portal=${kind === "portal" ? name : nothing}
  >
    <g class="hit" role="button" tabindex=${look.tabIndex} aria-label=${thingWords(placement)} aria-pressed=${look.isSelected ? "true" : "false"}>
      <circle class="touch" r=${TOUCH_PX} />${kind === "zone" ? nothing : svg`<path class="heading" d="M0 -26 6 -18H-6Z" transform="rotate(${rotation})" /><circle class="halo" r=${HALO_PX} />`}
    </g>
    <g class="look" aria-hidden="true">
      ${kind === "zone" ? zoneLabel(placement) : svg`<g transform="scale(1.15)">${symbolOf(placement)}</g>${look.hasName || look.isSelected ? svg`<text class="name" y="36">${name}</text>` : nothing}`}
    </g>
  </g>`;
}

/** Return all that the look of a thing depends on: while it is the same, nothing is drawn again. */
export function lookOf(placement: Placement, at: Point, look: Look): unknown[] {
  const { kind, name, rotation } = placement;
  const zone = store.states.zones[name];
  const state = isPresent() ? stateClass(placement) : `stale ${store.lastMessage}`;
  const counted = kind === "zone" && zone ? `${zone.count} ${zone.max ?? ""} ${String(zone.unsure)}` : "";
  return [at.x, at.y, rotation, state, counted, look.isSelected, look.isEditing, look.hasName, look.tabIndex, look.size, language()];
}

function symbolOf({ kind, name }: Placement): TemplateResult {
  if (kind === "portal") return portalMark(portalSign(name));
  return deviceMark({ state: isPresent() ? (store.states.devices[name]?.state ?? "unknown") : "unknown" });
}

function stateClass({ kind, name }: Placement): string {
  if (kind === "portal") return portalSign(name);
  if (kind === "device") return store.states.devices[name]?.state ?? "unknown";
  const zone = store.states.zones[name];
  return zone && zone.max !== null && zone.count >= zone.max ? "full" : "";
}

function zoneLabel({ name }: Placement): TemplateResult {
  const zone = store.states.zones[name];
  const count = zone && isPresent() ? number(zone.count) : "–";
  return svg`<text class="name" y="-4">${name}</text><text class="zone-count" y="18">${count}${zone?.unsure && isPresent() ? "?" : ""}</text>`;
}

/** Return the area of a zone, of points on the screen. */
export function zoneArea(placement: Placement, corners: readonly Point[], isSelected: boolean): TemplateResult {
  const state = isPresent() ? stateClass(placement) : "stale";
  return svg`<polygon class="area ${state} ${isSelected ? "selected" : ""}" data-area=${keyOf(placement)} points=${corners.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ")} />`;
}

/** Return a corner of the area that is being edited. */
export function cornerOnPlan(index: number, at: Point, isSelected: boolean): TemplateResult {
  return svg`<g class="corner ${isSelected ? "selected" : ""}" transform="translate(${at.x.toFixed(1)} ${at.y.toFixed(1)})" role="button" tabindex="0" data-corner=${index} aria-label=${t("plan.corner", { number: number(index + 1) })}>
    <circle class="touch" r=${TOUCH_PX} /><rect x="-7" y="-7" width="14" height="14" />
  </g>`;
}
