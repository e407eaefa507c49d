// What the site is made of: hours, rights, portals and zones, and the file that has them all.
import { html, type TemplateResult } from "lit";
import { StoreElement } from "../../base/element";
import { t } from "../../base/i18n";
import { href } from "../../base/router";
import { store } from "../../live/store";
import { tabs } from "../../parts/tabs";
import "./apply";
import "./areas/departments";
import "./areas/interlocks";
import "./areas/threats";
import "./areas/zones";
import "./levels";
import "./outlets";
import "./portals";
import "./schedules";
import "./schedules/calendars";
import "./site.css";

type Tab = "schedules" | "calendars" | "levels" | "departments" | "portals" | "zones" | "interlocks" | "threats" | "outlets" | "file";
const TABS: Record<Tab, (rest: readonly string[]) => TemplateResult> = {
  schedules: (rest) => html`<desk-site-schedules .rest=${rest}></desk-site-schedules>`,
  calendars: (rest) => html`<desk-site-calendars .rest=${rest}></desk-site-calendars>`,
  levels: (rest) => html`<desk-site-levels .rest=${rest}></desk-site-levels>`,
  departments: (rest) => html`<desk-site-departments .rest=${rest}></desk-site-departments>`,
  portals: (rest) => html`<desk-site-portals .rest=${rest}></desk-site-portals>`,
  zones: (rest) => html`<desk-site-zones .rest=${rest}></desk-site-zones>`,
  interlocks: (rest) => html`<desk-site-interlocks .rest=${rest}></desk-site-interlocks>`,
  threats: (rest) => html`<desk-site-threats .rest=${rest}></desk-site-threats>`,
  outlets: (rest) => html`<desk-site-outlets .rest=${rest}></desk-site-outlets>`,
  file: () => html`<desk-site-apply></desk-site-apply>`,
};
const NAMES = Object.keys(TABS) as Tab[];

class Site extends StoreElement {
  static override properties = { rest: { attribute: false } };
  declare rest: readonly string[];

  override render(): TemplateResult {
    const [wanted = ""] = this.rest;
    const present = NAMES.find((name) => name === wanted) ?? "schedules";
    const all = NAMES.map((name) => ({ name, words: t(`site_tab.${name}`), href: href("site", name) }));
    return html`<section class="page site ${store.link === "away" ? "stale" : ""}">${tabs(all, present, t("page.site_parts"))} ${TABS[present](this.rest.slice(1))}</section>`;
  }
}

customElements.define("desk-site", Site);
