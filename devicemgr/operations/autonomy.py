"""Which rules of the site each device keeps while it decides alone, and which it can't."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from devicemgr.domain.model import DeviceConfig, JsonValue
from devicemgr.domain.ports.autonomy import DeviceRule
from devicemgr.domain.ports.driver import DriverCatalog
from devicemgr.domain.rules.alone.rules_in_use import portals_of, rules_in_use
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.zones import Enforcement


@dataclass(frozen=True, slots=True)
class RulesKept:
    """What a device does of the rules in use at its portals when it decides alone; both empty if it never does."""

    decides_alone: bool = False
    keeps: tuple[DeviceRule, ...] = ()
    cannot_keep: tuple[DeviceRule, ...] = ()

    def as_json(self) -> dict[str, JsonValue]:
        """Return the fields of the API."""
        return {
            "decides_alone": self.decides_alone,
            "keeps": [str(rule) for rule in self.keeps],
            "cannot_keep": [str(rule) for rule in self.cannot_keep],
        }


def rules_kept(
    catalog: DriverCatalog, config: DeviceConfig, rules: Snapshot, refused: Collection[DeviceRule] = ()
) -> RulesKept:
    """Return which rules a device keeps; `refused` are those that its firmware has refused to hold."""
    autonomy = catalog.get(config.driver).autonomy
    found = autonomy(config) if autonomy is not None else None
    if found is None:
        return RulesKept()
    kept, used = found.keeps - frozenset(refused), rules_in_use(config.name, rules)
    return RulesKept(True, tuple(r for r in used if r in kept), tuple(r for r in used if r not in kept))


def zone_at_risk(config: DeviceConfig, kept: RulesKept, rules: Snapshot) -> tuple[str, DeviceRule] | None:
    """Return a zone whose hard anti-passback or limit depends on a device that can't keep it, and which of them."""
    limits: Mapping[DeviceRule, frozenset[str]] = {
        DeviceRule.ANTI_PASSBACK: frozenset(
            zone.name for zone in rules.zones.values() if zone.anti_passback is Enforcement.HARD
        ),
        DeviceRule.OCCUPANCY: frozenset(zone.name for zone in rules.zones.values() if zone.max_people is not None),
    }
    for portal in portals_of(config.name, rules):
        at_edge = [zone for zone in rules.zones if portal.name in rules.zone_map.perimeter(zone)]
        for rule, zones in limits.items():
            found = sorted(zones & set(at_edge))
            if found and rule in kept.cannot_keep:
                return found[0], rule
    return None
