// One person: who they are, what they may, what they show at an entrance, and what happened last.
import { html, nothing, type TemplateResult } from "lit";
import { Problem, call, type Answer } from "../../api/client";
import { StoreElement } from "../../base/element";
import { clock, day, moment } from "../../base/dates";
import { t } from "../../base/i18n";
import { Loaded } from "../../base/loaded";
import { href } from "../../base/router";
import { store } from "../../live/store";
import { toneOf } from "../../live/rows";
import { toneSymbol } from "../../parts/symbols";
import { directionWords, kindWords, reasonWords } from "../../parts/words";
import { setSuspended, stateWords } from "./list";
import { stateOf } from "./find/roster";
import "./person/cards";
import "./person/details";
import "./person/erase";
import "./person/face";
import "./person/levels";
import "./person/pin";

export type Person = Answer<"/api/v1/people/{badge}", "get">;

const EVENTS = 20;

class PersonCard extends StoreElement {
  static override properties = { badge: { attribute: false } };
  declare badge: string;
  private shown = "";
  private newest = 0;
  private readonly person = new Loaded(this, () => call("get", "/api/v1/people/{badge}", { path: { badge: this.badge } }));
  private readonly events = new Loaded(this, () => call("get", "/api/v1/events", { query: { person: this.badge, limit: EVENTS } }), false);

  constructor() {
    super();
    this.badge = "";
  }

  override updated(): void {
    if (this.shown !== this.badge) {
      const isFirst = this.shown === "";
      this.shown = this.badge;
      this.newest = 0;
      if (!isFirst) {
        this.person.value = undefined;
        this.events.value = undefined;
        void this.person.reload();
        void this.events.reload();
      }
    }
    this.followEvents();
  }

  /** Read this person's events again when the stream has brought another one. */
  private followEvents(): void {
    const newest = store.rows.find((event) => event.person === this.badge)?.seq ?? 0;
    if (newest <= this.newest) return;
    const isFirst = this.newest === 0;
    this.newest = newest;
    if (!isFirst || (this.events.value !== undefined && this.events.value.every((event) => event.seq < newest))) void this.events.reload();
  }

  override render(): TemplateResult {
    const person = this.person.value;
    const isGone = this.person.error instanceof Problem && this.person.error.status === 404;
    if (isGone) return html`<p class="empty" role="status">${t("person.gone", { badge: this.badge })} <a href=${href("people")}>${t("person.to_list")}</a></p>`;
    if (!person) return html`${this.person.notice()}`;
    return html`${this.header(person)} ${this.person.notice()}
      <div class="parts">
        <desk-person-details .person=${person} @changed=${this.changed}></desk-person-details>
        <desk-person-levels .person=${person} @changed=${this.changed}></desk-person-levels>
        <desk-person-cards .person=${person} @changed=${this.changed}></desk-person-cards>
        <desk-person-pin .person=${person} @changed=${this.changed}></desk-person-pin>
        <desk-person-consent .person=${person} @changed=${this.changed}></desk-person-consent>
        ${this.happened()}
        <desk-person-data .person=${person}></desk-person-data>
      </div>`;
  }

  private readonly changed = (): void => {
    void this.person.reload();
    void this.events.reload();
  };

  private header(person: Person): TemplateResult {
    const now = Date.now() - store.clockOff;
    const may = store.may(person.suspended ? "POST /people/{badge}/resume" : "POST /people/{badge}/suspend");
    return html`<header class="head">
      <a class="back" href=${href("people")}>${t("person.to_list")}</a>
      <h2>${person.name}</h2>
      <p class="ids"><span class="badge">${t("live.badge", { badge: person.badge })}</span> ${stateWords(stateOf(person, now))}</p>
      <div class="acts">
        ${may ? html`<button type="button" data-suspend ?disabled=${store.link !== "live"} @click=${() => void this.suspend(person)}>${t(person.suspended ? "people.resume" : "people.suspend")}</button>` : nothing}
      </div>
      ${person.source ? html`<p class="kept">${t("person.kept_by", { source: person.source })}</p>` : nothing}
    </header>`;
  }

  private async suspend(person: Person): Promise<void> {
    if (await setSuspended(person)) this.changed();
  }

  private happened(): TemplateResult {
    const events = [...(this.events.value ?? [])].reverse();
    return html`<section class="part happened" aria-labelledby="happened-title">
      <h3 id="happened-title">${t("person.events")}</h3>
      ${this.events.notice()}
      ${events.length > 0
        ? html`<ol class="lines">
            ${events.map(
              (event) => html`<li data-event=${event.seq}>
                <time title=${moment(event.time)}>${day(event.time)} ${clock(event.time)}</time>${toneSymbol(toneOf(event.kind))}
                <span>${kindWords(event)}${event.reason ? html` <em>${reasonWords(event.reason)}</em>` : nothing}</span>
                <span class="soft">${[event.portal ?? event.device, directionWords(event.direction)].filter(Boolean).join(" · ")}</span>
              </li>`,
            )}
          </ol>`
        : this.events.value ? html`<p class="none">${t("person.no_events")}</p>` : nothing}
    </section>`;
  }
}

customElements.define("desk-person", PersonCard);
