// Saving only what was not changed by others since it was read.
import { Problem } from "../../../api/client";

const MAX_TRIES = 3;

/** The item was changed by someone else after the form was filled with it. */
export const CHANGED_BY_OTHERS = "changed_by_others";

type Read<T> = (tagged: (tag: string) => void) => Promise<T>;

/**
 * Save a change of `original` if the item is still that.
 *
 * The daemon's tag stands for the whole site: changes elsewhere move it, and then the item is compared and sent again.
 */
export async function saveUnchanged<T>(read: Read<T>, original: T, save: (match: string) => Promise<unknown>): Promise<void> {
  for (let turn = 1; ; turn++) {
    let tag = "*";
    const present = await read((found) => (tag = found));
    if (!isSame(present, original)) throw new Problem(412, CHANGED_BY_OTHERS, "this was changed by someone else; open it again");
    try {
      await save(tag);
      return;
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 412 || turn === MAX_TRIES) throw error;
    }
  }
}

/** Return True for the same JSON values, whatever the order of fields. */
export function isSame(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((one, at) => isSame(one, b[at]));
  if (a === null || b === null || typeof a !== "object" || typeof b !== "object" || Array.isArray(a) || Array.isArray(b)) return a === b;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].every((name) => isSame(left[name], right[name]));
}
