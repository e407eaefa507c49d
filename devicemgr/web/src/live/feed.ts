// Keeps the store true: one stream, which goes on behind the last event that is known; a look at portals and devices
// every 2 s for those who may not follow events.
import { Problem, call, follow, pageVersion } from "../api/client";
import type { Message } from "../api/sse";
import type { Change, Device, DeviceState, Event, Portal, PortalState } from "../api/types";
import { MAX_ROWS, store } from "./store";

const RETRY_MS = 1000;
const LOOK_MS = 500;
const POLL_MS = 2000;
const REREAD = 1000;
/** A connection without a message for so long is given up for another one. */
const DEAD_MS = 6000;

export class Feed {
  private ending = new AbortController();
  private lastMessage = performance.now();
  private version = "";
  private connection = new AbortController();
  private connected = 0;
  private rereads: Promise<void> = Promise.resolve();

  start(): void {
    this.ending = new AbortController();
    const { signal } = this.ending;
    const looking = setInterval(() => this.look(), LOOK_MS);
    signal.addEventListener("abort", () => {
      clearInterval(looking);
      this.connection.abort();
    });
    this.lastMessage = performance.now();
    void this.run(signal);
  }

  stop(): void {
    this.ending.abort();
  }

  private look(): void {
    const quiet = performance.now() - this.lastMessage;
    store.look(quiet);
    if (Math.min(quiet, performance.now() - this.connected) >= DEAD_MS) this.connection.abort();
  }

  private async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.checkVersion();
        if (store.may("GET /events/stream")) await this.stream();
        else await this.poll(signal);
      } catch (error) {
        if (error instanceof Problem && error.status === 401) return;
        if (!(error instanceof Problem) && !isEnded(signal)) store.setLink("away");
      }
      await pause(RETRY_MS, signal);
    }
  }

  private async stream(): Promise<void> {
    if (store.head === 0) {
      store.addEvents(await call("get", "/api/v1/events", { query: { limit: MAX_ROWS } }));
    }
    this.connection = new AbortController();
    this.connected = performance.now();
    await follow(store.head, (messages) => this.take(messages), this.connection.signal);
  }

  private async poll(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const portals = await call("get", "/api/v1/portals");
      const devices = store.may("GET /devices") ? await call("get", "/api/v1/devices") : [];
      const alarms = store.may("GET /alarms") ? await call("get", "/api/v1/alarms") : [];
      store.apply({
        whole: true,
        portals: byName(portals.map(portalState)),
        devices: byName(devices.map(deviceState)),
        alarms: Object.fromEntries(alarms.map((alarm) => [alarm.id, alarm])),
      });
      this.arrived();
      await pause(POLL_MS, signal);
    }
  }

  private take(messages: Message[]): void {
    this.arrived();
    let events: Event[] = [];
    for (const { name, data } of messages) {
      if (name === "event") events.push(JSON.parse(data) as Event);
      else if (name === "state") store.apply(JSON.parse(data) as Change);
      else if (name === "revision") store.setRevision((JSON.parse(data) as { revision: number }).revision);
    }
    const first = events[0];
    if (first && store.head > 0 && first.seq > store.head + 1) {
      const { head } = store;
      const late = events;
      events = [];
      this.rereads = this.rereads.then(() => this.reread(head, late));
    }
    store.addEvents(events);
  }

  /** Read what is missing between two events, once: the record itself has no gaps. */
  private async reread(after: number, events: Event[]): Promise<void> {
    const missed = await call("get", "/api/v1/events", { query: { after, limit: REREAD } }).catch(() => []);
    store.addEvents([...missed, ...events]);
  }

  private arrived(): void {
    this.lastMessage = performance.now();
    store.messageArrived();
  }

  private async checkVersion(): Promise<void> {
    const found = await pageVersion();
    if (found === "") return;
    if (this.version !== "" && found !== this.version && !store.hasNewVersion) {
      store.hasNewVersion = true;
      store.changed();
    }
    this.version ||= found;
  }
}

function isEnded(signal: AbortSignal): boolean {
  return signal.aborted;
}

function portalState({ name, mode, effective_mode, state, door }: Portal): PortalState {
  return { name, mode, effective_mode, state: state ?? "unknown", door };
}

function deviceState({ name, driver, state, cause, since }: Device): DeviceState {
  return { name, kind: driver, state: state ?? "unknown", cause, since };
}

function byName<T extends { name: string }>(found: readonly T[]): Record<string, T> {
  return Object.fromEntries(found.map((one) => [one.name, one]));
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

export const feed = new Feed();
