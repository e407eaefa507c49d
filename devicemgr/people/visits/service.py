"""Use cases of visits: add, arrive, leave and cancel them.

A visit is a person of kind visitor with a badge of its own, whose host answers for it and holds the levels that it is
given. When it ends, its card is free, its levels are revoked, and after `visits_days` the person is erased.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Person, PersonKind
from devicemgr.domain.rules.person_details import PersonDetails
from devicemgr.domain.rules.validity import invalidity
from devicemgr.domain.rules.visits.states import VisitEnd, VisitState
from devicemgr.domain.zones import OUTSIDE
from devicemgr.errors import Hint, InvalidInput, RequestError
from devicemgr.people import level_grants, service
from devicemgr.site.areas import whereabouts
from devicemgr.site.unit_of_work import UnitOfWork
from devicemgr.store.database import Session, clock_of
from devicemgr.store.people import departments, grants, people
from devicemgr.store.site import access_levels, zones
from devicemgr.store.tables import PersonRow
from devicemgr.store.visits import rows
from devicemgr.store.visits.rows import Visit
from devicemgr.store.visits.tables import VisitRow
from devicemgr.text import parse_time, rfc3339, safe

ADDED = "admin.visit_added"
ERASED_HOST = "erased"


@dataclass(frozen=True, slots=True)
class NewVisit:
    """Who comes to whom, from and to when: times are RFC 3339 or local dates, an end as a date includes that day.

    `host` is a badge; without a begin the visit begins now.
    """

    name: str
    host: str
    valid_to: str
    valid_from: str | None = None
    levels: Sequence[str] = ()
    card: str | None = None
    escort: bool = False


def add_visit(work: UnitOfWork, wanted: NewVisit) -> Visit:
    """Add a visit; raises NotFound for an unknown host or level, InvalidInput and RequestError for what may not be."""
    session = work.session
    now = clock_of(session).now()
    host = people.get(session, wanted.host)
    start = service.start_time(session, wanted.valid_from) or rfc3339(now)
    end = service.end_time(session, wanted.valid_to)
    if end is None or end <= rfc3339(now):
        raise InvalidInput("the visit would be over already; give a later end", code="visit_over")
    _require_host(host, max(now, parse_time(start)))
    levels = list(dict.fromkeys(wanted.levels))
    for level in levels:
        _require_level(session, host, level, now)
    details = PersonDetails(kind=str(PersonKind.VISITOR), host=host.badge, escort=wanted.escort)
    badge = rows.next_badge(session)
    times = {"valid_from": start, "valid_to": end}
    person = service.add_person(work, badge, wanted.name, levels=levels, details=details, **times)
    if wanted.card is not None:
        service.assign_card(work, badge, wanted.card)
    work.record(ADDED, {"visit": badge, "levels": levels}, person_id=person.id)
    rows.add(session, person, levels)
    return rows.visit(session, badge)


def arrive(work: UnitOfWork, badge: str, card: str | None = None) -> Visit:
    """Record that a visitor is at the desk, and assign a card; the host must be valid."""
    person, row = rows.rows_of(work.session, badge)
    found, now = rows.visit(work.session, badge), clock_of(work.session).now()
    state = found.state(rfc3339(now))
    if state is not VisitState.EXPECTED:
        raise _standing(found.badge, state, _STANDS[state], Hint("show_visitor", badge=found.badge))
    problem = problem_of_host(work.session, found)
    if problem is not None:
        raise RequestError(
            f"the host of {found.badge} is {_PROBLEMS.get(problem, problem)}, so the visitor can't be let in; "
            "give them another host, or cancel the visit",
            code="host_problem",
            facts={"badge": found.badge, "problem": problem},
            hint=Hint("cancel_visit", badge=found.badge),
        )
    if card is not None:
        service.assign_card(work, person.badge, card)
    row.arrived = rfc3339(now)
    work.session.flush()
    work.record(Kind.VISIT_ARRIVED, {"visit": person.badge, "how": "desk"}, person_id=person.id)
    return rows.visit(work.session, badge)


def leave(work: UnitOfWork, badge: str) -> Visit:
    """End a visit at the desk: the card is back, and the visitor is outside."""
    person, row = rows.rows_of(work.session, badge)
    state = rows.visit(work.session, badge).state(rfc3339(clock_of(work.session).now()))
    if row.ended is not None or row.arrived is None:
        why = "has not arrived" if state is VisitState.EXPECTED else _STANDS[state]
        hint = Hint("cancel_visit", badge=person.badge) if state is VisitState.EXPECTED else None
        raise _standing(person.badge, state, why, hint)
    end(work, person, row, VisitEnd.DESK)
    if zones.zones(work.session):
        whereabouts.forgive(work, person, OUTSIDE, "the visit has ended")
    return rows.visit(work.session, badge)


def cancel(work: UnitOfWork, badge: str) -> Visit:
    """Cancel a visit whose visitor has not arrived."""
    person, row = rows.rows_of(work.session, badge)
    state = rows.visit(work.session, badge).state(rfc3339(clock_of(work.session).now()))
    if row.ended is not None or row.arrived is not None:
        hint = Hint("leave_visit", badge=person.badge) if row.ended is None else None
        raise _standing(person.badge, state, _STANDS[state], hint)
    end(work, person, row, VisitEnd.CANCELLED)
    return rows.visit(work.session, badge)


def _standing(badge: str, state: VisitState, why: str, hint: Hint | None) -> RequestError:
    return RequestError(f"{badge} {why}", code="visit_state", facts={"badge": badge, "state": str(state)}, hint=hint)


def end(work: UnitOfWork, person: PersonRow, row: VisitRow, how: VisitEnd, at: str | None = None) -> None:
    """End a visit: free the card, revoke the levels, and end the alarm that it is overdue."""
    row.ended, row.how, row.inside = at or rfc3339(clock_of(work.session).now()), str(how), False
    work.session.flush()
    for card in [one.value for one in person.credentials if one.kind == "card"]:
        service.remove_card(work, person.badge, card)
    for level in [grant.level_name for grant in person.grants]:
        level_grants.set_level(work, person.badge, level, held=False)
    work.record(Kind.VISIT_ENDED, {"visit": person.badge, "how": str(how)}, person_id=person.id)


def problem_of_host(session: Session, found: Visit) -> str | None:
    """Return why a visit's host can't answer for it: suspended, expired, not_yet_valid or erased; None if they can."""
    host = session.get(PersonRow, found.host_id) if found.host_id is not None else None
    if host is None:
        return ERASED_HOST
    return _invalidity(host, clock_of(session).now())


def json_of(session: Session, found: Visit) -> dict[str, Any]:
    """Return a visit as it is shown."""
    problem = problem_of_host(session, found) if found.ended is None else None
    return rows.visit_json(found, clock_of(session).now(), problem)


def _invalidity(row: PersonRow, at: datetime) -> str | None:
    start, end = (parse_time(text) if text else None for text in (row.valid_from, row.valid_to))
    reason = invalidity(Person(row.id, row.badge, row.name, start, end, row.suspended), at)
    return str(reason) if reason is not None else None


def _require_host(host: PersonRow, at: datetime) -> None:
    if host.kind == PersonKind.VISITOR:
        message = f"{host.badge} is a visitor too, and can't be a host; name a member of staff"
        raise RequestError(message, code="host_is_visitor", facts={"badge": host.badge})
    problem = _invalidity(host, at)
    if problem is not None:
        raise RequestError(
            f"host {host.badge} is {_PROBLEMS.get(problem, problem)} when the visit begins; name another host",
            code="host_not_valid",
            facts={"badge": host.badge, "problem": problem},
        )


def _require_level(session: Session, host: PersonRow, level: str, now: datetime) -> None:
    """Refuse a level that the host does not hold, or that visitors are not given."""
    row = access_levels.level(session, level)
    if not row.visitors:
        raise RequestError(
            f"level '{level}' is not given to visitors",
            code="level_not_for_visitors",
            facts={"name": level},
            hint=Hint("edit_level_visitors", name=level),
        )
    if level not in {*grants.held(host, now), *departments.levels_of(host)}:
        raise RequestError(
            f"host {host.badge} does not hold level '{safe(level, 60)}', so their visitor can't have it; "
            "name another host or level",
            code="level_not_held",
            facts={"badge": host.badge, "name": level},
        )


_PROBLEMS = {"not_yet_valid": "not valid yet", "expired": "not valid any more"}
_STANDS = {
    VisitState.EXPECTED: "has not arrived",
    VisitState.ARRIVED: "has arrived already",
    VisitState.INSIDE: "has arrived already",
    VisitState.OVERDUE: "has arrived already, and is overdue",
    VisitState.LEFT: "has left already",
    VisitState.CANCELLED: "is cancelled, or was not here in the time of the visit",
}
