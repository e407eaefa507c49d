// The seals over the record, and what the places outside the box remember of them.
import { html, nothing, type TemplateResult } from "lit";
import { call, type Answer } from "../../api/client";
import { StoreElement } from "../../base/element";
import { moment } from "../../base/dates";
import { counted, number, t } from "../../base/i18n";
import { Loaded } from "../../base/loaded";
import { href } from "../../base/router";
import { listing } from "../../parts/listing";
import { toneSymbol } from "../../parts/symbols";
import { problemWords } from "../../parts/words";

type Found = Answer<"/api/v1/audit/seals", "get">;
type Seal = Found["seals"][number];
type Anchor = Found["anchors"][number];
const PAGE = 50;

class RecordSeals extends StoreElement {
  static override properties = { older: { state: true }, isAtEnd: { state: true }, error: { state: true } };
  declare older: readonly Seal[];
  declare isAtEnd: boolean;
  declare error: unknown;
  private readonly found = new Loaded(this, () => call("get", "/api/v1/audit/seals", { query: { limit: PAGE } }), false);

  constructor() {
    super();
    this.older = [];
    this.isAtEnd = false;
    this.error = null;
  }

  override render(): TemplateResult {
    const found = this.found.value;
    return html`${this.found.notice()} ${found ? this.shown(found) : nothing}`;
  }

  private shown(found: Found): TemplateResult {
    const behind = found.events - (found.sealed ?? 0);
    const seals = [...found.seals, ...this.older];
    const isAll = this.isAtEnd || found.seals.length < PAGE;
    return html`<article class="card">
        <dl class="facts">
          <dt>${t("record.ends")}</dt>
          <dd>${number(found.events)}</dd>
          <dt>${t("record.seals")}</dt>
          <dd>${found.sealed === null ? t("record.none_sealed") : t("record.sealed_to", { seq: number(found.sealed) })} ${found.sealed !== null && behind > 0 ? counted("record.after_seal", behind) : nothing}</dd>
          <dt>${t("record.root")}</dt>
          <dd><code>${found.root ?? t("record.no_root")}</code></dd>
        </dl>
      </article>
      <h2>${t("record.anchors")}</h2>
      ${found.anchors.length > 0 ? html`<ul class="cards">${found.anchors.map(anchor)}</ul>` : html`<p class="empty">${t("record.anchors_none")}</p>`}
      <h2>${t("record.seals")}</h2>
      ${listing<Seal>({
        label: t("record.seals"),
        rows: seals,
        isWhole: true,
        key: (seal) => String(seal.number),
        columns: [
          { title: t("record.seal_number"), name: "number", isHeader: true, cell: (seal) => number(seal.number) },
          { title: t("record.time"), name: "since", cell: (seal) => moment(seal.time) },
          { title: t("record.seal_event"), name: "number", cell: (seal) => (seal.seq > 0 ? html`<a href=${href("record", "event", String(seal.seq))}>${number(seal.seq)}</a>` : "0") },
          { title: t("record.seal_hash"), name: "soft wide", cell: (seal) => html`<code>${seal.head}</code>` },
        ],
        empty: t("record.none_sealed"),
        footer: html`${this.error === null ? nothing : html`<p class="trouble" role="alert">${problemWords(this.error)}</p>`}
        ${isAll ? nothing : html`<p class="beyond"><button type="button" class="quiet" data-older @click=${() => void this.more(seals)}>${t("list.more")}</button></p>`}`,
      })}`;
  }

  private async more(shown: readonly Seal[]): Promise<void> {
    const before = shown.at(-1)?.number;
    if (before === undefined) return;
    try {
      const { seals } = await call("get", "/api/v1/audit/seals", { query: { limit: PAGE, before } });
      this.older = [...this.older, ...seals.filter((seal) => seal.number < before && !this.older.some((one) => one.number === seal.number))];
      this.isAtEnd = seals.length < PAGE;
      this.error = null;
    } catch (error) {
      this.error = error;
    }
  }
}

function anchor(one: Anchor): TemplateResult {
  const words = one.agrees === null ? t("record.anchor_unseen") : t(one.agrees ? "record.anchor_agrees" : "record.anchor_differs");
  return html`<li class="card" data-anchor>
    <p class="toned">${toneSymbol(one.agrees === null ? "plain" : one.agrees ? "good" : "bad")}<code>${one.address}</code></p>
    <p>${words}${one.seal === null ? nothing : html` · ${t("record.seal_number")} ${number(one.seal)}`}</p>
    ${one.cause ? html`<p lang="en" class="soft">${one.cause}</p>` : nothing}
  </li>`;
}

customElements.define("desk-record-seals", RecordSeals);
