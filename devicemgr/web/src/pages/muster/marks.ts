// The one queue of this page: it outlives the views of the desk, and asks before the page is closed.
import { call } from "../../api/client";
import { counted, t } from "../../base/i18n";
import { keepsUnsent } from "../../base/unsent";
import { store } from "../../live/store";
import { say } from "../../parts/status";
import { problemWords } from "../../parts/words";
import { MarkQueue, type MarkName } from "./queue";

const RETRY_MS = 2000;

let timer: ReturnType<typeof setTimeout> | undefined;

export const marks = new MarkQueue({
  send: ({ badge, mark, reason, at }) => call("post", "/api/v1/musters/marks", {}, { badge, mark, reason, at }),
  actor: () => store.session?.actor ?? null,
  changed: () => {
    store.changed();
    again();
  },
  refused: ({ badge }, error) => say(t("muster.refused", { badge, why: problemWords(error) }), "bad"),
});

/** Mark a person now: shown at once, sent as soon as it can be. */
export function mark(badge: string, name: MarkName, reason = ""): void {
  marks.add(badge, name, reason, Date.now() - store.clockOff);
}

function again(): void {
  if (timer !== undefined || marks.size === 0) return;
  timer = setTimeout(() => {
    timer = undefined;
    void marks.flush().finally(again);
  }, RETRY_MS);
}

keepsUnsent(() => (marks.size > 0 ? counted("muster.waiting", marks.size) : ""));
