// One level in a dialog: what its holders are exempt from, whom they escort, and who they are.
import { html, nothing, type TemplateResult } from "lit";
import { call, type Answer } from "../../../api/client";
import { counted, t } from "../../../base/i18n";
import { href } from "../../../base/router";
import { store } from "../../../live/store";
import type { Form } from "../editing/editor";
import { list, orNone, text, without, type FormField, type Values } from "../editing/form";
import { saveUnchanged } from "../editing/guard";
import { WAIVERS, waiverWords } from "./words";

type Details = Answer<"/api/v1/levels/{name}", "get">;
type Waiver = Details["waives"][number];

const MAX_HOLDERS = 100;

export async function levelForm(row: { name: string } | null, sides: { portals: string[]; schedules: string[] }): Promise<Form> {
  if (row === null) {
    const values = { name: "", portals: [], schedule: "", waives: [], visitors: true, escorts: false, escort_up_to: "5" };
    const fields: FormField[] = [
      { name: "name", kind: "text", isRequired: true, isSlug: true },
      { name: "portals", kind: "names", offered: sides.portals, isRequired: true },
      { name: "schedule", kind: "select", options: orNone(sides.schedules, t("site.always")) },
      ...FIELDS,
    ];
    return { title: t("site.add_level"), fields, values, save: (found) => call("post", "/api/v1/levels", {}, { ...fieldsOf(found), name: text(found["name"]), portals: list(found["portals"]), schedule: text(found["schedule"]) || null }) };
  }
  const path = { name: row.name };
  const read = (tagged: (tag: string) => void): Promise<Details> => call("get", "/api/v1/levels/{name}", { path, tagged });
  const found = await read(() => undefined);
  const own = without(found, "people", "departments");
  const readOwn = async (tagged: (tag: string) => void): Promise<Values> => without(await read(tagged), "people", "departments");
  return {
    title: t("site.level", { name: row.name }),
    fields: FIELDS,
    values: { ...own, escort_up_to: text(own["escort_up_to"]) },
    more: holders(found),
    save: store.may("PATCH /levels/{name}") ? (values) => saveUnchanged(readOwn, own, (match) => call("patch", "/api/v1/levels/{name}", { path, match }, fieldsOf(values))) : undefined,
    remove: store.may("DELETE /levels/{name}") ? { effect: t("site.remove_level", { name: row.name }), run: () => saveUnchanged(readOwn, own, (match) => call("delete", "/api/v1/levels/{name}", { path, match })) } : undefined,
  };
}

const FIELDS: readonly FormField[] = [
  { name: "waives", kind: "names", offered: WAIVERS, words: waiverWords },
  { name: "visitors", kind: "check" },
  { name: "escorts", kind: "check" },
  { name: "escort_up_to", kind: "number", min: 1, max: 10, isRequired: true, isShown: (values) => values["escorts"] === true },
];

function fieldsOf(values: Values): { waives: Waiver[]; visitors: boolean; escorts: boolean; escort_up_to: number } {
  return { waives: values["waives"] as Waiver[], visitors: values["visitors"] === true, escorts: values["escorts"] === true, escort_up_to: Number(values["escort_up_to"]) };
}

function holders(level: Details): TemplateResult {
  const shown = level.people.slice(0, MAX_HOLDERS);
  const isLinked = store.may("GET /people/{badge}");
  return html`<details class="holders" data-holders=${level.people.length}>
    <summary>${counted("site.holders", level.people.length)}</summary>
    <p>${shown.map((badge) => html`${isLinked ? html`<a href=${href("people", badge)}>${badge}</a>` : badge} `)}${level.people.length > shown.length ? t("site.and_more", { count: level.people.length - shown.length }) : nothing}</p>
    ${level.departments.length > 0 ? html`<p>${t("site.by_departments", { names: level.departments.join(", ") })}</p>` : nothing}
  </details>`;
}
