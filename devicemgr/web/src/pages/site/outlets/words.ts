// How outlets are said: their kinds, how they stand, and how far behind they are.
import { html, nothing, type TemplateResult } from "lit";
import { clock, day, moment } from "../../../base/dates";
import { counted, named, t } from "../../../base/i18n";
import type { Tone } from "../../../live/rows";
import { toneSymbol } from "../../../parts/symbols";
import type { Outlet } from "./fields";
import { kindsWords } from "./kinds";

/** Names that are the same in each language. */
const PROTOCOLS: Record<string, string> = { webhook: "Standard Webhooks", mail: "SMTP", mqtt: "MQTT", syslog: "syslog" };
const TONES: Record<Outlet["state"], Tone> = { ok: "good", failing: "warn", stopped: "bad", paused: "plain" };

export function kindWords(kind: string): string {
  return `${named("outlet_kind", kind)} (${PROTOCOLS[kind] ?? kind})`;
}

export function time(at: string): TemplateResult {
  return html`<time datetime=${at} title=${moment(at)}>${`${day(at)} ${clock(at)}`.trim()}</time>`;
}

export function stateWords({ state }: Outlet): TemplateResult {
  return html`<span class="standing">${toneSymbol(TONES[state])}${t(`outlet_state.${state}`)}</span>`;
}

/** Return what is to be known of an outlet that fails or has stopped. */
export function troubleWords({ state, failing_since }: Outlet): TemplateResult | typeof nothing {
  if (state === "stopped") return html`${t("outlet.has_stopped")}`;
  if (state !== "failing") return nothing;
  return html`${t("outlet.tries_again")}${failing_since ? html` ${t("outlet.fails_since")} ${time(failing_since)}` : nothing}`;
}

export function behindWords({ lag_events, oldest_waiting }: Outlet): TemplateResult {
  if (lag_events === 0) return html`${t("outlet.not_behind")}`;
  return html`${counted("outlet.behind", lag_events)}${oldest_waiting ? html`, ${t("outlet.since")} ${time(oldest_waiting)}` : nothing}`;
}

/** Return which events leave. */
export function eventsWords({ kind, kinds, portals }: Outlet): string {
  const which = kinds.length > 0 ? kindsWords(kinds) : named("outlet_usual", kind);
  return portals.length > 0 ? `${which} · ${t("outlet.of_portals", { portals: portals.join(", ") })}` : which;
}

/** Return what of each event leaves. */
export function leavesWords({ fields, duress }: Outlet): string {
  return ["ids", ...fields, ...(duress ? ["duress"] : [])].map((part) => named("outlet_leaves", part)).join(", ");
}
