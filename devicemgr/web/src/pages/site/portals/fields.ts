// The fields of a portal.
import { named, t } from "../../../base/i18n";
import { orNone, type FormField, type Values } from "../editing/form";
import { choices } from "../editing/words";
import { REQUIREMENTS, requirementWords } from "./words";

export interface Offered {
  devices: readonly string[];
  zones: readonly string[];
  levels: readonly string[];
  schedules: readonly string[];
}

const OUTSIDE = "outside";

export function portalFields({ devices, zones, levels, schedules }: Offered): FormField[] {
  const places = orNone([OUTSIDE, ...zones], t("site.none"));
  const both = (_: unknown, values: Values): string | undefined => (!values["outside"] === !values["inside"] ? undefined : t("site.both_zones"));
  const hasZones = (values: Values): boolean => Boolean(values["outside"]) && Boolean(values["inside"]);
  return [
    { name: "gate", kind: "select", isRequired: true, options: orNone(devices, t("site.choose")) },
    { name: "channel", kind: "number", min: 1, max: 64, isRequired: true },
    { name: "entry", kind: "names", offered: devices, isOpen: true },
    { name: "exit", kind: "names", offered: devices, isOpen: true },
    { name: "require", kind: "select", options: REQUIREMENTS.map((one) => [one, requirementWords(one)] as const) },
    { name: "outside", kind: "select", options: places, check: both },
    { name: "inside", kind: "select", options: places, check: both },
    { name: "egress", kind: "check", isShown: hasZones },
    { name: "free", kind: "select", options: orNone(schedules, t("site.never")) },
    { name: "free_after", kind: "names", offered: levels, isShown: (values) => Boolean(values["free"]) },
    { name: "release_seconds", kind: "number", min: 0.1, max: 60, isRequired: true },
    { name: "fail", kind: "select", options: choices(["secure", "safe"], (one) => named("site_fail", one)) },
    { name: "people", kind: "number", min: 1, max: 5, isRequired: true },
    { name: "people_within", kind: "number", min: 1, max: 60, isRequired: true, isShown: (values) => Number(values["people"]) > 1 },
    { name: "people_exit", kind: "check", isShown: (values) => Number(values["people"]) > 1 },
    { name: "confirm_by", kind: "names", offered: levels, isShown: (values) => Number(values["people"]) > 1 },
    { name: "liveness", kind: "select", options: choices(["off", "passive", "challenge"], (one) => named("site_liveness", one)) },
    { name: "console_liveness", kind: "select", options: choices(["require", "trust"], (one) => named("site_console", one)), isShown: (values) => values["liveness"] !== "off" },
    { name: "frames", kind: "number", min: 2, max: 5, isRequired: true },
    { name: "lane_group", kind: "text" },
    { name: "collects_cards", kind: "check" },
  ];
}
