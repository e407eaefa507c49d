// Who is expected today, who is here, who is overdue, who comes later and who has left.
import { html, nothing, type TemplateResult } from "lit";
import { call } from "../../api/client";
import { StoreElement } from "../../base/element";
import { number, t } from "../../base/i18n";
import { Loaded } from "../../base/loaded";
import { go, href, query } from "../../base/router";
import { store } from "../../live/store";
import { listing, type Column } from "../../parts/listing";
import { say } from "../../parts/status";
import { tabs } from "../../parts/tabs";
import { leave } from "./actions";
import { OPEN_STATES, PARTS, mayArrive, mayLeave, read, visitsOf, type Part, type Visit } from "./visits";
import { hostWords, stateWords, when } from "./words";

class Lists extends StoreElement {
  static override properties = { search: { state: true } };
  declare search: string;
  private readonly open = new Loaded(this, () => call("get", "/api/v1/visitors", { query: { state: OPEN_STATES } }));
  private readonly ended = new Loaded(this, () => call("get", "/api/v1/visitors", { query: { state: ["left", "cancelled"] } }));

  constructor() {
    super();
    this.search = "";
  }

  private get chosen(): Part {
    const named = query().get("part");
    return PARTS.find((part) => part === named) ?? "today";
  }

  private get all(): Visit[] {
    return [...(this.open.value ?? []), ...(this.ended.value ?? [])];
  }

  override render(): TemplateResult {
    const part = this.chosen;
    const now = Date.now() - store.clockOff;
    const source = part === "left" ? this.ended : this.open;
    const count = (one: Part): number => visitsOf(this.all, one, "", now).length;
    const words = (one: Part): string => `${t(`visit_part.${one}`)} ${source.value ? number(count(one)) : ""}`.trim();
    return html`<section class="page visitors ${store.link === "away" ? "stale" : ""}">
      ${tabs(PARTS.map((one) => ({ name: one, words: words(one), href: href("visitors", { part: one === "today" ? "" : one }) })), part, t("page.visitors"))}
      <div class="tools">
        <label class="search"
          ><span class="sr">${t("visitors.search")}</span
          ><input type="search" data-search placeholder=${t("visitors.search")} .value=${this.search} @input=${(event: InputEvent) => (this.search = (event.target as HTMLInputElement).value)} @keydown=${(event: KeyboardEvent) => this.typed(event)}
        /></label>
        ${store.may("POST /visitors") ? html`<a class="button main" data-new href=${href("visitors", "new")}>${t("visitors.add")}</a>` : nothing}
      </div>
      ${source.notice()}
      ${source.value
        ? listing(
            {
              label: t(`visit_part.${part}`),
              rows: visitsOf(this.all, part, this.search, now),
              columns: this.columns(part),
              key: (visit) => visit.badge,
              tone: (visit) => (visit.state === "overdue" ? "bad" : visit.host_problem ? "warn" : ""),
              open: (visit) => go(href("visitors", visit.badge)),
              empty: this.search === "" ? t(`visit_none.${part}`) : t("visitors.no_match"),
            },
            part + this.search,
          )
        : nothing}
    </section>`;
  }

  private columns(part: Part): Column<Visit>[] {
    const time: Column<Visit> =
      part === "left"
        ? { title: t("visitors.ended"), cell: (visit) => when(visit.left ?? visit.cancelled) }
        : { title: t(part === "today" || part === "later" ? "visitors.from_to" : "visitors.until"), cell: (visit) => (part === "today" || part === "later" ? `${when(visit.valid_from)} – ${when(visit.valid_to)}` : when(visit.valid_to)) };
    return [
      { title: t("visitors.name"), isHeader: true, cell: (visit) => html`${visit.name} <small class="soft">${visit.badge}</small>` },
      { title: t("visitors.host"), cell: (visit) => html`${hostWords(visit)}${visit.host_problem ? html` <em class="problem">${t("visitors.host_cannot")}</em>` : nothing}` },
      time,
      { title: t("visitors.state"), cell: (visit) => html`${stateWords(visit)}${visit.cards.length > 0 ? html` <small>${t("visitors.with_card", { cards: visit.cards.join(", ") })}</small>` : nothing}${visit.escort ? html` <small>${t("visitors.escort_short")}</small>` : nothing}` },
      { title: t("visitors.actions"), name: "actions", cell: (visit) => this.actions(visit) },
    ];
  }

  private actions(visit: Visit): TemplateResult {
    const isAway = store.link === "away";
    const button = (does: string, words: string, act: () => void, style = ""): TemplateResult =>
      html`<button type="button" class=${style} data-do=${does} ?disabled=${isAway} aria-label="${words}: ${visit.name}" @click=${act}>${words}</button>`;
    return html`${mayArrive(visit) && store.may("POST /visitors/{badge}/arrive") ? button("arrive", t("visitors.arrive"), () => document.querySelector("desk-visitor-arrival")?.show(visit), "main") : nothing}
    ${mayLeave(visit) && store.may("POST /visitors/{badge}/leave") ? button("leave", t("visitors.leave"), () => void leave(visit)) : nothing}`;
  }

  /** A reader that types into the search: the printed badge, or a card that comes back. */
  private typed(event: KeyboardEvent): void {
    if (event.key !== "Enter" || this.search.trim() === "") return;
    event.preventDefault();
    const found = read(this.all, this.search);
    if (found) go(href("visitors", found.badge));
    else say(t("visitors.not_read", { typed: this.search.trim() }), "warn");
  }
}

customElements.define("desk-visitor-lists", Lists);
