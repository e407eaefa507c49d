// Zones as a tree, and their rules.
import { call, type Answer, type Body } from "../../../api/client";
import { html, type TemplateResult } from "lit";
import { named, t } from "../../../base/i18n";
import { store } from "../../../live/store";
import type { Column } from "../../../parts/listing";
import type { Form } from "../editing/editor";
import { Entities } from "../editing/entities";
import { list, orNone, text, without, type FormField, type Values } from "../editing/form";
import { isSame, saveUnchanged } from "../editing/guard";
import { choices, fieldWords, valueWords } from "../editing/words";
import { depths } from "./tree";

type Zone = Answer<"/api/v1/zones", "get">[number];
type Fields = Omit<Body<"/api/v1/zones", "post">, "name">;

const PLAIN: Fields = { parent: null, anti_passback: "off", exit_check: "off", strict_path: false, again_after_minutes: 0, forget_after_minutes: 0, forget_at: null, timezone: null, when_unsure: "soft", max: null, min: null, warn_at: [], opens_with: [], while_present: false, assembly: false };

class Zones extends Entities<Zone> {
  protected readonly tab = "zones";
  protected readonly adds = "POST /zones";

  protected async read(): Promise<Zone[]> {
    const found = await call("get", "/api/v1/zones");
    return [...depths(found).keys()];
  }

  protected words(): { label: string; add: string; empty: string } {
    return { label: t("site_tab.zones"), add: t("site.add_zone"), empty: t("site.no_zones") };
  }

  protected override text(row: Zone): string {
    return [row.name, row.parent ?? "", ...row.portals].join(" ");
  }

  protected columns(): readonly Column<Zone>[] {
    const levels = depths(this.loaded.value ?? []);
    return [
      { title: t("site.name"), isHeader: true, name: "tree", cell: (row) => branch(row, levels.get(row) ?? 0) },
      { title: t("site.people_limit"), cell: limits },
      { title: t("site.rules"), name: "cause", cell: rules },
      { title: t("site.portals"), cell: (row) => row.portals.join(", ") },
    ];
  }

  protected async formOf(row: Zone | null): Promise<Form> {
    const levels = store.may("GET /levels") ? (await call("get", "/api/v1/levels")).map((one) => one.name) : [];
    const others = (this.loaded.value ?? []).map((one) => one.name).filter((name) => name !== row?.name);
    const fields = fieldsOf(others, levels);
    if (row === null) {
      const name: FormField = { name: "name", kind: "text", isRequired: true, isSlug: true };
      return { title: t("site.add_zone"), fields: [name, ...fields], values: { name: "", ...shown(PLAIN) }, save: (values) => call("post", "/api/v1/zones", {}, { name: text(values["name"]), ...taken(values) }) };
    }
    const path = { name: row.name };
    const read = (tagged: (tag: string) => void): Promise<Zone> => call("get", "/api/v1/zones/{name}", { path, tagged });
    return {
      title: t("site.zone", { name: row.name }),
      fields,
      values: shown(row),
      save: store.may("PATCH /zones/{name}") ? (values) => saveUnchanged(read, row, (match) => call("patch", "/api/v1/zones/{name}", { path, match }, taken(values))) : undefined,
      remove: store.may("DELETE /zones/{name}") ? { effect: t("site.remove_zone", { name: row.name }), run: () => saveUnchanged(read, row, (match) => call("delete", "/api/v1/zones/{name}", { path, match })) } : undefined,
    };
  }
}

function fieldsOf(zones: readonly string[], levels: readonly string[]): FormField[] {
  const rules = choices(["off", "soft", "hard"], (one) => named("site_rule", one));
  const hasMax = (value: unknown, values: Values): string | undefined => (Number(text(values["max"]) || Infinity) < Number(value) ? t("site.min_above_max") : undefined);
  return [
    { name: "parent", kind: "select", options: orNone(zones, t("site.none")) },
    { name: "max", kind: "number", min: 1, max: 100_000 },
    { name: "min", kind: "number", min: 1, max: 100_000, check: hasMax },
    { name: "warn_at", kind: "names", isOpen: true, check: (value) => (list(value).every((one) => /^[1-9]\d{0,5}$/.test(one)) ? undefined : t("site.whole_numbers")) },
    { name: "anti_passback", kind: "select", options: rules },
    { name: "exit_check", kind: "select", options: rules },
    { name: "when_unsure", kind: "select", options: rules.slice(1) },
    { name: "strict_path", kind: "check" },
    { name: "again_after_minutes", kind: "number", min: 0, max: 1440, isRequired: true },
    { name: "forget_after_minutes", kind: "number", min: 0, max: 10_080, isRequired: true },
    { name: "forget_at", kind: "time" },
    { name: "timezone", kind: "text", offered: Intl.supportedValuesOf("timeZone"), isShown: (values) => Boolean(values["forget_at"]) },
    { name: "opens_with", kind: "names", offered: levels },
    { name: "while_present", kind: "check", isShown: (values) => list(values["opens_with"]).length > 0 },
    { name: "assembly", kind: "check" },
  ];
}

/** Return a zone's values as fields hold them. */
function shown(zone: object): Values {
  const found = without(zone, "name", "portals");
  return { ...found, warn_at: list(found["warn_at"]) };
}

function taken(values: Values): Fields {
  const found = without(values, "name");
  const opens = list(values["opens_with"]);
  const rest = { timezone: values["forget_at"] ? values["timezone"] : null, while_present: opens.length > 0 && values["while_present"] === true };
  return { ...found, ...rest, opens_with: opens, warn_at: list(values["warn_at"]).map(Number) } as Fields;
}

function branch(row: Zone, depth: number): TemplateResult {
  return html`<span class="depth" aria-hidden="true">${"—".repeat(Math.min(depth, 8))}</span>${row.name}${depth > 0 ? html`<span class="sr">, ${t("site.in_zone", { zone: row.parent ?? "" })}</span>` : ""}`;
}

function limits(row: Zone): string {
  const parts = [row.min === null ? "" : t("site.at_least", { count: row.min }), row.max === null ? "" : t("site.at_most", { count: row.max })];
  return parts.filter(Boolean).join(", ");
}

/** Return what is not as it is without a rule. */
function rules(row: Zone): string {
  const quiet = ["parent", "max", "min", "timezone"];
  const stated = Object.entries(PLAIN).filter(([name, plain]) => !quiet.includes(name) && !isSame(row[name], plain));
  return stated.map(([name]) => ruleWords(name, row[name])).join(", ");
}

function ruleWords(name: string, value: unknown): string {
  if (value === true) return fieldWords(name);
  return `${fieldWords(name)}: ${["anti_passback", "exit_check", "when_unsure"].includes(name) ? named("site_rule", text(value)) : valueWords(value)}`;
}

customElements.define("desk-site-zones", Zones);
