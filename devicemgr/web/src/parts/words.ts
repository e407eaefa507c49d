// What the daemon says in codes, in words.
import { Problem } from "../api/client";
import type { Event } from "../api/types";
import { knows, named, number, t } from "../base/i18n";

/** Return a problem in words; where its code has none, those of the daemon. */
export function problemWords(error: unknown): string {
  if (!(error instanceof Problem)) return t("problem.unreachable");
  if (knows("problem", error.code)) return named("problem", error.code);
  return error.detail;
}

/** Return what happened. */
export function kindWords(event: Event): string {
  if (event.kind.startsWith("admin.") && !knows("kind", event.kind)) {
    return t("kind.admin", { what: named("kind", event.kind) });
  }
  return named("kind", event.kind);
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
