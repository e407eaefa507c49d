// What the API's documents hold, by the names that the desk uses.
import type { components, paths } from "./schema";

type Schemas = components["schemas"];
export type Session = Schemas["Session"];
export type Event = Schemas["Event"];
export type Portal = Schemas["PortalState"];
export type Device = Schemas["Device"];
export type Mode = Schemas["PortalMode"];
export type Direction = Schemas["Direction"];
export type AlarmState = paths["/api/v1/alarms"]["get"]["responses"][200]["content"]["application/json"][number];
export type Explained = Schemas["DecisionExplanation"];
export type Tried = Schemas["AccessExplanation"];
export type Check = Schemas["ExplainedCheck"];
export type Advice = Schemas["Advice"];
export type JobState = Schemas["JobState"];

/** Where something stands on a plan, in per cent; an area of a zone has its corners. */
export interface Placement {
  kind: Schemas["Placed"]["kind"];
  name: string;
  x: number;
  y: number;
  rotation: number;
  points?: [number, number][];
}

export interface PlanSummary {
  name: string;
  revision: number;
  picture: { width: number; height: number; sha256: string } | null;
}

export interface Plan extends PlanSummary {
  placements: Placement[];
}

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
  alarms: Record<string, AlarmState>;
}

export type Change = { whole: boolean } & { [Part in keyof States]?: Record<string, States[Part][string] | null> };
