// One portal: how it stands, the last decision at it, and what one may do.
import { html, nothing, type TemplateResult } from "lit";
import type { Event, PortalState } from "../api/types";
import { clock, day, moment } from "../base/dates";
import { t } from "../base/i18n";
import { isWall } from "../base/wall";
import { store } from "../live/store";
import { photoOf } from "../live/photo";
import { openDialog } from "./portal-dialog";
import { portalSymbol, signOf, toneSymbol } from "./symbols";
import { whyLink } from "../live/why-link";
import { directionWords, reasonWords, scoreWords } from "./words";

export function portalCard(portal: PortalState): TemplateResult {
  const sign = signOf(portal);
  const isPresent = store.hasStates && !store.isStale;
  return html`<li class="portal ${isPresent ? sign : "stale"}" data-portal=${portal.name}>
    <header>
      ${portalSymbol(isPresent ? sign : "unknown")}
      <h3>${portal.name}</h3>
      <span class="state">${isPresent ? t(`sign.${sign}`) : t("live.since", { time: clock(store.lastMessage) })}</span>
    </header>
    ${lastDecision(store.decisions.get(portal.name))} ${portalActions(portal)}
  </li>`;
}

function lastDecision(event: Event | undefined): TemplateResult {
  if (!event) return html`<div class="decision none"><p>${t("live.no_decision")}</p></div>`;
  const isGranted = event.kind === "access_granted";
  const what = isGranted ? t("live.granted") : t("live.denied");
  const score = store.session?.roles.includes("admin") ? scoreWords(event) : "";
  return html`<div class="decision ${isGranted ? "good" : "bad"}">
    ${photoOf(event)}
    <p class="what">${toneSymbol(isGranted ? "good" : "bad")}${what}<time title=${moment(event.time)}>${time(event)}</time></p>
    <p class="who">${event.person_name ?? event.person ?? t("live.stranger")}</p>
    <p class="more">
      ${event.person_name && event.person ? html`<span>${t("live.badge", { badge: event.person })}</span>` : nothing}
      ${event.direction ? html`<span>${directionWords(event.direction)}</span>` : nothing}
      ${event.reason ? html`<span class="reason">${reasonWords(event.reason)}</span>` : nothing}
      ${score ? html`<span>${score}</span>` : nothing} ${whyLink(event)}
    </p>
  </div>`;
}

function time(event: Event): string {
  return `${day(event.time)} ${clock(event.time)}`.trim();
}

/** Return the buttons of what one may do at a portal; nothing where that is nothing. */
export function portalActions(portal: PortalState): TemplateResult | typeof nothing {
  const opens = store.may("POST /portals/{name}/open");
  const modes = store.may("PUT /portals/{name}/mode");
  if (isWall || (!opens && !modes)) return nothing;
  const isAway = store.link !== "live";
  const label = (words: string): string => `${words}: ${portal.name}`;
  return html`<footer>
    ${opens
      ? html`<button
          type="button"
          data-open
          ?disabled=${isAway}
          aria-label=${label(t("action.open"))}
          @click=${() => openDialog({ portal: portal.name, mode: portal.mode, kind: "open" })}
        >
          ${t("action.open")}
        </button>`
      : nothing}
    ${modes
      ? html`<button
          type="button"
          class="quiet"
          data-mode
          ?disabled=${isAway}
          aria-label=${label(t("action.mode"))}
          @click=${() => openDialog({ portal: portal.name, mode: portal.mode, kind: "mode" })}
        >
          ${t("action.mode")}
        </button>`
      : nothing}
  </footer>`;
}
