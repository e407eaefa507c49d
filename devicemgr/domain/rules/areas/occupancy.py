"""Occupancy: how many people may be in a zone, and what is recorded when a number is reached or no longer met."""

from dataclasses import dataclass

from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import JsonValue, Person
from devicemgr.domain.rules.areas.facts import Facts, Objection
from devicemgr.domain.rules.areas.whereabouts import Whereabouts, count
from devicemgr.domain.rules.areas.zone_map import ZoneMap
from devicemgr.domain.rules.decision.requests import AccessRequest
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.zones import Waiver


def occupancy_objections(request: AccessRequest, person: Person, snapshot: Snapshot, facts: Facts) -> list[Objection]:
    """Return the zones that this entry would overfill, the outermost first; leaving is never refused."""
    zones = snapshot.zone_map
    sides = zones.sides(request.portal, request.direction)
    if sides is None:
        return []
    found = []
    for name in reversed(zones.entered(*sides)):
        limit = zones.zones[name].max_people
        if limit is None:
            continue
        people = facts.count(name, zones)
        if people + 1 > limit and not snapshot.waives(person, Waiver.OCCUPANCY):
            found.append(Objection(name, {"count": people, "max": limit}))
    return found


def occupancy_reading(request: AccessRequest, _: Person, snapshot: Snapshot, facts: Facts) -> dict[str, JsonValue]:
    """Return how many people are in the zones that the request enters, for the explanation of a decision."""
    zones = snapshot.zone_map
    sides = zones.sides(request.portal, request.direction)
    entered = zones.entered(*sides) if sides else ()
    return {
        name: {"count": facts.count(name, zones), "max": zones.zones[name].max_people} for name in reversed(entered)
    }


@dataclass(frozen=True, slots=True)
class Crossing:
    """A number of people that a zone has reached, or no longer has."""

    kind: Kind
    zone: str
    limit: int
    count: int


def reached(state: Whereabouts, zones: ZoneMap) -> list[Crossing]:
    """Return the warnings that are due: a number is reached, and that is not recorded since it was last left."""
    found = []
    for zone in zones.watched:
        people = count(state, zone.name, zones) if zone.warn_at else 0
        for limit in zone.warn_at:
            if people >= limit and (zone.name, limit) not in state.reached:
                found.append(Crossing(Kind.OCCUPANCY_REACHED, zone.name, limit, people))
    return found


def fallen(before: Whereabouts, after: Whereabouts, zones: ZoneMap) -> list[Crossing]:
    """Return the zones that have fewer people than they need by one movement."""
    found = []
    for zone in zones.watched:
        least = zone.min_people
        if least is None or zone.name in after.below:
            continue
        people = count(after, zone.name, zones)
        if people < least <= count(before, zone.name, zones):
            found.append(Crossing(Kind.OCCUPANCY_BELOW_MINIMUM, zone.name, least, people))
    return found
