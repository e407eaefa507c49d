// The file that a calendar follows: how old what was read is, and reading it now.
import { html, nothing, type TemplateResult } from "lit";
import { call, type Answer } from "../../../api/client";
import { moment } from "../../../base/dates";
import { StoreElement } from "../../../base/element";
import { t } from "../../../base/i18n";
import { store } from "../../../live/store";
import { say } from "../../../parts/status";
import { hoursView } from "../apply/changes";
import { causeWords } from "../editing/words";

type Calendar = Answer<"/api/v1/calendars", "get">[number];
export type Feed = NonNullable<Calendar["feed"]>;
type Reading = Answer<"/api/v1/calendars/{name}/refresh", "post">;

const HOUR_MS = 3_600_000;
const TIMEOUT_MS = 60_000;

/** Return how long ago a file was read, in words. */
export function ageWords(feed: Feed): string {
  if (feed.read_at === null) return t("site.never_read");
  const hours = Math.floor((Date.now() - store.clockOff - Date.parse(feed.read_at)) / HOUR_MS);
  return hours < 1 ? t("site.read_now") : hours < 48 ? t("site.read_hours", { count: hours }) : t("site.read_days", { count: Math.floor(hours / 24) });
}

class CalendarFeed extends StoreElement {
  static override properties = { name: {}, feed: { attribute: false }, reading: { state: true }, error: { state: true }, isBusy: { state: true } };
  declare name: string;
  declare feed: Feed;
  declare reading: Reading | null;
  declare error: unknown;
  declare isBusy: boolean;

  constructor() {
    super();
    this.reading = null;
    this.error = null;
    this.isBusy = false;
  }

  override render(): TemplateResult {
    const { feed, reading } = this;
    const isOff = this.isBusy || store.link === "away";
    return html`<section class="feed" aria-label=${t("site.feed")}>
      <p>${ageWords(feed)}${feed.read_at ? html` <small>${moment(feed.read_at)}</small>` : nothing}</p>
      ${feed.failure ? html`<p class="outcome unknown">${feed.failure}</p>` : nothing}
      ${feed.is_held ? html`<p class="outcome unknown" data-held>${t("site.feed_held")}</p>` : nothing}
      ${feed.left_out.length > 0 ? html`<details><summary>${t("site.left_out")}</summary><ul>${feed.left_out.map((one) => html`<li>${one}</li>`)}</ul></details>` : nothing}
      ${store.may("POST /calendars/{name}/refresh") ? html`<button type="button" class="quiet" data-read ?disabled=${isOff} @click=${() => void this.look()}>${t("site.read_feed")}</button>` : nothing}
      ${this.error !== null ? html`<p class="outcome refused" role="alert">${causeWords(this.error)}</p>` : nothing}
      ${reading ? this.found(reading, isOff) : nothing}
    </section>`;
  }

  private found(reading: Reading, isOff: boolean): TemplateResult {
    const days = (sign: string, all: readonly string[]): TemplateResult[] => all.map((day) => (sign === "+" ? html`<li><ins>+ ${day}</ins></li>` : html`<li><del>− ${day}</del></li>`));
    const isSame = reading.gained.length + reading.lost.length === 0;
    return html`<div role="status">
      ${isSame ? html`<p>${t("site.feed_same")}</p>` : html`<ul class="fields">${days("+", reading.gained)}${days("-", reading.lost)}</ul>${hoursView(reading.hours)}`}
      ${reading.held ? html`<p class="outcome unknown">${reading.held}</p>` : nothing}
      <button type="button" data-take ?disabled=${isOff} @click=${() => void this.take(reading)}>${t("site.take_days")}</button>
    </div>`;
  }

  private async look(): Promise<void> {
    await this.during(async () => {
      this.reading = await call("post", "/api/v1/calendars/{name}/refresh", { path: { name: this.name }, timeoutMs: TIMEOUT_MS }, { plan: true });
    });
  }

  private async take(reading: Reading): Promise<void> {
    await this.during(async () => {
      await call("post", "/api/v1/calendars/{name}/refresh", { path: { name: this.name }, timeoutMs: TIMEOUT_MS }, { plan: false, accept: reading.digest });
      say(t("site.saved"));
      this.reading = null;
      this.dispatchEvent(new CustomEvent("taken", { bubbles: true }));
    });
  }

  private async during(work: () => Promise<void>): Promise<void> {
    this.isBusy = true;
    this.error = null;
    try {
      await work();
    } catch (error) {
      this.error = error;
    }
    this.isBusy = false;
  }
}

customElements.define("desk-calendar-feed", CalendarFeed);
