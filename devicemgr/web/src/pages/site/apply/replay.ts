// What recorded requests would come to by a plan: who loses, who gains.
import { html, nothing, type TemplateResult } from "lit";
import type { Answer } from "../../../api/client";
import { moment } from "../../../base/dates";
import { counted, number, t } from "../../../base/i18n";
import { listing } from "../../../parts/listing";
import { toneSymbol } from "../../../parts/symbols";
import { reasonWords } from "../../../parts/words";
import type { Tone } from "../../../live/rows";

export type Replay = NonNullable<Answer<"/api/v1/site/apply", "post">["replay"]>;
type Person = Replay["losses"][number];
type Part = "losses" | "gains" | "needs_more";

interface Row extends Person {
  part: Part;
}

const PARTS: readonly (readonly [Part, Tone])[] = [
  ["losses", "bad"],
  ["gains", "warn"],
  ["needs_more", "warn"],
];
const MAX_LEVELS = 5;

export function replayView(replay: Replay): TemplateResult {
  const rows = PARTS.flatMap(([part]) => replay[part].map((one): Row => ({ ...one, part })));
  return html`<section class="replay" data-replay>
    <h3>${t("site.replay")}</h3>
    <p>${counted("site.replayed", replay.requests, { people: number(replay.people), since: moment(replay.since) })}</p>
    <ul class="totals">
      ${PARTS.map(([part, tone]) => total(replay, part, tone))}
    </ul>
    ${rows.length > 0 ? table(rows) : nothing} ${limits(replay)}
  </section>`;
}

function total(replay: Replay, part: Part, tone: Tone): TemplateResult {
  const { requests, people, portals } = replay.totals[part] ?? { requests: 0, people: 0, portals: {} };
  const words = t(`site_replay.${part}`, { requests: number(requests), people: number(people) });
  const where = Object.entries(portals).map(([portal, count]) => `${portal} ${number(count)}`);
  return html`<li class=${requests > 0 ? tone : "plain"} data-total=${part}>
    ${toneSymbol(requests > 0 ? tone : "good")}<span>${words}</span>${where.length > 0 ? html` <small>${where.join(", ")}</small>` : nothing}
  </li>`;
}

function table(rows: Row[]): TemplateResult {
  return listing<Row>({
    label: t("site.replay"),
    rows,
    key: (row) => `${row.part} ${row.badge}`,
    tone: (row) => (row.part === "losses" ? "bad" : "warn"),
    columns: [
      { title: t("site.person"), isHeader: true, cell: (row) => html`${row.name ?? nothing} <small>${row.badge}</small>` },
      { title: t("site.what"), cell: (row) => t(`site_replay.${row.part}_one`) },
      { title: t("site.requests"), name: "number", cell: (row) => number(row.count) },
      { title: t("site.portals"), cell: (row) => row.portals.join(", ") },
      { title: t("site.hours"), cell: (row) => row.hours.join(", ") },
      { title: t("site.because"), name: "cause", cell: (row) => row.reasons.map(reasonWords).join(", ") },
    ],
    empty: "",
  });
}

function limits(replay: Replay): TemplateResult {
  const silent = [...replay.never_came].sort((a, b) => b.people - a.people);
  const notes = [
    ...silent.slice(0, MAX_LEVELS).map((one) => counted("site.never_came", one.people, { level: one.level })),
    ...(silent.length > MAX_LEVELS ? [counted("site.never_came_more", silent.length - MAX_LEVELS)] : []),
    ...((replay.not_predicted["erased"] ?? 0) > 0 ? [counted("site.erased_since", replay.not_predicted["erased"] ?? 0)] : []),
    ...replay.unknown,
  ];
  return html`<ul class="notes">${notes.map((note) => html`<li>${note}</li>`)}</ul>`;
}
