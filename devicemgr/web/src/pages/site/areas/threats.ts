// Threats as they are defined; guards set and end them.
import { html, nothing } from "lit";
import { call, type Answer, type Body } from "../../../api/client";
import { moment } from "../../../base/dates";
import { named, t } from "../../../base/i18n";
import { store } from "../../../live/store";
import type { Column } from "../../../parts/listing";
import type { Form } from "../editing/editor";
import { Entities } from "../editing/entities";
import { list, text, without, type FormField, type Values } from "../editing/form";
import { saveUnchanged } from "../editing/guard";
import { choices } from "../editing/words";
import { REQUIREMENTS, requirementWords } from "../portals/words";

type Threat = Answer<"/api/v1/threats", "get">[number];
type Fields = Omit<Body<"/api/v1/threats", "post">, "name">;
const SITE = "site";

class Threats extends Entities<Threat> {
  protected readonly tab = "threats";
  protected readonly adds = "POST /threats";

  protected read(): Promise<Threat[]> {
    return call("get", "/api/v1/threats");
  }

  protected words(): { label: string; add: string; empty: string } {
    return { label: t("site_tab.threats"), add: t("site.add_threat"), empty: t("site.no_threats") };
  }

  protected override text(row: Threat): string {
    return [row.name, ...row.scope, ...row.allow].join(" ");
  }

  protected columns(): readonly Column<Threat>[] {
    return [
      { title: t("site.name"), isHeader: true, cell: (row) => row.name },
      { title: t("site.in_force"), cell: (row) => (row.in_force ? html`<strong>${t("site.since", { time: moment(row.in_force.since) })}</strong> ${row.in_force.reason}` : t("site.no")) },
      { title: t("site_field.order"), name: "number", cell: (row) => row.order },
      { title: t("site_field.scope"), cell: (row) => row.scope.map(scopeWords).join(", ") },
      { title: t("site_field.allow"), name: "cause", cell: (row) => row.allow.join(", ") || nothing },
    ];
  }

  protected async formOf(row: Threat | null): Promise<Form> {
    const zones = (await call("get", "/api/v1/zones")).map((one) => one.name);
    const levels = store.may("GET /levels") ? (await call("get", "/api/v1/levels")).map((one) => one.name) : [];
    const fields = fieldsOf(zones, levels);
    if (row === null) {
      const name: FormField = { name: "name", kind: "text", isRequired: true, isSlug: true };
      const values = { name: "", order: "1", require: "any", allow: [], scope: [SITE], free: "suspend" };
      return { title: t("site.add_threat"), fields: [name, ...fields], values, save: (found) => call("post", "/api/v1/threats", {}, { name: text(found["name"]), ...taken(found) }) };
    }
    const path = { name: row.name };
    const read = async (tagged: (tag: string) => void): Promise<Values> => own(await call("get", "/api/v1/threats/{name}", { path, tagged }));
    return {
      title: t("site.threat", { name: row.name }),
      fields,
      values: own(row),
      save: store.may("PATCH /threats/{name}") ? (values) => saveUnchanged(read, own(row), (match) => call("patch", "/api/v1/threats/{name}", { path, match }, taken(values))) : undefined,
      remove: store.may("DELETE /threats/{name}") ? { effect: t("site.remove_threat", { name: row.name }), run: () => saveUnchanged(read, own(row), (match) => call("delete", "/api/v1/threats/{name}", { path, match })) } : undefined,
    };
  }
}

function fieldsOf(zones: readonly string[], levels: readonly string[]): FormField[] {
  return [
    { name: "order", kind: "number", min: 0, max: 99, isRequired: true },
    { name: "scope", kind: "names", offered: [SITE, ...zones], words: scopeWords, isRequired: true },
    { name: "allow", kind: "names", offered: levels },
    { name: "require", kind: "select", options: REQUIREMENTS.map((one) => [one, requirementWords(one)] as const) },
    { name: "free", kind: "select", options: choices(["suspend", "keep"], (one) => named("site_free", one)), label: t("site.free_portals") },
  ];
}

function scopeWords(name: string): string {
  return name === SITE ? t("site.whole_site") : name;
}

/** Return what is configured, without what is in force at the moment. */
function own(threat: Threat): Values {
  return without(threat, "in_force");
}

function taken(values: Values): Fields {
  return { order: Number(values["order"]), require: values["require"], allow: list(values["allow"]), scope: list(values["scope"]), free: values["free"], egress: "free" } as Fields;
}

customElements.define("desk-site-threats", Threats);
