"""Events of a span of time, in pages, in the order of their time; for reports over many of them.

Each page is a transaction of its own: a long one would keep SQLite from cutting its log while others write.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, tuple_
from sqlalchemy.orm import aliased

from devicemgr.domain.ledger_events import Kind
from devicemgr.store.database import Database, Session
from devicemgr.store.tables import EventRow

PAGE = 4000
# The index of times gives the order; by that of kinds, all rows would be read and sorted for each page.
_KIND = func.coalesce(EventRow.kind, "")


@dataclass(frozen=True, slots=True)
class Span:
    """Events from `since` to before `until` (RFC 3339 UTC texts), of these kinds."""

    since: str
    until: str
    kinds: Sequence[str]


def bodies(database: Database, span: Span) -> Iterator[str]:
    """Yield the bodies of events; what a device reported late comes at the time at which it happened."""
    return _pages(database, span, _KIND.in_(list(span.kinds)))


def moving_bodies(database: Database, span: Span) -> Iterator[str]:
    """Yield the bodies that `bodies` does, but of grants and unlocks only those that can move a person."""
    return _pages(database, span, moving(span.kinds))


def moving(kinds: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition of events of these kinds that can move a person.

    Two thirds of all are others: a grant before a passage that names its person, and the unlock between. A grant counts
    where a console gave it, where another's release opens for it too, where its passage has no name, and where its
    person was erased (and has come back by a backup).
    """
    rest = [kind for kind in kinds if kind not in (Kind.ACCESS_GRANTED, Kind.PORTAL_UNLOCKED)]
    nameless = aliased(EventRow)
    is_needed = exists().where(
        nameless.request == EventRow.request,
        nameless.person_id.is_(None),
        nameless.kind.in_([Kind.PASSAGE_COMPLETED, Kind.PORTAL_UNLOCKED, Kind.PORTAL_UNLOCK_UNCONFIRMED]),
    )
    erased = select(nameless.person_id).where(nameless.kind == "admin.person_erased")
    tells = or_(_has('"decided_by":"console"'), _has('"opened_by":'), is_needed, EventRow.person_id.in_(erased))
    grant = and_(_KIND == Kind.ACCESS_GRANTED, tells)
    unlock = and_(_KIND == Kind.PORTAL_UNLOCKED, or_(_has('"senses_passage":false'), _has('"outcome":"unknown"')))
    return or_(_KIND.in_(rest), grant, unlock)


def query_of(span: Span, wanted: ColumnElement[bool]) -> Select[str, int, str]:
    """Return the query of a page, which goes by the index of times."""
    query = select(EventRow.time, EventRow.seq, EventRow.body).where(EventRow.time < span.until, wanted)
    return query.order_by(EventRow.time, EventRow.seq).limit(PAGE)


def _has(text: str) -> ColumnElement[bool]:
    return func.instr(EventRow.body, text) > 0


def _pages(database: Database, span: Span, wanted: ColumnElement[bool]) -> Iterator[str]:
    place, query = (span.since, 0), query_of(span, wanted)
    while True:
        with database.read() as session:
            rows = session.execute(query.where(tuple_(EventRow.time, EventRow.seq) > place)).all()
        for row in rows:
            yield row.body
        if len(rows) < PAGE:
            return
        place = (rows[-1].time, rows[-1].seq)


def first_kept(session: Session) -> tuple[int, str] | None:
    """Return seq and time of the oldest event that is stored; None without any."""
    row = session.execute(select(EventRow.seq, EventRow.time).order_by(EventRow.seq).limit(1)).first()
    return (row.seq, row.time) if row else None
