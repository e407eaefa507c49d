// Portals: what opens, where one presents what, and the zones that they join.
import { call, type Answer, type Body } from "../../../api/client";
import { named, t } from "../../../base/i18n";
import { store } from "../../../live/store";
import type { Column } from "../../../parts/listing";
import { say } from "../../../parts/status";
import type { Form } from "../editing/editor";
import { Entities } from "../editing/entities";
import { text, without, type FormField, type Values } from "../editing/form";
import { saveUnchanged } from "../editing/guard";
import { portalFields, type Offered } from "./fields";
import { requirementWords } from "./words";

type Portal = Answer<"/api/v1/portals", "get">[number];
type Fields = Omit<Body<"/api/v1/portals", "post">, "name">;

/** How a portal stands at the moment, and no set-up. */
const PRESENT = ["name", "mode", "state", "door", "effective_mode", "because", "rule", "warnings"];

const NEW: Values = { gate: "", channel: "1", entry: [], exit: [], fail: "secure", release_seconds: "5", require: "any", liveness: "off", frames: "2", lane_group: "", console_liveness: "require", outside: "", inside: "", egress: false, people: "1", people_within: "10", people_exit: false, confirm_by: [], collects_cards: false, free: "", free_after: [] };

class Portals extends Entities<Portal> {
  protected readonly tab = "portals";
  protected readonly adds = "POST /portals";

  protected read(): Promise<Portal[]> {
    return call("get", "/api/v1/portals");
  }

  protected words(): { label: string; add: string; empty: string } {
    return { label: t("site_tab.portals"), add: t("site.add_portal"), empty: t("site.no_portals") };
  }

  protected override text(row: Portal): string {
    return [row.name, row.gate, row.lane_group, row.outside ?? "", row.inside ?? "", ...row.entry, ...row.exit].join(" ");
  }

  protected columns(): readonly Column<Portal>[] {
    return [
      { title: t("site.name"), isHeader: true, cell: (row) => row.name },
      { title: t("site_field.gate"), cell: (row) => `${row.gate}:${row.channel}` },
      { title: t("site_field.entry"), cell: (row) => row.entry.join(", ") },
      { title: t("site_field.exit"), cell: (row) => row.exit.join(", ") },
      { title: t("site_field.require"), cell: (row) => requirementWords(row.require) },
      { title: t("site.between_zones"), cell: (row) => (row.outside && row.inside ? `${row.outside} → ${row.inside}` : "") },
      { title: t("site.mode"), name: "short", cell: (row) => named("mode", row.effective_mode) },
    ];
  }

  protected async formOf(row: Portal | null): Promise<Form> {
    const fields = portalFields(await offered());
    if (row === null) {
      const name: FormField = { name: "name", kind: "text", isRequired: true, isSlug: true };
      return { title: t("site.add_portal"), fields: [name, ...fields], values: { name: "", ...NEW }, save: async (values) => warned(await call("post", "/api/v1/portals", {}, { name: text(values["name"]), ...taken(values) })) };
    }
    const path = { name: row.name };
    const read = async (tagged: (tag: string) => void): Promise<Values> => own(await call("get", "/api/v1/portals/{name}", { path, tagged }));
    return {
      title: t("site.portal", { name: row.name }),
      fields,
      values: own(row),
      save: store.may("PATCH /portals/{name}") ? (values) => saveUnchanged(read, own(row), async (match) => warned(await call("patch", "/api/v1/portals/{name}", { path, match }, taken(values)))) : undefined,
      remove: store.may("DELETE /portals/{name}") ? { effect: t("site.remove_portal", { name: row.name }), run: () => saveUnchanged(read, own(row), (match) => call("delete", "/api/v1/portals/{name}", { path, match })) } : undefined,
    };
  }
}

async function offered(): Promise<Offered> {
  const names = async (read: Promise<{ name: string }[]>): Promise<string[]> => (await read).map((one) => one.name);
  const [devices, zones, levels, schedules] = await Promise.all([names(call("get", "/api/v1/devices")), names(call("get", "/api/v1/zones")), names(call("get", "/api/v1/levels")), names(call("get", "/api/v1/schedules"))]);
  return { devices, zones, levels, schedules };
}

/** Return what is configured, without how it stands at the moment. */
function own(portal: Portal): Values {
  return without(portal, ...PRESENT);
}

function taken(values: Values): Fields {
  return { ...without(values, "name"), lane_group: text(values["lane_group"]) } as Fields;
}

/** Say what makes the portal useless as it is. */
function warned(saved: { warnings: string[] }): void {
  if (saved.warnings.length > 0) setTimeout(() => say(saved.warnings.join(" "), "warn"));
}

customElements.define("desk-site-portals", Portals);
