// What stands on a plan, and its changes: pure. A change gives a new list and leaves the old one, for undoing.
import type { Placement } from "../../api/types";
import { within, type Point } from "./view";

export type Kind = Placement["kind"];

export interface Thing {
  kind: Kind;
  name: string;
}

export type Direction = "ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown";
const STEPS: Record<Direction, Point> = { ArrowLeft: { x: -1, y: 0 }, ArrowRight: { x: 1, y: 0 }, ArrowUp: { x: 0, y: -1 }, ArrowDown: { x: 0, y: 1 } };

export function isDirection(key: string): key is Direction {
  return key in STEPS;
}

export function keyOf({ kind, name }: Thing): string {
  return `${kind}:${name}`;
}

export function isSame(a: Thing, b: Thing): boolean {
  return a.kind === b.kind && a.name === b.name;
}

/** Return the list with a thing at another place; the area of a zone moves along. */
export function movedTo(all: readonly Placement[], thing: Thing, to: Point): Placement[] {
  return changed(all, thing, (one) => {
    const place = { x: within(to.x), y: within(to.y) };
    const points = one.points?.map(([x, y]): [number, number] => [within(x + place.x - one.x), within(y + place.y - one.y)]);
    return { ...one, ...place, ...(points ? { points } : {}) };
  });
}

/** Return the list with a thing moved by an arrow key, so many per cent. */
export function stepped(all: readonly Placement[], thing: Thing, direction: Direction, percent: number): Placement[] {
  const one = all.find((other) => isSame(other, thing));
  const by = STEPS[direction];
  return one ? movedTo(all, thing, { x: one.x + by.x * percent, y: one.y + by.y * percent }) : [...all];
}

/** Return the list with a thing turned by so many degrees. */
export function turned(all: readonly Placement[], thing: Thing, degrees: number): Placement[] {
  return changed(all, thing, (one) => ({ ...one, rotation: (((one.rotation + degrees) % 360) + 360) % 360 }));
}

/** Return the list with one more thing; a zone gets an area around the point. */
export function withThing(all: readonly Placement[], thing: Thing, at: Point): Placement[] {
  const place: Placement = { ...thing, x: within(at.x), y: within(at.y), rotation: 0 };
  return [...without(all, thing), thing.kind === "zone" ? { ...place, points: areaAround(at) } : place];
}

export function without(all: readonly Placement[], thing: Thing): Placement[] {
  return all.filter((one) => !isSame(one, thing));
}

/** Return the list with one corner of an area elsewhere; its name stays in the middle. */
export function withCorner(all: readonly Placement[], thing: Thing, index: number, to: Point): Placement[] {
  return reshaped(all, thing, (points) => points.map((point, at): [number, number] => (at === index ? [within(to.x), within(to.y)] : point)));
}

/** Return the list with another corner half way to the next one. */
export function withNewCorner(all: readonly Placement[], thing: Thing, index: number): Placement[] {
  return reshaped(all, thing, (points) => {
    const [here, next] = [points[index], points[(index + 1) % points.length]];
    if (!here || !next) return points;
    return [...points.slice(0, index + 1), [within((here[0] + next[0]) / 2), within((here[1] + next[1]) / 2)], ...points.slice(index + 1)];
  });
}

/** Return the list without a corner; three are left. */
export function withoutCorner(all: readonly Placement[], thing: Thing, index: number): Placement[] {
  return reshaped(all, thing, (points) => (points.length > 3 ? points.filter((_, at) => at !== index) : points));
}

/** Return what is not on the plan yet, by kind and name. */
export function missing(all: readonly Placement[], known: readonly Thing[]): Thing[] {
  const placed = new Set(all.map(keyOf));
  return known.filter((thing) => !placed.has(keyOf(thing)));
}

/** Return the nearest thing in a direction, as arrow keys go from one to the next. */
export function neighbor(all: readonly Placement[], from: Thing, direction: Direction): Placement | undefined {
  const here = all.find((one) => isSame(one, from));
  if (!here) return all[0];
  const by = STEPS[direction];
  const rank = (one: Placement): number => {
    const along = (one.x - here.x) * by.x + (one.y - here.y) * by.y;
    const across = Math.abs((one.x - here.x) * by.y) + Math.abs((one.y - here.y) * by.x);
    return along <= 0 || across > 3 * along ? Infinity : along + 2 * across;
  };
  const found = all.filter((one) => !isSame(one, from)).sort((a, b) => rank(a) - rank(b))[0];
  return found && rank(found) < Infinity ? found : undefined;
}

function changed(all: readonly Placement[], thing: Thing, change: (one: Placement) => Placement): Placement[] {
  return all.map((one) => (isSame(one, thing) ? change(one) : one));
}

function reshaped(all: readonly Placement[], thing: Thing, change: (points: [number, number][]) => [number, number][]): Placement[] {
  return changed(all, thing, (one) => {
    const points = change((one.points ?? []).map(([x, y]): [number, number] => [x, y]));
    const middle = (at: 0 | 1): number => within(points.reduce((sum, point) => sum + point[at], 0) / points.length);
    return points.length > 0 ? { ...one, points, x: middle(0), y: middle(1) } : one;
  });
}

function areaAround({ x, y }: Point): [number, number][] {
  const [left, right, top, bottom] = [within(x - 10), within(x + 10), within(y - 8), within(y + 8)];
  return [
    [left, top],
    [right, top],
    [right, bottom],
    [left, bottom],
  ];
}
