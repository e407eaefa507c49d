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

export type Marked = Schemas["Marked"];
export type Found = "missing" | "safe" | "out" | "not_here";

/** A muster that runs. */
export type MusterState = Schemas["MusterShort"] & Record<"unnamed" | "unnamed_out" | "unnamed_in", number>;

/** A person on the list of a muster that runs; names are in its own answer. */
export type MusterPerson = Pick<Schemas["PersonOnList"], "badge" | "zone" | "since" | "marks" | "late"> & { found: Found };

export interface States {
  portals: Record<string, PortalState>;
  devices: Record<string, DeviceState>;
  zones: Record<string, ZoneState>;
  alarms: Record<string, AlarmState>;
  musters: Record<string, MusterState>;
  /** By the muster's id, a slash, and the number on its list. */
  muster_people: Record<string, MusterPerson>;
}

export type Change = { whole: boolean } & { [Part in keyof States]?: Record<string, States[Part][string] | null> };
