// What part of a drawing is on the screen: pure geometry. Points of the drawing are in per cent, those of the screen in px.

export interface Size {
  width: number;
  height: number;
}

export interface Point {
  x: number;
  y: number;
}

/** `scale` in px for each unit of the drawing; `x` and `y` are where its left upper corner is on the screen. */
export interface View {
  scale: number;
  x: number;
  y: number;
}

const MARGIN_PX = 24;
/** How much closer than the whole drawing one may look. */
export const MAX_ZOOM = 20;
/** So much of the drawing stays in sight, px. */
const KEPT_PX = 60;

/** Return the view that shows the whole drawing in the middle. */
export function fitting(drawing: Size, screen: Size): View {
  const scale = Math.max(Math.min((screen.width - 2 * MARGIN_PX) / drawing.width, (screen.height - 2 * MARGIN_PX) / drawing.height), 1e-6);
  return { scale, x: (screen.width - drawing.width * scale) / 2, y: (screen.height - drawing.height * scale) / 2 };
}

/** Return the view closer by a factor, with the point of the screen staying where it is. */
export function zoomed(view: View, factor: number, at: Point, drawing: Size, screen: Size): View {
  const whole = fitting(drawing, screen).scale;
  const scale = Math.min(Math.max(view.scale * factor, whole / 2), whole * MAX_ZOOM);
  const by = scale / view.scale;
  return kept({ scale, x: at.x - (at.x - view.x) * by, y: at.y - (at.y - view.y) * by }, drawing, screen);
}

/** Return the view moved by so many px, with a part of the drawing left in sight. */
export function moved(view: View, dx: number, dy: number, drawing: Size, screen: Size): View {
  return kept({ ...view, x: view.x + dx, y: view.y + dy }, drawing, screen);
}

/** Return where a point of the drawing is on the screen. */
export function toScreen(view: View, drawing: Size, point: Point): Point {
  return { x: view.x + (point.x / 100) * drawing.width * view.scale, y: view.y + (point.y / 100) * drawing.height * view.scale };
}

/** Return which point of the drawing is there on the screen; one beside the drawing is at its edge. */
export function toDrawing(view: View, drawing: Size, point: Point): Point {
  return {
    x: within(((point.x - view.x) / view.scale / drawing.width) * 100),
    y: within(((point.y - view.y) / view.scale / drawing.height) * 100),
  };
}

/** Return per cent within the drawing, with two digits as the daemon keeps them. */
export function within(percent: number): number {
  return Math.round(Math.min(Math.max(percent, 0), 100) * 100) / 100;
}

function kept(view: View, drawing: Size, screen: Size): View {
  const clamp = (value: number, length: number, room: number): number => Math.min(Math.max(value, KEPT_PX - length), room - KEPT_PX);
  return {
    scale: view.scale,
    x: clamp(view.x, drawing.width * view.scale, screen.width),
    y: clamp(view.y, drawing.height * view.scale, screen.height),
  };
}
