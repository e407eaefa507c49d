// One alarm: how it stands, who has taken note of it, and its history; also of one that is over.
import { html, nothing, type TemplateResult } from "lit";
import type { AlarmState } from "../../api/types";
import { clock, day, moment } from "../../base/dates";
import { StoreElement } from "../../base/element";
import { counted, named, number, t } from "../../base/i18n";
import { href } from "../../base/router";
import { store } from "../../live/store";
import { actorWords, alarmWords } from "../../parts/words";
import { askToAcknowledge } from "./acknowledge";
import { causeWords, prioritySymbol, subjectWords } from "./alarm";

class AlarmDetail extends StoreElement {
  static override properties = { alarm: { attribute: false } };
  declare alarm: string;

  override render(): TemplateResult {
    const found = store.states.alarms[this.alarm];
    return html`<article class="card" data-alarm=${this.alarm}>
      <p><a href=${href("alarms")} data-back>${t("alarms.back")}</a></p>
      ${found ? this.present(found) : this.past()}
      ${store.may("GET /alarms/history")
        ? html`<h3>${t("alarms.history_of_one")}</h3>
            <desk-alarm-history .alarm=${this.alarm}></desk-alarm-history>`
        : nothing}
    </article>`;
  }

  private past(): TemplateResult {
    const [kind, ...subject] = this.alarm.split(":");
    return html`<h2>${named("kind", kind ?? "")}: ${subject.join(":")}</h2>
      <p>${store.hasStates ? t("alarms.not_listed") : t("live.waiting")}</p>`;
  }

  private present(alarm: AlarmState): TemplateResult {
    const taken = alarm.acknowledged;
    const time = (at: string): TemplateResult => html`<time title=${moment(at)}>${day(at)} ${clock(at)}</time>`;
    return html`<h2>${prioritySymbol(alarm.priority)} ${alarmWords(alarm)}</h2>
      <dl class="facts">
        <dt>${t("alarms.state")}</dt>
        <dd>${t(`alarm_state.${alarm.state}`)}${alarm.escalated ? html` · <span class="escalated">${t("alarms.escalated")}</span>` : nothing}</dd>
        <dt>${t("alarms.priority_of")}</dt>
        <dd>${number(alarm.priority)}</dd>
        <dt>${t("alarms.subject")}</dt>
        <dd>${subjectWords(alarm)}${alarm.device && alarm.device !== alarm.subject ? html` · ${alarm.device}` : nothing}</dd>
        <dt>${t("alarms.since")}</dt>
        <dd>${time(alarm.since)} · ${counted("alarms.times", alarm.count)}</dd>
        ${alarm.cause ? html`<dt>${t("alarms.cause")}</dt><dd>${causeWords(alarm)}</dd>` : nothing}
        ${taken ? html`<dt>${t("alarms.acknowledged")}</dt><dd>${actorWords(taken.by)} · ${time(taken.at)}${taken.comment ? html`<br />${taken.comment}` : nothing}</dd>` : nothing}
      </dl>
      ${taken === null && store.may("POST /alarms/{alarm}/acknowledge")
        ? html`<button type="button" class="main" data-acknowledge ?disabled=${store.link !== "live"} @click=${() => askToAcknowledge(alarm.id)}>${t("alarms.acknowledge")}</button>`
        : nothing}`;
  }
}

customElements.define("desk-alarm", AlarmDetail);
