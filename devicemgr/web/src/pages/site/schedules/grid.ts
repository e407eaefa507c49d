// The week of a schedule as a grid of half hours: drawn by mouse, finger or keys, and exact to the minute by fields.
import { html, nothing, type TemplateResult } from "lit";
import { DeskElement } from "../../../base/element";
import { t } from "../../../base/i18n";
import { selectField, textField } from "../../../parts/fields";
import { dayWords, windowWords } from "./words";
import { DAY_MINUTES, intervalsOf, openPart, painted, parseWindow, time, windowsOf, type Interval } from "./week";

const STEP = 30;
const ROWS = DAY_MINUTES / STEP;
const FIRST_SEEN = 14; // 07:00
const DAYS = [0, 1, 2, 3, 4, 5, 6];
const SPANS: Record<string, readonly number[]> = { "0-4": [0, 1, 2, 3, 4], "5-6": [5, 6], "0-6": DAYS };

interface Spot {
  day: number;
  row: number;
}

class Week extends DeskElement {
  static override properties = { windows: { attribute: false }, isDisabled: { attribute: false }, error: {}, spot: { state: true }, anchor: { state: true }, paints: { state: true }, days: { state: true }, from: { state: true }, to: { state: true }, wrong: { state: true } };
  declare windows: readonly string[];
  declare isDisabled: boolean;
  declare error: string | undefined;
  /** The cell with the focus, and where a range began. */
  declare spot: Spot;
  declare anchor: Spot | null;
  /** Whether the pointer opens or closes what it is drawn over. */
  declare paints: boolean | null;
  declare days: string;
  declare from: string;
  declare to: string;
  declare wrong: string;

  constructor() {
    super();
    this.windows = [];
    this.isDisabled = false;
    this.spot = { day: 0, row: FIRST_SEEN + 2 };
    this.anchor = null;
    this.paints = null;
    this.days = "0-4";
    this.from = "08:00";
    this.to = "18:00";
    this.wrong = "";
  }

  override firstUpdated(): void {
    const row = this.querySelector<HTMLElement>(`tr[data-half="${FIRST_SEEN}"]`);
    const box = this.querySelector<HTMLElement>(".week");
    if (box && row) box.scrollTop = row.offsetTop - (this.querySelector<HTMLElement>("thead")?.offsetHeight ?? 0);
  }

  override render(): TemplateResult {
    const intervals = intervalsOf(this.windows);
    return html`<fieldset class="field week-field">
      <legend>${t("site_field.windows")}</legend>
      <div class="chips" data-windows>
        ${this.windows.map((window) => html`<button type="button" class="chip" ?disabled=${this.isDisabled} data-window=${window} aria-label=${t("site.take_out", { name: windowWords(window) })} @click=${() => this.take(window)}>${windowWords(window)}${this.isDisabled ? nothing : html` <span aria-hidden="true">×</span>`}</button>`)}
      </div>
      ${this.error ? html`<small class="error" role="alert">${this.error}</small>` : nothing}
      <div class="week" tabindex="-1">
        <table role="grid" aria-label=${t("site.week")} aria-multiselectable="true" aria-readonly=${this.isDisabled} @keydown=${(event: KeyboardEvent) => this.key(event)} @pointermove=${(event: PointerEvent) => this.move(event)} @pointerup=${() => this.lift()} @pointercancel=${() => this.cancel()}>
          <thead>
            <tr><th class="corner" scope="col"><span class="sr">${t("site.time")}</span></th>${DAYS.map((day) => html`<th scope="col">${dayWords(day)}</th>`)}</tr>
          </thead>
          <tbody>${Array.from({ length: ROWS }, (_, row) => this.line(intervals, row))}</tbody>
        </table>
      </div>
      ${this.isDisabled ? nothing : this.exact()}
    </fieldset>`;
  }

  private line(intervals: readonly Interval[], row: number): TemplateResult {
    return html`<tr data-half=${row} class=${row % 2 === 0 ? "hour" : ""}>
      <th scope="row">${row % 2 === 0 ? time(row * STEP) : html`<span class="sr">${time(row * STEP)}</span>`}</th>
      ${DAYS.map((day) => this.cell(intervals, day, row))}
    </tr>`;
  }

  private cell(intervals: readonly Interval[], day: number, row: number): TemplateResult {
    const part = openPart(intervals, day, row * STEP, (row + 1) * STEP);
    const isIn = this.inRange({ day, row });
    const isHere = day === this.spot.day && row === this.spot.row;
    return html`<td
      role="gridcell"
      class="${part === 0 ? "" : part === 1 ? "open" : "open part"} ${isIn ? (this.paints === false ? "closing" : "opening") : ""}"
      data-cell="${day}/${row}"
      aria-selected=${part > 0}
      aria-label="${dayWords(day, "long")} ${time(row * STEP)}, ${t(part === 0 ? "site.closed" : part === 1 ? "site.open" : "site.part_open")}"
      tabindex=${isHere ? "0" : "-1"}
      @pointerdown=${(event: PointerEvent) => this.press(event, { day, row }, part === 1)}
      @focus=${() => this.isDrawing || (this.spot = { day, row })}
    ></td>`;
  }

  private get isDrawing(): boolean {
    return this.paints !== null;
  }

  private exact(): TemplateResult {
    const days: (readonly [string, string])[] = [["0-4", `${dayWords(0)}–${dayWords(4)}`], ["5-6", `${dayWords(5)}, ${dayWords(6)}`], ["0-6", `${dayWords(0)}–${dayWords(6)}`], ...DAYS.map((day) => [String(day), dayWords(day, "long")] as const)];
    return html`<div class="exact">
      ${selectField({ name: "week-days", label: t("site.days"), value: this.days, options: days, change: (value) => (this.days = value) })}
      ${textField({ name: "week-from", label: t("site.from"), type: "time", value: this.from, change: (value) => (this.from = value) })}
      ${textField({ name: "week-to", label: t("site.to"), type: "time", value: this.to, error: this.wrong, change: (value) => ((this.to = value), (this.wrong = "")) })}
      <button type="button" class="quiet" data-open-span @click=${() => this.span(true)}>${t("site.open_it")}</button>
      <button type="button" class="quiet" data-close-span @click=${() => this.span(false)}>${t("site.close_it")}</button>
    </div>`;
  }

  /** Open or close the days and times of the fields; an end at or before the begin is on the next day. */
  private span(isOpen: boolean): void {
    const found = parseWindow(`mon ${this.from}-${this.to === "00:00" ? "24:00" : this.to}`)?.[0];
    if (!found) {
      this.wrong = t("site.no_span");
      return;
    }
    const days = SPANS[this.days] ?? [Number(this.days)];
    this.set(days.reduce<Interval[]>((all, day) => painted(all, day, found.from, found.to, isOpen), intervalsOf(this.windows)));
  }

  private take(window: string): void {
    const gone = new Set(intervalsOf([window]).map((one) => JSON.stringify(one)));
    this.set(intervalsOf(this.windows).filter((one) => !gone.has(JSON.stringify(one))));
    this.querySelector<HTMLElement>('[role=gridcell][tabindex="0"]')?.focus();
  }

  private press(event: PointerEvent, spot: Spot, isOpen: boolean): void {
    if (this.isDisabled || event.button !== 0) return;
    event.preventDefault();
    (event.currentTarget as HTMLElement).focus();
    this.spot = spot;
    this.anchor = spot;
    this.paints = !isOpen;
  }

  private move(event: PointerEvent): void {
    if (!this.isDrawing) return;
    const name = document.elementFromPoint(event.clientX, event.clientY)?.closest<HTMLElement>("[data-cell]")?.dataset["cell"];
    const [day, row] = (name ?? "").split("/").map(Number);
    if (day !== undefined && row !== undefined && name) this.spot = { day, row };
  }

  private lift(): void {
    if (this.paints !== null) this.paint(this.paints);
    this.cancel();
  }

  private cancel(): void {
    this.paints = null;
    this.anchor = null;
  }

  private key(event: KeyboardEvent): void {
    const steps: Record<string, [number, number]> = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0], PageUp: [0, -4], PageDown: [0, 4], Home: [-7, 0], End: [7, 0] };
    const step = steps[event.key];
    if (step) this.step(step, event.shiftKey);
    else if (event.key === " " || event.key === "Enter") this.toggle();
    else if (event.key === "Delete" || event.key === "Backspace") this.paint(false);
    else if (event.key === "Escape" && this.anchor) this.anchor = null;
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private step([days, rows]: [number, number], extends_: boolean): void {
    this.anchor = extends_ ? (this.anchor ?? this.spot) : null;
    const within = (value: number, last: number): number => Math.max(0, Math.min(last, value));
    this.spot = { day: within(this.spot.day + days, 6), row: within(this.spot.row + rows, ROWS - 1) };
    void this.updateComplete.then(() => this.querySelector<HTMLElement>(`[data-cell="${this.spot.day}/${this.spot.row}"]`)?.focus());
  }

  private toggle(): void {
    const { day, row } = this.anchor ?? this.spot;
    this.paint(openPart(intervalsOf(this.windows), day, row * STEP, (row + 1) * STEP) < 1);
  }

  private paint(isOpen: boolean): void {
    if (this.isDisabled) return;
    const { days, rows } = this.range();
    const found = days.reduce<Interval[]>((all, day) => painted(all, day, rows[0] * STEP, (rows[1] + 1) * STEP, isOpen), intervalsOf(this.windows));
    this.anchor = null;
    this.set(found);
  }

  private range(): { days: number[]; rows: [number, number] } {
    const from = this.anchor ?? this.spot;
    const [first, last] = [Math.min(from.day, this.spot.day), Math.max(from.day, this.spot.day)];
    return { days: DAYS.slice(first, last + 1), rows: [Math.min(from.row, this.spot.row), Math.max(from.row, this.spot.row)] };
  }

  private inRange({ day, row }: Spot): boolean {
    if (!this.anchor) return false;
    const { days, rows } = this.range();
    return days.includes(day) && row >= rows[0] && row <= rows[1];
  }

  private set(intervals: readonly Interval[]): void {
    this.windows = windowsOf(intervals);
    this.dispatchEvent(new CustomEvent<readonly string[]>("windows", { detail: this.windows }));
  }
}

customElements.define("desk-week", Week);
