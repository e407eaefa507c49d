"""Uses of grants, counted down by the transaction that records the passage."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.rules.grants import takes_use
from devicemgr.store.database import raise_revision
from devicemgr.store.many_rows import listed
from devicemgr.store.tables import EventRow, PersonLevelRow

# The grants of people who are granted together stand behind one another, with what they violate.
_MAX_TOGETHER = 200
# A grant that stands further before an event has passed before it.
_MAX_OPEN_EVENTS = 5000


def count_down(session: Session, bodies: Sequence[Mapping[str, Any]]) -> None:
    """Take the uses of recorded passages, each once, and tell readers of the rights to look again."""
    passed = [body for body in bodies if takes_use(body)]
    if not passed or session.scalar(select(PersonLevelRow.person_id).where(PersonLevelRow.uses_left > 0)) is None:
        return
    if any([_take(session, body) for one in passed for body in (one, *_along(session, one))]):
        raise_revision(session)


def _along(session: Session, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return request, person and time of those who went in by the release of another's request."""
    granted = select(EventRow.seq).where(EventRow.request == body["request"], EventRow.kind == Kind.ACCESS_GRANTED)
    first = session.scalar(granted.limit(1))
    if first is None:
        return []
    behind = (EventRow.seq > first, EventRow.seq <= first + _MAX_TOGETHER, EventRow.kind == Kind.ACCESS_GRANTED)
    others = map(json.loads, session.scalars(select(EventRow.body).where(*behind)))
    return [
        {"request": one["request"], "person_id": one["person_id"], "time": body["time"]}
        for one in others
        if one["detail"].get("opened_by") == body["request"] and one["person_id"]
    ]


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


def taken_after(session: Session, seq: int) -> list[tuple[int, str, str]]:
    """Return seq, person and level of the uses that passages behind an event have taken, the newest first."""
    if not _has_ever_granted_uses(session):
        return []
    granted = select(EventRow.body).where(EventRow.kind == Kind.ACCESS_GRANTED, EventRow.seq > seq - _MAX_OPEN_EVENTS)
    bodies = map(json.loads, session.scalars(granted.where(EventRow.body.contains('"use_of":"', autoescape=True))))
    uses: dict[str, list[tuple[str, str]]] = {}
    for one in bodies:
        release = one["detail"].get("opened_by") or one["request"]
        uses.setdefault(release, []).append((one["person_id"], one["detail"]["use_of"]))
    kinds = EventRow.kind.in_((Kind.PASSAGE_COMPLETED, Kind.PORTAL_UNLOCKED))
    passed = select(EventRow.body).where(EventRow.seq > seq, kinds, EventRow.request.in_(listed(list(uses))))
    found = [one for one in map(json.loads, session.scalars(passed)) if takes_use(one)]
    taken = [(one["seq"], *use) for one in found for use in uses[one["request"]]]
    return sorted(taken, reverse=True)


def _has_ever_granted_uses(session: Session) -> bool:
    wanted = select(EventRow.seq).where(
        EventRow.kind == "admin.level_granted", EventRow.body.contains('"uses":', autoescape=True)
    )
    return session.scalar(wanted.limit(1)) is not None
