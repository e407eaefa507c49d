// What the API's documents hold, by the names that the desk uses.
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Session = Schemas["Session"];
export type Event = Schemas["Event"];
export type Portal = Schemas["PortalState"];
export type Device = Schemas["Device"];
export type Mode = Schemas["PortalMode"];
export type Direction = Schemas["Direction"];

export interface PortalState {
  name: string;
  mode: Mode;
  /** What is in force, such as while a threat is set. */
  effective_mode?: Mode;
  state: string;
  door: string | null;
}

export interface DeviceState {
  name: string;
  kind: string;
  state: string;
  cause: string | null;
  since: string | null;
}

export interface ZoneState {
  name: string;
  count: number;
  max: number | null;
  unnamed: number;
  unsure: boolean;
}

export interface States {
  portals: Record<string, PortalState>;
  devices: Record<string, DeviceState>;
  zones: Record<string, ZoneState>;
}

export type Change = { whole: boolean } & { [Part in keyof States]?: Record<string, States[Part][string] | null> };
