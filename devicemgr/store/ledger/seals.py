"""The seals' rows."""

from collections.abc import Iterator, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from devicemgr.domain.ledger_seals import Seal
from devicemgr.store.tables import SealRow


def add(session: Session, seal: Seal) -> None:
    """Store a seal, which must be new."""
    session.add(
        SealRow(
            number=seal.number,
            seq=seal.seq,
            head=seal.head,
            time=seal.time,
            next_key=seal.next_key,
            signature=seal.signature,
        )
    )
    session.flush()


def clear(session: Session) -> None:
    """Forget all seals."""
    session.execute(delete(SealRow))


def last(session: Session) -> Seal | None:
    """Return the newest seal."""
    row = session.scalar(select(SealRow).order_by(SealRow.number.desc()).limit(1))
    return _seal(row) if row else None


def newest(session: Session, limit: int, before: int | None = None) -> list[Seal]:
    """Return the newest `limit` seals, those with a number less than `before` if it is given, the newest first."""
    query = select(SealRow).order_by(SealRow.number.desc()).limit(limit)
    if before is not None:
        query = query.where(SealRow.number < before)
    return [_seal(row) for row in session.scalars(query)]


def newest_before(session: Session, time: str, seq: int) -> Seal | None:
    """Return the newest seal that is older than `time`, over an event before `seq`."""
    query = select(SealRow).where(SealRow.time < time, SealRow.seq < seq).order_by(SealRow.number.desc()).limit(1)
    row = session.scalar(query)
    return _seal(row) if row else None


def newest_up_to(session: Session, seq: int) -> Seal | None:
    """Return the newest seal over an event up to `seq`."""
    # Seals are numbered in the order of their events, so the first match from the end is the newest.
    row = session.scalar(select(SealRow).where(SealRow.seq <= seq).order_by(SealRow.number.desc()).limit(1))
    return _seal(row) if row else None


def walk_after(session: Session, seq: int) -> Iterator[Seal]:
    """Yield the seals over events behind `seq`, in order."""
    query = select(SealRow).where(SealRow.seq > seq).order_by(SealRow.number)
    for row in session.scalars(query.execution_options(yield_per=1000)):
        yield _seal(row)


def head_at(session: Session, seq: int) -> str | None:
    """Return what was sealed as the hash of event `seq`."""
    return session.scalar(select(SealRow.head).where(SealRow.seq == seq).limit(1))


def numbered(session: Session, numbers: Sequence[int]) -> dict[int, Seal]:
    """Return the seals with these numbers, as far as they are stored."""
    query = select(SealRow).where(SealRow.number.in_(numbers))
    return {row.number: _seal(row) for row in session.scalars(query)} if numbers else {}


def walk(session: Session) -> Iterator[Seal]:
    """All seals in order."""
    for row in session.scalars(select(SealRow).order_by(SealRow.number).execution_options(yield_per=1000)):
        yield _seal(row)


def _seal(row: SealRow) -> Seal:
    return Seal(row.number, row.seq, row.head, row.time, row.next_key, row.signature)
