// Words of levels.
import { named } from "../../../base/i18n";

export const WAIVERS = ["anti_passback", "occupancy", "first_person", "two_person", "lockdown", "escort"] as const;

/** Return the check that holders of a level are exempt from. */
export function waiverWords(waiver: string): string {
  return named("site_waiver", waiver);
}
