// Would someone pass? A form that supposes a person at a portal; nothing is opened or recorded.
import { html, nothing, type TemplateResult } from "lit";
import { Problem, call } from "../../api/client";
import type { Tried } from "../../api/types";
import { StoreElement } from "../../base/element";
import { t } from "../../base/i18n";
import { query } from "../../base/router";
import { store } from "../../live/store";
import { checkField, selectField, textField } from "../../parts/fields";
import { problemWords } from "../../parts/words";
import { helps, verdict } from "./answer";
import { checkTable } from "./checks";

type Factor = "face" | "card" | "pin";
const FACTORS: readonly Factor[] = ["face", "card", "pin"];

class Try extends StoreElement {
  static override properties = { badge: { state: true }, portal: { state: true }, direction: { state: true }, at: { state: true }, shown: { state: true }, errors: { state: true }, answer: { state: true }, problem: { state: true }, isSent: { state: true } };
  declare badge: string;
  declare portal: string;
  declare direction: "entry" | "exit";
  declare at: string;
  declare shown: ReadonlySet<Factor>;
  declare errors: Readonly<Record<string, string>>;
  declare answer: Tried | null;
  declare problem: string;
  declare isSent: boolean;

  constructor() {
    super();
    const given = query();
    this.badge = given.get("badge") ?? "";
    this.portal = given.get("portal") ?? "";
    this.direction = "entry";
    this.at = "";
    this.shown = new Set();
    this.errors = {};
    this.answer = null;
    this.problem = "";
    this.isSent = false;
  }

  override render(): TemplateResult {
    const portals = Object.keys(store.states.portals);
    return html`<form class="card try" @submit=${(event: SubmitEvent) => void this.send(event)} novalidate>
        <p>${t("why.try_intro")}</p>
        <div class="grid">
          ${textField({ name: "badge", label: t("why.badge"), value: this.badge, error: this.errors["badge"], max: 64, isRequired: true, change: (value) => this.set({ badge: value }) })}
          ${selectField({ name: "portal", label: t("live.portal"), value: this.portal, error: this.errors["portal"], isRequired: true, options: [["", t("why.choose")], ...portals.map((name) => [name, name] as const)], change: (value) => this.set({ portal: value }) })}
          ${selectField({ name: "direction", label: t("action.direction"), value: this.direction, options: [["entry", t("direction.entry")], ["exit", t("direction.exit")]], change: (value) => this.set({ direction: value === "exit" ? "exit" : "entry" }) })}
          ${textField({ name: "at", label: t("why.at"), hint: t("why.at_hint"), type: "datetime-local", value: this.at, error: this.errors["at"], change: (value) => this.set({ at: value }) })}
        </div>
        <fieldset class="choices">
          <legend>${t("why.shown")}</legend>
          ${FACTORS.map((factor) => checkField({ name: factor, label: t(`value.${factor}`), isOn: this.shown.has(factor), change: (isOn) => this.show(factor, isOn) }))}
        </fieldset>
        <footer><button type="submit" class="main" data-submit ?disabled=${this.isSent || store.link !== "live"}>${t("why.try")}</button></footer>
      </form>
      <div role="status" data-answer>
        ${this.problem ? html`<p class="trouble">${this.problem}</p>` : nothing}
        ${this.answer ? html`<article class="card">${verdict(this.answer, true)}${helps(this.answer)}${checkTable(this.answer.checks)}</article>` : nothing}
      </div>`;
  }

  private set(part: Partial<Pick<Try, "badge" | "portal" | "direction" | "at">>): void {
    Object.assign(this, part);
    this.errors = Object.fromEntries(Object.entries(this.errors).filter(([name]) => !(name in part)));
    this.answer = null;
    this.problem = "";
  }

  private show(factor: Factor, isOn: boolean): void {
    const shown = new Set(this.shown);
    if (isOn) shown.add(factor);
    else shown.delete(factor);
    this.shown = shown;
    this.answer = null;
  }

  private async send(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const errors: Record<string, string> = {};
    if (this.badge.trim() === "") errors["badge"] = t("why.no_badge");
    if (this.portal === "") errors["portal"] = t("why.no_portal");
    this.errors = errors;
    const [first] = Object.keys(errors);
    if (first !== undefined) {
      this.querySelector<HTMLElement>(`[name="${first}"]`)?.focus();
      return;
    }
    this.isSent = true;
    this.answer = null;
    this.problem = "";
    const shown = FACTORS.filter((factor) => this.shown.has(factor)).join(",");
    try {
      this.answer = await call("get", "/api/v1/access/try", { query: { badge: this.badge.trim(), portal: this.portal, direction: this.direction, at: this.at || undefined, with: shown || undefined } });
    } catch (error) {
      if (error instanceof Problem && error.code === "person_not_found") this.errors = { badge: t("why.no_such_badge") };
      else this.problem = problemWords(error);
    } finally {
      this.isSent = false;
    }
  }
}

customElements.define("desk-try", Try);
