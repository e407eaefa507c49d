// Signs that differ in shape as well as in color.
import { html, svg, type TemplateResult } from "lit";
import type { DeviceState, PortalState } from "../api/types";
import type { Tone } from "../live/rows";

/** What a portal shows: the most urgent of door, lane and mode. */
export type PortalSign =
  | "forced"
  | "held_open"
  | "offline"
  | "no_channel"
  | "passing"
  | "released"
  | "free"
  | "locked"
  | "open"
  | "shut"
  | "unknown";

/** Return what a portal shows; nothing is known of one whose state is not given. */
export function signOf(portal: Pick<PortalState, "state" | "door" | "mode" | "effective_mode">): PortalSign {
  const mode = portal.effective_mode ?? portal.mode;
  if (portal.door === "forced" || portal.door === "held_open") return portal.door;
  if (portal.state === "offline" || portal.state === "no_channel") return portal.state;
  if (portal.state === "passing" || portal.state === "released") return portal.state;
  if (mode === "free" || mode === "locked") return mode;
  if (portal.door === "open") return "open";
  return portal.state === "idle" ? "shut" : "unknown";
}

const TRIANGLE = svg`<path d="M12 2.500 22.500 21H1.500Z" />`;
const SQUARE = svg`<rect x="3" y="3" width="18" height="18" rx="3" />`;
const CIRCLE = svg`<circle cx="12" cy="12" r="9.500" />`;
const DIAMOND = svg`<path d="M12 1.500 22.500 12 12 22.500 1.500 12Z" />`;
const DASHED = svg`<circle class="dashed" cx="12" cy="12" r="9" />`;

const PORTALS: Record<PortalSign, [TemplateResult, string, string]> = {
  forced: [TRIANGLE, "!", "bad"],
  held_open: [TRIANGLE, "H", "bad"],
  offline: [DASHED, "×", "warn"],
  no_channel: [DASHED, "×", "warn"],
  passing: [CIRCLE, "›", "good"],
  released: [CIRCLE, "R", "good"],
  free: [DIAMOND, "F", "warn"],
  locked: [SQUARE, "L", "bad"],
  open: [CIRCLE, "O", "plain"],
  shut: [SQUARE, "S", "plain"],
  unknown: [DASHED, "?", "warn"],
};

/** Return the symbol of a portal; the words stand beside it. */
export function portalSymbol(sign: PortalSign): TemplateResult {
  const [shape, letter, tone] = PORTALS[sign];
  return symbol(shape, letter, tone);
}

const DEVICES: Record<string, [TemplateResult, string, string]> = {
  online: [CIRCLE, "✓", "good"],
  degraded: [TRIANGLE, "!", "warn"],
  offline: [DIAMOND, "×", "bad"],
  quarantined: [SQUARE, "Q", "bad"],
};

const UNKNOWN_DEVICE: [TemplateResult, string, string] = [DASHED, "?", "plain"];

export function deviceSymbol(device: Pick<DeviceState, "state">): TemplateResult {
  const [shape, letter, tone] = DEVICES[device.state] ?? UNKNOWN_DEVICE;
  return symbol(shape, letter, tone);
}

/** Return the symbol of a portal as a part of a larger drawing, 24 units wide around its middle. */
export function portalMark(sign: PortalSign): TemplateResult {
  return mark(...PORTALS[sign]);
}

export function deviceMark(device: Pick<DeviceState, "state">): TemplateResult {
  return mark(...(DEVICES[device.state] ?? UNKNOWN_DEVICE));
}

function mark(shape: TemplateResult, letter: string, tone: string): TemplateResult {
  return svg`<g class="symbol ${tone}" transform="translate(-12 -12)">${shape}<text x="12" y="12">${letter}</text></g>`;
}

const TONES: Record<Tone, [TemplateResult, string]> = {
  good: [CIRCLE, "✓"],
  bad: [DIAMOND, "×"],
  warn: [TRIANGLE, "!"],
  plain: [svg`<circle cx="12" cy="12" r="4" />`, ""],
};

export function toneSymbol(tone: Tone): TemplateResult {
  const [shape, letter] = TONES[tone];
  return symbol(shape, letter, tone);
}

function symbol(shape: TemplateResult, letter: string, tone: string): TemplateResult {
  return html`<svg class="symbol ${tone}" viewBox="0 0 24 24" aria-hidden="true">
    ${shape}<text x="12" y="12">${letter}</text>
  </svg>`;
}

const ICONS: Record<string, TemplateResult> = {
  live: svg`<path d="M3 12h4l3-7 4 14 3-7h4" />`,
  plan: svg`<path d="M3 4h18v16H3zM10 4v9M10 20v-3M10 13h4M18 13h3" />`,
  alarms: svg`<path d="M6 17v-6a6 6 0 0 1 12 0v6l1.500 2h-15zM10 21h4" />`,
  people: svg`<circle cx="9" cy="8" r="3.500" /><path d="M2.500 20a6.500 6.500 0 0 1 13 0M16 5a3.500 3.500 0 0 1 0 6.500M18 14.500a6.500 6.500 0 0 1 3.500 5.500" />`,
  visitors: svg`<rect x="5" y="3" width="14" height="18" rx="2" /><circle cx="12" cy="11" r="2.500" /><path d="M8.500 18a3.500 3.500 0 0 1 7 0M10 6h4" />`,
  muster: svg`<path d="M5 21V4h11l-2 3.500 2 3.500H5" />`,
  reports: svg`<path d="M4 4v16h16M8.500 16v-4M13 16V8M17.500 16v-6" />`,
  site: svg`<path d="M4 21V9l8-5 8 5v12zM9 21v-6h6v6" />`,
  record: svg`<path d="M6 3h9l4 4v14H6zM15 3v4h4M9 12h7M9 16h7" />`,
  operators: svg`<circle cx="8" cy="15" r="4" /><path d="m11 12 8-8M15.500 7.500l3 3" />`,
  system: svg`<circle cx="12" cy="12" r="3" /><path d="M12 3v3M12 18v3M3 12h3M18 12h3M5.600 5.600l2.100 2.100M16.300 16.300l2.100 2.100M18.400 5.600l-2.100 2.100M7.700 16.300l-2.100 2.100" />`,
  why: svg`<circle cx="12" cy="12" r="9" /><path d="M9.500 9.500a2.500 2.500 0 1 1 3.500 2.300c-.700.300-1 .800-1 1.700M12 17h.01" />`,
  threats: svg`<path d="M12 3l8 3v6c0 4.500-3.200 7.700-8 9-4.800-1.300-8-4.500-8-9V6zM12 8v4.500M12 16h.01" />`,
  sound: svg`<path d="M4 9.500h3.500L12 5v14l-4.500-4.500H4zM15.500 9a4 4 0 0 1 0 6M18 6.500a7.500 7.500 0 0 1 0 11" />`,
  mute: svg`<path d="M4 9.500h3.500L12 5v14l-4.500-4.500H4zM16 9.500l5 5M21 9.500l-5 5" />`,
  more: svg`<path d="M5 12h.01M12 12h.01M19 12h.01" />`,
  devices: svg`<rect x="4" y="5" width="16" height="11" rx="2" /><path d="M9 20h6M12 16v4" />`,
};

export function icon(name: string): TemplateResult {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">${ICONS[name]}</svg>`;
}
