// Why someone was refused or let in, and whether someone would be: every check with what it read.
import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { Problem, call } from "../../api/client";
import type { Explained } from "../../api/types";
import { clock, day, moment } from "../../base/dates";
import { StoreElement } from "../../base/element";
import { t } from "../../base/i18n";
import { Loaded } from "../../base/loaded";
import { href } from "../../base/router";
import { directionWords, problemWords } from "../../parts/words";
import { helps, verdict } from "./answer";
import { checkTable } from "./checks";
import "./try";

class Why extends StoreElement {
  static override properties = { rest: { attribute: false } };
  declare rest: readonly string[];

  override render(): TemplateResult {
    const [event] = this.rest;
    return html`<section class="page why">
      ${event === undefined ? html`<desk-try></desk-try>` : html`<desk-why-event .event=${event}></desk-why-event>`}
    </section>`;
  }
}

class WhyEvent extends StoreElement {
  static override properties = { event: { attribute: false } };
  declare event: string;
  private readonly answer = new Loaded(this, () => call("get", "/api/v1/access/why/{event}", { path: { event: this.event } }));

  override willUpdate(changed: PropertyValues): void {
    const before = changed.get("event") as string | undefined;
    if (before === undefined || before === this.event) return;
    this.answer.value = undefined;
    void this.answer.reload();
  }

  override render(): TemplateResult {
    const found = this.answer.value;
    const { error } = this.answer;
    const isNone = error instanceof Problem && error.status === 404;
    return html`<p><a href=${href("why")} data-try-link>${t("why.try_link")}</a></p>
      ${found ? decision(found) : isNone ? html`<p class="empty" data-none>${t("why.none")}</p>` : this.answer.notice()}
      ${found && error !== null && !isNone ? html`<p class="trouble" role="alert">${problemWords(error)}</p>` : nothing}`;
  }
}

function decision(found: Explained): TemplateResult {
  const { event } = found;
  return html`<article class="card" data-why=${event.seq}>
    ${verdict(found)}
    <p class="about">
      <strong>${event.person_name ?? event.person ?? t("live.stranger")}</strong>
      ${event.person_name && event.person ? html`<span>${t("live.badge", { badge: event.person })}</span>` : nothing}
      <span>${[event.portal ?? "", directionWords(event.direction)].filter(Boolean).join(" · ")}</span>
      <time title=${moment(event.time)}>${day(event.time)} ${clock(event.time)}</time>
    </p>
    ${helps(found)}
    ${found.rights_changed ? html`<p class="notice plain">${t("why.changed")}</p>` : nothing}
    ${found.unknown.length > 0
      ? html`<details><summary>${t("why.unknown")}</summary><ul class="plain">${found.unknown.map((one) => html`<li>${one}</li>`)}</ul></details>`
      : nothing}
    ${checkTable(found.checks)}
  </article>`;
}

customElements.define("desk-why", Why);
customElements.define("desk-why-event", WhyEvent);
