// The days of a calendar as rows: date, kind, hours of a short day, name.
import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { DeskElement } from "../../../base/element";
import { named, t } from "../../../base/i18n";
import { choices } from "../editing/words";

export type Kind = "holiday" | "short-day" | "working";

export interface Day {
  date: string;
  kind: Kind;
  hours: string | null;
  name: string;
}

const KINDS: readonly Kind[] = ["holiday", "short-day", "working"];
const HOURS = /^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$/;

/** Return what is wrong with the days; a date stands there once. */
export function daysError(days: readonly Day[]): string | undefined {
  if (days.some((day) => !/^\d{4}-\d\d-\d\d$/.test(day.date))) return t("site.day_date");
  const twice = days.find((day, at) => days.findIndex((other) => other.date === day.date) !== at);
  if (twice) return t("site.day_twice", { date: twice.date });
  const wrong = days.find((day) => day.kind === "short-day" && !HOURS.test(day.hours ?? ""));
  return wrong ? t("site.day_hours", { date: wrong.date }) : undefined;
}

/** Return a day as the daemon writes it: `2026-12-31 short-day 09:00-16:00 Name`. */
export function parsedDay(text: string): Day {
  const [date = "", kind = "holiday", ...rest] = text.split(" ");
  const isShort = kind === "short-day";
  return { date, kind: kind as Kind, hours: isShort ? (rest[0] ?? null) : null, name: rest.slice(isShort ? 1 : 0).join(" ") };
}

export function sortedDays(days: readonly Day[]): Day[] {
  return [...days].sort((a, b) => a.date.localeCompare(b.date));
}

class Days extends DeskElement {
  static override properties = { days: { attribute: false }, isDisabled: { attribute: false }, error: {} };
  declare days: readonly Day[];
  declare isDisabled: boolean;
  declare error: string | undefined;

  constructor() {
    super();
    this.days = [];
    this.isDisabled = false;
  }

  override render(): TemplateResult {
    return html`<fieldset class="field days" data-days=${this.days.length}>
      <legend>${t("site_field.days")}</legend>
      ${this.error ? html`<small class="error" role="alert">${this.error}</small>` : nothing}
      <ul class="day-rows">
        ${repeat(this.days, (_, at) => at, (day, at) => this.row(day, at))}
      </ul>
      ${this.days.length === 0 ? html`<p class="hint">${t("site.no_days")}</p>` : nothing}
      ${this.isDisabled ? nothing : html`<p><button type="button" class="quiet" data-add-day @click=${() => this.add()}>${t("site.add_day")}</button></p>`}
    </fieldset>`;
  }

  private row(day: Day, at: number): TemplateResult {
    const { isDisabled } = this;
    const text = (event: Event): string => (event.target as HTMLInputElement).value;
    return html`<li>
      <input type="date" aria-label=${t("site.date")} ?disabled=${isDisabled} aria-invalid=${this.error && day.date === "" ? "true" : nothing} .value=${day.date} @change=${(event: Event) => this.edit(at, { date: text(event) })} />
      <select aria-label=${t("site.day_kind")} ?disabled=${isDisabled} @change=${(event: Event) => this.edit(at, { kind: text(event) as Kind })}>
        ${choices(KINDS, (one) => named("site_day", one)).map(([value, words]) => html`<option value=${value} ?selected=${value === day.kind}>${words}</option>`)}
      </select>
      ${day.kind === "short-day" ? html`<input class="hours" aria-label=${t("site.hours")} placeholder="09:00-16:00" maxlength="11" ?disabled=${isDisabled} aria-invalid=${this.error && !HOURS.test(day.hours ?? "") ? "true" : nothing} .value=${day.hours ?? ""} @input=${(event: Event) => this.edit(at, { hours: text(event) })} />` : nothing}
      <input class="name" aria-label=${t("site.name")} placeholder=${t("site.name")} maxlength="60" ?disabled=${isDisabled} .value=${day.name} @input=${(event: Event) => this.edit(at, { name: text(event) })} />
      ${isDisabled ? nothing : html`<button type="button" class="quiet" data-drop-day aria-label=${t("site.take_out", { name: day.date })} @click=${() => this.set(this.days.filter((_, other) => other !== at))}>×</button>`}
    </li>`;
  }

  private add(): void {
    this.set([...this.days, { date: "", kind: "holiday", hours: null, name: "" }]);
    void this.updateComplete.then(() => this.querySelector<HTMLElement>("li:last-child input")?.focus());
  }

  private edit(at: number, change: Partial<Day>): void {
    this.set(this.days.map((day, other) => (other === at ? fitting({ ...day, ...change }) : day)));
  }

  private set(days: Day[]): void {
    this.days = days;
    this.dispatchEvent(new CustomEvent<Day[]>("days", { detail: days }));
  }
}

/** Only a short day has hours. */
function fitting(day: Day): Day {
  return day.kind === "short-day" ? { ...day, hours: day.hours ?? "09:00-16:00" } : { ...day, hours: null };
}

customElements.define("desk-days", Days);
