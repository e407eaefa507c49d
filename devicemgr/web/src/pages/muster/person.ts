// The people of a list in the groups of their zones, each with what was noted of them and what one may note.
import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import type { Found } from "../../api/types";
import { clock, day } from "../../base/dates";
import { counted, t } from "../../base/i18n";
import type { Tone } from "../../live/rows";
import { toneSymbol } from "../../parts/symbols";
import type { MarkName } from "./queue";
import { byZone, isContradicted, isMarkedBy, markOfKey, type Row } from "./roll";
import { markWords } from "./words";

export interface Marking {
  mayMark: boolean;
  actor: string | undefined;
  mark: (row: Row, name: MarkName) => void;
}

const TONES: Record<Found, Tone> = { missing: "bad", safe: "good", out: "good", not_here: "plain" };

export function rowList(rows: readonly Row[], marking: Marking): TemplateResult {
  const groups = byZone(rows);
  const first = rows[0]?.key;
  return html`<div class="roll" @keydown=${step}>
    ${repeat(
      groups,
      (group) => group.zone,
      (group) => html`<section aria-label=${group.zone}>
        <h3>${group.zone} <small>${counted("muster.missing_here", group.rows.filter((row) => row.found === "missing").length)}</small></h3>
        <ul>${repeat(group.rows, (row) => row.key, (row) => person(row, marking, row.key === first))}</ul>
      </section>`,
    )}
  </div>`;
}

function person(row: Row, marking: Marking, isFirst: boolean): TemplateResult {
  const who = row.name || (row.badge === null ? t("muster.erased") : t("live.badge", { badge: row.badge }));
  return html`<li class="person ${row.found}" data-person=${row.badge ?? ""} data-found=${row.found} tabindex=${isFirst ? "0" : "-1"} @keydown=${(event: KeyboardEvent) => press(event, row, marking)}>
    <i class="box" aria-hidden="true"></i>
    ${toneSymbol(TONES[row.found])}
    <div class="who">
      <strong>${who}</strong>
      <span class="sub">
        ${row.name && row.badge !== null ? html`<span>${t("live.badge", { badge: row.badge })}</span>` : nothing}
        <span class="state">${t(`muster_found.${row.found}`)}</span>
        <span>${t("muster.seen", { time: `${day(row.since)} ${clock(row.since)}`.trim() })}</span>
      </span>
      ${row.late ? html`<span class="sub">${t("muster.late")}</span>` : nothing}
      ${isContradicted(row) ? html`<span class="sub warn">${t("muster.contradicted")}</span>` : nothing}
      ${row.marks.map((mark) => html`<span class="sub mark">${markWords(mark)}</span>`)}
      ${row.waits ? html`<span class="sub warn" data-waits>${t("muster.waits")}</span>` : nothing}
    </div>
    ${marking.mayMark && row.badge !== null ? buttons(row, who, marking) : nothing}
  </li>`;
}

function buttons(row: Row, who: string, { actor, mark }: Marking): TemplateResult {
  const button = (name: MarkName, words: string, style: string): TemplateResult =>
    html`<button type="button" class=${style} data-mark=${name} aria-label="${words}: ${who}" @click=${() => mark(row, name)}>${words}</button>`;
  return html`<div class="do no-print">
    ${isMarkedBy(row, actor) ? button("missing", t("muster.take_back"), "quiet") : nothing}
    ${row.found === "missing" ? button("not_here", t("muster.not_here_ask"), "quiet") : nothing}
    ${row.found === "safe" ? nothing : button("safe", t("muster_found.safe"), row.found === "missing" ? "tick main" : "tick")}
  </div>`;
}

function press(event: KeyboardEvent, row: Row, { actor, mark, mayMark }: Marking): void {
  if (event.target !== event.currentTarget || event.ctrlKey || event.altKey || event.metaKey || !mayMark) return;
  const name = markOfKey(event.key, row, actor);
  if (!name) return;
  event.preventDefault();
  event.stopPropagation();
  mark(row, name);
}

/** Go from row to row. */
function step(event: KeyboardEvent): void {
  const list = event.currentTarget as HTMLElement;
  const row = (event.target as HTMLElement).closest(".person");
  if (!row) return;
  const all = [...list.querySelectorAll<HTMLElement>(".person")];
  const at = all.indexOf(row as HTMLElement);
  const goals: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 };
  const goal = all[goals[event.key] ?? -1];
  if (!goal) return;
  for (const one of all) one.tabIndex = one === goal ? 0 : -1;
  goal.focus();
  event.preventDefault();
}
