"""Quorum: how many different people must present together, and who must come with a visitor.

A request that lacks only the others waits at its side of the portal; `Facts.waiting` says who waits where, and
`Facts.escorts` who may take visitors along.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from devicemgr.domain.model import Direction, JsonValue, Person
from devicemgr.domain.rules.areas.facts import Escort, Facts, Objection
from devicemgr.domain.rules.areas.whereabouts import Whereabouts, place_of
from devicemgr.domain.rules.decision.requests import AccessRequest
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.grants import levels_at
from devicemgr.domain.zones import OUTSIDE, Waiver

# An escort is granted at the same side so long before or after a visitor.
ESCORT_WITHIN_S = 10.0
# Of a host who holds no level that says how many.
HOST_ESCORTS_UP_TO = 5
ANY_ESCORT = Escort("", 1)


@dataclass(frozen=True, slots=True)
class Need:
    """How many people must present together within `within_s` seconds; `rule` is the portal or zone that says so.

    With `confirm_by`, one of them holds one of these levels.
    """

    rule: str
    people: int
    within_s: float
    confirm_by: frozenset[str] = frozenset()

    def is_met(self, present: Collection[str], snapshot: Snapshot, times: Sequence[datetime]) -> bool:
        """Return True if these people, each of them another one, are enough at each of `times`."""
        if len(set(present)) < self.people:
            return False
        known = [snapshot.people[one] for one in present if one in snapshot.people]
        return not self.confirm_by or any(levels_at(person, times) & self.confirm_by for person in known)


def needs_of(request: AccessRequest, person: Person, snapshot: Snapshot, facts: Facts) -> list[Need]:
    """Return what a person needs others for at a portal: its two-person rule, then zones that are too empty."""
    portal = snapshot.portals.get(request.portal)
    if portal is None or snapshot.waives(person, Waiver.TWO_PERSON):
        return []
    found = []
    if portal.people > 1 and (request.direction is Direction.ENTRY or portal.people_exit):
        found.append(Need(portal.name, portal.people, portal.people_within, portal.confirm_by))
    zones = snapshot.zone_map
    sides = zones.sides(request.portal, request.direction)
    if sides is None or snapshot.waives(person, Waiver.OCCUPANCY):
        return found
    for name in reversed(zones.entered(*sides)):
        least = zones.zones[name].min_people
        if least is not None and facts.count(name, zones) + 1 < least:
            found.append(Need(name, least, portal.people_within))
    return found


def quorum_objections(request: AccessRequest, person: Person, snapshot: Snapshot, facts: Facts) -> list[Objection]:
    """Return the rules for which too few people are present, or none who may confirm."""
    present = _present(request, person, facts)
    return [
        Objection(need.rule, _reading(need, present))
        for need in needs_of(request, person, snapshot, facts)
        if not need.is_met(present, snapshot, (request.at, *request.also_at))
    ]


def quorum_reading(request: AccessRequest, person: Person, snapshot: Snapshot, facts: Facts) -> dict[str, JsonValue]:
    """Return how many people are needed and present, for the explanation of a decision."""
    needs = needs_of(request, person, snapshot, facts)
    return _reading(needs[0], _present(request, person, facts)) if needs else {"people": 1}


def _present(request: AccessRequest, person: Person, facts: Facts) -> set[str]:
    return {*facts.waiting.get((request.portal, request.direction), ()), person.id}


def _reading(need: Need, present: Collection[str]) -> dict[str, JsonValue]:
    read: dict[str, JsonValue] = {"people": need.people, "present": len(present), "within_seconds": need.within_s}
    return read | ({"confirm_by": list(sorted(need.confirm_by))} if need.confirm_by else {})


def needs_escort(portal: str, direction: Direction, person: Person, snapshot: Snapshot) -> bool:
    """Return True if a person passes only with an escort; leaving the site needs none."""
    if not person.escort or snapshot.waives(person, Waiver.ESCORT):
        return False
    sides = snapshot.zone_map.sides(portal, direction)
    return sides[1] != OUTSIDE if sides is not None else direction is Direction.ENTRY


def escort_of(person: Person, snapshot: Snapshot, times: Sequence[datetime]) -> Escort | None:
    """Return a person as an escort, with the number of visitors that they may take along; None for who is none."""
    if person.escort:
        return None
    held = map(snapshot.levels.get, levels_at(person, times))
    most = max((level.escort_up_to for level in held if level is not None and level.escorts), default=0)
    if most == 0 and person.id in snapshot.visitors_of:
        most = HOST_ESCORTS_UP_TO
    return Escort(person.id, most) if most else None


def pick_escort(
    visitor: Person, escorts: Sequence[Escort], snapshot: Snapshot, times: Sequence[datetime]
) -> Escort | None:
    """Return who of these takes a visitor along: the host, else one who may escort anyone; None where no one may."""
    free = [one for one in escorts if one.free > 0]
    hosts = [one for one in free if one.person_id in ("", visitor.host_id)]
    return next(iter(hosts), None) or next((one for one in free if _escorts_anyone(one, snapshot, times)), None)


def may_escort(escort: Escort, visitor: Person, snapshot: Snapshot, times: Sequence[datetime]) -> bool:
    """Return True if a person is the visitor's host, or may escort anyone."""
    return escort.person_id in ("", visitor.host_id) or _escorts_anyone(escort, snapshot, times)


def _escorts_anyone(escort: Escort, snapshot: Snapshot, times: Sequence[datetime]) -> bool:
    person = snapshot.people.get(escort.person_id)
    held = map(snapshot.levels.get, levels_at(person, times)) if person is not None else ()
    return any(level is not None and level.escorts for level in held)


def escort_objections(request: AccessRequest, person: Person, snapshot: Snapshot, facts: Facts) -> list[Objection]:
    """Return the portal, if a visitor is there without an escort."""
    if not needs_escort(request.portal, request.direction, person, snapshot):
        return []
    escorts = facts.escorts.get((request.portal, request.direction), ())
    if pick_escort(person, escorts, snapshot, (request.at, *request.also_at)) is not None:
        return []
    return [Objection(request.portal, escort_reading(request, person, snapshot, facts))]


def escort_reading(request: AccessRequest, person: Person, snapshot: Snapshot, facts: Facts) -> dict[str, JsonValue]:
    """Return whether an escort is needed, and how many there are, for the explanation of a decision."""
    if not needs_escort(request.portal, request.direction, person, snapshot):
        return {"needs_escort": False}
    escorts = facts.escorts.get((request.portal, request.direction), ())
    return {
        "needs_escort": True,
        "escorts_present": len(escorts),
        "free": sum(one.free for one in escorts),
        "within_seconds": ESCORT_WITHIN_S,
    }


def left_behind(before: Whereabouts, after: Whereabouts, at: datetime, snapshot: Snapshot) -> list[tuple[str, int]]:
    """Return the visitors who are inside while their host has just left the site, with the seq of that event."""
    found = []
    for host, visitors in snapshot.visitors_of.items():
        place = after.where.get(host)
        if place is None or place.zone != OUTSIDE or place == before.where.get(host):
            continue
        places = {one: place_of(after, one, at, snapshot.zone_map) for one in visitors}
        found += [(one, place.seq) for one, its in places.items() if its is not None and its.zone != OUTSIDE]
    return found
