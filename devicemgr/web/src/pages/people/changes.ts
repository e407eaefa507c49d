// Changes of people: each is sent once, and what came of it is said; what waits for another admin is not done.
import { Problem } from "../../api/client";
import { t } from "../../base/i18n";
import { outcomeOf } from "../../parts/portal-dialog";
import { say } from "../../parts/status";
import { problemWords } from "../../parts/words";

/** Make a change and say `done` of its answer; return the answer, or null if it was refused, waits, or its answer was lost. */
export async function carryOut<T>(change: () => Promise<T>, done: (answer: T) => string): Promise<T | null> {
  try {
    const answer = await change();
    say(done(answer));
    return answer;
  } catch (error) {
    sayProblem(error);
    return null;
  }
}

/** Say why a change was not made, that another admin must agree first, or that its answer was lost. */
export function sayProblem(error: unknown): void {
  if (waitsForApproval(error)) {
    say(t("people.waits"), "warn");
    return;
  }
  const { kind, words } = outcomeOf(error);
  say(kind === "unknown" ? t("people.unknown", { cause: words }) : t("people.refused", { cause: words }), kind === "unknown" ? "warn" : "bad");
}

export function waitsForApproval(error: unknown): boolean {
  return error instanceof Problem && error.code === "approval_needed";
}

/** Return what is wrong with a field of a form, if the daemon refused that. */
export function fieldError(error: unknown, ...names: string[]): string | undefined {
  if (!(error instanceof Problem) || error.status !== 422) return undefined;
  const { field } = error.args;
  return typeof field === "string" && names.includes(field) ? problemWords(error) : undefined;
}
