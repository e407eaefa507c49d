// What is wrong: alarms by priority, then age; each is acknowledged, and each has a history.
import { html, nothing, type TemplateResult } from "lit";
import type { AlarmState } from "../../api/types";
import { clock, day, moment } from "../../base/dates";
import { StoreElement } from "../../base/element";
import { counted, number, t } from "../../base/i18n";
import { go, href } from "../../base/router";
import { ordered, waiting } from "../../bell/waiting";
import { store } from "../../live/store";
import { listing, type Column } from "../../parts/listing";
import { tabs } from "../../parts/tabs";
import { actorWords, alarmWords } from "../../parts/words";
import { askToAcknowledge } from "./acknowledge";
import { causeWords, prioritySymbol, subjectWords } from "./alarm";
import "./detail";
import "./history";

const HISTORY = "history";

class Alarms extends StoreElement {
  static override properties = { rest: { attribute: false } };
  declare rest: readonly string[];

  override render(): TemplateResult {
    const [part] = this.rest;
    const { alarms } = store.states;
    const mayLookBack = store.may("GET /alarms/history");
    const rows = ordered(alarms);
    const calls = waiting(alarms).length;
    const isOne = part !== undefined && part !== HISTORY;
    return html`<section class="page alarms ${store.isStale ? "stale" : ""}">
      ${mayLookBack
        ? tabs(
            [
              { name: "now", words: t("alarms.now"), href: href("alarms") },
              { name: HISTORY, words: t("alarms.history"), href: href("alarms", HISTORY) },
            ],
            part === undefined ? "now" : part,
            t("page.alarms"),
          )
        : nothing}
      ${part === HISTORY && mayLookBack
        ? html`<desk-alarm-history></desk-alarm-history>`
        : isOne
          ? html`<desk-alarm .alarm=${part}></desk-alarm>`
          : html`<p class="summary">${store.hasStates ? (calls > 0 ? counted("alarms.waiting", calls) : rows.length > 0 ? t("alarms.all_acknowledged") : nothing) : t("live.waiting")}</p>
              ${store.hasStates ? this.list(rows) : nothing}`}
      <desk-acknowledge></desk-acknowledge>
    </section>`;
  }

  private list(rows: readonly AlarmState[]): TemplateResult {
    const columns: Column<AlarmState>[] = [
      { title: t("alarms.alarm"), cell: alarmCell, isHeader: true, name: "alarm" },
      { title: t("alarms.subject"), cell: subjectWords, name: "subject" },
      { title: t("alarms.since"), cell: sinceCell, name: "since" },
      { title: t("alarms.state"), cell: stateCell, name: "state" },
      { title: t("alarms.cause"), cell: causeWords, name: "cause" },
    ];
    if (store.may("POST /alarms/{alarm}/acknowledge")) columns.push({ title: t("alarms.action"), cell: actionCell, name: "action" });
    return listing({
      label: t("page.alarms"),
      rows,
      columns,
      key: (alarm) => alarm.id,
      tone: (alarm) => (alarm.acknowledged !== null ? "" : alarm.priority <= 2 ? "bad" : alarm.priority <= 4 ? "warn" : ""),
      open: (alarm) => go(href("alarms", alarm.id)),
      empty: t("alarms.none"),
    });
  }
}

function alarmCell(alarm: AlarmState): TemplateResult {
  return html`${prioritySymbol(alarm.priority)}<a href=${href("alarms", alarm.id)}>${alarmWords(alarm, false)}</a>
    <small>${t("alarms.priority", { priority: number(alarm.priority) })}${alarm.count > 1 ? ` · ${counted("alarms.times", alarm.count)}` : ""}</small>`;
}

function sinceCell(alarm: AlarmState): TemplateResult {
  return html`<time title=${moment(alarm.since)}>${day(alarm.since)} ${clock(alarm.since)}</time>`;
}

function stateCell(alarm: AlarmState): TemplateResult {
  const taken = alarm.acknowledged;
  return html`${t(`alarm_state.${alarm.state}`)}
    ${taken ? html`<small>${t("alarms.by", { who: actorWords(taken.by), time: clock(taken.at) })}</small>` : alarm.escalated ? html`<small class="escalated">${t("alarms.escalated")}</small>` : nothing}`;
}

function actionCell(alarm: AlarmState): TemplateResult | typeof nothing {
  if (alarm.acknowledged !== null) return nothing;
  return html`<button type="button" data-acknowledge ?disabled=${store.link !== "live"} aria-label=${`${t("alarms.acknowledge")} ${alarmWords(alarm)}`} @click=${() => askToAcknowledge(alarm.id)}>${t("alarms.acknowledge")}</button>`;
}

customElements.define("desk-alarms", Alarms);
