"""Replay the recorded requests of a window by the rights in force and by planned ones."""

import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from devicemgr.domain.rules.areas.whereabouts import NOWHERE, Whereabouts
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.past.outcome import Comparison, Tallies, as_json, never_came
from devicemgr.domain.rules.past.recorded import DECISIONS
from devicemgr.domain.rules.past.replay import KINDS, Replay
from devicemgr.errors import InvalidInput, RequestError
from devicemgr.operations.history.whereabouts import whereabouts_at
from devicemgr.store.database import Database, Session
from devicemgr.store.ledger import events
from devicemgr.store.people import people
from devicemgr.store.site import settings
from devicemgr.text import rfc3339, safe

MAX_WINDOW = timedelta(days=366)
MAX_REPLAY_S = 150.0
_START_WITHIN_S = 10.0
_PIECE = 1000
# The dispatcher waits for the interpreter at most as long as so few decisions take.
_DECISIONS_A_TURN = 10
_WINDOW = re.compile(r"([1-9][0-9]{0,4})([dh])\Z")
_running = threading.Lock()


def window_of(text: str) -> timedelta:
    """Return how long before now a window begins, written as `30d` or `12h`; InvalidInput for what is none."""
    found = _WINDOW.match(text.strip())
    window = timedelta(**{"days" if found[2] == "d" else "hours": int(found[1])}) if found else timedelta()
    if not timedelta() < window <= MAX_WINDOW:
        raise InvalidInput(f"'{safe(text, 20)}' is no window to replay; write days or hours, such as 30d (up to 366d)")
    return window


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay of a window has found, and what it could not take into account."""

    since: datetime
    until: datetime
    comparison: Comparison
    never_came: Mapping[str, int]
    unknown: tuple[str, ...]

    @property
    def has_losers(self) -> bool:
        """True if a recorded request of anyone would be refused that is granted now."""
        return self.comparison.losses.count > 0


def replay(database: Database, present: Snapshot, planned: Snapshot, window: timedelta) -> Replayed:
    """Judge the requests of a window by both; in short transactions, since the record goes on.

    Raises RequestError while another replay runs, and where this one takes too long.
    """
    until = datetime.now(UTC)
    since = until - window
    with _alone():
        with database.read() as session:
            after, through = events.before_time(session, rfc3339(since)), events.head(session)[0]
            unknown = _removed_since(session, after, since)
            starts = tuple(_start(session, after, rules, unknown) for rules in (present, planned))
        run = Replay(present, planned, (starts[0], starts[1]), since)
        has_zones = bool(present.zones or planned.zones)
        kinds = KINDS if has_zones else tuple(map(str, DECISIONS))
        comparison = run.take_all(_in_turns(_events(database, after, through, kinds)))
    return Replayed(since, until, comparison, never_came(planned, comparison.came), tuple(unknown))


@contextmanager
def _alone() -> Iterator[None]:
    if not _running.acquire(blocking=False):
        raise RequestError("another replay is running; try again when it has ended")
    try:
        yield
    finally:
        _running.release()


def _removed_since(session: Session, after: int, since: datetime) -> list[str]:
    """Return what is not known because events of the window were removed."""
    oldest = events.oldest(session)
    if oldest is None or oldest == 1 or oldest <= after:
        return []
    first = events.time_of(session, oldest)
    return [f"requests before {first}: events of the window were removed"] if first and first > rfc3339(since) else []


def _start(session: Session, after: int, rules: Snapshot, unknown: list[str]) -> Whereabouts:
    found = whereabouts_at(session, after, rules.zone_map, within_s=_START_WITHIN_S)
    if found is None:
        words = "who was where when the window began: that takes too long to work out"
        unknown += [] if words in unknown else [words]
    return NOWHERE if found is None else found


def _events(database: Database, after: int, through: int, kinds: tuple[str, ...]) -> Iterator[Mapping[str, Any]]:
    while True:
        with database.read() as session:
            found = events.bodies_between(session, after, through, kinds, _PIECE)
        if not found:
            return
        after = found[-1][0]
        yield from (body for _, body in found)


def _in_turns(found: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield events, and let other threads have the interpreter: the gates' decisions must not wait."""
    give_up = time.monotonic() + MAX_REPLAY_S
    for number, event in enumerate(found, 1):
        yield event
        if number % _DECISIONS_A_TURN == 0:
            time.sleep(0)
            if time.monotonic() > give_up:
                raise RequestError(f"the replay takes more than {MAX_REPLAY_S:g} s; give a shorter window, such as 7d")


def replay_json(session: Session, found: Replayed, *, names: bool) -> dict[str, Any]:
    """Return what a replay answers; names of people beside their badges where `names`."""
    zone = settings.load(session).zone
    comparison = found.comparison
    ids = {person for one in (comparison.losses, comparison.gains, comparison.needs_more) for person in one.by_person}
    who = {row.id: (row.badge, row.name) for row in people.search(session, rfc3339(found.until)) if row.id in ids}

    def rows(tallies: Tallies) -> list[dict[str, Any]]:
        found = []
        for person, tally in tallies.by_person.items():
            badge, name = who.get(person, (None, None))
            found.append({"badge": badge} | ({"name": name} if names else {}) | as_json(tally, zone))
        return sorted(found, key=lambda one: (-one["count"], one["badge"] or ""))

    return {
        "since": rfc3339(found.since),
        "until": rfc3339(found.until),
        "requests": comparison.requests,
        "people": len(comparison.came),
        "totals": {
            name: {"requests": one.count, "people": len(one.by_person), "portals": one.by_portal()}
            for name, one in _kinds(comparison)
        },
        **{name: rows(one) for name, one in _kinds(comparison)},
        "never_came": [{"level": level, "people": count} for level, count in found.never_came.items()],
        "not_predicted": {"erased": comparison.gone, "would_have_passed_before": comparison.unpredicted},
        "unknown": list(found.unknown),
    }


def _kinds(comparison: Comparison) -> list[tuple[str, Tallies]]:
    return [("losses", comparison.losses), ("gains", comparison.gains), ("needs_more", comparison.needs_more)]
