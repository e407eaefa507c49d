// The drawing with what stands on it: zoom and pan by wheel, touch and keys; in the edit mode things are moved.
import { html, nothing, svg, type TemplateResult } from "lit";
import { guard } from "lit/directives/guard.js";
import { repeat } from "lit/directives/repeat.js";
import type { Placement } from "../../api/types";
import { StoreElement } from "../../base/element";
import { t } from "../../base/i18n";
import { Editor } from "./editor";
import { Gestures, type Grip } from "./gestures";
import { cornerOnPlan, lookOf, thingOnPlan, zoneArea } from "./layer";
import { isDirection, isSame, keyOf, movedTo, neighbor, stepped, turned, withCorner, without, withoutCorner, type Thing } from "./placements";
import { fitting, moved, toDrawing, toScreen, zoomed, type Point, type Size, type View } from "./view";

const STEP_PERCENT = 0.5;
const WIDE_STEP_PERCENT = 5;
const STEP_DEGREES = 15;
const PAN_PX = 80;
const ZOOM_STEP = 1.4;
/** With more things, names are shown only when one looks closer. */
const MAX_NAMES = 40;
/** On a narrower board names would cover each other. */
const MIN_NAMES_PX = 480;
const LETTER_PX = 16;
const EMPTY: Size = { width: 1000, height: 700 };

export class Board extends StoreElement {
  static override properties = { editor: { attribute: false }, selected: { attribute: false }, isEditing: { attribute: false }, corner: { state: true }, draft: { state: true }, view: { state: true } };
  declare editor: Editor;
  declare selected: Thing | null;
  declare isEditing: boolean;
  /** The corner of the selected area that has the focus. */
  declare corner: number;
  /** Placements while something is dragged. */
  declare draft: readonly Placement[] | null;
  declare view: View | null;
  private size = 1;
  private screen: Size = { width: 0, height: 0 };
  private isWhole = true;
  private shown = "";
  private reached = "";
  private readonly watcher = new ResizeObserver(() => this.measure());
  private readonly gestures = new Gestures({
    pan: (dx, dy) => this.pan(dx, dy),
    zoom: (factor, at) => this.zoomAt(factor, at),
    drag: (grip, at) => this.drag(grip, at),
    drop: (grip) => this.drop(grip),
    tap: (grip) => this.tap(grip),
    letGo: () => (this.draft = null),
    canDrag: (grip) => this.isEditing && grip.thing !== null,
    gripAt: (target) => this.gripAt(target),
    place: (grip) => this.placeOf(grip),
  });

  constructor() {
    super();
    this.corner = -1;
    this.draft = null;
    this.view = null;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.watcher.disconnect();
  }

  override firstUpdated(): void {
    const frame = this.querySelector(".plan-board");
    if (frame) this.watcher.observe(frame);
  }

  private get drawing(): Size {
    const picture = this.editor.plan?.picture;
    return picture ? { width: picture.width, height: picture.height } : EMPTY;
  }

  private get placements(): readonly Placement[] {
    return this.draft ?? this.editor.placements;
  }

  override willUpdate(): void {
    const { plan } = this.editor;
    const version = `${plan?.name ?? ""} ${this.drawing.width} ${this.drawing.height}`;
    if (version !== this.shown) {
      this.shown = version;
      this.draft = null;
      this.whole();
    }
  }

  override render(): TemplateResult {
    const { plan } = this.editor;
    const { view } = this;
    const address = plan?.picture ? `/api/v1/plans/${encodeURIComponent(plan.name)}/picture?v=${plan.picture.sha256}` : "";
    return html`<div
      class="plan-board ${this.isEditing ? "editing" : ""}"
      role="group"
      tabindex="0"
      aria-label=${t("plan.board", { plan: plan?.name ?? "" })}
      @keydown=${(event: KeyboardEvent) => this.keyDown(event)}
      @wheel=${{ handleEvent: (event: WheelEvent) => this.gestures.wheel(event), passive: false }}
    >
      <div class="sheet"></div>
      ${address ? html`<img src=${address} alt="" draggable="false" width=${this.drawing.width} height=${this.drawing.height} />` : nothing}
      <svg
        class="plan-layer"
        @pointerdown=${(event: PointerEvent) => this.gestures.down(event)}
        @pointermove=${(event: PointerEvent) => this.gestures.move(event)}
        @pointerup=${(event: PointerEvent) => this.gestures.up(event)}
        @pointercancel=${(event: PointerEvent) => this.gestures.cancel(event)}
        @click=${(event: MouseEvent) => this.clicked(event)}
        @focusin=${(event: FocusEvent) => this.focused(event)}
      >
        ${view ? this.layer(view) : nothing}
      </svg>
    </div>`;
  }

  private layer(view: View): TemplateResult {
    const { placements, drawing } = this;
    const on = (point: Point): Point => toScreen(view, drawing, point);
    const areas = placements.filter((one) => one.kind === "zone" && (one.points?.length ?? 0) > 2);
    const hasNames = (placements.length <= MAX_NAMES && this.screen.width >= MIN_NAMES_PX) || view.scale > fitting(drawing, this.screen).scale * 1.9;
    const reached = placements.some((one) => keyOf(one) === this.reached) ? this.reached : placements[0] ? keyOf(placements[0]) : "";
    const chosen = placements.find((one) => this.isSelected(one));
    return svg`${repeat(areas, keyOf, (one) => zoneArea(one, corners(one).map(on), this.isSelected(one)))}
      ${repeat(placements, keyOf, (one) => {
        const look = { isSelected: this.isSelected(one), isEditing: this.isEditing, hasName: hasNames, tabIndex: this.isEditing || keyOf(one) === reached ? 0 : -1, size: this.size };
        const at = on(one);
        return guard(lookOf(one, at, look), () => thingOnPlan(one, at, look));
      })}
      ${this.isEditing && chosen?.points ? corners(chosen).map((point, index) => cornerOnPlan(index, on(point), index === this.corner)) : nothing}`;
  }

  /** The picture is moved by the style of its element: the policy allows none in the markup. */
  override updated(): void {
    if (!this.view) return;
    const { x, y, scale } = this.view;
    for (const element of this.querySelectorAll<HTMLElement>(".sheet, img")) element.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    const sheet = this.querySelector<HTMLElement>(".sheet");
    if (sheet) {
      sheet.style.width = `${this.drawing.width}px`;
      sheet.style.height = `${this.drawing.height}px`;
    }
  }

  private isSelected(thing: Thing): boolean {
    return this.selected !== null && isSame(thing, this.selected);
  }

  private measure(): void {
    const frame = this.querySelector(".plan-board");
    if (!frame) return;
    this.screen = { width: frame.clientWidth, height: frame.clientHeight };
    this.size = parseFloat(getComputedStyle(document.documentElement).fontSize) / LETTER_PX;
    if (this.isWhole || !this.view) this.whole();
    else this.pan(0, 0);
  }

  /** Show the whole drawing. */
  whole(): void {
    this.isWhole = true;
    if (this.screen.width > 0) this.view = fitting(this.drawing, this.screen);
  }

  zoom(factor: number): void {
    this.zoomAt(factor, { x: this.screen.width / 2, y: this.screen.height / 2 });
  }

  zoomIn(): void {
    this.zoom(ZOOM_STEP);
  }

  zoomOut(): void {
    this.zoom(1 / ZOOM_STEP);
  }

  /** Return the middle of what is in sight, in per cent of the drawing. */
  middle(): Point {
    return this.view ? toDrawing(this.view, this.drawing, { x: this.screen.width / 2, y: this.screen.height / 2 }) : { x: 50, y: 50 };
  }

  /** Give the focus to a thing. */
  reach(thing: Thing): void {
    this.reached = keyOf(thing);
    this.requestUpdate();
    void this.updateComplete.then(() => this.querySelector<SVGElement>(`[data-thing="${CSS.escape(keyOf(thing))}"] .hit`)?.focus());
  }

  private zoomAt(factor: number, at: Point): void {
    this.isWhole = false;
    if (this.view) this.view = zoomed(this.view, factor, at, this.drawing, this.screen);
  }

  private pan(dx: number, dy: number): void {
    this.isWhole &&= dx === 0 && dy === 0;
    if (this.view) this.view = moved(this.view, dx, dy, this.drawing, this.screen);
  }

  private gripAt(target: EventTarget | null): Grip {
    const corner = cornerAt(target);
    return { thing: corner >= 0 ? this.selected : thingAt(target), corner };
  }

  private placeOf({ thing, corner }: Grip): Point | null {
    const one = thing && this.placements.find((other) => isSame(other, thing));
    const point = one && (corner >= 0 ? corners(one)[corner] : one);
    return point && this.view ? toScreen(this.view, this.drawing, point) : null;
  }

  private drag(grip: Grip, at: Point): void {
    if (!this.view || !grip.thing) return;
    const to = toDrawing(this.view, this.drawing, at);
    const { placements } = this.editor;
    this.draft = grip.corner >= 0 ? withCorner(placements, grip.thing, grip.corner, to) : movedTo(placements, grip.thing, to);
  }

  private drop(grip: Grip): void {
    const { draft } = this;
    this.draft = null;
    if (!draft || !grip.thing) return;
    this.editor.change(draft);
    if (grip.corner < 0) this.select(grip.thing);
  }

  private tap(grip: Grip): void {
    if (grip.corner >= 0) this.corner = grip.corner;
    else this.select(grip.thing);
  }

  private clicked(event: MouseEvent): void {
    // One with a pointer is a tap; this is of a screen reader.
    const thing = event.detail === 0 ? thingAt(event.target) : null;
    if (thing) this.select(thing);
  }

  private select(thing: Thing | null): void {
    this.corner = -1;
    this.dispatchEvent(new CustomEvent<Thing | null>("select-thing", { detail: thing }));
  }

  private focused(event: FocusEvent): void {
    const thing = thingAt(event.target);
    if (thing) this.reached = keyOf(thing);
    this.corner = cornerAt(event.target);
  }

  private keyDown(event: KeyboardEvent): void {
    const isDone = event.ctrlKey || event.metaKey ? this.undoKey(event) : event.altKey ? false : this.plainKey(event);
    if (!isDone) return;
    event.preventDefault();
    event.stopPropagation();
  }

  private undoKey(event: KeyboardEvent): boolean {
    const key = event.key.toLowerCase();
    if (!this.isEditing || (key !== "z" && key !== "y")) return false;
    if (key === "y" || event.shiftKey) this.editor.redo();
    else this.editor.undo();
    return true;
  }

  private plainKey(event: KeyboardEvent): boolean {
    const thing = thingAt(event.target);
    const corner = cornerAt(event.target);
    if (corner >= 0 && this.selected) return this.cornerKey(event, this.selected, corner);
    if (thing && (event.key === "Enter" || event.key === " ")) {
      this.select(thing);
      this.dispatchEvent(new CustomEvent("open-thing"));
      return true;
    }
    if (thing && this.isEditing && this.editKey(event, thing)) return true;
    if (isDirection(event.key)) {
      const next = thing && !this.isEditing ? neighbor(this.placements, thing, event.key) : undefined;
      if (next) this.reach(next);
      else if (!thing) this.panKey(event.key);
      return true;
    }
    const zooms: Record<string, () => void> = { "+": () => this.zoomIn(), "=": () => this.zoomIn(), "-": () => this.zoomOut(), "0": () => this.whole(), Escape: () => this.select(null) };
    zooms[event.key]?.();
    return event.key in zooms;
  }

  private panKey(key: string): void {
    const across = key === "ArrowLeft" ? PAN_PX : key === "ArrowRight" ? -PAN_PX : 0;
    const down = key === "ArrowUp" ? PAN_PX : key === "ArrowDown" ? -PAN_PX : 0;
    this.pan(across, down);
  }

  private editKey(event: KeyboardEvent, thing: Thing): boolean {
    const { placements } = this.editor;
    if (isDirection(event.key)) {
      const step = event.shiftKey ? WIDE_STEP_PERCENT : STEP_PERCENT;
      this.editor.change(stepped(placements, thing, event.key, step), `move ${keyOf(thing)}`);
    } else if (event.key === "r" || event.key === "R") {
      this.editor.change(turned(placements, thing, event.key === "r" ? STEP_DEGREES : -STEP_DEGREES), `turn ${keyOf(thing)}`);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      this.editor.change(without(placements, thing));
      this.select(null);
      this.querySelector<HTMLElement>(".plan-board")?.focus();
    } else return false;
    return true;
  }

  private cornerKey(event: KeyboardEvent, thing: Thing, corner: number): boolean {
    const { placements } = this.editor;
    const point = placements.find((one) => isSame(one, thing))?.points?.[corner];
    if (!point) return false;
    if (isDirection(event.key)) {
      const step = event.shiftKey ? WIDE_STEP_PERCENT : STEP_PERCENT;
      const at = stepped([{ kind: "zone", name: "", x: point[0], y: point[1], rotation: 0 }], { kind: "zone", name: "" }, event.key, step)[0];
      if (at) this.editor.change(withCorner(placements, thing, corner, at), `corner ${corner}`);
    } else if (event.key === "Delete" || event.key === "Backspace") this.editor.change(withoutCorner(placements, thing, corner));
    else return false;
    return true;
  }
}

function corners(placement: Placement): Point[] {
  return (placement.points ?? []).map(([x, y]) => ({ x, y }));
}

/** Return the thing that an element belongs to. */
export function thingAt(target: EventTarget | null): Thing | null {
  const key = target instanceof Element ? (target.closest("[data-thing]")?.getAttribute("data-thing") ?? target.closest("[data-area]")?.getAttribute("data-area")) : null;
  const at = key?.indexOf(":") ?? -1;
  return key && at > 0 ? { kind: key.slice(0, at) as Thing["kind"], name: key.slice(at + 1) } : null;
}

export function cornerAt(target: EventTarget | null): number {
  const text = target instanceof Element ? target.closest("[data-corner]")?.getAttribute("data-corner") : null;
  return text ? Number(text) : -1;
}

customElements.define("desk-plan-board", Board);
declare global {
  interface HTMLElementTagNameMap {
    "desk-plan-board": Board;
  }
}
