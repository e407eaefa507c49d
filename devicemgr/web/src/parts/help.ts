// The list of keys, shown by `?`.
import { html, type TemplateResult } from "lit";
import { DeskElement } from "../base/element";
import { t } from "../base/i18n";
import { allowedPages } from "../base/router";
import { store } from "../live/store";

class Help extends DeskElement {
  show(): void {
    this.requestUpdate();
    void this.updateComplete.then(() => this.querySelector("dialog")?.showModal());
  }

  override render(): TemplateResult {
    const pages = allowedPages(store.features).map((page): [string, string] => [`g ${page.letter}`, t(page.title)]);
    const rows: [string, string][] = [
      ...pages,
      ["/", t("help.search")],
      ["o", t("help.open")],
      ["a", t("help.acknowledge")],
      ["p", t("help.pause")],
      ...(store.may("POST /people") ? ([["n", t("help.new")], ["s", t("help.suspend")]] as [string, string][]) : []),
      ...(store.may("POST /musters/marks") ? [["Enter n u", t("muster.tick_help")] as [string, string]] : []),
      ["?", t("help.keys")],
      ["Esc", t("help.close")],
    ];
    return html`<dialog aria-labelledby="help-title">
      <form method="dialog">
        <h2 id="help-title">${t("help.title")}</h2>
        <dl class="keys">${rows.map(([keys, what]) => html`<dt>${keys.split(" ").map((key) => html`<kbd>${key}</kbd> `)}</dt><dd>${what}</dd>`)}</dl>
        <footer><button class="main">${t("action.close")}</button></footer>
      </form>
    </dialog>`;
  }
}

customElements.define("desk-help", Help);
declare global {
  interface HTMLElementTagNameMap {
    "desk-help": Help;
  }
}
