// The difference between the site and a file: what is added, edited and removed, each field before and after.
import { html, nothing, type TemplateResult } from "lit";
import type { Answer } from "../../../api/client";
import { counted, named, t } from "../../../base/i18n";
import { listing } from "../../../parts/listing";
import { fieldWords, valueWords } from "../editing/words";

export type Plan = Answer<"/api/v1/site/apply", "post">;
type Change = Plan["changes"][number];
export type Hours = Plan["hours"][number];

const SIGNS = { add: "+", edit: "~", remove: "−" } as const;

/** Return what two lists have that the other has not; null where these are no plain lists. */
export function listChange(before: unknown, after: unknown): { gone: string[]; added: string[] } | null {
  if (!Array.isArray(before) || !Array.isArray(after)) return null;
  const [old, fresh] = [before.map(valueWords), after.map(valueWords)];
  return { gone: old.filter((one) => !fresh.includes(one)), added: fresh.filter((one) => !old.includes(one)) };
}

export function changesView(plan: Plan): TemplateResult {
  const count = (change: Change["change"]): number => plan.changes.filter((one) => one.change === change).length;
  if (plan.changes.length === 0) return html`<p class="effect" data-no-changes>${t("site.no_changes")}</p>`;
  return html`<p class="counts" data-counts>
      <span class="add">${counted("site.added", count("add"))}</span>
      <span class="edit">${counted("site.edited", count("edit"))}</span>
      <span class="remove">${counted("site.removed", count("remove"))}</span>
    </p>
    ${listing<Change>({
      label: t("site.changes"),
      rows: plan.changes,
      key: (one) => `${one.kind} ${one.name}`,
      tone: (one) => `change ${one.change}`,
      columns: [
        { title: t("site.what"), name: "sign", cell: (one) => html`<b aria-hidden="true">${SIGNS[one.change]}</b> ${t(`site_change.${one.change}`)}` },
        { title: t("site.kind"), cell: (one) => named("site_kind", one.kind) },
        { title: t("site.name"), isHeader: true, cell: (one) => one.name },
        { title: t("site.before_after"), name: "cause", cell: fields },
      ],
      empty: "",
    })}`;
}

function fields(change: Change): TemplateResult | typeof nothing {
  const all = Object.entries(change.fields);
  if (all.length === 0) return nothing;
  return html`<dl class="fields">
    ${all.map(([name, values]) => html`<div><dt>${fieldWords(name)}</dt><dd>${difference(change, values[0], values[1])}</dd></div>`)}
  </dl>`;
}

function difference(change: Change, before: unknown, after: unknown): TemplateResult {
  const lists = listChange(before, after);
  if (lists && lists.gone.length + lists.added.length > 0) {
    return html`${lists.gone.map((one) => html`<del><span class="sr">${t("site_change.remove")} </span>${one}</del> `)}
    ${lists.added.map((one) => html`<ins><span class="sr">${t("site_change.add")} </span>${one}</ins> `)}`;
  }
  if (change.change === "add") return html`<ins>${valueWords(after)}</ins>`;
  return html`<del>${valueWords(before)}</del> <span aria-hidden="true">→</span><span class="sr">${t("site.becomes")}</span> <ins>${valueWords(after)}</ins>`;
}

/** Return the hours that schedules would be open and closed by a change. */
export function hoursView(hours: readonly Hours[]): TemplateResult {
  if (hours.length === 0) return html`<p class="effect" data-hours="0">${t("site.no_hours")}</p>`;
  return html`<section class="hours" data-hours=${hours.length}>
    <h3>${t("site.hours_ahead")}</h3>
    ${listing<Hours>({
      label: t("site.hours_ahead"),
      rows: hours,
      key: (one) => `${one.schedule} ${one.date}`,
      columns: [
        { title: t("site.date"), isHeader: true, cell: (one) => one.date },
        { title: named("site_kind", "schedules"), cell: (one) => one.schedule },
        { title: t("site.opens"), cell: (one) => html`<ins>${one.opens.join(", ")}</ins>` },
        { title: t("site.closes"), cell: (one) => html`<del>${one.closes.join(", ")}</del>` },
      ],
      empty: "",
    })}
  </section>`;
}
