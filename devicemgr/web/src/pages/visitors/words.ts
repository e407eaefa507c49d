// A visit in words.
import { Problem } from "../../api/client";
import { clock, day } from "../../base/dates";
import { named, t } from "../../base/i18n";
import { problemWords } from "../../parts/words";
import type { Visit } from "./visits";

export function when(time: string | null): string {
  return time === null ? "" : `${day(time)} ${clock(time).slice(0, 5)}`.trim();
}

export function hostWords({ host, host_name }: Visit): string {
  return host === null ? t("visitors.host_erased") : `${host_name ?? ""} (${host})`;
}

export function stateWords({ state }: Visit): string {
  return t(`visit_state.${state}`);
}

/** Return why a visit was refused; a number that is none is of the card here. */
export function refusalWords(error: unknown): string {
  if (!(error instanceof Problem)) return t("visitors.unknown");
  const text = (name: string): string => {
    const found = error.args[name];
    return typeof found === "string" ? found : "";
  };
  switch (error.code) {
    case "card_taken":
      return t("visitors.card_taken", { card: text("number"), badge: text("badge") });
    case "visit_state":
      return t("visitors.is_already", { badge: text("badge"), state: named("visit_state", text("state")) });
    case "host_problem":
      return t("visitors.host_problem", { problem: named("host_problem", text("problem")) });
    case "host_not_valid":
      return t("visitors.host_not_valid", { badge: text("badge"), problem: named("host_problem", text("problem")) });
    case "level_not_held":
      return t("visitors.level_not_held", { level: text("name") });
    case "level_not_for_visitors":
      return t("visitors.level_barred", { level: text("name") });
    default:
      return problemWords(error);
  }
}
