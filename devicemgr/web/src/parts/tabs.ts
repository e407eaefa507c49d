// Parts of a page side by side: each has an address, so that Back works.
import { html, nothing, type TemplateResult } from "lit";
import { ref } from "lit/directives/ref.js";

export interface Tab {
  name: string;
  words: string;
  href: string;
}

export function tabs(all: readonly Tab[], present: string, label: string): TemplateResult {
  return html`<nav class="tabs" aria-label=${label}>
    ${all.map((tab) => html`<a href=${tab.href} data-tab=${tab.name} aria-current=${tab.name === present ? "page" : nothing} ${ref(tab.name === present ? reached : undefined)}>${tab.words}</a>`)}
  </nav>`;
}

/** On a narrow screen the tabs are a row that is moved by hand: the present one is in sight. */
function reached(tab: Element | undefined): void {
  // It stands in no row before the next frame.
  requestAnimationFrame(() => {
    const row = tab?.parentElement;
    if (!tab || !row) return;
    const [one, all] = [tab.getBoundingClientRect(), row.getBoundingClientRect()];
    if (one.left < all.left || one.right > all.right) row.scrollLeft += one.left - all.left - (all.width - one.width) / 2;
  });
}
