// Alarms in the order in which a guard looks at them, and what of them still calls.
import type { AlarmState } from "../api/types";

/** Information does not call anyone, as it does not escalate. */
const MAX_SOUNDING_PRIORITY = 4;
const URGENT_PRIORITY = 2;

/** Return alarms: those that wait for an acknowledgment first, then by priority, then the oldest first. */
export function ordered(alarms: Readonly<Record<string, AlarmState>>): AlarmState[] {
  return Object.values(alarms).sort(
    (a, b) => Number(a.acknowledged !== null) - Number(b.acknowledged !== null) || a.priority - b.priority || a.since.localeCompare(b.since) || a.id.localeCompare(b.id),
  );
}

/** Return the alarms that no one has acknowledged, in that order. */
export function waiting(alarms: Readonly<Record<string, AlarmState>>): AlarmState[] {
  return ordered(alarms).filter((alarm) => alarm.acknowledged === null);
}

/** Return the alarms that have begun, or begun again, since these were known. */
export function begun(before: Readonly<Record<string, AlarmState>>, now: Readonly<Record<string, AlarmState>>): AlarmState[] {
  return waiting(now).filter((alarm) => before[alarm.id]?.seq !== alarm.seq);
}

export type Urgency = "none" | "calm" | "urgent";

/** Return how urgently the alarms that wait are to sound. */
export function urgency(alarms: readonly AlarmState[]): Urgency {
  const most = Math.min(...alarms.map((alarm) => alarm.priority));
  if (most <= URGENT_PRIORITY) return "urgent";
  return most <= MAX_SOUNDING_PRIORITY ? "calm" : "none";
}
