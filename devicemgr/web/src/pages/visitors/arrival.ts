// A visitor arrives: the field for the card has the focus at once, and keeps it. A card reader types digits and Enter.
import { html, nothing, type TemplateResult } from "lit";
import { Problem, call } from "../../api/client";
import { DeskElement, whenClosed } from "../../base/element";
import { t } from "../../base/i18n";
import { say } from "../../parts/status";
import type { Visit } from "./visits";
import { hostWords, refusalWords } from "./words";

const MAX_CARD = 64;

class Arrival extends DeskElement {
  static override properties = { visit: { state: true }, isSent: { state: true }, error: { state: true } };
  declare visit: Visit | null;
  declare isSent: boolean;
  declare error: string;

  constructor() {
    super();
    this.visit = null;
    this.isSent = false;
    this.error = "";
  }

  show(visit: Visit): void {
    this.visit = visit;
    this.isSent = false;
    this.error = "";
    void this.updateComplete.then(() => {
      this.querySelector("dialog")?.showModal();
      this.field()?.focus();
    });
  }

  private field(): HTMLInputElement | null {
    return this.querySelector("input");
  }

  override render(): TemplateResult | typeof nothing {
    const { visit } = this;
    if (!visit) return nothing;
    const has = visit.cards.length > 0;
    return html`<dialog aria-labelledby="arrival-title" @close=${whenClosed(() => (this.visit = null))}>
      <form method="dialog" @submit=${(event: SubmitEvent) => void this.submit(event, visit)}>
        <h2 id="arrival-title">${t("visitors.arrive_title", { name: visit.name })}</h2>
        <p class="effect">
          ${t("visitors.effect_arrive", { host: hostWords(visit) })}
          ${visit.escort ? html`<strong>${t("visitors.escort_needed")}</strong>` : nothing}
          ${has ? t("visitors.has_card", { cards: visit.cards.join(", ") }) : nothing}
        </p>
        <div class="field">
          <label>${t("visitors.card")}<input name="card" autocomplete="off" spellcheck="false" maxlength=${MAX_CARD} aria-describedby="card-hint card-error" aria-invalid=${this.error ? "true" : nothing} aria-busy=${this.isSent} /></label>
          <small id="card-hint" class="hint">${t("visitors.card_hint")}</small>
          <small id="card-error" class="error" role="alert">${this.error}</small>
        </div>
        <footer>
          <button type="button" class="quiet" @click=${() => this.querySelector("dialog")?.close()}>${t("action.cancel")}</button>
          <button type="button" data-without ?disabled=${this.isSent} @click=${() => void this.arrive(visit, "")}>${t(has ? "visitors.arrive_with_it" : "visitors.arrive_without")}</button>
          <button type="submit" class="main" data-confirm>${t("visitors.arrive_card")}</button>
        </footer>
      </form>
    </dialog>`;
  }

  private async submit(event: SubmitEvent, visit: Visit): Promise<void> {
    event.preventDefault();
    const card = this.field()?.value.trim() ?? "";
    if (card === "") {
      this.error = t("visitors.card_missing");
      this.field()?.focus();
      return;
    }
    await this.arrive(visit, card);
  }

  private async arrive(visit: Visit, card: string): Promise<void> {
    if (this.isSent) return;
    this.isSent = true;
    this.error = "";
    const { badge, name } = visit;
    try {
      const found = await call("post", "/api/v1/visitors/{badge}/arrive", { path: { badge } }, { card: card || null });
      say(found.cards.length > 0 ? t("visitors.arrived_card", { name, cards: found.cards.join(", ") }) : t("visitors.has_arrived", { name }));
      this.querySelector("dialog")?.close();
    } catch (error) {
      this.error = error instanceof Problem && error.code === "invalid_input" ? t("visitors.card_none") : refusalWords(error);
      // What the reader types next replaces the number that was refused.
      this.field()?.focus();
      this.field()?.select();
    } finally {
      this.isSent = false;
    }
  }
}

customElements.define("desk-visitor-arrival", Arrival);
declare global {
  interface HTMLElementTagNameMap {
    "desk-visitor-arrival": Arrival;
  }
}
