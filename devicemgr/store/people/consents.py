"""Consents to face recognition: whose is in force, whose ends, and what is recorded when one has ended."""

import unicodedata
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import Session, object_session

from devicemgr.store.database import clock_of
from devicemgr.store.tables import ConsentRow, PersonRow, TemplateRow
from devicemgr.text import rfc3339


def _now(session: Session | None) -> str:
    """By the clock that rights go by, so that a clock that is set back revives no consent."""
    return rfc3339(clock_of(session).now())


def _recorded(session: Session) -> str:
    """Return the time that is written down: while the clock may be forged, the one that was reached without it."""
    return rfc3339(clock_of(session).earliest())


def _holds(at: str) -> ColumnElement[bool]:
    standing = and_(ConsentRow.withdrawn.is_(None), ConsentRow.expired.is_(None))
    return and_(standing, or_(ConsentRow.until.is_(None), ConsentRow.until > at))


def consented(session: Session) -> Select[Any]:
    """Select the ids of the people whose consent is in force now."""
    return select(ConsentRow.person_id).where(_holds(_now(session)))


def in_force(row: PersonRow) -> ConsentRow | None:
    """Return the newest consent that now allows this person's face to be matched."""
    now = _now(object_session(row))
    return next(
        (c for c in reversed(row.consents) if not c.withdrawn and not c.expired and (c.until is None or c.until > now)),
        None,
    )


def standing(row: PersonRow) -> ConsentRow | None:
    """Return the newest consent that no record has ended yet, by whatever clock its end may have come."""
    return next((c for c in reversed(row.consents) if not c.withdrawn and not c.expired), None)


def withdrawn(row: PersonRow, reference: str) -> ConsentRow | None:
    """Return the consent of this reference that the person has withdrawn, if there is one."""
    return next((c for c in reversed(row.consents) if c.withdrawn and _is_same(c.reference, reference)), None)


def newest_withdrawn(row: PersonRow) -> ConsentRow | None:
    """Return the person's newest consent if it is withdrawn: no other was given since."""
    newest = row.consents[-1] if row.consents and in_force(row) is None else None
    return newest if newest is not None and newest.withdrawn else None


def run_out(row: PersonRow, reference: str) -> ConsentRow | None:
    """Return the consent of this reference whose end has come, while no other is in force."""
    if in_force(row) is not None:
        return None
    now = _now(object_session(row))
    ended = (c for c in reversed(row.consents) if c.until and c.until <= now)
    return next((c for c in ended if _is_same(c.reference, reference)), None)


def _is_same(one: str, other: str) -> bool:
    """Return True if two references name one form: case and width of letters do not tell forms apart."""
    return unicodedata.normalize("NFKC", one).casefold() == unicodedata.normalize("NFKC", other).casefold()


def give(
    session: Session, row: PersonRow, reference: str, notice: str | None = None, until: str | None = None
) -> tuple[ConsentRow, bool]:
    """Record a consent, unless one in force says the same; return it, and True if it is new. It ends those before."""
    current = in_force(row)
    if current and current.reference == reference and notice in (None, current.notice) and _as_long(current, until):
        return current, False
    for before in row.consents:
        if not before.withdrawn:
            before.expired = before.expired or _recorded(session)
    consent = ConsentRow(
        id=str(uuid.uuid4()),
        person_id=row.id,
        reference=reference,
        given=_recorded(session),
        notice=notice,
        until=until,
    )
    row.consents.append(consent)
    session.flush()
    return consent, True


def _as_long(current: ConsentRow, until: str | None) -> bool:
    """One form's photos, brought in one after another, make one consent: an end of the same day is the same."""
    return until is None or (current.until is not None and current.until[:10] == until[:10])


def due(session: Session, at: str) -> list[ConsentRow]:
    """Return consents that have ended at `at` and are not marked as expired yet."""
    query = select(ConsentRow).where(ConsentRow.until <= at, ConsentRow.withdrawn.is_(None))
    return list(session.scalars(query.where(ConsentRow.expired.is_(None)).order_by(ConsentRow.until)))


def ended_by(session: Session, at: str) -> Sequence[str]:
    """Return ids of people with a face whose consents have all ended, the last by expiry before `at`."""
    living = select(ConsentRow.person_id).where(_holds(_recorded(session)))
    lately = select(ConsentRow.person_id).where(or_(ConsentRow.until > at, ConsentRow.expired > at))
    noted = select(ConsentRow.person_id).where(ConsentRow.expired <= at)
    people = select(PersonRow.id).join(TemplateRow).distinct()
    return list(
        session.scalars(people.where(PersonRow.id.in_(noted), PersonRow.id.not_in(living), PersonRow.id.not_in(lately)))
    )


def ending(rows: Sequence[PersonRow], before: str) -> list[PersonRow]:
    """Return those of these people with a face whose consent ends before that time, or has ended."""
    found = []
    for row in rows:
        current = in_force(row)
        if (current and current.until and current.until < before) or (current is None and row.templates):
            found.append(row)
    return found


def as_json(consent: ConsentRow) -> dict[str, Any]:
    """Return all that is stored of a consent."""
    return {
        "reference": consent.reference,
        "given": consent.given,
        "notice": consent.notice,
        "until": consent.until,
        "withdrawn": consent.withdrawn,
        "expired": consent.expired,
    }
