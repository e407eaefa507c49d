// Words of portals.
import { named } from "../../../base/i18n";

export const REQUIREMENTS = ["any", "card", "face", "finger", "qr", "pin", "card+face", "card+finger", "card+pin", "face+finger", "face+pin", "finger+pin", "card+face+finger", "card+face+pin", "card+finger+pin", "face+finger+pin"] as const;

/** Return what must be presented, in words. */
export function requirementWords(requirement: string): string {
  return requirement
    .split("+")
    .map((factor) => named("site_factor", factor))
    .join(" + ");
}
