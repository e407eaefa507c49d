// Parts of a page side by side: each has an address, so that Back works.
import { html, nothing, type TemplateResult } from "lit";

export interface Tab {
  name: string;
  words: string;
  href: string;
}

export function tabs(all: readonly Tab[], present: string, label: string): TemplateResult {
  return html`<nav class="tabs" aria-label=${label}>
    ${all.map((tab) => html`<a href=${tab.href} data-tab=${tab.name} aria-current=${tab.name === present ? "page" : nothing}>${tab.words}</a>`)}
  </nav>`;
}
