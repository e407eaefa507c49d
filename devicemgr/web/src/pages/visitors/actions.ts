// What is done to a visit from a list or its own view: after a question, sent once, and reported.
import { Problem, call } from "../../api/client";
import { t } from "../../base/i18n";
import { confirmed } from "../../parts/confirm";
import { say } from "../../parts/status";
import type { Visit } from "./visits";
import { refusalWords } from "./words";

const under = new Set<string>();

export async function leave({ badge, name, cards }: Visit): Promise<void> {
  const effect = cards.length > 0 ? t("visitors.effect_leave_card", { name, cards: cards.join(", ") }) : t("visitors.effect_leave", { name });
  if (!(await confirmed({ title: t("visitors.leave_title", { name }), effect, action: t("visitors.leave") }))) return;
  await once(badge, async () => {
    await call("post", "/api/v1/visitors/{badge}/leave", { path: { badge } });
    say(cards.length > 0 ? t("visitors.left_card", { name }) : t("visitors.has_left", { name }));
  });
}

export async function cancel({ badge, name }: Visit): Promise<void> {
  const question = { title: t("visitors.cancel_title", { name }), effect: t("visitors.effect_cancel", { name }), action: t("visitors.cancel"), isDangerous: true };
  if (!(await confirmed(question))) return;
  await once(badge, async () => {
    await call("post", "/api/v1/visitors/{badge}/cancel", { path: { badge } });
    say(t("visitors.is_cancelled", { name }));
  });
}

async function once(badge: string, act: () => Promise<void>): Promise<void> {
  if (under.has(badge)) return;
  under.add(badge);
  try {
    await act();
  } catch (error) {
    say(refusalWords(error), error instanceof Problem && error.status < 500 ? "bad" : "warn");
  } finally {
    under.delete(badge);
  }
}
