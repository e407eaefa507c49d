// Levels × portals as a grid: headers stay in sight, arrows go from cell to cell, and only what is seen is drawn.
import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { DeskElement } from "../../../base/element";
import { t } from "../../../base/i18n";
import { href } from "../../../base/router";
import { ALWAYS, seen, type Coverage, type Matrix } from "./coverage";

export interface Cell {
  level: string;
  portal: string;
}

class LevelMatrix extends DeskElement {
  static override properties = { matrix: { attribute: false }, levels: { attribute: false }, portals: { attribute: false }, row: { state: true }, column: { state: true }, version: { attribute: false } };
  declare matrix: Matrix;
  /** The rows. */
  declare levels: readonly string[];
  /** The columns. */
  declare portals: readonly string[];
  declare row: number;
  declare column: number;
  /** Raised when the matrix has changed inside. */
  declare version: number;
  private size = { row: 0, column: 0, head: 0, side: 0 };

  constructor() {
    super();
    this.row = 0;
    this.column = 0;
    this.version = 0;
  }

  override willUpdate(): void {
    this.row = Math.max(0, Math.min(this.row, this.levels.length - 1));
    this.column = Math.max(0, Math.min(this.column, this.portals.length - 1));
  }

  override render(): TemplateResult {
    const box = this.box();
    const rows = seen(box?.scrollTop ?? 0, box?.clientHeight ?? 0, this.size.row, this.levels.length);
    const columns = seen(box?.scrollLeft ?? 0, box?.clientWidth ?? 0, this.size.column, this.portals.length);
    const portals = this.portals.slice(columns.first, columns.last);
    return html`<div class="matrix" @scroll=${() => this.requestUpdate()}>
      <div class="extent">
        <table role="grid" aria-label=${t("site.matrix")} aria-rowcount=${this.levels.length + 1} aria-colcount=${this.portals.length + 1} @keydown=${(event: KeyboardEvent) => this.key(event)}>
          <thead>
            <tr aria-rowindex="1">
              <th class="corner" scope="col" aria-colindex="1">${t("site.level_portal")}</th>
              ${portals.map((name, at) => html`<th scope="col" aria-colindex=${columns.first + at + 2} title=${name}>${name}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${repeat(this.levels.slice(rows.first, rows.last), (level) => level, (level, at) => this.line(level, rows.first + at, portals, columns.first))}
          </tbody>
        </table>
      </div>
    </div>`;
  }

  private line(level: string, row: number, portals: readonly string[], first: number): TemplateResult {
    return html`<tr aria-rowindex=${row + 2}>
      <th scope="row" aria-colindex="1" title=${level}><a href=${href("site", "levels", level)} tabindex="-1">${level}</a></th>
      ${repeat(portals, (portal) => portal, (portal, at) => this.cell(level, portal, row, first + at))}
    </tr>`;
  }

  private cell(level: string, portal: string, row: number, column: number): TemplateResult {
    const coverage = this.matrix.at(level, portal);
    const isChanged = this.matrix.isChanged(level, portal);
    const kind = coverage === undefined ? "none" : coverage === ALWAYS ? "always" : "timed";
    return html`<td
      class="${kind} ${isChanged ? "changed" : ""}"
      role="gridcell"
      aria-colindex=${column + 2}
      data-cell="${level}/${portal}"
      title=${coverage === undefined || coverage === ALWAYS ? nothing : coverage.slice(1)}
      tabindex=${row === this.row && column === this.column ? "0" : "-1"}
      @focus=${() => this.choose(row, column)}
      @click=${(event: MouseEvent) => (event.currentTarget as HTMLElement).focus()}
      @dblclick=${() => this.tell("edit-cell")}
    >
      ${coverageMark(coverage)}${isChanged ? html`<span class="sr">, ${t("site.not_saved")}</span>` : nothing}
    </td>`;
  }

  override firstUpdated(): void {
    this.measure();
  }

  override updated(): void {
    const box = this.box();
    const extent = this.querySelector<HTMLElement>(".extent");
    const table = this.querySelector<HTMLElement>("table");
    if (!box || !extent || !table || this.size.row === 0) return;
    const rows = seen(box.scrollTop, box.clientHeight, this.size.row, this.levels.length);
    const columns = seen(box.scrollLeft, box.clientWidth, this.size.column, this.portals.length);
    extent.style.height = `${this.size.head + this.levels.length * this.size.row}px`;
    extent.style.width = `${this.size.side + this.portals.length * this.size.column}px`;
    table.style.marginTop = `${rows.first * this.size.row}px`;
    table.style.marginInlineStart = `${columns.first * this.size.column}px`;
  }

  /** Give the focus to the cell that was chosen last. */
  focusCell(): void {
    this.show();
    void this.updateComplete.then(() => this.querySelector<HTMLElement>('[role=gridcell][tabindex="0"]')?.focus());
  }

  private measure(): void {
    const cell = this.querySelector<HTMLElement>("td");
    const corner = this.querySelector<HTMLElement>(".corner");
    if (!cell || !corner) return;
    this.size = { row: cell.offsetHeight, column: cell.offsetWidth, head: corner.offsetHeight, side: corner.offsetWidth };
    this.requestUpdate();
  }

  private box(): HTMLElement | null {
    return this.querySelector<HTMLElement>(".matrix");
  }

  private choose(row: number, column: number): void {
    this.row = row;
    this.column = column;
    this.tell("cell");
  }

  private tell(what: "cell" | "edit-cell" | "toggle-cell" | "clear-cell"): void {
    const level = this.levels[this.row];
    const portal = this.portals[this.column];
    if (level !== undefined && portal !== undefined) this.dispatchEvent(new CustomEvent<Cell>(what, { detail: { level, portal } }));
  }

  private key(event: KeyboardEvent): void {
    const box = this.box();
    if (!box || event.altKey || event.metaKey) return;
    const page = Math.max(1, Math.floor(box.clientHeight / (this.size.row || 1)) - 2);
    const [lastRow, lastColumn] = [this.levels.length - 1, this.portals.length - 1];
    const goals: Record<string, [number, number]> = {
      ArrowDown: [this.row + 1, this.column],
      ArrowUp: [this.row - 1, this.column],
      ArrowRight: [this.row, this.column + 1],
      ArrowLeft: [this.row, this.column - 1],
      PageDown: [this.row + page, this.column],
      PageUp: [this.row - page, this.column],
      Home: [event.ctrlKey ? 0 : this.row, 0],
      End: [event.ctrlKey ? lastRow : this.row, lastColumn],
    };
    const commands: Record<string, "edit-cell" | "toggle-cell" | "clear-cell"> = { Enter: "edit-cell", F2: "edit-cell", " ": "toggle-cell", Delete: "clear-cell", Backspace: "clear-cell" };
    const goal = goals[event.key];
    const command = commands[event.key];
    if (goal) this.goTo(goal[0], goal[1]);
    else if (command) this.tell(command);
    else return;
    event.preventDefault();
  }

  private goTo(row: number, column: number): void {
    this.row = Math.max(0, Math.min(row, this.levels.length - 1));
    this.column = Math.max(0, Math.min(column, this.portals.length - 1));
    this.focusCell();
  }

  /** Scroll so that the chosen cell is not below a header or out of sight. */
  private show(): void {
    const box = this.box();
    if (!box) return;
    const { row, column, head, side } = this.size;
    const [top, left] = [this.row * row, this.column * column];
    box.scrollTop = Math.max(top + row + head - box.clientHeight, Math.min(box.scrollTop, top));
    box.scrollLeft = Math.max(left + column + side - box.clientWidth, Math.min(box.scrollLeft, left));
    this.requestUpdate();
  }
}

/** Return what a cell shows: a sign for always, the name of a schedule, a line for none. */
function coverageMark(coverage: Coverage): TemplateResult | string {
  if (coverage === undefined) return html`<span aria-hidden="true">·</span><span class="sr">${t("site.not_covered")}</span>`;
  if (coverage === ALWAYS) return html`<span aria-hidden="true">✓</span><span class="sr">${t("site.always")}</span>`;
  return coverage.slice(1);
}

customElements.define("desk-level-matrix", LevelMatrix);
export type { LevelMatrix };
