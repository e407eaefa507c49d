// Departments: the levels that all people of each hold.
import { html, nothing } from "lit";
import { call, type Answer } from "../../../api/client";
import { t } from "../../../base/i18n";
import { href } from "../../../base/router";
import { store } from "../../../live/store";
import type { Column } from "../../../parts/listing";
import type { Form } from "../editing/editor";
import { Entities } from "../editing/entities";
import { list, text, type FormField } from "../editing/form";
import { saveUnchanged } from "../editing/guard";

type Department = Answer<"/api/v1/departments", "get">[number];
const MAX_BADGES = 100;

class Departments extends Entities<Department> {
  protected readonly tab = "departments";
  protected readonly adds = "PUT /departments/{name}";

  protected read(): Promise<Department[]> {
    return call("get", "/api/v1/departments");
  }

  protected words(): { label: string; add: string; empty: string } {
    return { label: t("site_tab.departments"), add: t("site.add_department"), empty: t("site.no_departments") };
  }

  protected columns(): readonly Column<Department>[] {
    return [
      { title: t("site.name"), isHeader: true, cell: (row) => row.name },
      { title: t("site_tab.levels"), name: "cause", cell: (row) => row.levels.join(", ") },
      { title: t("site.people"), name: "number", cell: (row) => row.people },
    ];
  }

  protected async formOf(row: Department | null): Promise<Form> {
    const offered = (await call("get", "/api/v1/levels")).map((one) => one.name);
    const levels: FormField = { name: "levels", kind: "names", offered };
    if (row === null) {
      const names = (this.loaded.value ?? []).map((one) => one.name);
      const name: FormField = { name: "name", kind: "text", isRequired: true, check: (value) => (names.includes(text(value)) ? t("site.name_taken") : undefined) };
      return { title: t("site.add_department"), fields: [name, { ...levels, isRequired: true }], values: { name: "", levels: [] }, save: (values) => call("put", "/api/v1/departments/{name}", { path: { name: text(values["name"]) } }, { levels: list(values["levels"]) }) };
    }
    const path = { name: row.name };
    const read = async (tagged: (tag: string) => void): Promise<Department & { badges: string[] }> => call("get", "/api/v1/departments/{name}", { path, tagged });
    const found = await read(() => undefined);
    const isLinked = store.may("GET /people/{badge}");
    return {
      title: t("site.department", { name: row.name }),
      fields: [{ name: "new_name", kind: "text", isRequired: true, label: t("site.name") }, levels],
      values: { new_name: row.name, levels: row.levels },
      more: html`<p class="holders">${found.badges.slice(0, MAX_BADGES).map((badge) => html`${isLinked ? html`<a href=${href("people", badge)}>${badge}</a>` : badge} `)}${found.badges.length > MAX_BADGES ? t("site.and_more", { count: found.badges.length - MAX_BADGES }) : nothing}</p>`,
      save: store.may("PATCH /departments/{name}") ? (values) => saveUnchanged(read, found, (match) => call("patch", "/api/v1/departments/{name}", { path, match }, { levels: list(values["levels"]), ...(values["new_name"] === row.name ? {} : { new_name: text(values["new_name"]) }) })) : undefined,
      remove: store.may("DELETE /departments/{name}") ? { effect: t("site.remove_department", { name: row.name }), run: () => saveUnchanged(read, found, (match) => call("delete", "/api/v1/departments/{name}", { path, match })) } : undefined,
    };
  }
}

customElements.define("desk-site-departments", Departments);
