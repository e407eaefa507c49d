"""Visits as they are listed and reported, and the events of visitors that are still to be looked at."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, true
from sqlalchemy.orm import Session, aliased

from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.rules.visits.states import VisitState, state_of
from devicemgr.errors import Hint, NotFound
from devicemgr.store.database import get_meta, set_meta
from devicemgr.store.ledger import events
from devicemgr.store.people import people
from devicemgr.store.tables import CredentialRow, EventRow, PersonRow
from devicemgr.store.visits.tables import VisitRow
from devicemgr.text import badge_key, rfc3339, safe

_NUMBER = "visits_number"
_PASSAGES = (Kind.PASSAGE_COMPLETED, Kind.PORTAL_UNLOCKED, Kind.ACCESS_GRANTED)
_MAX_EVENTS = 500


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit: who comes to whom, from and to when it was agreed, and when the visitor came and went.

    Times are stored texts (RFC 3339 UTC); `valid_to` is exclusive. `host` is None once the host is erased. `how` says
    how it `ended`: desk, card_returned, cancelled or missed. `levels` are those that were given with it.
    """

    person_id: str
    badge: str
    name: str
    host_id: str | None
    host: str | None
    host_name: str | None
    valid_from: str | None
    valid_to: str | None
    levels: tuple[str, ...]
    cards: tuple[str, ...]
    escort: bool
    arrived: str | None
    inside: bool
    overdue: str | None
    ended: str | None
    how: str | None

    def state(self, now: str) -> VisitState:
        """Return the state at a time, as times are stored."""
        is_over = self.valid_to is not None and self.valid_to <= now
        return state_of(self.arrived, self.ended, self.how, is_inside=self.inside, is_over=is_over)


def visits(session: Session, since: str | None = None, until: str | None = None) -> list[Visit]:
    """Return visits by badge: all, or those of a time, for lists and reports.

    A visit belongs to the time from its begin, or the arrival if that was earlier, to its end: when the visitor left or
    it was cancelled, else when it was agreed to end. Visitors who were erased (`visits_days` after they left) are not
    among them; the record has their events without a name.
    """
    return _visits(session, and_(true(), *_overlaps(since, until)))


def _overlaps(since: str | None, until: str | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if since is not None:
        found.append(or_(VisitRow.ended > since, and_(VisitRow.ended.is_(None), _ends_after(since))))
    if until is not None:
        found.append(or_(PersonRow.valid_from.is_(None), PersonRow.valid_from < until, VisitRow.arrived < until))
    return found


def _ends_after(since: str) -> ColumnElement[bool]:
    return or_(PersonRow.valid_to.is_(None), PersonRow.valid_to > since, VisitRow.arrived.is_not(None))


def visit(session: Session, badge: str) -> Visit:
    """Return the visit of a badge, or NotFound."""
    key = badge_key(badge)
    found = _visits(session, PersonRow.badge.in_({key, key.upper()}))  # v-000123 is typed as well
    if not found:
        raise NotFound(f"there is no visit '{safe(badge, 60)}'", hint=Hint("list_visitors"))
    return found[0]


def _visits(session: Session, wanted: ColumnElement[bool]) -> list[Visit]:
    host = aliased(PersonRow)
    query = (
        select(VisitRow, PersonRow, host.badge.label("host"), host.name.label("host_name"))
        .join(PersonRow, PersonRow.id == VisitRow.person_id)
        .outerjoin(host, host.id == PersonRow.host_id)
    )
    rows = session.execute(query.where(wanted).order_by(PersonRow.badge)).all()
    cards = _cards(session)
    return [
        Visit(
            person.id,
            person.badge,
            person.name,
            person.host_id,
            found_host,
            host_name,
            person.valid_from,
            person.valid_to,
            tuple(row.levels),
            tuple(cards.get(person.id, ())),
            person.escort,
            row.arrived,
            row.inside,
            row.overdue,
            row.ended,
            row.how,
        )
        for row, person, found_host, host_name in rows
    ]


def _cards(session: Session) -> dict[str, list[str]]:
    query = select(CredentialRow.person_id, CredentialRow.value).join(
        VisitRow, VisitRow.person_id == CredentialRow.person_id
    )
    found: dict[str, list[str]] = {}
    for row in session.execute(query.where(CredentialRow.kind == "card").order_by(CredentialRow.created)):
        found.setdefault(row.person_id, []).append(row.value)
    return found


def next_badge(session: Session) -> str:
    """Return the badge of the next visit; no number is given twice, also not of a visit that is erased."""
    number = int(get_meta(session, _NUMBER) or 0)
    while True:
        number += 1
        badge = f"V-{number:06d}"
        if people.find(session, badge) is None:
            set_meta(session, _NUMBER, str(number))
            return badge


def add(session: Session, person: PersonRow, levels: Sequence[str]) -> VisitRow:
    """Add the visit of a person."""
    row = VisitRow(
        person_id=person.id,
        levels=list(levels),
        created=people.now_text(),
        inside=False,
        seq=events.head(session)[0],
    )
    session.add(row)
    session.flush()
    return row


def rows_of(session: Session, badge: str) -> tuple[PersonRow, VisitRow]:
    """Return the person and the visit of a badge, or NotFound."""
    found = visit(session, badge)
    return session.get_one(PersonRow, found.person_id), session.get_one(VisitRow, found.person_id)


def open_visits(session: Session) -> list[Visit]:
    """Return the visits that have not ended."""
    return _visits(session, VisitRow.ended.is_(None))


def has_open(session: Session) -> bool:
    """Return True if a visit has not ended."""
    return session.scalar(select(VisitRow.person_id).where(VisitRow.ended.is_(None)).limit(1)) is not None


def unread_events(session: Session) -> list[dict[str, Any]]:
    """Return events of visitors behind the last one that was looked at of each open visit, oldest first."""
    query = (
        select(EventRow.body)
        .join(VisitRow, EventRow.person_id == VisitRow.person_id)
        .where(VisitRow.ended.is_(None), EventRow.seq > VisitRow.seq, EventRow.kind.in_(_PASSAGES))
    )
    return [json.loads(body) for body in session.scalars(query.order_by(EventRow.seq).limit(_MAX_EVENTS))]


def shown_card(session: Session, request: str | None) -> bool:
    """Return True if a card was shown for a request that was granted."""
    query = select(EventRow.body).where(EventRow.request == request, EventRow.kind == Kind.ACCESS_GRANTED)
    body = session.scalar(query.limit(1)) if request is not None else None
    return body is not None and bool((json.loads(body).get("evidence") or {}).get("card"))


def ended_before(session: Session, before: str) -> list[str]:
    """Return the badges of visits that ended at or before a time."""
    query = select(PersonRow.badge).join(VisitRow, VisitRow.person_id == PersonRow.id)
    return list(session.scalars(query.where(VisitRow.ended <= before).order_by(PersonRow.badge)))


def is_visit(session: Session, person_id: str) -> bool:
    """Return True for the person of a visit."""
    return session.get(VisitRow, person_id) is not None


def badges(session: Session) -> frozenset[str]:
    """Return the badges of all visits."""
    return frozenset(session.scalars(select(PersonRow.badge).join(VisitRow, VisitRow.person_id == PersonRow.id)))


def visit_json(found: Visit, now: datetime, host_problem: str | None = None) -> dict[str, Any]:
    """Return what `visitor show` prints."""
    state = found.state(rfc3339(now))
    return {
        "badge": found.badge,
        "name": found.name,
        "state": str(state),
        "host": found.host,
        "host_name": found.host_name,
        "host_problem": host_problem,
        "valid_from": found.valid_from,
        "valid_to": found.valid_to,
        "levels": list(found.levels),
        "cards": list(found.cards),
        "escort": found.escort,
        "arrived": found.arrived,
        "inside": found.inside,
        "left": found.ended if state is VisitState.LEFT else None,
        "cancelled": found.ended if state is VisitState.CANCELLED else None,
        "ended_by": found.how,
    }
