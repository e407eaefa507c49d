"""Who is where, as the ledger up to one event says: a checkpoint, from which the rest is folded after a start."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from devicemgr.store.database import get_meta, set_meta
from devicemgr.store.zone_tables import WhereaboutsRow, ZoneCountRow

_SEQ = "whereabouts_seq"
_REST = "whereabouts_rest"


class Presence(NamedTuple):
    """A person's last recorded place; `zone` None for an unknown one, `since` as in the ledger, `how` it is known."""

    person_id: str
    zone: str | None
    since: str
    seq: int
    how: str


class Checkpoint(NamedTuple):
    """The state after event `seq`; `extra` counts unnamed people by zone. `seq` is 0 before the first checkpoint.

    `rest` is what else the fold goes on from, as JSON of its own.
    """

    seq: int
    presences: tuple[Presence, ...]
    extra: Mapping[str, int]
    rest: str = "{}"


def seq_of(session: Session) -> int:
    """Return up to which event the last checkpoint goes; 0 without one."""
    return int(get_meta(session, _SEQ) or 0)


def load(session: Session) -> Checkpoint:
    """Return the last checkpoint."""
    rows = session.execute(
        select(
            WhereaboutsRow.person_id, WhereaboutsRow.zone, WhereaboutsRow.since, WhereaboutsRow.seq, WhereaboutsRow.how
        )
    )
    counts = session.execute(select(ZoneCountRow.zone, ZoneCountRow.extra))
    return Checkpoint(
        seq_of(session),
        tuple(Presence(*row) for row in rows),
        {zone: extra for zone, extra in counts},
        get_meta(session, _REST) or "{}",
    )


def save(
    session: Session,
    seq: int,
    changed: Iterable[Presence],
    gone: Iterable[str],
    extra: Mapping[str, int],
    rest: str = "{}",
) -> None:
    """Store the state after event `seq`: presences that changed since the last checkpoint, those gone, all else."""
    changed = list(changed)
    touched = [*gone, *(one.person_id for one in changed)]
    for begin in range(0, len(touched), 500):
        session.execute(delete(WhereaboutsRow).where(WhereaboutsRow.person_id.in_(touched[begin : begin + 500])))
    if changed:
        session.execute(insert(WhereaboutsRow), [one._asdict() for one in changed])
    session.execute(delete(ZoneCountRow))
    counts = [{"zone": zone, "extra": count} for zone, count in sorted(extra.items()) if count]
    if counts:
        session.execute(insert(ZoneCountRow), counts)
    set_meta(session, _SEQ, str(seq))
    set_meta(session, _REST, rest)


def reset(session: Session) -> None:
    """Forget the checkpoint, so that the state is folded from the ledger's beginning."""
    session.execute(delete(WhereaboutsRow))
    session.execute(delete(ZoneCountRow))
    set_meta(session, _SEQ, "0")
    set_meta(session, _REST, "{}")
