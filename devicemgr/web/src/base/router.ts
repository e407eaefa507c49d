// Pages by the address's hash: `#/devices/gate-1`.
import { html, type TemplateResult } from "lit";
import type { Key } from "./i18n";

export interface Page {
  name: string;
  title: Key;
  /** The operations of which one at least must be allowed, or the page would be empty. */
  needs: readonly string[];
  /** After `g`. */
  letter: string;
  /** It is reached from other pages, and stands in no menu. */
  isUnlisted?: boolean;
  /** Load the page's own files. */
  load: () => Promise<unknown>;
  /** `rest` is what stands behind the page's name in the address. */
  render: (rest: readonly string[]) => TemplateResult;
}

/** In the order of the menu. */
export const PAGES: readonly Page[] = [
  {
    name: "live",
    title: "page.live",
    needs: ["GET /events/stream"],
    letter: "l",
    load: () => import("../pages/live"),
    render: () => html`<desk-live></desk-live>`,
  },
  {
    name: "plan",
    title: "page.plan",
    needs: ["GET /plans"],
    letter: "p",
    load: () => import("../pages/plan"),
    render: (rest) => html`<desk-plan .rest=${rest}></desk-plan>`,
  },
  {
    name: "alarms",
    title: "page.alarms",
    needs: ["GET /alarms"],
    letter: "a",
    load: () => import("../pages/alarms"),
    render: (rest) => html`<desk-alarms .rest=${rest}></desk-alarms>`,
  },
  {
    name: "why",
    title: "page.why",
    needs: ["GET /access/why/{event}"],
    letter: "w",
    isUnlisted: true,
    load: () => import("../pages/why"),
    render: (rest) => html`<desk-why .rest=${rest}></desk-why>`,
  },
  {
    name: "people",
    title: "page.people",
    needs: ["GET /people"],
    letter: "e",
    load: () => import("../pages/people"),
    render: (rest) => html`<desk-people .rest=${rest}></desk-people>`,
  },
  {
    name: "visitors",
    title: "page.visitors",
    needs: ["GET /visitors"],
    letter: "v",
    load: () => import("../pages/visitors"),
    render: (rest) => html`<desk-visitors .rest=${rest}></desk-visitors>`,
  },
  {
    name: "muster",
    title: "page.muster",
    needs: ["GET /musters"],
    letter: "m",
    load: () => import("../pages/muster"),
    render: (rest) => html`<desk-muster .rest=${rest}></desk-muster>`,
  },
  {
    name: "reports",
    title: "page.reports",
    needs: ["GET /reports/denials", "GET /reports/presence"],
    letter: "r",
    load: () => import("../pages/reports"),
    render: (rest) => html`<desk-reports .rest=${rest}></desk-reports>`,
  },
  {
    name: "devices",
    title: "page.devices",
    needs: ["GET /devices"],
    letter: "d",
    load: () => import("../pages/devices"),
    render: (rest) => html`<desk-devices .rest=${rest}></desk-devices>`,
  },
  {
    name: "site",
    title: "page.site",
    needs: ["GET /levels"],
    letter: "s",
    load: () => import("../pages/site"),
    render: (rest) => html`<desk-site .rest=${rest}></desk-site>`,
  },
  {
    name: "record",
    title: "page.record",
    needs: ["GET /audit/verify"],
    letter: "c",
    load: () => import("../pages/record"),
    render: (rest) => html`<desk-record .rest=${rest}></desk-record>`,
  },
  {
    name: "operators",
    title: "page.operators",
    needs: ["GET /operators"],
    letter: "o",
    load: () => import("../pages/operators"),
    render: (rest) => html`<desk-operators .rest=${rest}></desk-operators>`,
  },
  {
    name: "system",
    title: "page.system",
    needs: ["GET /status"],
    letter: "y",
    load: () => import("../pages/system"),
    render: (rest) => html`<desk-system .rest=${rest}></desk-system>`,
  },
];

/** Return the pages that the caller may see. */
export function allowedPages(features: ReadonlySet<string>): Page[] {
  return PAGES.filter((page) => page.needs.some((operation) => features.has(operation)));
}

/** Return the page of a hash, and what is behind its name; the first allowed page for any other hash. */
export function route(hash: string, allowed: readonly Page[]): { page: Page | undefined; rest: string[] } {
  const [path] = hash.replace(/^#?\/?/, "").split("?");
  const [name, ...rest] = (path ?? "").split("/");
  const page = allowed.find((one) => one.name === name);
  return page ? { page, rest: rest.filter((part) => part !== "").map(decoded) } : { page: allowed[0], rest: [] };
}

/** Return what stands behind `?` in a hash, such as the filter of a list: `#/record?kind=access_denied`. */
export function query(hash: string = location.hash): URLSearchParams {
  return new URLSearchParams(hash.split("?")[1] ?? "");
}

/** Return an address in the page: `href("people", "10/42", { tab: "cards" })`. Empty parameters are left out. */
export function href(page: string, ...rest: (string | Record<string, string>)[]): string {
  const parts = rest.filter((part): part is string => typeof part === "string").map(encodeURIComponent);
  const given = rest.find((part): part is Record<string, string> => typeof part !== "string") ?? {};
  const wanted = new URLSearchParams(Object.entries(given).filter(([, value]) => value !== ""));
  const path = ["#", page, ...parts].join("/");
  return wanted.size > 0 ? `${path}?${wanted.toString()}` : path;
}

/** Go to an address; `replaces` leaves no step for Back, such as for each letter of a filter. */
export function go(address: string, replaces = false): void {
  if (replaces) {
    history.replaceState(null, "", address);
    dispatchEvent(new HashChangeEvent("hashchange"));
  } else location.hash = address;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
