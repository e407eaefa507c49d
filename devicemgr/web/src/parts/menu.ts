// The pages: a bar at the left; at the lower edge of a phone, where the last ones are behind "More".
import { html, nothing, type TemplateResult } from "lit";
import { DeskElement } from "../base/element";
import { number, t } from "../base/i18n";
import type { Page } from "../base/router";
import { icon } from "./symbols";

/** What a phone's bar has room for beside "More". */
const FIRST = 4;

class Menu extends DeskElement {
  static override properties = { pages: { attribute: false }, present: { attribute: false }, counts: { attribute: false }, isOpen: { state: true } };
  declare pages: readonly Page[];
  declare present: Page | undefined;
  /** What waits on a page, by its name: the number stands behind it. */
  declare counts: Readonly<Record<string, number>>;
  declare isOpen: boolean;

  constructor() {
    super();
    this.pages = [];
    this.counts = {};
    this.isOpen = false;
  }

  override render(): TemplateResult {
    const listed = this.pages.filter((page) => !page.isUnlisted);
    const hasMore = listed.length > FIRST + 1;
    return html`<nav class="menu ${this.isOpen ? "open" : ""}" aria-label=${t("menu.pages")} @keydown=${(event: KeyboardEvent) => this.keyDown(event)}>
      <span class="brand" aria-hidden="true">devicemgr</span>
      <ul id="pages">
        ${listed.map((page, index) => this.entry(page, hasMore && index >= FIRST))}
      </ul>
      ${hasMore
        ? html`<button type="button" class="more" aria-expanded=${this.isOpen} aria-controls="pages" @click=${() => (this.isOpen = !this.isOpen)}>${icon("more")}<span>${t("menu.more")}</span></button>`
        : nothing}
    </nav>`;
  }

  private entry(page: Page, isExtra: boolean): TemplateResult {
    return html`<li class=${isExtra ? "extra" : nothing}>
      <a href="#/${page.name}" aria-current=${page === this.present ? "page" : nothing} @click=${() => (this.isOpen = false)}>${icon(page.name)}<span>${t(page.title)}</span>${this.counts[page.name] ? html`<b class="count" data-count>${number(this.counts[page.name] ?? 0)}</b>` : nothing}</a>
    </li>`;
  }

  private keyDown(event: KeyboardEvent): void {
    if (event.key !== "Escape" || !this.isOpen) return;
    this.isOpen = false;
    this.querySelector<HTMLElement>("button.more")?.focus();
  }
}

customElements.define("desk-menu", Menu);
