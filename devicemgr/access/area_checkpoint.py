"""Who is where across restarts: a checkpoint in the store, from which the rest of the ledger is folded."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from devicemgr.access.area_state import AreaState
from devicemgr.access.policy_cache import Rulebook
from devicemgr.domain.ledger_events import Fact
from devicemgr.domain.rules.areas.corrections import WHEREABOUTS_RESET, forgotten
from devicemgr.domain.rules.areas.fold import Event, fold_all
from devicemgr.domain.rules.areas.whereabouts import NOWHERE, Whereabouts, overdue
from devicemgr.domain.rules.areas.zone_map import ZoneMap
from devicemgr.ledger.writer import Ledger
from devicemgr.store.database import Database, Session
from devicemgr.store.ledger import events

_SAVE_EVENTS, _SAVE_S = 1000, 30.0
_SWEEP_S = 10.0
_PIECE = 1000


def load(session: Session, zones: ZoneMap) -> Whereabouts:
    """Return the state after the last event of the ledger."""
    if not zones.zones:  # no one is anywhere, and a year of events need not be read
        return replace(NOWHERE, seq=events.head(session)[0])
    state = stored(session)
    return fold_all(state, _bodies(session, state.seq), zones)


def stored(session: Session) -> Whereabouts:  # noqa: ARG001  # until the store keeps one
    """Return the last checkpoint."""
    return NOWHERE


def save(session: Session, state: Whereabouts, before: Whereabouts) -> None:
    """Store a checkpoint where `before` is the last one."""


def _bodies(session: Session, after: int) -> Iterator[Event]:
    while found := events.bodies_after(session, after, _PIECE):
        for seq, body in found:
            after = seq
            yield json.loads(body)


class AreaKeeper:
    """Keeps checkpoints, and forgets presences whose time is over; on the scheduler's thread, after `begin`."""

    def __init__(self, database: Database, ledger: Ledger, rules: Rulebook, areas: AreaState) -> None:
        self._database = database
        self._ledger = ledger
        self._rules = rules
        self._areas = areas
        self._saved = NOWHERE
        self._saved_at = self._swept_at = time.monotonic()

    def begin(self, follow: Callable[[], None]) -> None:
        """Load the state, then let `follow` join the ledger's feed, which passes on what comes behind it."""
        with self._database.read() as session:
            self._saved = stored(session)
            state = load(session, self._rules.current.zone_map)
        self._areas.begin(state)
        follow()
        self._ledger.feed.begin(state.seq)

    def look(self) -> None:
        """Pass on other processes' events; save and forget what is due."""
        self._ledger.feed.look()
        now = time.monotonic()
        state = self._areas.chained
        behind = state.seq - self._saved.seq
        if behind >= _SAVE_EVENTS or (behind and now - self._saved_at >= _SAVE_S):
            self._save(state)
        zones = self._rules.current.zone_map
        if zones.forgetful and now - self._swept_at >= _SWEEP_S:
            self._swept_at = now
            for fact in forgetting(state, min(self._rules.times()), zones):
                self._ledger.submit(fact)

    def _save(self, state: Whereabouts) -> None:
        self._saved_at = time.monotonic()
        if self._database.frozen:
            return
        with self._database.write(changes_site=False) as session:
            save(session, state, self._saved)
        self._saved = state


def forgetting(state: Whereabouts, at: datetime, zones: ZoneMap) -> list[Fact]:
    """Return the events that make presences unknown whose time is over."""
    return [
        Fact(
            WHEREABOUTS_RESET,
            datetime.now(UTC),
            detail=forgotten(sweep.zone, sweep.before, is_daily=sweep.is_daily),
        )
        for sweep in overdue(state, at, zones)
    ]
