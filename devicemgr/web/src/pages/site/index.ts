// What the site is made of: hours, rights, portals and zones, and the file that has them all.
import { html, type TemplateResult } from "lit";
import { StoreElement } from "../../base/element";
import { t } from "../../base/i18n";
import { href } from "../../base/router";
import { store } from "../../live/store";
import { tabs } from "../../parts/tabs";
import "./apply";
import "./site.css";

type Tab = "file";
const TABS: Record<Tab, (rest: readonly string[]) => TemplateResult> = {
  file: () => html`<desk-site-apply></desk-site-apply>`,
};
const NAMES = Object.keys(TABS) as Tab[];

class Site extends StoreElement {
  static override properties = { rest: { attribute: false } };
  declare rest: readonly string[];

  override render(): TemplateResult {
    const [wanted = ""] = this.rest;
    const present = NAMES.find((name) => name === wanted) ?? "file";
    const all = NAMES.map((name) => ({ name, words: t(`site_tab.${name}`), href: href("site", name) }));
    return html`<section class="page site ${store.link === "away" ? "stale" : ""}">${tabs(all, present, t("page.site_parts"))} ${TABS[present](this.rest.slice(1))}</section>`;
  }
}

customElements.define("desk-site", Site);
