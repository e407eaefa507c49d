"""First person in: others enter a zone only after, or only while, someone of certain levels is inside."""

from datetime import datetime, time

from devicemgr.domain.model import JsonValue, Person
from devicemgr.domain.rules.areas.facts import Facts, Objection
from devicemgr.domain.rules.areas.whereabouts import Whereabouts, is_in, last_time_of_day
from devicemgr.domain.rules.areas.zone_map import ZoneMap
from devicemgr.domain.rules.decision.requests import AccessRequest
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.zones import Waiver, Zone
from devicemgr.text import rfc3339

_MIDNIGHT = time(0, 0)


def first_person_objections(
    request: AccessRequest, person: Person, snapshot: Snapshot, facts: Facts
) -> list[Objection]:
    """Return the zones that this entry must wait for, the outermost first; leaving is never refused."""
    zones = snapshot.zone_map
    sides = zones.sides(request.portal, request.direction)
    if sides is None or not zones.openers:
        return []
    found = []
    for name in reversed(zones.entered(*sides)):
        zone = zones.zones[name]
        if not zone.opens_with or person.levels & zone.opens_with or snapshot.waives(person, Waiver.FIRST_PERSON):
            continue
        if not is_opened(zone, request.at, facts.whereabouts, zones):
            found.append(Objection(name, _reading(zone, facts.whereabouts)))
    return found


def first_person_reading(request: AccessRequest, _: Person, snapshot: Snapshot, facts: Facts) -> dict[str, JsonValue]:
    """Return whom the zones that the request enters wait for, for the explanation of a decision."""
    zones = snapshot.zone_map
    sides = zones.sides(request.portal, request.direction)
    entered = zones.entered(*sides) if sides else ()
    return {
        name: {"is_opened": is_opened(zones.zones[name], request.at, facts.whereabouts, zones)}
        for name in reversed(entered)
        if zones.zones[name].opens_with
    }


def is_opened(zone: Zone, at: datetime, state: Whereabouts, zones: ZoneMap) -> bool:
    """Return True while someone who opens the zone is in it, and, unless `while_present`, for the rest of that day."""
    if not zone.while_present:
        opened = state.opened.get(zone.name)
        if opened is not None and last_time_of_day(at, _MIDNIGHT, zone.timezone) <= opened:
            return True
    if not any(state.inside.get(name) for name in zones.below(zone.name)):
        return False
    return any(is_in(state, person, zone.name, at, zones) for person in zones.openers.get(zone.name, ()))


def _reading(zone: Zone, state: Whereabouts) -> dict[str, JsonValue]:
    opened = state.opened.get(zone.name)
    return {
        "opens_with": list(sorted(zone.opens_with)),
        "while_present": zone.while_present,
        "last_seen": rfc3339(opened) if opened is not None else None,
    }
