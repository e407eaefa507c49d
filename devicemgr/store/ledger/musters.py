"""Rows of musters, written in the transactions of the events that begin and end them."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.store.database import get_meta, set_meta
from devicemgr.store.zone_tables import MusterRow

_ARMED = "muster_on_fire"


class StoredMuster(NamedTuple):
    """A muster that event `seq` began: `roll` is its list, as it was then or, with `ended_seq`, at its end."""

    seq: int
    ended_seq: int | None
    roll: Mapping[str, Any]


def store(session: Session, fact: Fact, seq: int) -> None:
    """Keep the list of a muster that begins, and in its place what became of everyone when it ends."""
    muster_id, roll = str(fact.detail["muster"]), dict(fact.roll or {})
    row = session.get(MusterRow, muster_id)
    if row is None:
        session.add(MusterRow(id=muster_id, seq=seq, ended_seq=None, roll=roll))
        row = session.get(MusterRow, muster_id)
    if fact.kind == Kind.MUSTER_ENDED and row is not None:
        row.ended_seq, row.roll = seq, roll


def running(session: Session) -> list[StoredMuster]:
    """Return the musters that have not ended, the oldest first."""
    query = select(MusterRow).where(MusterRow.ended_seq.is_(None)).order_by(MusterRow.seq)
    return [StoredMuster(row.seq, None, row.roll) for row in session.scalars(query)]


def ended(session: Session, limit: int) -> list[StoredMuster]:
    """Return the latest musters that have ended, the newest first."""
    query = select(MusterRow).where(MusterRow.ended_seq.is_not(None)).order_by(MusterRow.seq.desc()).limit(limit)
    return [StoredMuster(row.seq, row.ended_seq, row.roll) for row in session.scalars(query)]


def find(session: Session, muster_id: str) -> StoredMuster | None:
    """Return the muster of that id."""
    row = session.get(MusterRow, muster_id)
    return StoredMuster(row.seq, row.ended_seq, row.roll) if row else None


def remove_through(session: Session, seq: int) -> None:
    """Remove the musters that ended up to event `seq`, for retention only."""
    session.execute(delete(MusterRow).where(MusterRow.ended_seq <= seq))


def armed(session: Session) -> frozenset[str | None]:
    """Return the zones, None for the whole site, in which a fire input begins a muster."""
    return frozenset(json.loads(get_meta(session, _ARMED) or "[]"))


def set_armed(session: Session, zones: frozenset[str | None]) -> None:
    """Keep in which zones a fire input begins a muster."""
    set_meta(session, _ARMED, json.dumps(sorted(zones, key=lambda zone: zone or "")))
