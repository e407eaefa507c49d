"""Interlock (man-trap): of a group of portals at most one is not shut."""

from collections.abc import Iterator
from dataclasses import dataclass

from devicemgr.domain.model import JsonValue, Person
from devicemgr.domain.rules.areas.facts import Facts, Objection
from devicemgr.domain.rules.decision.requests import AccessRequest
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.zones import Interlock


@dataclass(frozen=True, slots=True)
class PortalState:
    """What is known of a portal now: its lane, its contact, whether it is free, held by a grant, and its gate.

    `lane` is idle, released, passing or unknown; `door` closed, open, forced or held_open, None without a contact.
    """

    lane: str = "idle"
    door: str | None = None
    is_free: bool = False
    is_reserved: bool = False
    is_away: bool = False


def why_not_shut(state: PortalState) -> str | None:
    """Return why a portal is not shut, in a word; None for one that is, as far as it has been so for long enough."""
    if state.is_away:
        return "offline"
    if state.lane != "idle":
        return state.lane
    if state.door not in (None, "closed"):
        return state.door
    if state.is_free:
        return "free"
    return "reserved" if state.is_reserved else None


def groups_of(portal: str, snapshot: Snapshot) -> Iterator[Interlock]:
    """Yield the groups that a portal belongs to."""
    return (group for group in snapshot.interlocks.values() if portal in group.portals)


def interlock_objections(request: AccessRequest, _: Person, snapshot: Snapshot, facts: Facts) -> list[Objection]:
    """Return the groups of the portal in which another member is not shut."""
    return broken(request.portal, snapshot, facts)


def broken(portal: str, snapshot: Snapshot, facts: Facts) -> list[Objection]:
    """Return the groups of a portal in which another member is not shut, with each such member and why."""
    found = []
    for group in groups_of(portal, snapshot):
        others: dict[str, JsonValue] = {
            name: facts.not_shut[name] for name in sorted(group.portals) if name != portal and name in facts.not_shut
        }
        if others:
            found.append(Objection(group.name, {"not_shut": others}))
    return found


def interlock_reading(request: AccessRequest, _: Person, snapshot: Snapshot, facts: Facts) -> dict[str, JsonValue]:
    """Return which other members of the portal's groups are not shut, for the explanation of a decision."""
    others = {name for group in groups_of(request.portal, snapshot) for name in group.portals} - {request.portal}
    return {name: facts.not_shut.get(name, "shut") for name in sorted(others)}
