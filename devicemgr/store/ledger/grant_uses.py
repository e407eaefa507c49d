"""Uses of grants, counted down by the transaction that records the passage."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.rules.grants import takes_use
from devicemgr.store.database import raise_revision
from devicemgr.store.tables import EventRow, PersonLevelRow


def count_down(session: Session, bodies: Sequence[Mapping[str, Any]]) -> None:
    """Take the uses of recorded passages, each once, and tell readers of the rights to look again."""
    if any([_take(session, body) for body in bodies if takes_use(body)]):
        raise_revision(session)


def _take(session: Session, body: Mapping[str, Any]) -> bool:
    query = select(PersonLevelRow).where(PersonLevelRow.person_id == body["person_id"], PersonLevelRow.uses_left > 0)
    held = {grant.level_name: grant for grant in session.scalars(query)}
    grant = held.get(_use_of(session, body["request"])) if held else None
    if grant is None or grant.uses_left is None:
        return False
    grant.uses_left -= 1
    grant.used_up = body["time"] if grant.uses_left == 0 else None
    session.flush()
    return True


def _use_of(session: Session, request: str) -> str:
    """Return the level of which a request's passage takes a use; "" for none."""
    query = select(EventRow.body).where(EventRow.request == request, EventRow.kind == Kind.ACCESS_GRANTED)
    granted = session.scalar(query.limit(1))
    detail = json.loads(granted)["detail"] if granted is not None else {}
    return str(detail.get("use_of") or "")
