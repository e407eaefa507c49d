// How one alarm is shown.
import { html, svg, type TemplateResult } from "lit";
import type { AlarmState } from "../../api/types";
import { clock } from "../../base/dates";
import { t } from "../../base/i18n";
import { Problem } from "../../api/client";
import { actorWords, problemWords } from "../../parts/words";

const SHAPES: Record<number, [TemplateResult, string]> = {
  1: [svg`<path d="M12 1.500 22.500 12 12 22.500 1.500 12Z" />`, "bad"],
  2: [svg`<path d="M12 2.500 22.500 21H1.500Z" />`, "bad"],
  3: [svg`<path d="M12 2.500 22.500 21H1.500Z" />`, "warn"],
  4: [svg`<circle cx="12" cy="12" r="9.500" />`, "warn"],
};
const OTHER: [TemplateResult, string] = [svg`<rect x="3" y="3" width="18" height="18" rx="3" />`, "plain"];

/** Return the symbol of a priority: its number in a shape. */
export function prioritySymbol(priority: number): TemplateResult {
  const [shape, tone] = SHAPES[priority] ?? OTHER;
  return html`<svg class="symbol ${tone}" viewBox="0 0 24 24" aria-hidden="true">${shape}<text x="12" y=${priority === 2 || priority === 3 ? "15" : "12"}>${priority}</text></svg>`;
}

/** Return what an alarm is about; the whole site has no name. */
export function subjectWords(alarm: AlarmState): string {
  return alarm.subject === "site" ? t("alarms.site") : alarm.subject;
}

/** Return what the daemon says of the cause; a device's own words stay as they are. */
export function causeWords(alarm: AlarmState): string {
  return alarm.cause;
}

/** Return why an acknowledgment was refused: another operator was first, or the alarm has begun again. */
export function refusalWords(error: unknown): string {
  if (error instanceof Problem && error.code === "alarm_acknowledged") {
    const { by, at, comment } = error.args;
    const words = { who: actorWords(String(by)), time: clock(String(at)) };
    return typeof comment === "string" && comment !== "" ? t("alarms.was_first_saying", { ...words, comment }) : t("alarms.was_first", words);
  }
  if (error instanceof Problem && error.code === "alarm_repeated") return t("alarms.repeated");
  if (error instanceof Problem && error.status === 404) return t("alarms.gone");
  return problemWords(error);
}
