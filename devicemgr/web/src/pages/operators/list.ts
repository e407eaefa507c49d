// The operators, with what they may and how they come in.
import { html, type TemplateResult } from "lit";
import { call, type Answer } from "../../api/client";
import { StoreElement } from "../../base/element";
import { number, t } from "../../base/i18n";
import { Loaded } from "../../base/loaded";
import { go, href } from "../../base/router";
import { folded } from "../../live/rows";
import { store } from "../../live/store";
import { listing } from "../../parts/listing";
import { roleWords } from "./roles";

export type Operator = Answer<"/api/v1/operators", "get">[number];

/** Return how an operator comes in. */
export function waysWords(operator: Operator): string {
  const ways = [operator.password ? t("operator.by_password") : "", operator.os_user ? `${t("operator.by_account")} (${operator.os_user})` : ""];
  return ways.filter(Boolean).join(", ") || t("operator.by_token");
}

class OperatorList extends StoreElement {
  static override properties = { search: { state: true } };
  declare search: string;
  private readonly found = new Loaded(this, () => call("get", "/api/v1/operators"), false);

  constructor() {
    super();
    this.search = "";
  }

  override render(): TemplateResult {
    const all = this.found.value;
    const wanted = folded(this.search);
    const rows = (all ?? []).filter((one) => folded(`${one.name} ${roleWords(one.roles)}`).includes(wanted));
    return html`<div class="tools">
        <label class="search"><span class="sr">${t("operator.search")}</span><input type="search" data-search placeholder=${t("operator.search")} .value=${this.search} @input=${(event: InputEvent) => (this.search = (event.target as HTMLInputElement).value)} /></label>
        ${store.may("POST /operators") ? html`<a class="button" href=${href("operators", "add")} data-add>${t("operator.add")}</a>` : ""}
      </div>
      ${this.found.notice()} ${all ? this.list(rows, all.length) : ""}`;
  }

  private list(rows: readonly Operator[], count: number): TemplateResult {
    return listing<Operator>(
      {
        label: t("operator.list"),
        rows,
        key: (one) => one.name,
        open: (one) => go(href("operators", "of", one.name)),
        columns: [
          { title: t("operator.name"), isHeader: true, cell: (one) => one.name },
          { title: t("operator.roles"), cell: (one) => roleWords(one.roles) },
          { title: t("operator.signs_in"), name: "soft", cell: waysWords },
          { title: t("operator.tokens"), name: "number", cell: (one) => (one.tokens.length > 0 ? number(one.tokens.length) : "") },
        ],
        empty: t(count > 0 ? "operator.no_match" : "operator.none"),
      },
      this.search,
    );
  }
}

customElements.define("desk-operator-list", OperatorList);
