// What the daemon says in codes, in words.
import { Problem } from "../api/client";
import type { AlarmState, Event } from "../api/types";
import { knows, language, named, number, t } from "../base/i18n";

/** Codes that say less than the daemon's own words, which then stand behind them. */
const VAGUE = new Set(
  "already_exists bad_request device_error device_garbled device_lacks device_not_yet device_unready error http_error invalid_field invalid_input kept_by_source not_found switched_off system_fault storage_failed unknown_parameter visit_state".split(" "),
);

/** Return a problem in words; where its code has none, those of the daemon. */
export function problemWords(error: unknown): string {
  if (!(error instanceof Problem)) return t("problem.unreachable");
  return codeWords(error);
}

/** Return a code of the daemon in words, with its own words behind those that say too little. */
export function codeWords({ code, detail }: { code: string; detail: string }): string {
  if (!knows("problem", code)) return detail;
  const words = named("problem", code);
  if (!VAGUE.has(code)) return words;
  return language() === "en" ? detail.charAt(0).toUpperCase() + detail.slice(1) : `${words}: ${detail}`;
}

/** Return what happened. */
export function kindWords(event: Event): string {
  if (event.kind.startsWith("admin.") && !knows("kind", event.kind)) {
    return t("kind.admin", { what: named("kind", event.kind) });
  }
  return named("kind", event.kind);
}

/** Return what is wrong, and where unless it is said beside. */
export function alarmWords(alarm: Pick<AlarmState, "kind" | "subject">, hasSubject = true): string {
  const what = alarmKindWords(alarm.kind);
  return hasSubject && alarm.subject !== "site" ? `${what}: ${alarm.subject}` : what;
}

/** Return what an alarm is: most are named as the event that begins them. */
export function alarmKindWords(kind: string): string {
  return knows("alarm", kind) ? named("alarm", kind) : named("kind", kind);
}

/** Return an operator by name. */
export function actorWords(actor: string): string {
  return actor.replace(/^(operator|token):/, "");
}

export function reasonWords(reason: string | null): string {
  return reason === null ? "" : named("reason", reason);
}

/** Return who it was about: the name with the badge, the badge alone, or who did it. */
export function whoWords(event: Event): string {
  if (event.person_name) return event.person_name;
  if (event.person) return t("live.badge", { badge: event.person });
  return event.actor?.replace(/^operator:/, "") ?? "";
}

/** Return score and threshold of a face, for those who judge them. */
export function scoreWords(event: Event): string {
  const face = event.evidence?.["face"] as { score?: unknown; threshold?: unknown } | null | undefined;
  if (typeof face?.score !== "number" || typeof face.threshold !== "number") return "";
  return t("live.score", { score: number(face.score), threshold: number(face.threshold) });
}

export function directionWords(direction: string | null): string {
  return direction === "entry" ? t("direction.entry") : direction === "exit" ? t("direction.exit") : "";
}
