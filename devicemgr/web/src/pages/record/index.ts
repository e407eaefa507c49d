// The record: its events, whether it holds, a copy for auditors, and the seals over it.
import { html, type TemplateResult } from "lit";
import { StoreElement } from "../../base/element";
import { t } from "../../base/i18n";
import { href } from "../../base/router";
import { tabs } from "../../parts/tabs";
import "../../styles/office.css";
import "./check";
import "./event";
import "./events";
import "./seals";

class RecordPage extends StoreElement {
  static override properties = { rest: { attribute: false } };
  declare rest: readonly string[];

  override render(): TemplateResult {
    const [part = "events", seq] = this.rest;
    const all = [
      { name: "events", words: t("record.tab_events"), href: href("record") },
      { name: "check", words: t("record.tab_check"), href: href("record", "check") },
      { name: "seals", words: t("record.tab_seals"), href: href("record", "seals") },
    ];
    return html`<section class="page office record">
      ${tabs(all, part === "event" ? "events" : part, t("record.tabs"))} ${this.content(part, seq)}
    </section>`;
  }

  private content(part: string, seq: string | undefined): TemplateResult {
    if (part === "check") return html`<desk-record-check></desk-record-check>`;
    if (part === "seals") return html`<desk-record-seals></desk-record-seals>`;
    if (part === "event") return html`<desk-record-event .seq=${Number(seq) || 0}></desk-record-event>`;
    return html`<desk-record-events></desk-record-events>`;
  }
}

customElements.define("desk-record", RecordPage);
