// Interlocks: portals of which at most one is not shut.
import { call, type Answer } from "../../../api/client";
import { t } from "../../../base/i18n";
import { store } from "../../../live/store";
import type { Column } from "../../../parts/listing";
import type { Form } from "../editing/editor";
import { Entities } from "../editing/entities";
import { list, text, type FormField, type Values } from "../editing/form";
import { saveUnchanged } from "../editing/guard";

type Interlock = Answer<"/api/v1/interlocks", "get">[number];

class Interlocks extends Entities<Interlock> {
  protected readonly tab = "interlocks";
  protected readonly adds = "POST /interlocks";

  protected read(): Promise<Interlock[]> {
    return call("get", "/api/v1/interlocks");
  }

  protected words(): { label: string; add: string; empty: string } {
    return { label: t("site_tab.interlocks"), add: t("site.add_interlock"), empty: t("site.no_interlocks") };
  }

  protected columns(): readonly Column<Interlock>[] {
    return [
      { title: t("site.name"), isHeader: true, cell: (row) => row.name },
      { title: t("site.portals"), name: "cause", cell: (row) => row.portals.join(", ") },
      { title: t("site_field.settle_seconds"), name: "number", cell: (row) => row.settle_seconds },
    ];
  }

  protected async formOf(row: Interlock | null): Promise<Form> {
    const offered = (await call("get", "/api/v1/portals")).map((one) => one.name);
    const fields: FormField[] = [
      { name: "portals", kind: "names", offered, isRequired: true, check: (value) => (list(value).length < 2 ? t("site.two_portals") : undefined) },
      { name: "settle_seconds", kind: "number", min: 0, max: 60, isRequired: true },
    ];
    if (row === null) {
      const name: FormField = { name: "name", kind: "text", isRequired: true, isSlug: true };
      return { title: t("site.add_interlock"), fields: [name, ...fields], values: { name: "", portals: [], settle_seconds: "3" }, save: (values) => call("post", "/api/v1/interlocks", {}, { name: text(values["name"]), ...taken(values) }) };
    }
    const path = { name: row.name };
    const read = (tagged: (tag: string) => void): Promise<Interlock> => call("get", "/api/v1/interlocks/{name}", { path, tagged });
    return {
      title: t("site.interlock", { name: row.name }),
      fields,
      values: { ...row },
      save: store.may("PUT /interlocks/{name}") ? (values) => saveUnchanged(read, row, (match) => call("put", "/api/v1/interlocks/{name}", { path, match }, taken(values))) : undefined,
      remove: store.may("DELETE /interlocks/{name}") ? { effect: t("site.remove_interlock", { name: row.name }), run: () => saveUnchanged(read, row, (match) => call("delete", "/api/v1/interlocks/{name}", { path, match })) } : undefined,
    };
  }
}

function taken(values: Values): { portals: string[]; settle_seconds: number } {
  return { portals: list(values["portals"]), settle_seconds: Number(values["settle_seconds"]) };
}

customElements.define("desk-site-interlocks", Interlocks);
