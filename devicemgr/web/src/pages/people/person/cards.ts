// A person's cards: assigned for good or for a time, blocked when lost, replaced, returned and removed.
import { html, nothing, type TemplateResult } from "lit";
import { call } from "../../../api/client";
import { date } from "../../../base/dates";
import { t } from "../../../base/i18n";
import { store } from "../../../live/store";
import { confirmed } from "../../../parts/confirm";
import { selectField, textField } from "../../../parts/fields";
import { toneSymbol } from "../../../parts/symbols";
import { problemWords } from "../../../parts/words";
import type { Person } from "../person";
import { shown } from "./details";
import { PersonPart } from "./part";

type Card = Person["card_states"][number];
type Act = "block" | "unblock" | "return" | "replace" | "remove";

const EMPTY = { number: "", until: "", instead_of: "" };
const TONES = { active: "good", temporary: "good", substituted: "warn", ended: "warn", blocked: "bad", replaced: "bad" } as const;
const ACTS: Record<Card["state"], readonly Act[]> = {
  active: ["block", "replace", "remove"],
  temporary: ["return", "block", "remove"],
  substituted: ["block", "replace", "remove"],
  ended: ["return", "remove"],
  blocked: ["unblock", "replace", "remove"],
  replaced: ["remove"],
};
const NEEDS: Record<Act, string> = {
  block: "PUT /cards/{number}/block",
  unblock: "DELETE /cards/{number}/block",
  return: "POST /cards/{number}/return",
  replace: "POST /cards/{number}/replacement",
  remove: "DELETE /people/{badge}/cards/{number}",
};

class PersonCards extends PersonPart {
  static override properties = { ...PersonPart.properties, values: { state: true }, replacing: { state: true }, error: { state: true } };
  declare values: typeof EMPTY;
  /** The number of the card for which a new one is being written. */
  declare replacing: string | null;
  declare error: unknown;

  constructor() {
    super();
    this.values = EMPTY;
    this.replacing = null;
    this.error = null;
  }

  override render(): TemplateResult {
    const cards = this.person.card_states;
    return html`<section class="part cards" aria-labelledby="cards-title">
      <h3 id="cards-title">${t("person.cards")}</h3>
      ${cards.length > 0 ? html`<ul class="lines">${cards.map((card) => this.row(card))}</ul>` : html`<p class="none">${t("person.no_cards")}</p>`}
      ${store.may("POST /people/{badge}/cards") ? this.form(cards) : nothing}
    </section>`;
  }

  private row(card: Card): TemplateResult {
    const acts = ACTS[card.state].filter((act) => store.may(NEEDS[act]));
    return html`<li data-card=${card.number}>
      ${toneSymbol(TONES[card.state])}<strong>${card.number}</strong>
      <span class="soft">${stateWords(card)}</span>
      <span class="acts">
        ${acts.map((act) => html`<button type="button" class="quiet" data-act=${act} ?disabled=${this.isOff} aria-label="${t(`card_act.${act}`)}: ${card.number}" @click=${() => void this.act(act, card)}>${t(`card_act.${act}`)}</button>`)}
      </span>
      ${this.replacing === card.number ? this.replacement(card) : nothing}
    </li>`;
  }

  private form(cards: readonly Card[]): TemplateResult {
    const { values } = this;
    const usual = cards.filter((card) => card.state === "active").map((card) => card.number);
    const set = (name: keyof typeof EMPTY) => (value: string) => {
      this.values = { ...this.values, [name]: value };
      this.error = null;
    };
    return html`<details class="adds">
      <summary data-card-open>${t("person.add_card")}</summary>
      <form @submit=${(event: SubmitEvent) => void this.assign(event)}>
        ${textField({ name: "card_number", label: t("person.card_number"), value: values.number, hint: t("person.card_hint"), isRequired: true, max: 100, error: this.error === null || this.replacing !== null ? undefined : problemWords(this.error), change: set("number") })}
        <div class="pair">
          ${textField({ name: "card_until", label: t("person.card_until"), type: "date", value: values.until, hint: t("person.card_until_hint"), change: set("until") })}
          ${usual.length > 0 ? selectField({ name: "instead_of", label: t("person.instead_of"), value: values.instead_of, isDisabled: values.until === "", options: [["", t("person.instead_of_none")], ...usual.map((one) => [one, one] as const)], change: set("instead_of") }) : nothing}
        </div>
        <div class="acts"><button type="submit" class="main" data-assign ?disabled=${this.isOff}>${t("person.assign")}</button></div>
      </form>
    </details>`;
  }

  private replacement(card: Card): TemplateResult {
    return html`<form class="replaces" @submit=${(event: SubmitEvent) => void this.replace(event, card)}>
      ${textField({ name: "new_number", label: t("person.new_number", { number: card.number }), value: this.values.number, hint: t("person.replace_hint"), isRequired: true, max: 100, error: this.error === null ? undefined : problemWords(this.error), change: (number) => (this.values = { ...this.values, number }) })}
      <div class="acts">
        <button type="submit" class="main" data-replace ?disabled=${this.isOff}>${t("card_act.replace")}</button>
        <button type="button" class="quiet" @click=${() => this.open(null)}>${t("action.cancel")}</button>
      </div>
    </form>`;
  }

  private open(number: string | null): void {
    this.replacing = number;
    this.values = EMPTY;
    this.error = null;
    if (number !== null) void this.updateComplete.then(() => this.querySelector<HTMLElement>("[name=new_number]")?.focus());
  }

  private async assign(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const { number, until, instead_of } = this.values;
    const body = { number: number.trim(), ...(until ? { until } : {}), ...(until && instead_of ? { instead_of } : {}) };
    this.replacing = null;
    const made = await this.change(
      () => call("post", "/api/v1/people/{badge}/cards", { path: this.path }, body).catch((error: unknown) => this.refused(error)),
      (card) => t("person.card_assigned", { number: card.number }),
    );
    if (made) this.values = EMPTY;
  }

  private async replace(event: SubmitEvent, card: Card): Promise<void> {
    event.preventDefault();
    const made = await this.change(
      () => call("post", "/api/v1/cards/{number}/replacement", { path: { number: card.number } }, { number: this.values.number.trim() }).catch((error: unknown) => this.refused(error)),
      (fresh) => t("person.card_replaced", { number: card.number, fresh: fresh.number }),
    );
    if (made) this.open(null);
  }

  private refused(error: unknown): never {
    this.error = error;
    throw error;
  }

  private async act(act: Act, card: Card): Promise<void> {
    const { number } = card;
    const path = { path: { number } };
    if (act === "replace") {
      this.open(number);
    } else if (act === "unblock") {
      await this.change(() => call("delete", "/api/v1/cards/{number}/block", path), () => t("person.card_unblocked", { number }));
    } else if (act === "return") {
      await this.change(() => call("post", "/api/v1/cards/{number}/return", path), () => t("person.card_returned", { number }));
    } else if (act === "block") {
      const question = { title: t("person.block_title", { number }), effect: t("person.block_effect"), action: t("card_act.block"), isDangerous: true, reason: { label: t("person.block_reason"), isRequired: false } };
      const answer = await confirmed(question);
      if (answer) await this.change(() => call("put", "/api/v1/cards/{number}/block", path, { reason: answer.reason || "lost" }), () => t("person.card_blocked", { number }));
    } else if (await confirmed({ title: t("person.remove_title", { number }), effect: t("person.remove_effect"), action: t("card_act.remove"), isDangerous: true })) {
      await this.change(() => call("delete", "/api/v1/people/{badge}/cards/{number}", { path: { ...this.path, number } }), () => t("person.card_removed", { number }));
    }
  }
}

function stateWords(card: Card): string {
  const words: string[] = [t(`card_state.${card.state}`)];
  if (card.blocked?.reason) words.push(card.blocked.reason);
  if (card.blocked?.replaced_by) words.push(t("person.replaced_by", { number: card.blocked.replaced_by }));
  else if (card.blocked) words.push(t("person.since", { day: date(card.blocked.since) }));
  if (card.until) words.push(t("person.to_day", { day: shown(card.until, true) }));
  if (card.substitute) words.push(t("person.substitute", { number: card.substitute.number }));
  return words.join(", ");
}

customElements.define("desk-person-cards", PersonCards);
