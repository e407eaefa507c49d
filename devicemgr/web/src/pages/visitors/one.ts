// One visit: who, whose guest, when, and what one may do; and its badge for printing.
import { html, nothing, svg, type TemplateResult } from "lit";
import { Problem, call } from "../../api/client";
import { StoreElement } from "../../base/element";
import { t } from "../../base/i18n";
import { Loaded } from "../../base/loaded";
import { href } from "../../base/router";
import { store } from "../../live/store";
import { cancel, leave } from "./actions";
import { qrCode, qrPath } from "./qr";
import { mayArrive, mayLeave, type Visit } from "./visits";
import { hostWords, stateWords, when } from "./words";

class OneVisit extends StoreElement {
  static override properties = { badge: { attribute: false }, isBadge: { attribute: false } };
  declare badge: string;
  declare isBadge: boolean;
  private readonly visit = new Loaded(this, () => call("get", "/api/v1/visitors/{badge}", { path: { badge: this.badge } }));

  override render(): TemplateResult {
    const { value, error } = this.visit;
    const isGone = error instanceof Problem && error.status === 404;
    return html`<section class="page visitors">
      <p class="back no-print"><a href="#/visitors">${t("visitors.all")}</a></p>
      ${isGone ? html`<p class="empty">${t("visitors.gone")}</p>` : html`${this.visit.notice()}${value ? (this.isBadge ? this.sheet(value) : this.facts(value)) : nothing}`}
    </section>`;
  }

  private facts(visit: Visit): TemplateResult {
    const rows: [string, unknown][] = [
      [t("visitors.state"), stateWords(visit)],
      [t("visitors.number"), visit.badge],
      [t("visitors.host"), html`${hostWords(visit)}${visit.host_problem ? html` <em class="problem">${t("visitors.host_cannot")}</em>` : nothing}`],
      [t("visitors.from"), when(visit.valid_from)],
      [t("visitors.until"), when(visit.valid_to)],
      [t("visitors.levels"), visit.levels.join(", ") || t("visitors.no_levels")],
      [t("visitors.escort"), t(visit.escort ? "visitors.escort_needed" : "visitors.escort_not")],
      [t("visitors.cards"), visit.cards.join(", ") || t("visitors.no_cards")],
      [t("visitors.arrived_at"), when(visit.arrived)],
      [t("visitors.ended"), when(visit.left ?? visit.cancelled)],
    ];
    return html`<article class="card visit ${visit.state}">
      <h2>${visit.name}</h2>
      <dl class="facts">${rows.filter(([, what]) => what !== "").map(([name, what]) => html`<dt>${name}</dt><dd>${what}</dd>`)}</dl>
      <p class="buttons">${this.actions(visit)}<a class="button" data-badge href=${href("visitors", visit.badge, "badge")}>${t("visitors.badge")}</a></p>
    </article>`;
  }

  private actions(visit: Visit): TemplateResult {
    const isAway = store.link === "away";
    return html`${mayArrive(visit) && store.may("POST /visitors/{badge}/arrive")
      ? html`<button type="button" class="main" data-do="arrive" ?disabled=${isAway} @click=${() => document.querySelector("desk-visitor-arrival")?.show(visit)}>${t("visitors.arrive")}</button>`
      : nothing}
    ${mayLeave(visit) && store.may("POST /visitors/{badge}/leave") ? html`<button type="button" class="main" data-do="leave" ?disabled=${isAway} @click=${() => void leave(visit)}>${t("visitors.leave")}</button>` : nothing}
    ${mayArrive(visit) && store.may("POST /visitors/{badge}/cancel") ? html`<button type="button" class="danger" data-do="cancel" ?disabled=${isAway} @click=${() => void cancel(visit)}>${t("visitors.cancel")}</button>` : nothing}`;
  }

  private sheet(visit: Visit): TemplateResult {
    return html`<article class="badge-sheet">
        <header>${t("visitors.badge_visitor")}</header>
        <div>
          <h2>${visit.name}</h2>
          <p>${t("visitors.badge_host", { host: visit.host_name ?? "" })}</p>
          <p>${t("visitors.badge_until", { time: when(visit.valid_to) })}</p>
          ${visit.escort ? html`<p class="escort">${t("visitors.escort_needed")}</p>` : nothing}
          <p class="number">${visit.badge}</p>
        </div>
        ${code(visit.badge)}
      </article>
      <p class="buttons no-print"><button type="button" class="main" data-print @click=${() => print()}>${t("action.print")}</button><span>${t("visitors.badge_hint")}</span></p>`;
  }
}

/** The number of the visit, for a reader at the desk. It is no credential: no portal takes it. */
function code(badge: string): TemplateResult | typeof nothing {
  try {
    return html`<svg class="qr" viewBox="-4 -4 29 29" role="img" aria-label=${t("visitors.qr", { badge })} data-qr=${badge}>${svg`<path d=${qrPath(qrCode(badge))} />`}</svg>`;
  } catch {
    return nothing;
  }
}

customElements.define("desk-visit", OneVisit);
