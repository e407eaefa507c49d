// A new visit: who comes, to whom, when, with which levels; what is wrong stands beside its field.
import { html, nothing, type TemplateResult } from "lit";
import { Problem, call, type Answer } from "../../api/client";
import { StoreElement } from "../../base/element";
import { t } from "../../base/i18n";
import { go, href } from "../../base/router";
import { store } from "../../live/store";
import { checkField, textField } from "../../parts/fields";
import { say } from "../../parts/status";
import { problemWords } from "../../parts/words";
import { dayOf } from "./visits";
import { refusalWords } from "./words";

type Host = Answer<"/api/v1/visitors/hosts", "get">[number];
type Part = "name" | "host" | "from" | "to" | "card" | "levels" | "all";

type Errors = Partial<Record<Part, string | undefined>>;

const WAIT_MS = 200;
const MAX_NAME = 200;
const WHERE: Record<string, Part> = {
  card_taken: "card",
  visit_over: "to",
  host_not_valid: "host",
  host_is_visitor: "host",
  level_not_held: "levels",
  level_not_for_visitors: "levels",
};

class NewVisit extends StoreElement {
  static override properties = { values: { state: true }, words: { state: true }, found: { state: true }, host: { state: true }, levels: { state: true }, hasEscort: { state: true }, errors: { state: true }, isSent: { state: true } };
  declare values: { name: string; from: string; to: string; card: string };
  declare words: string;
  declare found: readonly Host[] | null;
  declare host: Host | null;
  declare levels: ReadonlySet<string>;
  declare hasEscort: boolean;
  declare errors: Errors;
  declare isSent: boolean;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private turn = 0;

  constructor() {
    super();
    this.values = { name: "", from: "", to: `${dayOf(Date.now() - store.clockOff)}T23:59`, card: "" };
    this.words = "";
    this.found = null;
    this.host = null;
    this.levels = new Set();
    this.hasEscort = false;
    this.errors = {};
    this.isSent = false;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.timer);
  }

  override firstUpdated(): void {
    this.querySelector<HTMLInputElement>("input[name=name]")?.focus();
  }

  override render(): TemplateResult {
    const { values, errors } = this;
    const set = (part: keyof typeof values) => (value: string) => {
      this.values = { ...this.values, [part]: value };
      this.errors = { ...this.errors, [part]: undefined };
    };
    return html`<section class="page visitors">
      <p class="back"><a href="#/visitors">${t("visitors.all")}</a></p>
      <form class="card new" novalidate @submit=${(event: SubmitEvent) => void this.submit(event)}>
        <h2>${t("visitors.add")}</h2>
        ${textField({ name: "name", label: t("visitors.name"), value: values.name, error: errors.name, isRequired: true, max: MAX_NAME, change: set("name") })}
        ${this.hostField()}
        <div class="pair">
          ${textField({ name: "from", type: "datetime-local", label: t("visitors.from"), value: values.from, hint: t("visitors.from_hint"), error: errors.from, change: set("from") })}
          ${textField({ name: "to", type: "datetime-local", label: t("visitors.until"), value: values.to, error: errors.to, isRequired: true, change: set("to") })}
        </div>
        ${this.levelFields()}
        ${checkField({ name: "escort", label: t("visitors.escort_needed"), isOn: this.hasEscort, change: (isOn) => (this.hasEscort = isOn) })}
        ${textField({ name: "card", label: t("visitors.card_now"), value: values.card, hint: t("visitors.card_now_hint"), error: errors.card, max: 64, change: set("card") })}
        ${errors.all ? html`<p class="trouble" role="alert">${errors.all}</p>` : nothing}
        <p class="buttons"><button type="submit" class="main" data-add ?disabled=${this.isSent || store.link === "away"}>${t("visitors.add")}</button></p>
      </form>
    </section>`;
  }

  private hostField(): TemplateResult {
    if (this.host) {
      return html`<div class="field chosen-host"><span>${t("visitors.host")}</span><strong>${this.host.name} (${this.host.badge})</strong>
        <button type="button" class="quiet" data-other-host @click=${() => this.another()}>${t("visitors.other_host")}</button></div>
        ${this.errors.host ? html`<small class="error" role="alert">${this.errors.host}</small>` : nothing}`;
    }
    return html`${textField({ name: "host", type: "search", label: t("visitors.host"), value: this.words, hint: t("visitors.host_hint"), error: this.errors.host, isRequired: true, change: (words) => this.look(words) })}
    ${this.found === null
      ? nothing
      : html`<ul class="hosts" aria-label=${t("visitors.host")} aria-live="polite">
          ${this.found.length === 0 ? html`<li class="soft">${t("visitors.no_host")}</li>` : this.found.map((host) => html`<li><button type="button" class="quiet" data-host=${host.badge} @click=${() => this.choose(host)}>${host.name} <small>${host.badge}</small></button></li>`)}
        </ul>`}`;
  }

  private levelFields(): TemplateResult | typeof nothing {
    if (!this.host) return nothing;
    if (this.host.levels.length === 0) return html`<p class="note">${t("visitors.host_no_levels")}</p>`;
    const set = (level: string, isOn: boolean): void => {
      const levels = new Set(this.levels);
      if (isOn) levels.add(level);
      else levels.delete(level);
      this.levels = levels;
    };
    return html`<fieldset class="choices">
      <legend>${t("visitors.levels")}</legend>
      ${this.host.levels.map((level) => checkField({ name: `level-${level}`, label: level, isOn: this.levels.has(level), change: (isOn) => set(level, isOn) }))}
      ${this.errors.levels ? html`<small class="error" role="alert">${this.errors.levels}</small>` : nothing}
    </fieldset>`;
  }

  private look(words: string): void {
    this.words = words;
    this.errors = { ...this.errors, host: undefined };
    clearTimeout(this.timer);
    const turn = ++this.turn;
    if (words.trim() === "") this.found = null;
    else this.timer = setTimeout(() => void this.search(words.trim(), turn), WAIT_MS);
  }

  private async search(q: string, turn: number): Promise<void> {
    try {
      const found = await call("get", "/api/v1/visitors/hosts", { query: { q } });
      if (turn === this.turn) this.found = found;
    } catch (error) {
      if (turn === this.turn) this.errors = { ...this.errors, host: problemWords(error) };
    }
  }

  private choose(host: Host): void {
    this.host = host;
    this.found = null;
    this.levels = new Set();
    this.errors = { ...this.errors, host: undefined };
    void this.updateComplete.then(() => this.querySelector<HTMLElement>("[data-other-host]")?.focus());
  }

  private another(): void {
    this.host = null;
    this.words = "";
    void this.updateComplete.then(() => this.querySelector<HTMLElement>("input[name=host]")?.focus());
  }

  private async submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if (this.isSent || !this.isComplete() || !this.host) return;
    this.isSent = true;
    const { name, from, to, card } = this.values;
    try {
      const visit = await call("post", "/api/v1/visitors", {}, { name: name.trim(), host: this.host.badge, valid_from: from || null, valid_to: to, levels: [...this.levels], card: card.trim() || null, escort: this.hasEscort });
      say(t("visitors.added", { name: visit.name, badge: visit.badge }));
      go(href("visitors", visit.badge));
    } catch (error) {
      const part = error instanceof Problem ? (WHERE[error.code] ?? "all") : "all";
      this.wrong({ [part]: refusalWords(error) });
    } finally {
      this.isSent = false;
    }
  }

  private isComplete(): boolean {
    const { name, to } = this.values;
    const errors: Errors = {};
    if (name.trim() === "") errors.name = t("visitors.name_missing");
    if (!this.host) errors.host = t("visitors.host_missing");
    if (to === "") errors.to = t("visitors.until_missing");
    this.wrong(errors);
    return Object.keys(errors).length === 0;
  }

  /** Show what is wrong, and go to the first such field. */
  private wrong(errors: Errors): void {
    this.errors = errors;
    void this.updateComplete.then(() => this.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
  }
}

customElements.define("desk-new-visit", NewVisit);
