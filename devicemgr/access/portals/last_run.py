"""Releases that a gate may still keep when the daemon comes back: unlocked or granted a moment ago, and not ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from devicemgr.access.release import RELEASE_WITHIN_S
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction, Portal
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.passage_state import PASSAGE_TIMEOUT_S
from devicemgr.store.database import Session
from devicemgr.store.ledger import events

# No gate waits longer.
_MAX_OPEN_S = 300.0
_BEGINS = (Kind.ACCESS_GRANTED, "admin.portal_open", Kind.PORTAL_UNLOCKED)
_ENDS = (
    Kind.ACCESS_DENIED,
    Kind.PORTAL_UNLOCK_FAILED,
    Kind.PORTAL_LOCKED,  # of 0.1.0
    Kind.PORTAL_RELOCKED,
    Kind.PASSAGE_COMPLETED,
    Kind.PASSAGE_TIMED_OUT,
)


@dataclass(frozen=True, slots=True)
class LeftOpen:
    """A release of the last run, in seconds: begun `age_s` ago, kept for `waits_s`, with `passage_s` for a passage.

    `started_s` is how long ago its passage began, None for one that has not; `use_of` as in Opening.
    """

    request: str
    portal: Portal
    direction: Direction
    person_id: str | None
    age_s: float
    waits_s: float
    passage_s: float = PASSAGE_TIMEOUT_S
    senses_passage: bool = True
    started_s: float | None = None
    use_of: str | None = None

    @property
    def is_over(self) -> bool:
        """Return True if neither the release nor a passage by it can be under way any more."""
        passage = self.passage_s if self.senses_passage else 0.0
        is_passing = self.started_s is not None and self.started_s < self.passage_s
        return self.age_s >= self.waits_s + passage and not is_passing


def left_open(session: Session, rules: Snapshot, now: datetime) -> list[LeftOpen]:
    """Return the releases that gates may still keep, oldest first.

    A release whose answer was lost is among them; so is one that was granted and never reported, because the last
    run may have ended behind the command.
    """
    kinds = (*_BEGINS, Kind.PASSAGE_STARTED, *_ENDS)
    by_request: dict[str, dict[str, Mapping[str, Any]]] = {}
    for body in events.of_kinds_since(session, kinds, now.astimezone(UTC) - timedelta(seconds=_MAX_OPEN_S)):
        if body["request"] is not None:
            by_request.setdefault(body["request"], {})[body["kind"]] = body
    waiting = {request: known for request, known in by_request.items() if known.keys().isdisjoint(_ENDS)}
    found = [_left(request, known, rules, now) for request, known in waiting.items()]
    return [one for one in found if one is not None and not one.is_over]


def _left(request: str, known: Mapping[str, Mapping[str, Any]], rules: Snapshot, now: datetime) -> LeftOpen | None:
    begun = next((known[kind] for kind in reversed(_BEGINS) if kind in known), None)
    portal = rules.portals.get(begun["portal"] or "") if begun is not None else None
    if begun is None or portal is None or begun["direction"] is None:
        return None
    detail = begun["detail"]
    if detail.get("decided_by") == "console" and not detail.get("awaits_passage"):
        return None
    is_reported = begun["kind"] == Kind.PORTAL_UNLOCKED
    waits = float(detail.get("waits_s", portal.release_seconds)) + (0.0 if is_reported else RELEASE_WITHIN_S)
    started = known.get(Kind.PASSAGE_STARTED)
    return LeftOpen(
        request,
        portal,
        Direction(begun["direction"]),
        begun["person_id"],
        _seconds(begun, now),
        waits,
        float(detail.get("passage_s", PASSAGE_TIMEOUT_S)),
        detail.get("senses_passage") is not False,
        _seconds(started, now) if started is not None else None,
        known.get(Kind.ACCESS_GRANTED, begun)["detail"].get("use_of"),
    )


def _seconds(body: Mapping[str, Any], now: datetime) -> float:
    """Return how long ago an event was; 0 for one of a clock that has been set back since."""
    return max(0.0, (now - datetime.fromisoformat(body["time"])).total_seconds())
