// People: the list, one person's card, a new person; faces and tables have files of their own, loaded when needed.
import { html, nothing, type TemplateResult } from "lit";
import { StoreElement } from "../../base/element";
import { t } from "../../base/i18n";
import { store } from "../../live/store";
import "./add";
import "./list";
import "./people.css";
import "./person";

/** Parts of the address that are no badges; a person with such a badge is at `#/people/import/card`. */
const PARTS: Record<string, () => TemplateResult> = {
  new: () => html`<desk-person-add></desk-person-add>`,
  import: () => html`<desk-people-import></desk-people-import>`,
};

const FILES: Record<string, () => Promise<unknown>> = {
  import: () => import("./import"),
  face: () => import("./face"),
};

class People extends StoreElement {
  static override properties = { rest: { attribute: false }, failed: { state: true } };
  declare rest: readonly string[];
  /** The part whose file could not be loaded. */
  declare failed: string;
  private readonly loaded = new Set<string>();

  constructor() {
    super();
    this.rest = [];
    this.failed = "";
  }

  override render(): TemplateResult {
    return html`<section class="page people ${store.link === "away" ? "stale" : ""}">${this.content()}</section>`;
  }

  private content(): TemplateResult | typeof nothing {
    const [badge, part] = this.rest;
    if (badge === undefined) return html`<desk-people-list></desk-people-list>`;
    const own = part === undefined && Object.hasOwn(PARTS, badge) ? PARTS[badge] : undefined;
    const name = own ? badge : (part ?? "");
    if (name in FILES && !this.isLoaded(name)) return html`<p class="empty" role="status">${t(this.failed === name ? "page.unloaded" : "page.loading")}</p>`;
    if (own) return own();
    if (name === "face") return html`<desk-person-face .badge=${badge}></desk-person-face>`;
    return html`<desk-person .badge=${badge}></desk-person>`;
  }

  private isLoaded(name: string): boolean {
    if (this.loaded.has(name)) return true;
    if (this.failed === name) return false;
    void FILES[name]?.().then(
      () => {
        this.loaded.add(name);
        this.requestUpdate();
      },
      () => (this.failed = name),
    );
    return false;
  }
}

customElements.define("desk-people", People);
