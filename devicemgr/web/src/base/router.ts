// Pages by the address's hash: `#/devices/gate-1`.
import type { Key } from "./i18n";

export interface Page {
  name: "live" | "devices";
  title: Key;
  /** The operation without which the page is empty. */
  needs: string;
  /** After `g`. */
  letter: string;
}

export const PAGES: readonly Page[] = [
  { name: "live", title: "page.live", needs: "GET /events/stream", letter: "l" },
  { name: "devices", title: "page.devices", needs: "GET /devices", letter: "d" },
];

/** Return the pages that the caller may see. */
export function allowedPages(features: ReadonlySet<string>): Page[] {
  return PAGES.filter((page) => features.has(page.needs));
}

/** Return the page of a hash, and what is behind its name; the first allowed page for any other hash. */
export function route(hash: string, allowed: readonly Page[]): { page: Page | undefined; rest: string[] } {
  const [name, ...rest] = hash.replace(/^#?\/?/, "").split("/");
  const page = allowed.find((one) => one.name === name);
  return page ? { page, rest: rest.map(decoded) } : { page: allowed[0], rest: [] };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
