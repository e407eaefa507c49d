"""Which rules of the site concern the portals of a device: what it keeps or not when it decides alone. Pure.

A rule is one row of RULES_OF_PORTALS.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from devicemgr.domain.model import Direction, Person, Portal
from devicemgr.domain.ports.autonomy import DeviceRule
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.threats.threat import is_in_scope
from devicemgr.domain.zones import Enforcement, Zone


@dataclass(frozen=True, slots=True)
class RuleInUse:
    """A row of the table below: the rule, when it is in use at a portal in words, and whether it is."""

    rule: DeviceRule
    when: str
    is_used: Callable[[Portal, Snapshot], bool]


def _at_edge(portal: Portal, snapshot: Snapshot) -> list[Zone]:
    """Return the zones that a passage through the portal enters or leaves."""
    tree = snapshot.zone_map
    found: set[str] = set()
    for direction in Direction:
        sides = tree.sides(portal.name, direction)
        found |= set(tree.entered(*sides)) if sides else set()
    return [snapshot.zones[name] for name in sorted(found)]


def _has_zone(is_meant: Callable[[Zone], bool]) -> Callable[[Portal, Snapshot], bool]:
    return lambda portal, snapshot: any(is_meant(zone) for zone in _at_edge(portal, snapshot))


def _minds_passback(zone: Zone) -> bool:
    is_on = {zone.anti_passback, zone.exit_check} != {Enforcement.OFF}
    return is_on or zone.strict_path or zone.again_after_minutes > 0


def _has_person(is_meant: Callable[[Person, str, Snapshot], bool]) -> Callable[[Portal, Snapshot], bool]:
    return lambda portal, snapshot: any(is_meant(person, portal.name, snapshot) for person in snapshot.people.values())


def _leads_to(levels: Iterable[str], portal: str, snapshot: Snapshot) -> bool:
    return any(name in snapshot.levels and portal in snapshot.levels[name].portals for name in levels)


def _has_counted_grant(person: Person, portal: str, snapshot: Snapshot) -> bool:
    return _leads_to((grant.level for grant in person.grants if grant.uses is not None), portal, snapshot)


def _needs_escort(person: Person, portal: str, snapshot: Snapshot) -> bool:
    if not person.escort:
        return False
    return _leads_to((*person.levels, *(grant.level for grant in person.grants)), portal, snapshot)


def _has_schedule(portal: Portal, snapshot: Snapshot) -> bool:
    return any(level.portals.get(portal.name) is not None for level in snapshot.levels.values())


def _is_interlocked(portal: Portal, snapshot: Snapshot) -> bool:
    return any(portal.name in group.portals for group in snapshot.interlocks.values())


def _may_be_threatened(portal: Portal, snapshot: Snapshot) -> bool:
    is_defined = any(is_in_scope(portal, one.scope, snapshot.zone_map) for one in snapshot.threats.values())
    return is_defined or portal.name in snapshot.threat_at


# fmt: off
RULES_OF_PORTALS = (
    RuleInUse(DeviceRule.SCHEDULES, "a level leads there under a schedule", _has_schedule),
    RuleInUse(DeviceRule.GRANT_USES, "someone holds a level that leads there for a number of uses",
              _has_person(_has_counted_grant)),
    RuleInUse(DeviceRule.ESCORT, "someone who needs an escort may pass there", _has_person(_needs_escort)),
    RuleInUse(DeviceRule.ANTI_PASSBACK, "it leads into or out of a zone with anti-passback or an exit check",
              _has_zone(_minds_passback)),
    RuleInUse(DeviceRule.OCCUPANCY, "it leads into or out of a zone with a limit of people",
              _has_zone(lambda zone: zone.max_people is not None or zone.min_people is not None)),
    RuleInUse(DeviceRule.FIRST_PERSON, "it leads into a zone that someone opens",
              _has_zone(lambda zone: bool(zone.opens_with))),
    RuleInUse(DeviceRule.TWO_PERSON, "it opens for several people together", lambda portal, _: portal.people > 1),
    RuleInUse(DeviceRule.INTERLOCK, "it belongs to an interlock", _is_interlocked),
    RuleInUse(DeviceRule.LOCKDOWN, "a threat may be in force there", _may_be_threatened),
    RuleInUse(DeviceRule.DURESS, "someone has a duress PIN", lambda _, snapshot: bool(snapshot.duress_pins)),
    RuleInUse(DeviceRule.FREE_TIMES, "it is free by schedule", lambda portal, _: portal.free is not None),
)
# fmt: on


def portals_of(device: str, snapshot: Snapshot) -> list[Portal]:
    """Return the portals whose gate or reader the device is."""
    return [
        portal
        for portal in snapshot.portals.values()
        if portal.gate == device or any(point.device == device for point in portal.access_points)
    ]


def rules_in_use(device: str, snapshot: Snapshot) -> list[DeviceRule]:
    """Return the rules that concern the portals of a device, in the order of the table."""
    portals = portals_of(device, snapshot)
    return [row.rule for row in RULES_OF_PORTALS if any(row.is_used(portal, snapshot) for portal in portals)]
