// What a muster is of, who began it, and what was noted of a person, in words.
import type { Marked } from "../../api/types";
import { clock } from "../../base/dates";
import { t } from "../../base/i18n";
import type { MusterAnswer } from "./roll";

export function placeWords(zone: string | null): string {
  return zone === null ? t("muster.whole_site") : t("muster.zone", { zone });
}

export function actorWords({ by, because }: { by: string | null; because: string | null }): string {
  return by === null ? t(because === "fire" ? "muster.by_fire" : "muster.by_itself") : makerWords(by);
}

/** Return who marked: an operator, or the portal where a badge or face was shown. */
export function makerWords(by: string): string {
  const [kind, name = ""] = by.split(/:(.*)/s);
  if (kind === "portal") return t("muster.at_portal", { portal: name });
  return kind === "operator" || kind === "token" ? name : by;
}

export function markWords({ mark, by, at, reason }: Marked): string {
  const what = mark === "missing" ? t("muster.taken_back") : t(`muster_found.${mark}`);
  return `${what} ${clock(at)}, ${makerWords(by)}${reason ? ` (${reason})` : ""}`;
}

/** Return how many people were not recognized: inside at the beginning, and since. */
export function unnamedWords({ unnamed, unnamed_out, unnamed_in }: Pick<MusterAnswer, "unnamed" | "unnamed_out" | "unnamed_in">): string[] {
  const found: string[] = [];
  if (unnamed > 0) found.push(t("muster.unnamed_inside", { count: unnamed }));
  if (unnamed < 0) found.push(t("muster.unnamed_left", { count: -unnamed }));
  if (unnamed_out > 0 || unnamed_in > 0) found.push(t("muster.unnamed_since", { out: unnamed_out, in: unnamed_in }));
  return found;
}
