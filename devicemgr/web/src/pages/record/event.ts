// One event with all that is recorded of it.
import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { call } from "../../api/client";
import type { Event } from "../../api/types";
import { StoreElement } from "../../base/element";
import { moment } from "../../base/dates";
import { t } from "../../base/i18n";
import { href } from "../../base/router";
import { store } from "../../live/store";
import { toneOf } from "../../live/rows";
import { toneSymbol } from "../../parts/symbols";
import { directionWords, kindWords, problemWords, reasonWords, scoreWords } from "../../parts/words";
import { facts, type Fact } from "./facts";

class RecordEvent extends StoreElement {
  static override properties = { seq: { attribute: false }, found: { state: true }, error: { state: true } };
  declare seq: number;
  declare found: Event | null | undefined;
  declare error: unknown;

  constructor() {
    super();
    this.seq = 0;
    this.error = null;
  }

  override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("seq")) void this.load();
  }

  override render(): TemplateResult {
    const { found, seq } = this;
    return html`<nav class="steps" aria-label=${t("record.list")}>
        ${seq > 1 ? html`<a class="button" href=${href("record", "event", String(seq - 1))} data-previous>${t("record.previous")}</a>` : nothing}
        <a class="button" href=${href("record", "event", String(seq + 1))} data-next>${t("record.next")}</a>
      </nav>
      ${this.error !== null ? html`<p class="trouble" role="alert">${problemWords(this.error)}</p>` : nothing}
      ${found ? this.shown(found) : html`<p class="empty">${found === null ? t("record.not_there") : t("page.loading")}</p>`}`;
  }

  private shown(event: Event): TemplateResult {
    const tone = toneOf(event.kind);
    const who = event.person === null ? "" : [event.person, event.person_name].filter(Boolean).join(" · ");
    const rows: Fact[] = [
      [t("record.time"), moment(event.time)],
      [t("record.place"), [event.portal, event.device, directionWords(event.direction)].filter(Boolean).join(" · ")],
      [t("record.reason"), reasonWords(event.reason)],
      [t("record.person"), who && store.may("GET /people") ? html`<a href=${href("people", event.person ?? "")}>${who}</a>` : who],
      [t("record.actor"), event.actor ?? ""],
      [t("record.request"), event.request ?? ""],
    ];
    return html`<article class="card event" data-event=${event.seq}>
      <h2 class="toned">${toneSymbol(tone)}<span>${kindWords(event)}</span></h2>
      <p class="soft">${t("record.event", { seq: event.seq })} · ${event.kind}</p>
      ${list(rows.filter(([, value]) => value !== ""))}
      ${part(t("record.detail"), facts(event.detail))}
      ${part(t("record.evidence"), event.evidence ? [...(scoreWords(event) ? [[t("record.evidence"), scoreWords(event)] as Fact] : []), ...facts(event.evidence)] : [])}
      ${part(t("record.latency"), event.latency_ms ? facts(event.latency_ms) : [])}
      <details>
        <summary>${t("record.raw")}</summary>
        <pre tabindex="0">${JSON.stringify(event, null, 2)}</pre>
      </details>
    </article>`;
  }

  private async load(): Promise<void> {
    const { seq } = this;
    this.found = undefined;
    this.error = null;
    try {
      const [found] = await call("get", "/api/v1/events", { query: { after: seq - 1, before: seq + 1, limit: 1 } });
      if (seq === this.seq) this.found = found ?? null;
    } catch (error) {
      if (seq === this.seq) this.error = error;
    }
  }
}

function part(title: string, rows: readonly Fact[]): TemplateResult | typeof nothing {
  return rows.length > 0 ? html`<h3>${title}</h3>${list(rows)}` : nothing;
}

function list(rows: readonly Fact[]): TemplateResult {
  return html`<dl class="facts">${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}

customElements.define("desk-record-event", RecordEvent);
