// Name, validity and what else is kept of a person; a form to change it sends only what was changed.
import { html, nothing, type TemplateResult } from "lit";
import { call, type Answer } from "../../../api/client";
import { date, moment } from "../../../base/dates";
import { named, t } from "../../../base/i18n";
import { store } from "../../../live/store";
import { textField, type TextField } from "../../../parts/fields";
import { problemWords } from "../../../parts/words";
import { cardOf } from "../addresses";
import { fieldError } from "../changes";
import type { Person } from "../person";
import { written } from "../times";
import { PersonPart } from "./part";

const TEXTS = ["department", "employee_id", "email", "phone", "note", "host"] as const;
type Name = "name" | "valid_from" | "valid_to" | (typeof TEXTS)[number];
type Departments = Answer<"/api/v1/departments", "get">;

class PersonDetails extends PersonPart {
  static override properties = { ...PersonPart.properties, values: { state: true }, error: { state: true }, departments: { state: true } };
  /** What is written in the form; null while it is closed. */
  declare values: Partial<Record<Name, string>> | null;
  declare error: unknown;
  declare departments: Departments;

  constructor() {
    super();
    this.values = null;
    this.error = null;
    this.departments = [];
  }

  override render(): TemplateResult {
    return html`<section class="part details" aria-labelledby="details-title">
      <h3 id="details-title">${t("person.details")}</h3>
      ${this.values ? this.form(this.values) : this.facts()}
    </section>`;
  }

  private facts(): TemplateResult {
    const { person } = this;
    return html`<dl class="facts">
        <dt>${t("person.valid")}</dt>
        <dd>${validityWords(person)}</dd>
        <dt>${t("person.kind")}</dt>
        <dd>${named("person_kind", person.kind)}</dd>
        ${TEXTS.filter((name) => person[name] !== null).map((name) => html`<dt>${t(`person.${name}`)}</dt><dd>${name === "host" ? html`<a href=${cardOf(person[name] ?? "")}>${person[name]}</a>` : person[name]}</dd>`)}
        ${person.escort ? html`<dt>${t("person.escort")}</dt><dd>${t("person.escort_needed")}</dd>` : nothing}
        <dt>${t("person.created")}</dt>
        <dd><time title=${moment(person.created)}>${date(person.created)}</time></dd>
      </dl>
      ${store.may("PATCH /people/{badge}") ? html`<button type="button" data-edit ?disabled=${this.isOff} @click=${this.open}>${t("person.edit")}</button>` : nothing}`;
  }

  private readonly open = async (): Promise<void> => {
    this.values = {};
    this.error = null;
    await this.updateComplete;
    this.querySelector<HTMLElement>("input[name=name]")?.focus();
    this.departments = await call("get", "/api/v1/departments").catch(() => []);
  };

  private form(values: Partial<Record<Name, string>>): TemplateResult {
    return html`<form @submit=${(event: SubmitEvent) => void this.save(event, values)}>
      ${this.field("name", { isRequired: true, max: 200 })}
      <div class="pair">${this.time("valid_from")} ${this.time("valid_to")}</div>
      ${this.field("department", { offered: this.departments.map((one) => one.name) })}
      <div class="pair">${this.field("employee_id", { max: 64 })} ${this.field("host", { hint: t("person.host_hint") })}</div>
      <div class="pair">${this.field("email", { max: 254 })} ${this.field("phone", { max: 40 })}</div>
      ${this.field("note", { max: 1000 })}
      ${this.error === null ? nothing : html`<p class="error" role="alert">${problemWords(this.error)}</p>`}
      <div class="acts">
        <button type="submit" class="main" data-save ?disabled=${this.isOff}>${t("person.save")}</button>
        <button type="button" class="quiet" @click=${this.close}>${t("action.cancel")}</button>
      </div>
    </form>`;
  }

  private field(name: Name, more: Partial<TextField>): TemplateResult {
    return textField({
      name,
      label: t(`person.${name}`),
      value: this.values?.[name] ?? this.stored(name),
      error: fieldError(this.error, name),
      change: (value) => (this.values = { ...this.values, [name]: value }),
      ...more,
    });
  }

  private time(name: "valid_from" | "valid_to"): TemplateResult {
    return this.field(name, { type: written(this.person[name], name === "valid_to").type });
  }

  private stored(name: Name): string {
    return name === "valid_from" || name === "valid_to" ? written(this.person[name], name === "valid_to").value : (this.person[name] ?? "");
  }

  private readonly close = (): void => {
    this.values = null;
    void this.updateComplete.then(() => this.querySelector<HTMLElement>("[data-edit]")?.focus());
  };

  private async save(event: SubmitEvent, values: Partial<Record<Name, string>>): Promise<void> {
    event.preventDefault();
    const changed = Object.entries(values).filter(([name, value]) => value.trim() !== this.stored(name as Name));
    if (changed.length === 0) {
      this.close();
      return;
    }
    if (this.isBusy) return;
    this.error = null;
    const body = Object.fromEntries(changed.map(([name, value]) => [name, value.trim()]));
    const made = await this.change(
      () => call("patch", "/api/v1/people/{badge}", { path: this.path }, body).catch((error: unknown) => this.refused(error)),
      () => t("person.saved"),
    );
    if (made) this.close();
  }

  private refused(error: unknown): never {
    this.error = error;
    throw error;
  }
}

function validityWords(person: Person): string {
  const from = person.valid_from ? t("person.from_day", { day: shown(person.valid_from, false) }) : "";
  const to = person.valid_to ? t("person.to_day", { day: shown(person.valid_to, true) }) : "";
  return [from, to].filter(Boolean).join(" ") || t("person.without_end");
}

/** Return a day, or a moment where it has a time; the last day of an end is included. */
export function shown(time: string, isEnd: boolean): string {
  const { type } = written(time, isEnd);
  return type === "date" ? date(Date.parse(time) - (isEnd ? 1 : 0)) : moment(time);
}

customElements.define("desk-person-details", PersonDetails);
