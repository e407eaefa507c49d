"""Quorum: how many different people must present together, by the two-person rule or a zone's least number.

A request that lacks only the others waits at its side of the portal; `Facts.waiting` says who waits where.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from devicemgr.domain.model import Direction, JsonValue, Person
from devicemgr.domain.rules.areas.facts import Facts, Objection
from devicemgr.domain.rules.decision.requests import AccessRequest
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.grants import levels_at
from devicemgr.domain.zones import Waiver


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
