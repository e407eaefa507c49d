// What was wrong: beginnings, acknowledgments, escalations and ends, newest first; of all alarms or of one.
import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { call } from "../../api/client";
import type { Event } from "../../api/types";
import { clock, day, moment } from "../../base/dates";
import { StoreElement } from "../../base/element";
import { named, t } from "../../base/i18n";
import { Loaded } from "../../base/loaded";
import { href } from "../../base/router";
import { store } from "../../live/store";
import { listing } from "../../parts/listing";
import { toneSymbol } from "../../parts/symbols";
import { toneOf } from "../../live/rows";
import { actorWords, kindWords, whoWords } from "../../parts/words";

const MOST = 1000;

class AlarmHistory extends StoreElement {
  static override properties = { alarm: { attribute: false } };
  /** The id of one alarm; empty for all. */
  declare alarm: string;
  private readonly events = new Loaded(this, () => call("get", "/api/v1/alarms/history", { query: { limit: MOST, alarm: this.alarm || undefined } }), false);
  private alarms = store.states.alarms;

  constructor() {
    super();
    this.alarm = "";
  }

  override willUpdate(changed: PropertyValues): void {
    const isOther = changed.has("alarm") && changed.get("alarm") !== undefined && changed.get("alarm") !== this.alarm;
    if (!isOther && this.alarms === store.states.alarms) return;
    this.alarms = store.states.alarms;
    void this.events.reload();
  }

  override render(): TemplateResult {
    const found = this.events.value;
    return html`${this.events.notice()}
    ${found
      ? listing({
          label: t("alarms.history"),
          rows: [...found].reverse(),
          key: (event) => String(event.seq),
          columns: [
            { title: t("alarms.time"), cell: timeCell, name: "since" },
            { title: t("alarms.event"), cell: eventCell, isHeader: true },
            { title: t("alarms.subject"), cell: (event) => event.portal ?? event.device ?? detail(event, "subject") },
            { title: t("alarms.who"), cell: whoCell },
            { title: t("alarms.said"), cell: (event) => detail(event, "comment") || detail(event, "cause"), name: "cause" },
          ],
          empty: t("alarms.no_history"),
        })
      : nothing}`;
  }
}

function timeCell(event: Event): TemplateResult {
  return html`<time title=${moment(event.time)}>${day(event.time)} ${clock(event.time)}</time>`;
}

function eventCell(event: Event): TemplateResult {
  const about = detail(event, "alarm");
  return html`${toneSymbol(toneOf(event.kind))} ${kindWords(event)}${about ? html`: ${named("kind", about)}` : nothing}`;
}

function whoCell(event: Event): TemplateResult {
  const who = event.actor ? actorWords(event.actor) : whoWords(event);
  const mayAsk = event.request !== null && store.may("GET /access/why/{event}");
  return html`${who} ${mayAsk ? html`<a href=${href("why", String(event.seq))}>${t("why.link")}</a>` : nothing}`;
}

function detail(event: Event, name: string): string {
  const found = (event.detail as Record<string, unknown> | null | undefined)?.[name];
  return typeof found === "string" ? found : "";
}

customElements.define("desk-alarm-history", AlarmHistory);
