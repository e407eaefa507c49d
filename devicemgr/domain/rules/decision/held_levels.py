"""Which levels of a person count for a request, and which use of a grant a passage takes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.model import Direction, Grant, JsonValue, Person, PersonKind
from devicemgr.domain.rules.areas.facts import Facts, Objection
from devicemgr.domain.rules.decision.requests import AccessRequest
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.grants import GrantState, state_of, with_levels_at
from devicemgr.domain.rules.validity import invalidity
from devicemgr.text import rfc3339

NO_HOST = "erased"


def at_request(person: Person, request: AccessRequest, snapshot: Snapshot, facts: Facts) -> Person:
    """Return a person with the levels that count at all times of the request, and the uses that are not held.

    A visitor's levels count for entering only while their host is valid.
    """
    is_leaving = request.direction is Direction.EXIT
    times = (request.at, *request.also_at)
    if person.grants:
        person = with_levels_at(person, times, facts.held_uses(person.id), is_leaving=is_leaving)
    if not is_leaving and person.levels and host_problem(person, snapshot, times) is not None:
        return replace(person, levels=frozenset())
    return person


def is_leaving_visitor(request: AccessRequest, person: Person) -> bool:
    """Return True for a visitor on the way out: an overdue one has to leave, and gives the card back there."""
    return person.kind is PersonKind.VISITOR and request.direction is Direction.EXIT


def host_problem(person: Person, snapshot: Snapshot, times: Sequence[datetime]) -> str | None:
    """Return why a visitor's host can't answer for them: suspended, expired, not_yet_valid, erased; None if they can.

    People who are no visitors, and visitors without a host, need none.
    """
    if person.kind is not PersonKind.VISITOR or person.host_id is None:
        return None
    host = snapshot.people.get(person.host_id)
    if host is None:
        return NO_HOST
    return next((str(found) for at in times if (found := invalidity(host, at)) is not None), None)


def use_taken(request: AccessRequest, person: Person, covering: Sequence[str]) -> str | None:
    """Return the level of which the passage takes a use; None where a level without a number of uses is enough.

    `covering` are the levels by which a person of `at_request` is let in. Of several the one that ends first.
    """
    if request.direction is Direction.EXIT or not person.grants:
        return None
    counted = {grant.level: grant for grant in person.grants if grant.uses is not None}
    if not covering or any(level not in counted for level in covering):
        return None
    return min((counted[level] for level in covering), key=_by_end).level


def _by_end(grant: Grant) -> tuple[bool, float, str]:
    return grant.valid_to is None, grant.valid_to.timestamp() if grant.valid_to else 0.0, grant.level


def lapsed_grant(reason: Reason, request: AccessRequest, person: Person, snapshot: Snapshot) -> Objection | None:
    """Return which grant or host would have let a person in who is refused for want of a level; None if none would."""
    if reason is not Reason.NO_ACCESS_LEVEL:
        return None
    for fact in grants_read(request, person, snapshot):
        return Objection(str(fact["level"]), fact)
    problem = host_problem(person, snapshot, (request.at, *request.also_at))
    return Objection("host", {"host": problem}) if problem is not None else None


def grants_read(request: AccessRequest, person: Person, snapshot: Snapshot) -> list[dict[str, JsonValue]]:
    """Return the grants with limits of levels that cover the portal of a request, with their state at its time."""
    names = {name for name, level in snapshot.levels.items() if request.portal in level.portals}
    return [_read(grant, request) for grant in person.grants if grant.level in names]


def _read(grant: Grant, request: AccessRequest) -> dict[str, JsonValue]:
    times = (request.at, *request.also_at)
    states = [state_of(grant, at) for at in times]
    state = next((one for one in states if one is not GrantState.ACTIVE), GrantState.ACTIVE)
    return {
        "level": grant.level,
        "state": str(state),
        "valid_from": rfc3339(grant.valid_from) if grant.valid_from else None,
        "valid_to": rfc3339(grant.valid_to) if grant.valid_to else None,
        "uses_left": grant.uses_left,
    }
