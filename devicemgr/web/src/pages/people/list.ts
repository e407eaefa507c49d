// The list of people: a search over all of them, filters, and what may be done with a row.
import { html, nothing, type TemplateResult } from "lit";
import { call } from "../../api/client";
import { date } from "../../base/dates";
import { StoreElement } from "../../base/element";
import { counted, number, t, type Key } from "../../base/i18n";
import { Loaded } from "../../base/loaded";
import { go, href, query } from "../../base/router";
import { store } from "../../live/store";
import { confirmed } from "../../parts/confirm";
import { listing, type Column } from "../../parts/listing";
import { toneSymbol } from "../../parts/symbols";
import { cardOf } from "./addresses";
import { carryOut } from "./changes";
import { everyone, isWanted, stateOf, type Line, type State } from "./find/roster";
import { found, type Entry } from "./find/search";

/** The address follows the search after so long, so that not each letter writes it. */
const ADDRESS_MS = 400;
const STATES = ["active", "suspended", "not_yet", "expired", "no_face", "no_card"] as const;
const TONES = { active: "good", suspended: "bad", not_yet: "warn", expired: "warn" } as const;

const NO_ONE: readonly Entry<Line>[] = [];

/** What was looked for in the notations of cards, which only the daemon knows, and who holds one. */
interface ByCard {
  q: string;
  badges: ReadonlySet<string>;
}

class PeopleList extends StoreElement {
  static override properties = { search: { state: true }, state: { state: true }, level: { state: true }, byCard: { state: true } };
  declare search: string;
  declare state: string;
  declare level: string;
  declare byCard: ByCard | null;
  private readonly people = new Loaded(this, everyone);
  private levels: { of: readonly Entry<Line>[]; names: readonly string[] } = { of: NO_ONE, names: [] };
  private writing: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.search = "";
    this.state = "";
    this.level = "";
    this.byCard = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.readAddress();
    addEventListener("hashchange", this.readAddress);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("hashchange", this.readAddress);
    clearTimeout(this.writing);
  }

  private readonly readAddress = (): void => {
    const wanted = query();
    if (this.writing === undefined) this.search = wanted.get("q") ?? "";
    this.state = wanted.get("state") ?? "";
    this.level = wanted.get("level") ?? "";
  };

  override render(): TemplateResult {
    const all = this.people.value;
    return html`<div class="tools">
        <label class="search"><span class="sr">${t("people.search")}</span><input type="search" data-search autocomplete="off" spellcheck="false" placeholder=${t("people.search")} .value=${this.search} @input=${(event: InputEvent) => this.type((event.target as HTMLInputElement).value)} /></label>
        ${this.choice("state", t("people.every_state"), STATES.map((one) => [one, t(`person_state.${one}`)]))}
        ${this.choice("level", t("people.every_level"), this.levelsOf(all ?? NO_ONE).map((name) => [name, name]))}
        <span class="spread"></span>
        ${store.may("POST /people/import") ? html`<a class="button" href=${href("people", "import")} data-import>${t("people.import")}</a>` : nothing}
        ${store.may("POST /people") ? html`<a class="button main" href=${href("people", "new")} data-add data-key="n">${t("people.add")}</a>` : nothing}
      </div>
      ${this.people.notice()} ${all ? this.list(all) : nothing}`;
  }

  private choice(part: "state" | "level", every: string, entries: readonly (readonly [string, string])[]): TemplateResult {
    const chosen = this[part];
    return html`<select class="chip ${chosen ? "chosen" : ""}" name=${part} aria-label=${t(`people.${part}`)} @change=${(event: Event) => this.want({ [part]: (event.target as HTMLSelectElement).value })}>
      <option value="" ?selected=${chosen === ""}>${every}</option>
      ${entries.map(([value, words]) => html`<option value=${value} ?selected=${value === chosen}>${words}</option>`)}
    </select>`;
  }

  private list(all: readonly Entry<Line>[]): TemplateResult {
    const now = Date.now() - store.clockOff;
    const isFiltered = this.state !== "" || this.level !== "";
    const inFilter = isFiltered ? all.filter((entry) => isWanted(entry.person, this, now)) : all;
    const matching = found(inFilter, this.search);
    const badges = matching.length === 0 && this.byCard?.q === this.search ? this.byCard.badges : null;
    const rows = (badges ? inFilter.filter((entry) => badges.has(entry.person.badge)) : matching).map((entry) => entry.person);
    return html`<p class="summary" role="status">${this.summary(all.length, rows.length)}</p>
      ${listing<Line>(
        {
          label: t("page.people"),
          rows,
          columns: columns(now, (person) => this.actions(person)),
          key: (person) => person.badge,
          tone: (person) => (person.suspended ? "soft" : ""),
          open: (person) => go(cardOf(person.badge)),
          keys: { s: (person) => void setSuspended(person) },
          empty: all.length === 0 ? t("people.none") : t("people.no_match"),
        },
        `${this.search} ${this.state} ${this.level}`,
      )}`;
  }

  private summary(all: number, shown: number): string {
    return shown === all ? counted("people.count", all) : t("people.matching", { shown: number(shown), all: number(all) });
  }

  private actions(person: Line): TemplateResult | typeof nothing {
    const may = store.may(person.suspended ? "POST /people/{badge}/resume" : "POST /people/{badge}/suspend");
    if (!may) return nothing;
    const words = t(person.suspended ? "people.resume" : "people.suspend");
    return html`<button type="button" class="quiet" tabindex="-1" data-suspend ?disabled=${store.link !== "live"} aria-label="${words}: ${person.name}" @click=${() => void setSuspended(person)}>${words}</button>`;
  }

  /** Return the levels that anyone holds; looked for once in a list, since each letter draws the page. */
  private levelsOf(all: readonly Entry<Line>[]): readonly string[] {
    if (this.levels.of !== all) {
      const names = new Set(all.flatMap(({ person }) => [...person.levels, ...person.department_levels]));
      this.levels = { of: all, names: [...names].sort() };
    }
    return this.levels.names;
  }

  private type(text: string): void {
    this.search = text;
    this.writeSoon();
  }

  private writeSoon(): void {
    clearTimeout(this.writing);
    this.writing = setTimeout(() => {
      this.writing = undefined;
      this.want({});
      void this.lookForCard();
    }, ADDRESS_MS);
  }

  private want(part: Record<string, string>): void {
    const present = { q: this.search, state: this.state, level: this.level };
    go(href("people", { ...present, ...part }), true);
  }

  /** A card can be written in ways that only the daemon knows; it is asked where nothing here matches. */
  private async lookForCard(): Promise<void> {
    const q = this.search;
    if (!/\d/.test(q) || found(this.people.value ?? [], q).length > 0) return;
    const people = await call("get", "/api/v1/people", { query: { q, fields: "list" } }).catch(() => []);
    if (this.search === q) this.byCard = { q, badges: new Set(people.map((person) => person.badge)) };
  }
}

function columns(now: number, actions: (person: Line) => unknown): Column<Line>[] {
  return [
    { title: t("person.name"), isHeader: true, cell: (person) => html`${person.name}<small class="badge">${person.badge}</small>` },
    { title: t("people.state"), name: "state", cell: (person) => stateWords(stateOf(person, now)) },
    { title: t("person.levels"), name: "levels", cell: (person) => [...person.levels, ...person.department_levels].join(", ") },
    { title: t("person.valid_to"), name: "soft until", cell: (person) => (person.valid_to ? html`<time>${date(Date.parse(person.valid_to) - 1)}</time>` : nothing) },
    { title: t("person.shows"), name: "shows", cell: (person) => [person.face ? t("person.face") : "", person.cards.length > 0 ? counted("people.cards", person.cards.length) : ""].filter(Boolean).join(", ") },
    { title: t("people.actions"), name: "acts", cell: actions },
  ];
}

export function stateWords(state: State): TemplateResult {
  return html`<span class="standing ${state}">${toneSymbol(TONES[state])}${t(`person_state.${state}` satisfies Key)}</span>`;
}

/** Suspend a person, after a question, or end the suspension. */
export async function setSuspended(person: Pick<Line, "badge" | "name" | "suspended">): Promise<boolean> {
  const given = { name: person.name };
  const path = { path: { badge: person.badge } };
  if (!store.may(person.suspended ? "POST /people/{badge}/resume" : "POST /people/{badge}/suspend")) return false;
  if (person.suspended) {
    return (await carryOut(() => call("post", "/api/v1/people/{badge}/resume", path), () => t("people.resumed", given))) !== null;
  }
  const question = { title: t("people.suspend_title", given), effect: t("people.suspend_effect", given), action: t("people.suspend"), isDangerous: true };
  if (!(await confirmed(question))) return false;
  return (await carryOut(() => call("post", "/api/v1/people/{badge}/suspend", path), () => t("people.suspended", given))) !== null;
}

customElements.define("desk-people-list", PeopleList);
