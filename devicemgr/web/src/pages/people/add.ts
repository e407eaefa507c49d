// A new person: badge, name, validity, department and levels; a face and cards follow on the card.
import { html, nothing, type TemplateResult } from "lit";
import { Problem, call } from "../../api/client";
import { StoreElement } from "../../base/element";
import { t } from "../../base/i18n";
import { Loaded } from "../../base/loaded";
import { go, href } from "../../base/router";
import { store } from "../../live/store";
import { checkField, selectField, textField, type TextField } from "../../parts/fields";
import { problemWords } from "../../parts/words";
import { cardOf } from "./addresses";
import { carryOut, fieldError } from "./changes";

const EMPTY = { badge: "", name: "", valid_from: "", valid_to: "", kind: "staff", department: "" };
type Name = keyof typeof EMPTY;
const KINDS = ["staff", "contractor"] as const;

class PersonAdd extends StoreElement {
  static override properties = { values: { state: true }, levels: { state: true }, error: { state: true }, isBusy: { state: true } };
  declare values: typeof EMPTY;
  declare levels: ReadonlySet<string>;
  declare error: unknown;
  declare isBusy: boolean;
  private readonly known = new Loaded(this, async () => {
    const [levels, departments] = await Promise.all([call("get", "/api/v1/levels"), call("get", "/api/v1/departments")]);
    return { levels: levels.map((level) => level.name), departments: departments.map((one) => one.name) };
  });

  constructor() {
    super();
    this.values = EMPTY;
    this.levels = new Set();
    this.error = null;
    this.isBusy = false;
  }

  override firstUpdated(): void {
    this.querySelector<HTMLElement>("[name=badge]")?.focus();
  }

  override render(): TemplateResult {
    const known = this.known.value;
    return html`<header class="head"><a class="back" href=${href("people")}>${t("person.to_list")}</a><h2>${t("people.add_title")}</h2></header>
      <form class="part adds" @submit=${(event: SubmitEvent) => void this.save(event)}>
        <div class="pair">
          ${this.field("badge", { isRequired: true, max: 64, hint: t("person.badge_hint"), error: this.badgeError() })} ${this.field("name", { isRequired: true, max: 200 })}
        </div>
        <div class="pair">${this.field("valid_from", { type: "date" })} ${this.field("valid_to", { type: "date", hint: t("person.valid_to_hint") })}</div>
        <div class="pair">
          ${selectField({ name: "kind", label: t("person.kind"), value: this.values.kind, options: KINDS.map((one) => [one, t(`person_kind.${one}`)] as const), change: (kind) => (this.values = { ...this.values, kind }) })}
          ${this.field("department", { offered: known?.departments ?? [] })}
        </div>
        ${this.known.notice()}
        ${known && known.levels.length > 0
          ? html`<fieldset class="choices"><legend>${t("person.levels")}</legend>${known.levels.map((level) => checkField({ name: `level-${level}`, label: level, isOn: this.levels.has(level), change: (isOn) => this.choose(level, isOn) }))}</fieldset>`
          : nothing}
        ${this.error !== null && !this.badgeError() ? html`<p class="error" role="alert">${problemWords(this.error)}</p>` : nothing}
        <div class="acts"><button type="submit" class="main" data-save ?disabled=${this.isBusy || store.link !== "live"}>${t("people.add_now")}</button></div>
      </form>`;
  }

  private field(name: Name, more: Partial<TextField>): TemplateResult {
    return textField({ name, label: t(`person.${name}`), value: this.values[name], error: fieldError(this.error, name), change: (value) => this.set(name, value), ...more });
  }

  private set(name: Name, value: string): void {
    this.values = { ...this.values, [name]: value };
    if (this.error !== null) this.error = null;
  }

  private badgeError(): string | undefined {
    const isTaken = this.error instanceof Problem && this.error.code === "already_exists";
    return isTaken ? t("person.badge_taken") : fieldError(this.error, "badge");
  }

  private choose(level: string, isOn: boolean): void {
    const levels = new Set(this.levels);
    if (isOn) levels.add(level);
    else levels.delete(level);
    this.levels = levels;
  }

  private async save(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if (this.isBusy) return;
    this.isBusy = true;
    this.error = null;
    const { badge, name, kind, department, valid_from, valid_to } = this.values;
    const given = Object.entries({ department: department.trim(), valid_from, valid_to }).filter(([, value]) => value !== "");
    const body = { badge: badge.trim(), name: name.trim(), kind, levels: [...this.levels], ...Object.fromEntries(given) };
    const added = await carryOut(
      () =>
        call("post", "/api/v1/people", {}, body).catch((error: unknown) => {
          this.error = error;
          throw error;
        }),
      (person) => t("people.added", { name: person.name }),
    );
    this.isBusy = false;
    if (added) go(cardOf(added.badge));
  }
}

customElements.define("desk-person-add", PersonAdd);
