"""Sealed faces of enrollment photos, of people whose consent is in force."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from devicemgr.store.people.consents import consented
from devicemgr.store.tables import PersonRow, SampleRow


@dataclass(frozen=True, slots=True)
class SealedSample:
    """What is needed to open a kept face."""

    person_id: str
    consent_id: str
    wrapped_key: bytes = field(repr=False)
    photo_mac: bytes
    data: bytes = field(repr=False)


def newest(session: Session, person_id: str) -> SealedSample | None:
    """Return a person's newest kept face; None without one, or without a consent."""
    query = (
        _query(session)
        .where(SampleRow.person_id == person_id)
        .order_by(SampleRow.created.desc(), SampleRow.id)
        .limit(1)
    )
    row = session.execute(query).first()
    return None if row is None else _sealed(row)


def newest_ids(session: Session) -> dict[str, str]:
    """Return the id of the newest kept face by person's id, of all people with a consent in force."""
    query = select(SampleRow.person_id, SampleRow.id).where(SampleRow.person_id.in_(consented(session)))
    # Of a person's rows the last one stays in the dictionary.
    return {row.person_id: row.id for row in session.execute(query.order_by(SampleRow.created, SampleRow.id.desc()))}


def by_id(session: Session, sample_id: str) -> SealedSample | None:
    """Return one kept face; None if it, or its person's consent, is gone."""
    row = session.execute(_query(session).where(SampleRow.id == sample_id)).first()
    return None if row is None else _sealed(row)


def count(session: Session) -> int:
    """Return how many are kept in all."""
    return session.scalar(select(func.count()).select_from(SampleRow)) or 0


def older(session: Session, than: str) -> bool:
    """Return True if one is kept from before that time."""
    return session.scalar(select(SampleRow.id).where(SampleRow.created < than).limit(1)) is not None


def forget_older(session: Session, than: str) -> int:
    """Delete those from before that time; return how many."""
    found = select(func.count()).select_from(SampleRow).where(SampleRow.created < than)
    gone = session.scalar(found) or 0
    session.execute(delete(SampleRow).where(SampleRow.created < than))
    return gone


def forget_all(session: Session) -> int:
    """Delete every kept face; return how many."""
    gone = count(session)
    session.execute(delete(SampleRow))
    return gone


def _query(session: Session) -> Any:
    columns = (SampleRow.person_id, SampleRow.consent_id, PersonRow.wrapped_key, SampleRow.photo_mac, SampleRow.sealed)
    joined = select(*columns).join(PersonRow, PersonRow.id == SampleRow.person_id)
    return joined.where(SampleRow.person_id.in_(consented(session)), PersonRow.wrapped_key.is_not(None))


def _sealed(row: Any) -> SealedSample:
    return SealedSample(row.person_id, row.consent_id, row.wrapped_key, row.photo_mac, row.sealed)
