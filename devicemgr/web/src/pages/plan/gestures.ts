// Pointers and the wheel on a drawing: one finger pans or drags, two zoom, and a short touch chooses.
import type { Thing } from "./placements";
import type { Point } from "./view";

const TAP_PX = 5;
const WHEEL_RATE = 0.0015;

/** What a pointer has taken hold of: a thing, a corner of the chosen area (-1 for none), or the drawing itself. */
export interface Grip {
  thing: Thing | null;
  corner: number;
}

export interface Moves {
  pan: (dx: number, dy: number) => void;
  zoom: (factor: number, at: Point) => void;
  drag: (grip: Grip, at: Point) => void;
  drop: (grip: Grip) => void;
  tap: (grip: Grip) => void;
  /** What was being dragged stays where it was. */
  letGo: () => void;
  canDrag: (grip: Grip) => boolean;
  gripAt: (target: EventTarget | null) => Grip;
  /** Where the thing is on the screen, so that it does not jump under the finger. */
  place: (grip: Grip) => Point | null;
}

export class Gestures {
  private readonly pointers = new Map<number, Point>();
  private grip: Grip | null = null;
  private began: Point = { x: 0, y: 0 };
  private offset: Point = { x: 0, y: 0 };
  private isMoving = false;

  constructor(private readonly moves: Moves) {}

  down(event: PointerEvent): void {
    if (event.button !== 0) return;
    const at = place(event);
    this.pointers.set(event.pointerId, at);
    if (this.pointers.size > 1) return;
    this.grip = this.moves.gripAt(event.target);
    this.began = at;
    this.isMoving = false;
    const there = this.moves.place(this.grip) ?? at;
    this.offset = { x: there.x - at.x, y: there.y - at.y };
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
  }

  move(event: PointerEvent): void {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const at = place(event);
    if (this.pointers.size === 2) this.pinch(event.pointerId, before, at);
    else if (this.grip) this.pull(this.grip, before, at);
    this.pointers.set(event.pointerId, at);
  }

  up(event: PointerEvent): void {
    if (!this.pointers.delete(event.pointerId) || this.pointers.size > 0) return;
    const { grip } = this;
    this.grip = null;
    if (!grip) return;
    if (!this.isMoving) this.moves.tap(grip);
    else if (this.moves.canDrag(grip)) this.moves.drop(grip);
  }

  cancel(event: PointerEvent): void {
    this.pointers.delete(event.pointerId);
    this.grip = null;
    this.moves.letGo();
  }

  wheel(event: WheelEvent): void {
    event.preventDefault();
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    this.moves.zoom(Math.exp(-event.deltaY * lines * WHEEL_RATE), { x: event.clientX - box.left, y: event.clientY - box.top });
  }

  private pull(grip: Grip, before: Point, at: Point): void {
    if (!this.isMoving && distance(this.began, at) < TAP_PX) return;
    const isFirst = !this.isMoving;
    this.isMoving = true;
    if (this.moves.canDrag(grip)) this.moves.drag(grip, { x: at.x + this.offset.x, y: at.y + this.offset.y });
    else {
      const from = isFirst ? this.began : before;
      this.moves.pan(at.x - from.x, at.y - from.y);
    }
  }

  private pinch(pointer: number, before: Point, at: Point): void {
    this.isMoving = true;
    if (this.grip) this.moves.letGo();
    this.grip = null;
    const other = [...this.pointers].find(([id]) => id !== pointer)?.[1];
    if (!other) return;
    const middle = { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 };
    this.moves.zoom(Math.max(distance(at, other), 1) / Math.max(distance(before, other), 1), middle);
    this.moves.pan((at.x - before.x) / 2, (at.y - before.y) / 2);
  }
}

function place(event: PointerEvent): Point {
  const box = (event.currentTarget as Element).getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
