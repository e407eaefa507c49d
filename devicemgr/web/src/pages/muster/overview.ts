// Start a muster, and see which run and how those before have ended.
import { html, nothing, type TemplateResult } from "lit";
import { Problem, call, type Answer } from "../../api/client";
import type { MusterState } from "../../api/types";
import { clock, day } from "../../base/dates";
import { StoreElement } from "../../base/element";
import { counted, number, t } from "../../base/i18n";
import { Loaded } from "../../base/loaded";
import { go, href } from "../../base/router";
import { store } from "../../live/store";
import { confirmed } from "../../parts/confirm";
import { selectField } from "../../parts/fields";
import { listing, type Column } from "../../parts/listing";
import { say } from "../../parts/status";
import { problemWords } from "../../parts/words";
import { FOUND } from "./roll";
import { actorWords, placeWords } from "./words";

type Short = Answer<"/api/v1/musters", "get">[number];

class Overview extends StoreElement {
  static override properties = { zone: { state: true }, isSent: { state: true } };
  declare zone: string;
  declare isSent: boolean;
  private readonly past = new Loaded(this, () => call("get", "/api/v1/musters"), false);
  private readonly armed = new Loaded(this, () => call("get", "/api/v1/musters/armed"), false);
  private running = "";

  constructor() {
    super();
    this.zone = "";
    this.isSent = false;
  }

  override willUpdate(): void {
    const running = Object.keys(store.states.musters).join();
    if (running !== this.running && store.hasStates && this.past.value) void this.past.reload();
    this.running = running;
  }

  override render(): TemplateResult {
    const running = this.present();
    return html`<section class="page muster">
      ${running.length > 0
        ? html`<h2>${t("muster.running")}</h2>
            <ul class="musters">${running.map(card)}</ul>`
        : html`<p class="empty">${store.hasStates ? t("muster.none_runs") : t("live.waiting")}</p>`}
      ${store.may("POST /musters") ? this.starter() : nothing} ${this.armedWords()}
      <h2>${t("muster.past")}</h2>
      ${this.past.notice()} ${this.past.value ? listing({ label: t("muster.past"), rows: this.ended(), columns: columns(), key: (one) => one.id, open: (one) => go(href("muster", one.id)), empty: t("muster.none_past") }) : nothing}
    </section>`;
  }

  /** Those that run: as the stream says, or until it has spoken, the answer. */
  private present(): (MusterState | Short)[] {
    if (store.hasStates) return Object.values(store.states.musters);
    return (this.past.value ?? []).filter((one) => one.state === "running");
  }

  private ended(): Short[] {
    return (this.past.value ?? []).filter((one) => one.state === "ended");
  }

  private starter(): TemplateResult {
    const zones = Object.keys(store.states.zones);
    const isOff = store.link === "away" || this.isSent;
    return html`<form class="card start" @submit=${(event: SubmitEvent) => event.preventDefault()}>
      <h2>${t("muster.start")}</h2>
      ${store.hasStates && zones.length === 0
        ? html`<p>${t("muster.no_zones")}</p>`
        : html`${selectField({
              name: "zone",
              label: t("muster.place"),
              value: this.zone,
              options: [["", t("muster.whole_site")], ...zones.map((zone) => [zone, t("muster.zone", { zone })] as const)],
              change: (zone) => (this.zone = zone),
            })}
            <p class="buttons">
              <button type="button" data-start="drill" ?disabled=${isOff} @click=${() => void this.start(true)}>${t("muster.start_drill")}</button>
              <button type="button" class="main danger" data-start="real" ?disabled=${isOff} @click=${() => void this.start(false)}>${t("muster.start_real")}</button>
            </p>`}
    </form>`;
  }

  private armedWords(): TemplateResult | typeof nothing {
    const zones = this.armed.value?.zones ?? [];
    if (zones.length === 0) return nothing;
    return html`<p class="note" data-armed>${t("muster.armed", { places: zones.map((zone) => placeWords(zone)).join(", ") })}</p>`;
  }

  private async start(drill: boolean): Promise<void> {
    const place = placeWords(this.zone || null);
    const people = this.zone ? store.states.zones[this.zone]?.count : undefined;
    const count = people === undefined ? "" : ` ${counted("muster.inside_now", people)}`;
    const given = await confirmed({
      title: t(drill ? "muster.start_drill" : "muster.start_real"),
      effect: `${t(drill ? "muster.effect_drill" : "muster.effect_real", { place })}${count}`,
      action: t(drill ? "muster.start_drill" : "muster.start_real"),
      isDangerous: !drill,
      isHeld: !drill,
    });
    if (!given || this.isSent) return;
    this.isSent = true;
    try {
      const begun = await call("post", "/api/v1/musters", {}, { zone: this.zone || null, drill });
      say(counted("muster.started", begun.missing.length, { place }));
      go(href("muster", begun.id));
    } catch (error) {
      say(error instanceof Problem ? problemWords(error) : t("muster.unknown_start"), error instanceof Problem ? "bad" : "warn");
    } finally {
      this.isSent = false;
    }
  }
}

function card(one: MusterState | Short): TemplateResult {
  const all = FOUND.reduce((sum, found) => sum + (one.totals[found] ?? 0), 0);
  return html`<li class="card running ${one.drill ? "drill" : "real"}" data-muster=${one.id}>
    <h3>${t(one.drill ? "muster.drill_of" : "muster.real_of", { place: placeWords(one.zone) })}</h3>
    <p>${t("muster.since", { time: clock(one.started), by: actorWords(one) })}</p>
    <p class="missing">${counted("muster.missing_of", one.totals["missing"] ?? 0, { all: number(all) })}</p>
    <a class="button main" href=${href("muster", one.id)}>${t("muster.open_list")}</a>
  </li>`;
}

function columns(): Column<Short>[] {
  return [
    { title: t("muster.place"), isHeader: true, cell: (one) => placeWords(one.zone) },
    { title: t("muster.kind"), cell: (one) => t(one.drill ? "muster.drill" : "muster.real") },
    { title: t("muster.begun"), cell: (one) => `${day(one.started)} ${clock(one.started)}`.trim() },
    { title: t("muster.lasted"), cell: (one) => lasted(one) },
    ...FOUND.map((found) => ({ title: t(`muster_found.${found}`), name: "number", cell: (one: Short) => html`<span class="of">${t(`muster_found.${found}`)} </span>${number(one.totals[found] ?? 0)}` })),
  ];
}

function lasted(one: Short): string {
  if (one.ended === null) return "";
  return counted("muster.minutes", Math.max(1, Math.round((Date.parse(one.ended) - Date.parse(one.started)) / 60_000)));
}

customElements.define("desk-muster-overview", Overview);
