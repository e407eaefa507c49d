"""Who is where across restarts: a checkpoint in the store, from which the rest of the ledger is folded."""

import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from devicemgr.access.area_state import AreaState
from devicemgr.access.policy_cache import Rulebook
from devicemgr.domain.ledger_events import Fact
from devicemgr.domain.rules.areas.corrections import WHEREABOUTS_RESET, forgotten
from devicemgr.domain.rules.areas.fold import Event, fold_all
from devicemgr.domain.rules.areas.whereabouts import NOWHERE, How, Place, Whereabouts, overdue
from devicemgr.domain.rules.areas.zone_map import NO_ZONES, ZoneMap
from devicemgr.errors import DevicemgrError
from devicemgr.ledger.writer import Ledger
from devicemgr.store.database import Database, Session
from devicemgr.store.ledger import events, whereabouts as store

log = logging.getLogger(__name__)

_SAVE_EVENTS, _SAVE_S = 1000, 30.0
_SWEEP_S = 10.0
# How long another writer may take; the daemon ends within seconds.
_PATIENCE_S, _LAST_PATIENCE_S = 2.0, 0.3
_PIECE = 1000


def load(session: Session, zones: ZoneMap) -> Whereabouts:
    """Return the state after the last event of the ledger."""
    # No one is anywhere and begins no free time, and a year of events need not be read.
    if not (zones.zones or zones.first_people):
        return replace(NOWHERE, seq=events.head(session)[0])
    state = stored(session)
    return fold_all(state, _bodies(session, state.seq), zones)


def stored(session: Session) -> Whereabouts:
    """Return the last checkpoint."""
    found = store.load(session)
    where = {
        one.person_id: Place(one.zone, datetime.fromisoformat(one.since), one.seq, How(one.how))
        for one in found.presences
    }
    rest = json.loads(found.rest)
    inside = Counter(place.zone for place in where.values() if place.zone is not None)
    return Whereabouts(
        found.seq,
        where,
        dict(found.extra),
        {request: person for request, person in rest.get("requests", ())},
        {person: _times(entries) for person, entries in rest.get("entered", {}).items()},
        frozenset(rest.get("blind", ())),
        rest.get("unsure", {}),
        frozenset((zone, limit) for zone, limit in rest.get("reached", ())),
        frozenset(rest.get("below", ())),
        _times(rest.get("forgotten", {})),
        dict(inside),
        tuple(rest.get("erased", ())),
        {request: tuple(others) for request, others in rest.get("along", ())},
        _times(rest.get("opened", {})),
        _times(rest.get("first_people", {})),
        _times(rest.get("suspended", {})),
    )


def _times(texts: Mapping[str, str]) -> dict[str, datetime]:
    return {name: datetime.fromisoformat(text) for name, text in texts.items()}


def save(session: Session, state: Whereabouts, before: Whereabouts) -> None:
    """Store a checkpoint; what differs from `before` where that is the last one, else all of it."""
    if store.seq_of(session) != before.seq:
        store.reset(session)
        before = NOWHERE
    changed = [
        store.Presence(person, place.zone, place.since.isoformat(), place.seq, str(place.how))
        for person, place in state.where.items()
        if before.where.get(person) != place
    ]
    gone = before.where.keys() - state.where.keys()
    store.save(session, state.seq, changed, gone, state.extra, _rest(state))


def _rest(state: Whereabouts) -> str:
    """Return what else the fold goes on from; the order of requests is that in which they go."""
    return json.dumps(
        {
            "requests": list(state.requests.items()),
            "entered": {person: _texts(entries) for person, entries in state.entered.items()},
            "blind": sorted(state.blind),
            "unsure": dict(state.unsure),
            "reached": sorted(state.reached),
            "below": sorted(state.below),
            "forgotten": _texts(state.forgotten),
            "erased": list(state.erased),
            "along": list(state.along.items()),
            "opened": _texts(state.opened),
            "first_people": _texts(state.first_people),
            "suspended": _texts(state.suspended),
        }
    )


def _texts(times: Mapping[str, datetime]) -> dict[str, str]:
    return {name: at.isoformat() for name, at in times.items()}


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
        self._zones = NO_ZONES
        self._saved_at = self._swept_at = time.monotonic()

    def begin(self, follow: Callable[[], None]) -> None:
        """Load the state, then let `follow` join the ledger's feed, which passes on what comes behind it."""
        self._zones = self._rules.current.zone_map
        with self._database.read() as session:
            self._saved = stored(session)
            state = load(session, self._zones)
        self._areas.begin(state)
        follow()
        self._ledger.feed.begin(state.seq)

    def look(self) -> None:
        """Pass on other processes' events; save and forget what is due."""
        self._ledger.feed.look()
        now = time.monotonic()
        state, zones = self._areas.chained, self._rules.current.zone_map
        behind = state.seq - self._saved.seq
        # What is folded after a start goes by the portals of that time: those of before must not be folded again.
        has_moved = not zones.is_as(self._zones)
        self._zones = zones
        if behind >= _SAVE_EVENTS or (behind and (has_moved or now - self._saved_at >= _SAVE_S)):
            self._save(state)
        if zones.forgetful and now - self._swept_at >= _SWEEP_S:
            self._swept_at = now
            for fact in forgetting(state, min(self._rules.times()), zones):
                self._ledger.submit(fact)

    def keep(self) -> None:
        """Save what is folded, at the end of the daemon; the next start folds what this could not."""
        self._save(self._areas.chained, _LAST_PATIENCE_S)

    def _save(self, state: Whereabouts, patience_s: float = _PATIENCE_S) -> None:
        self._saved_at = time.monotonic()
        if self._database.frozen:
            return
        try:
            with self._database.write(changes_site=False, patience_s=patience_s) as session:
                save(session, state, self._saved)
        except DevicemgrError as error:  # nothing is lost by it: the next one, or the next start, folds more
            log.info("Failed to save who is where: %s", error)
        else:
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
