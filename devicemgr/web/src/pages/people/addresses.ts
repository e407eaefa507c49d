// Addresses of the parts of this page.
import { href } from "../../base/router";

const TAKEN = ["new", "import"];

/** Return the address of a person's card. */
export function cardOf(badge: string): string {
  return TAKEN.includes(badge) ? href("people", badge, "card") : href("people", badge);
}

/** Return the address at which a person's face is enrolled. */
export function faceOf(badge: string): string {
  return href("people", badge, "face");
}
