// What a person may: levels of their own, with days and uses, and those of their department.
import { html, nothing, type TemplateResult } from "lit";
import { call } from "../../../api/client";
import { number, t } from "../../../base/i18n";
import { Loaded } from "../../../base/loaded";
import { store } from "../../../live/store";
import { confirmed } from "../../../parts/confirm";
import { selectField, textField } from "../../../parts/fields";
import type { Person } from "../person";
import { shown } from "./details";
import { PersonPart } from "./part";

const EMPTY = { level: "", valid_from: "", valid_to: "", uses: "" };
type Grant = Person["grants"][number];

class PersonLevels extends PersonPart {
  static override properties = { ...PersonPart.properties, values: { state: true } };
  declare values: typeof EMPTY;
  private readonly levels = new Loaded(this, () => call("get", "/api/v1/levels"));

  constructor() {
    super();
    this.values = EMPTY;
  }

  override render(): TemplateResult {
    const { person } = this;
    const limited = new Map(person.grants.map((grant) => [grant.level, grant]));
    const over = person.grants.filter((grant) => !person.levels.includes(grant.level));
    const rows = [...person.levels.map((level) => this.row(level, limited.get(level))), ...over.map((grant) => this.row(grant.level, grant))];
    return html`<section class="part levels" aria-labelledby="levels-title">
      <h3 id="levels-title">${t("person.levels")}</h3>
      ${rows.length + person.department_levels.length > 0
        ? html`<ul class="lines">
            ${rows}
            ${person.department_levels.map((level) => html`<li data-level=${level}><strong>${level}</strong><span class="soft">${t("person.by_department", { department: person.department ?? "" })}</span></li>`)}
          </ul>`
        : html`<p class="none">${t("person.no_levels")}</p>`}
      ${store.may("PUT /people/{badge}/levels/{level}") ? this.form() : nothing}
    </section>`;
  }

  private row(level: string, grant: Grant | undefined): TemplateResult {
    const may = store.may("DELETE /people/{badge}/levels/{level}");
    return html`<li data-level=${level}>
      <strong>${level}</strong>
      <span class="soft">${grant ? limits(grant) : t("person.for_good")}</span>
      ${may ? html`<button type="button" class="quiet" data-revoke ?disabled=${this.isOff} aria-label="${t("person.revoke")}: ${level}" @click=${() => void this.revoke(level)}>${t("person.revoke")}</button>` : nothing}
    </li>`;
  }

  private form(): TemplateResult {
    const held = new Set(this.person.levels);
    const names = (this.levels.value ?? []).map((level) => level.name).sort((a, b) => Number(held.has(a)) - Number(held.has(b)) || a.localeCompare(b));
    const { values } = this;
    const set = (name: keyof typeof EMPTY) => (value: string) => (this.values = { ...this.values, [name]: value });
    return html`<details class="adds">
      <summary data-grant-open>${t("person.grant")}</summary>
      ${this.levels.notice()}
      <form @submit=${(event: SubmitEvent) => void this.grant(event)}>
        ${selectField({ name: "level", label: t("person.level"), value: values.level, isRequired: true, options: [["", t("person.choose_level")], ...names.map((name) => [name, held.has(name) ? t("person.level_held", { level: name }) : name] as const)], change: set("level") })}
        <div class="pair">
          ${textField({ name: "grant_from", label: t("person.valid_from"), type: "date", value: values.valid_from, change: set("valid_from") })}
          ${textField({ name: "grant_to", label: t("person.valid_to"), type: "date", value: values.valid_to, change: set("valid_to") })}
        </div>
        ${textField({ name: "uses", label: t("person.uses"), type: "number", value: values.uses, hint: t("person.uses_hint"), change: set("uses") })}
        <div class="acts"><button type="submit" class="main" data-grant ?disabled=${this.isOff || values.level === ""}>${t("person.grant_now")}</button></div>
      </form>
    </details>`;
  }

  private async grant(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const { level, valid_from, valid_to, uses } = this.values;
    const body = { ...(valid_from ? { valid_from } : {}), ...(valid_to ? { valid_to } : {}), ...(uses ? { uses: Number(uses) } : {}) };
    const made = await this.change(
      () => call("put", "/api/v1/people/{badge}/levels/{level}", { path: { ...this.path, level } }, body),
      () => t("person.granted", { level }),
    );
    if (made) this.values = EMPTY;
  }

  private async revoke(level: string): Promise<void> {
    const given = { level, name: this.person.name };
    const question = { title: t("person.revoke_title", given), effect: t("person.revoke_effect", given), action: t("person.revoke"), isDangerous: true };
    if (!(await confirmed(question))) return;
    await this.change(
      () => call("delete", "/api/v1/people/{badge}/levels/{level}", { path: { ...this.path, level } }),
      () => t("person.revoked", given),
    );
  }
}

function limits(grant: Grant): string {
  const parts = [
    grant.valid_from ? t("person.from_day", { day: shown(grant.valid_from, false) }) : "",
    grant.valid_to ? t("person.to_day", { day: shown(grant.valid_to, true) }) : "",
    grant.uses !== null ? t("person.uses_left", { left: number(grant.uses_left ?? 0), uses: number(grant.uses) }) : "",
    grant.state === "active" ? "" : t(`grant_state.${grant.state.replace("-", "_") as "not_yet" | "expired" | "used_up"}`),
  ];
  return parts.filter(Boolean).join(", ");
}

customElements.define("desk-person-levels", PersonLevels);
