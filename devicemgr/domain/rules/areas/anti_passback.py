"""Anti-passback: entering a zone again while inside, leaving it while not inside, entering it again too soon.

Who is not known to be anywhere is met with no objection.
"""

from datetime import datetime, timedelta

from devicemgr.domain.model import JsonValue, Person
from devicemgr.domain.rules.areas.facts import Facts, Objection
from devicemgr.domain.rules.areas.whereabouts import Place, place_of
from devicemgr.domain.rules.areas.zone_map import ZoneMap
from devicemgr.domain.rules.decision.requests import AccessRequest
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.zones import Enforcement, Waiver, Zone
from devicemgr.text import rfc3339


def passback_objections(request: AccessRequest, person: Person, snapshot: Snapshot, facts: Facts) -> list[Objection]:
    """Return what the zones on both sides object to, the outermost zone first."""
    zones = snapshot.zone_map
    sides = zones.sides(request.portal, request.direction)
    if sides is None:
        return []
    origin, target = sides
    place = place_of(facts.whereabouts, person.id, request.at, zones)
    found: list[tuple[Zone, Enforcement, dict[str, JsonValue]]] = []
    for name in zones.entered(target, origin):
        zone = zones.zones[name]
        if zone.exit_check is not Enforcement.OFF and place is not None and name not in zones.above(place.zone):
            found.append((zone, zone.exit_check, {"is_in": place.zone, "since": rfc3339(place.since)}))
    for name in zones.entered(origin, target):
        zone = zones.zones[name]
        read = _objects_to_entry(zone, origin, place, request, person, facts, zones)
        if read is not None:
            # A time between two entries is a rule of its own, and refuses unless the zone's anti-passback is soft.
            how = zone.anti_passback if zone.anti_passback is not Enforcement.OFF else Enforcement.HARD
            found.append((zone, how, read))
    found.sort(key=lambda one: (zones.depth(one[0].name), one[0].name))
    is_waived = snapshot.waives(person, Waiver.ANTI_PASSBACK)
    return [
        Objection(zone.name, read, is_hard=how is Enforcement.HARD and not is_waived and not _is_unsure(zone, facts))
        for zone, how, read in found
    ]


def passback_reading(request: AccessRequest, person: Person, snapshot: Snapshot, facts: Facts) -> dict[str, JsonValue]:
    """Return where the person is recorded, for the explanation of a decision."""
    place = place_of(facts.whereabouts, person.id, request.at, snapshot.zone_map)
    if place is None:
        return {"is_in": None}
    return {"is_in": place.zone, "since": rfc3339(place.since), "how": str(place.how)}


def _objects_to_entry(
    zone: Zone,
    origin: str,
    place: Place | None,
    request: AccessRequest,
    person: Person,
    facts: Facts,
    zones: ZoneMap,
) -> dict[str, JsonValue] | None:
    reserved = facts.reserved(person.id, zone.name, beside=request.portal)
    is_ruled = zone.anti_passback is not Enforcement.OFF
    if reserved is not None and (is_ruled or zone.again_after_minutes):
        return {"released_at": reserved.portal}
    if place is None:
        return None
    if is_ruled and zone.name in zones.above(place.zone):
        return {"is_in": place.zone, "since": rfc3339(place.since), "how": str(place.how)}
    if is_ruled and zone.strict_path and place.zone != origin:
        return {"is_in": place.zone, "comes_from": origin, "since": rfc3339(place.since)}
    entered = facts.whereabouts.entered.get(person.id, {}).get(zone.name)
    if zone.again_after_minutes and entered is not None and _is_too_soon(entered, request.at, zone.again_after_minutes):
        return {"entered": rfc3339(entered), "again_after_minutes": zone.again_after_minutes}
    return None


def _is_too_soon(entered: datetime, at: datetime, minutes: int) -> bool:
    return at < entered + timedelta(minutes=minutes)


def _is_unsure(zone: Zone, facts: Facts) -> bool:
    return zone.when_unsure is not Enforcement.HARD and zone.name in facts.unsure
