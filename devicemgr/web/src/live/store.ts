// What the desk knows: the session, the newest events, the present states, and whether they are still so.
import type { Change, Event, Session, States } from "../api/types";
import { MAX_ROWS, withEvents } from "./rows";

/** Without a message for so long, the daemon counts as away, and for so long, states are no longer shown as present. */
export const AWAY_MS = 2900;
export const STALE_MS = 5000;
const GAP_MS = 100;

export type Link = "starting" | "live" | "away";

const EMPTY: States = { portals: {}, devices: {}, zones: {}, alarms: {}, musters: {}, muster_people: {} };

export class Store {
  session: Session | null = null;
  features: ReadonlySet<string> = new Set();
  rows: readonly Event[] = [];
  decisions: ReadonlyMap<string, Event> = new Map();
  states: States = EMPTY;
  hasStates = false;
  link: Link = "starting";
  isStale = false;
  /** Wall time of the last message, ms. */
  lastMessage = 0;
  /** How far this computer's clock is ahead of the daemon's, ms. */
  clockOff = 0;
  hasNewVersion = false;
  head = 0;
  /** Changes whenever people or site change. */
  revision = 0;

  private readonly watchers = new Set<() => void>();
  private isPlanned = false;
  private lastRun = -Infinity;

  subscribe(watcher: () => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  /** Return True if the caller may call an operation, such as `POST /portals/{name}/open`. */
  may(operation: string): boolean {
    return this.features.has(operation);
  }

  signIn(session: Session): void {
    this.session = session;
    this.features = new Set(session.features);
    this.changed();
  }

  /** Forget everything of the session, people's names first of all. */
  signOut(): void {
    this.session = null;
    this.features = new Set();
    this.rows = [];
    this.decisions = new Map();
    this.states = EMPTY;
    this.hasStates = false;
    this.link = "starting";
    this.isStale = false;
    this.head = 0;
    this.changed();
  }

  addEvents(events: readonly Event[]): void {
    const fresh = events.filter((event) => event.seq > this.head);
    if (fresh.length === 0) return;
    this.rows = withEvents(this.rows, fresh);
    this.head = Math.max(this.head, ...fresh.map((event) => event.seq));
    this.decisions = latestDecisions(this.decisions, fresh);
    this.changed();
  }

  /** Take a state message; a whole one replaces everything. */
  apply(change: Change): void {
    const known = change.whole ? EMPTY : this.states;
    this.states = {
      portals: merged(known.portals, change.portals),
      devices: merged(known.devices, change.devices),
      zones: merged(known.zones, change.zones),
      alarms: merged(known.alarms, change.alarms),
      musters: merged(known.musters, change.musters),
      muster_people: replaced(known.muster_people, change.muster_people),
    };
    this.hasStates ||= change.whole;
    this.changed();
  }

  setRevision(revision: number): void {
    if (revision === this.revision) return;
    this.revision = revision;
    this.changed();
  }

  messageArrived(): void {
    this.lastMessage = Date.now();
    this.isStale = false;
    if (this.link !== "live") this.setLink("live");
  }

  setLink(link: Link): void {
    if (this.link === link) return;
    this.link = link;
    this.changed();
  }

  /** Look how old the last message is. */
  look(quietMs: number): void {
    const isStale = this.link !== "starting" && quietMs >= STALE_MS;
    if (quietMs >= AWAY_MS && this.link === "live") this.setLink("away");
    if (isStale === this.isStale) return;
    this.isStale = isStale;
    this.changed();
  }

  /** Let the watchers know: at once after a quiet time, else ten times a second, so that a busy computer keeps up. */
  changed(): void {
    if (this.isPlanned) return;
    this.isPlanned = true;
    const run = (): void => {
      this.isPlanned = false;
      this.lastRun = performance.now();
      for (const watcher of this.watchers) watcher();
    };
    const wait = this.lastRun + GAP_MS - performance.now();
    if (wait > 0) setTimeout(run, wait);
    else queueMicrotask(run);
  }
}

/** Return the newest decision of each portal. */
export function latestDecisions(known: ReadonlyMap<string, Event>, events: readonly Event[]): Map<string, Event> {
  const found = new Map(known);
  for (const event of events) {
    if (event.portal === null || (event.kind !== "access_granted" && event.kind !== "access_denied")) continue;
    if (event.seq > (found.get(event.portal)?.seq ?? 0)) found.set(event.portal, event);
  }
  return found;
}

function merged<T>(known: Record<string, T>, change: Record<string, T | null> | undefined): Record<string, T> {
  if (!change) return known;
  return Object.fromEntries(Object.entries(replaced(known, change)).sort(([a], [b]) => a.localeCompare(b)));
}

/** As `merged`, for lists too long to be sorted at each change. */
function replaced<T>(known: Record<string, T>, change: Record<string, T | null> | undefined): Record<string, T> {
  if (!change) return known;
  const all: [string, T | null][] = Object.entries({ ...known, ...change });
  return Object.fromEntries(all.filter((entry): entry is [string, T] => entry[1] !== null));
}

export const store = new Store();
export { MAX_ROWS };
