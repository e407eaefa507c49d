// Levels: what each covers, as a matrix whose changes are looked at before they are applied together.
import { html, nothing, type TemplateResult } from "lit";
import { call, type Answer } from "../../../api/client";
import { t, counted } from "../../../base/i18n";
import { Loaded } from "../../../base/loaded";
import { href } from "../../../base/router";
import { folded } from "../../../live/rows";
import { store } from "../../../live/store";
import type { Column } from "../../../parts/listing";
import { selectField } from "../../../parts/fields";
import { say } from "../../../parts/status";
import "../apply/plan";
import { Entities } from "../editing/entities";
import type { Form } from "../editing/editor";
import { ALWAYS, Matrix } from "./coverage";
import { levelForm } from "./form";
import "./matrix";
import type { Cell, LevelMatrix } from "./matrix";
import { waiverWords } from "./words";

type Level = Answer<"/api/v1/levels", "get">[number];

/** What was chosen and not applied, while one looks at another tab; of this session alone. */
let kept: { session: unknown; matrix: Matrix } | null = null;

class Levels extends Entities<Level> {
  static override properties = { ...Entities.properties, cell: { state: true }, portalSearch: { state: true }, planned: { state: true }, version: { state: true } };
  declare cell: Cell | null;
  declare portalSearch: string;
  declare planned: string | null;
  declare version: number;
  protected readonly tab = "levels";
  protected readonly adds = "POST /levels";
  private matrix = new Matrix([]);
  private source: Level[] | undefined;
  private readonly sides = new Loaded(this, async () => ({ portals: (await call("get", "/api/v1/portals")).map((one) => one.name), schedules: (await call("get", "/api/v1/schedules")).map((one) => one.name) }));

  constructor() {
    super();
    this.cell = null;
    this.portalSearch = "";
    this.planned = null;
    this.version = 0;
    if (kept && kept.session === store.session) this.matrix = kept.matrix;
  }

  protected read(): Promise<Level[]> {
    return call("get", "/api/v1/levels");
  }

  protected override text(row: Level): string {
    return row.name;
  }

  protected words(): { label: string; add: string; empty: string } {
    return { label: t("site_tab.levels"), add: t("site.add_level"), empty: t("site.no_levels") };
  }

  protected columns(): readonly Column<Level>[] {
    return [
      { title: t("site.name"), isHeader: true, cell: (row) => row.name },
      { title: t("site.portals"), name: "number", cell: (row) => row.portals.length },
      { title: t("site_field.waives"), name: "cause", cell: (row) => row.waives.map(waiverWords).join(", ") },
      { title: t("site_field.visitors"), cell: (row) => t(row.visitors ? "site.yes" : "site.no") },
      { title: t("site_field.escorts"), cell: (row) => (row.escorts ? counted("site.escorts", row.escort_up_to) : t("site.no")) },
    ];
  }

  protected formOf(row: Level | null): Promise<Form> {
    return levelForm(row, this.sides.value ?? { portals: [], schedules: [] });
  }

  override willUpdate(): void {
    const [levels, sides] = [this.loaded.value, this.sides.value];
    if (!levels || !sides || this.source === levels) return;
    this.source = levels;
    const fresh = new Matrix(levels);
    fresh.take(this.matrix, new Set(sides.portals));
    this.matrix = fresh;
    this.keep();
  }

  private keep(): void {
    kept = this.matrix.changes > 0 ? { session: store.session, matrix: this.matrix } : null;
    this.version += 1;
  }

  protected override above(): TemplateResult | typeof nothing {
    const sides = this.sides.value;
    const levels = this.loaded.value;
    if (!sides || !levels) return this.sides.notice();
    if (levels.length === 0) return nothing;
    if (sides.portals.length === 0) return html`<p class="empty">${t("site.no_portals")} <a href=${href("site", "portals")}>${t("site_tab.portals")}</a></p>`;
    const wanted = folded(this.search);
    const names = levels.map((one) => one.name).filter((name) => folded(name).includes(wanted));
    const portals = sides.portals.filter((name) => folded(name).includes(folded(this.portalSearch)));
    return html`<section class="levels" aria-label=${t("site.matrix")}>
      <div class="tools">
        <label class="search"><span class="sr">${t("site.search_portals")}</span><input type="search" data-search-portals placeholder=${t("site.search_portals")} .value=${this.portalSearch} @input=${(event: InputEvent) => (this.portalSearch = (event.target as HTMLInputElement).value)} /></label>
        ${this.bar(names, portals, sides.schedules)}
      </div>
      ${names.length > 0 && portals.length > 0
        ? html`<desk-level-matrix
            .matrix=${this.matrix}
            .levels=${names}
            .portals=${portals}
            .version=${this.version}
            @cell=${(event: CustomEvent<Cell>) => (this.cell = event.detail)}
            @edit-cell=${() => this.querySelector<HTMLElement>("[name=coverage]")?.focus()}
            @toggle-cell=${(event: CustomEvent<Cell>) => this.toggle(event.detail)}
            @clear-cell=${(event: CustomEvent<Cell>) => this.set([event.detail], undefined)}
          ></desk-level-matrix>`
        : html`<p class="empty">${t("site.no_match")}</p>`}
      ${this.pending()}
    </section>`;
  }

  /** The chosen cell, and what it may become. */
  private bar(names: readonly string[], portals: readonly string[], schedules: readonly string[]): TemplateResult {
    const { cell } = this;
    const mayEdit = store.may("PUT /levels/{name}") && store.may("POST /site/apply");
    if (!cell || !names.includes(cell.level) || !portals.includes(cell.portal)) return html`<p class="hint">${t(mayEdit ? "site.choose_cell" : "site.matrix_read")}</p>`;
    const present = this.matrix.at(cell.level, cell.portal) ?? "";
    const options = [["", t("site.not_covered")] as const, [ALWAYS, t("site.always")] as const, ...schedules.map((name) => [`@${name}`, name] as const)];
    return html`<div class="bar" @keydown=${(event: KeyboardEvent) => this.toCell(event)}>
      ${selectField({ name: "coverage", label: t("site.cell", { level: cell.level, portal: cell.portal }), value: present, options, isDisabled: !mayEdit, change: (value) => this.set([cell], value === "" ? undefined : value) })}
      ${mayEdit
        ? html`<button type="button" class="quiet" data-fill-row @click=${() => this.set(portals.map((portal) => ({ level: cell.level, portal })), present || undefined)}>${counted("site.fill_row", portals.length)}</button>
            <button type="button" class="quiet" data-fill-column @click=${() => this.set(names.map((level) => ({ level, portal: cell.portal })), present || undefined)}>${counted("site.fill_column", names.length)}</button>`
        : nothing}
    </div>`;
  }

  private toCell(event: KeyboardEvent): void {
    if (event.key !== "Escape") return;
    event.preventDefault();
    this.querySelector<LevelMatrix>("desk-level-matrix")?.focusCell();
  }

  private toggle(cell: Cell): void {
    this.set([cell], this.matrix.at(cell.level, cell.portal) === undefined ? ALWAYS : undefined);
  }

  private set(cells: readonly Cell[], coverage: string | undefined): void {
    if (!store.may("PUT /levels/{name}")) return;
    for (const { level, portal } of cells) this.matrix.set(level, portal, coverage);
    this.planned = null;
    this.keep();
  }

  private pending(): TemplateResult | typeof nothing {
    const { changes } = this.matrix;
    const empty = this.matrix.empty();
    if (changes === 0 && this.planned === null) return nothing;
    return html`<div class="tools pending" data-pending>
        <p class="summary" role="status">${counted("site.pending", changes)}</p>
        <button type="button" class="quiet" data-discard @click=${() => this.discard()}>${t("site.discard")}</button>
        <button type="button" class="main" data-plan ?disabled=${empty.length > 0 || store.link === "away"} @click=${() => (this.planned = this.matrix.toml())}>${t("site.plan_it")}</button>
      </div>
      ${empty.length > 0 ? html`<p class="trouble" role="alert">${t("site.level_empty", { levels: empty.join(", ") })}</p>` : nothing}
      ${this.planned !== null ? html`<desk-site-plan .toml=${this.planned} @applied=${() => this.applied()}></desk-site-plan>` : nothing}`;
  }

  private discard(): void {
    this.matrix = new Matrix(this.loaded.value ?? []);
    this.planned = null;
    this.keep();
    say(t("site.discarded"), "plain");
  }

  private applied(): void {
    this.planned = null;
    void this.loaded.reload();
  }
}

customElements.define("desk-site-levels", Levels);
