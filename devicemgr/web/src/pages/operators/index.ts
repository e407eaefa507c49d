// Who may work with the daemon: operators with their tokens, who is signed in, and what waits for a second admin.
import { html, type TemplateResult } from "lit";
import { StoreElement } from "../../base/element";
import { t } from "../../base/i18n";
import { href } from "../../base/router";
import { store } from "../../live/store";
import { tabs } from "../../parts/tabs";
import "../../styles/office.css";
import "./add";
import "./approvals";
import "./list";
import "./one";
import "./sessions";

class Operators extends StoreElement {
  static override properties = { rest: { attribute: false } };
  declare rest: readonly string[];

  override render(): TemplateResult {
    const [part = "list", name = ""] = this.rest;
    const all = [
      { name: "list", words: t("operator.list"), href: href("operators") },
      ...(store.may("GET /sessions") ? [{ name: "sessions", words: t("operator.sessions"), href: href("operators", "sessions") }] : []),
      ...(store.may("GET /approvals") ? [{ name: "approvals", words: t("operator.approvals"), href: href("operators", "approvals") }] : []),
    ];
    return html`<section class="page office operators">
      ${tabs(all, part === "of" || part === "add" ? "list" : part, t("operator.parts"))} ${this.content(part, name)}
    </section>`;
  }

  private content(part: string, name: string): TemplateResult {
    if (part === "sessions") return html`<desk-sessions></desk-sessions>`;
    if (part === "approvals") return html`<desk-approvals></desk-approvals>`;
    if (part === "add") return html`<desk-operator-add></desk-operator-add>`;
    if (part === "of") return html`<desk-operator .name=${name}></desk-operator>`;
    return html`<desk-operator-list></desk-operator-list>`;
  }
}

customElements.define("desk-operators", Operators);
