// A list of rows: the first hundred, more on request; arrows go from row to row, Enter opens one.
import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { DeskElement } from "../base/element";
import { number, t } from "../base/i18n";

const STEP = 100;
/** What fits into a window is drawn first, and the rest of the step in the next frame, so that each letter is answered soon. */
const FIRST = 40;

export interface Column<T> {
  title: string;
  cell: (row: T) => unknown;
  /** A class for its cells, such as `number`, `soft` or `wide`. */
  name?: string;
  /** The cell that names the row: one of the columns. */
  isHeader?: boolean;
}

export interface Rows<T> {
  /** What the list is of, for screen readers. */
  label: string;
  rows: readonly T[];
  columns: readonly Column<T>[];
  key: (row: T) => string;
  /** A class of the row, such as `bad`. */
  tone?: (row: T) => string;
  /** Where Enter, a click or a touch leads. */
  open?: (row: T) => void;
  /** What letters do with the row in focus. */
  keys?: Record<string, (row: T) => void>;
  /** All rows at once: for lists that come in pages, with a button for more as their footer. */
  isWhole?: boolean;
  /** On a phone, where the head of the list is not shown, each value stands beside the title of its column. */
  isTitled?: boolean;
  /** Instead of no rows. */
  empty: string | TemplateResult;
  /** What is behind the last row, such as a button for older ones. */
  footer?: TemplateResult;
}

/** Return a list; how many rows are shown begins again when `state` changes, such as the words of a filter. */
export function listing<T>(rows: Rows<T>, state = ""): TemplateResult {
  return html`<desk-listing .given=${rows} .state=${state}></desk-listing>`;
}

class Listing extends DeskElement {
  static override properties = { given: { attribute: false }, state: { attribute: false }, shown: { state: true } };
  declare given: Rows<unknown>;
  declare state: string;
  declare shown: number;
  private focused: string | null = null;
  private filling: number | undefined;

  constructor() {
    super();
    this.shown = STEP;
    this.state = "";
  }

  override willUpdate(changed: Map<string, unknown>): void {
    if (!changed.has("state")) return;
    this.shown = FIRST;
    this.fillSoon();
  }

  /** Draw the rest of the first step once this part is painted. */
  private fillSoon(): void {
    if (this.filling !== undefined) cancelAnimationFrame(this.filling);
    this.filling = requestAnimationFrame(() => {
      this.filling = requestAnimationFrame(() => {
        this.filling = undefined;
        this.shown = Math.max(this.shown, STEP);
      });
    });
  }

  override render(): TemplateResult {
    const { rows, columns, empty, label, footer } = this.given;
    if (rows.length === 0) return html`<p class="empty">${empty}</p>`;
    const part = this.given.isWhole ? rows : rows.slice(0, this.shown);
    return html`<table class="list ${this.given.isTitled ? "titled" : ""}" aria-label=${label} aria-rowcount=${rows.length + 1} @keydown=${(event: KeyboardEvent) => this.step(event)}>
        <thead>
          <tr>${columns.map((column) => html`<th scope="col" class=${column.name ?? ""}>${column.title}</th>`)}</tr>
        </thead>
        <tbody>${repeat(part, this.given.key, (row, index) => this.row(row, index))}</tbody>
      </table>
      ${rows.length > part.length && this.shown >= STEP
        ? html`<p class="beyond">${t("list.part", { shown: number(part.length), all: number(rows.length) })}
            <button type="button" class="quiet" data-more @click=${() => (this.shown += STEP)}>${t("list.more")}</button>
          </p>`
        : nothing}
      ${footer ?? nothing}`;
  }

  private row(row: unknown, index: number): TemplateResult {
    const { columns, key, tone, open } = this.given;
    const name = key(row);
    const isReached = name === this.focused || (this.focused === null && index === 0);
    return html`<tr
      class="${tone?.(row) ?? ""} ${open ? "opens" : ""}"
      data-row=${name}
      tabindex=${open ? (isReached ? "0" : "-1") : nothing}
      @focus=${() => (this.focused = name)}
      @click=${(event: MouseEvent) => isControl(event.target) || open?.(row)}
    >
      ${columns.map((column) => (column.isHeader ? html`<th scope="row" class=${column.name ?? ""}>${column.cell(row)}</th>` : this.cell(column, row)))}
    </tr>`;
  }

  private cell(column: Column<unknown>, row: unknown): TemplateResult {
    const value = column.cell(row);
    if (!this.given.isTitled) return html`<td class=${column.name ?? ""}>${value}</td>`;
    const isEmpty = value === nothing || value === null || value === undefined || value === "";
    return html`<td class=${column.name ?? ""} data-title=${column.title}>${isEmpty ? nothing : html`<span>${value}</span>`}</td>`;
  }

  private step(event: KeyboardEvent): void {
    const row = event.target instanceof HTMLTableRowElement ? event.target : null;
    if (!row) return;
    const all = [...this.querySelectorAll<HTMLTableRowElement>("tbody tr")];
    const at = all.indexOf(row);
    const goals: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 };
    const goal = goals[event.key];
    const act = event.ctrlKey || event.altKey || event.metaKey ? undefined : this.given.keys?.[event.key];
    const acted = this.given.rows[at];
    if (act && acted !== undefined) {
      act(acted);
      event.stopPropagation();
    } else if (event.key === "Enter") row.click();
    else if (goal !== undefined) all[goal]?.focus();
    else return;
    event.preventDefault();
  }
}

function isControl(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("a, button, input, select, textarea, label, summary") !== null;
}

customElements.define("desk-listing", Listing);
