"""Lasting states of devices that stand now, written in the transaction of the event that begins or ends each."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from devicemgr.domain.ledger_events import Fact
from devicemgr.store.device_tables import ConditionRow
from devicemgr.text import rfc3339

_MAX_CAUSE = 300


def standing(session: Session) -> Sequence[ConditionRow]:
    """Return every condition that stands, of all devices."""
    return session.scalars(select(ConditionRow)).all()


def store(session: Session, fact: Fact) -> None:
    """Keep or remove the condition that `fact` begins or ends."""
    found = fact.condition
    if found is None:
        return
    if found.active:
        session.merge(
            ConditionRow(
                device_id=found.device_id,
                kind=found.kind,
                channel=found.channel,
                input=found.input,
                since=rfc3339(fact.time),
                cause=str(fact.detail.get("cause", ""))[:_MAX_CAUSE],
                lasting=found.lasting,
            )
        )
        return
    row = ConditionRow
    session.execute(
        delete(row).where(
            row.device_id == found.device_id,
            row.kind == found.kind,
            row.channel == found.channel,
            row.input == found.input,
        )
    )
