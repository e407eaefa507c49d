// A display on a wall: `/?wall` shows a page without controls; `#kiosk=TOKEN` signs it in, once.

/** How long a display waits before it tries again to enter, or to load a page. */
export const RETRY_SIGN_IN_MS = 60_000;
const TOKEN = /^#kiosk=([\w.~-]+)$/;

export const isWall = new URLSearchParams(location.search).has("wall");

/** Return the token in the address, if there is one, and take it out of the address and the history at once. */
export function takeToken(): string | null {
  const found = tokenOf(location.hash);
  if (location.hash.startsWith("#kiosk")) history.replaceState(null, "", location.pathname + location.search);
  return found;
}

export function tokenOf(hash: string): string | null {
  return TOKEN.exec(hash)?.[1] ?? null;
}

/** Load what a wall looks like: large type, and no pointer. */
export function beginWall(): void {
  document.documentElement.classList.add("wall");
  void import("../styles/wall.css");
}
