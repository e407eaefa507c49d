"""One outlet's outbox: a thread that reads the record from a cursor of its own and hands it to the channel in order.

At least once, in the order of `seq`: the cursor moves when the receiver has taken an event, and is stored at most once
a second, so that after a kill up to a second of events come again, under the same ids. Where that is known only later,
`given` runs ahead of the cursor, and falls back to it on a failure. Nothing here is called by a decision, and nothing
waits for it.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.domain.rules.outgoing.selection import Selection, selected
from devicemgr.errors import DevicemgrError
from devicemgr.ledger.writer import Ledger
from devicemgr.outlets.sender import Event, Sender, SettlesLater, Undelivered
from devicemgr.store.database import Database
from devicemgr.store.ledger import events
from devicemgr.store.ledger.event_filter import EventFilter
from devicemgr.store.outlets import rows
from devicemgr.text import rfc3339, safe

log = logging.getLogger(__name__)

PAGE = 200
MIN_WAIT_S, MAX_WAIT_S = 1.0, 300.0
MAX_REFUSALS = 10
REPORT_AFTER_S = 60.0
"""A receiver that is away for less is no alarm."""

_STORE_EVERY_S = 1.0
_IDLE_S = 60.0
_MAX_WHY = 200


@dataclass(frozen=True, slots=True)
class Stated:
    """What an outbox goes by: name and version, which events, and whether one that is refused ten times is left out."""

    name: str
    version: int
    selection: Selection
    skips: bool = False


@dataclass(slots=True)
class Progress:
    """How far it has come. `state` is what is stored beside the cursor."""

    cursor: int
    state: dict[str, Any] = field(default_factory=dict)


class Outbox:
    """Gives out what is recorded, until it is stopped; any thread may wake it."""

    def __init__(
        self,
        stated: Stated,
        progress: Progress,
        sender: Sender,
        database: Database,
        ledger: Ledger,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stated, self._sender = stated, sender
        self._database, self._ledger, self._ticks = database, ledger, ticks
        self._progress = progress
        self._given, self._has_given = progress.cursor, False
        self._stored_cursor, self._stored_at = progress.cursor, ticks()
        self._failures, self._failing_since = 0, ticks()
        self._stopping, self._woken = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"outlet-{stated.name}", daemon=True)

    def start(self) -> None:
        """Begin behind the cursor."""
        self._thread.start()

    def wake(self) -> None:
        """Look for new events; any thread, never waits."""
        self._woken.set()

    def ask_to_stop(self) -> None:
        """End what is under way."""
        self._stopping.set()
        self._woken.set()
        self._sender.close()

    def join(self, seconds: float) -> None:
        """Wait until it has stored how far it came, for at most so long."""
        if self._thread.is_alive():
            self._thread.join(max(0.0, seconds))

    def figures(self) -> dict[str, Any]:
        """Return how far it has come and what is wrong; any thread."""
        return {"cursor": self._progress.cursor, "state": dict(self._progress.state)}

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._woken.clear()
            try:
                has_more = self._turn()
                is_done = self._is_stored and self._given == self._progress.cursor
                wait_s = 0.0 if has_more else _IDLE_S if is_done else _STORE_EVERY_S
            except Undelivered as error:
                wait_s = self._on_failure(error)
            except DevicemgrError as error:  # the storage refuses; it says so by itself
                log.warning("outlet %s waits: %s", self._stated.name, error)
                wait_s = MIN_WAIT_S
            except Exception:
                log.exception("outlet %s has failed and tries again", self._stated.name)
                self._begin_again()
                wait_s = MAX_WAIT_S
            if wait_s:
                # New events don't shorten the wait after a failure.
                (self._stopping if self._failures else self._woken).wait(wait_s)
        self._store_finally()

    def _turn(self) -> bool:
        """Give out the next page; return whether there may be more."""
        if self._progress.state.get("stopped"):
            self._stopping.wait(_IDLE_S)
            return False
        self._settle()
        after = self._given
        with self._database.read() as session:
            oldest = events.oldest(session)
            found = events.find(session, EventFilter(after=after, shows_duress=True), PAGE, names=True)
        if oldest is not None and oldest > after + 1:
            self._on_gap(after + 1, oldest - 1)
        for piece in self._pieces(found):
            if self._stopping.is_set():
                return False
            self._deliver(piece)
        if found:
            self._moved(int(found[-1]["seq"]))
        self._store(is_due=not found and not self._is_stored)
        return len(found) == PAGE

    def _pieces(self, found: Sequence[Event]) -> list[list[Event]]:
        given: list[Event] = [one for event in found if (one := selected(event, self._stated.selection)) is not None]
        size = 1 if self._progress.state.get("tries") else self._sender.batch
        return [given[start : start + size] for start in range(0, len(given), size)]

    def _deliver(self, piece: list[Event]) -> None:
        try:
            self._sender.send(piece)
        except Undelivered as error:
            if error.is_gone:
                self._stop_for(str(error), int(piece[0]["seq"]))
            elif error.is_refused and self._is_refused_for_good(piece, error):
                return
            raise
        self._has_given = True
        self._moved(int(piece[-1]["seq"]))
        self._store(is_due=False)

    def _is_refused_for_good(self, piece: list[Event], error: Undelivered) -> bool:
        """Count refusals of one event; at the tenth leave it out, or wait for a person. Return True if it is left."""
        state, seq = self._progress.state, int(piece[0]["seq"])
        tries = 1 + (state.get("tries", 0) if state.get("refused") == seq else 0)
        state |= {"tries": tries, "refused": seq}
        if tries < MAX_REFUSALS:
            return False
        if len(piece) > 1 or not self._stated.skips:
            self._stop_for(f"{error}, {tries} times, to event {seq}", seq)
            return False
        self._record(Kind.OUTLET_SKIPPED, {"seq": seq, "cause": str(error)})
        self._moved(seq)
        self._succeeded()
        self._store(is_due=True)
        return True

    def _stop_for(self, why: str, seq: int) -> None:
        self._progress.state |= {"stopped": safe(why, _MAX_WHY), "refused": seq}
        self._report(why)
        self._store(is_due=True)

    def _on_failure(self, error: Undelivered) -> float:
        """Note why; return how long to wait: 1 s, then twice as long each time, up to 5 min, and never all at once."""
        self._begin_again()
        if self._stopping.is_set():
            return 0.0
        state = self._progress.state
        if not self._failures:
            self._failing_since = self._ticks()
        self._failures += 1
        why = safe(str(error), _MAX_WHY)
        if state.get("error") != why:
            log.warning("outlet %s: %s", self._stated.name, why)
        state |= {"error": why, "failing_since": state.get("failing_since") or rfc3339(datetime.now(UTC))}
        if self._ticks() - self._failing_since >= REPORT_AFTER_S:
            self._report(why)
        self._store(is_due=self._failures == 1)
        if error.wait_s is not None:
            return max(MIN_WAIT_S, error.wait_s)
        longest = min(MAX_WAIT_S, MIN_WAIT_S * 2.0 ** min(self._failures - 1, 12))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries, protects nothing

    def _succeeded(self) -> None:
        self._failures = 0
        state = self._progress.state
        if state.pop("is_reported", False):
            self._record(Kind.OUTLET_RESTORED, {})
        for name in ("error", "failing_since", "tries", "refused"):
            state.pop(name, None)

    def _report(self, why: str) -> None:
        if not self._progress.state.get("is_reported"):
            self._progress.state["is_reported"] = True
            self._record(Kind.OUTLET_FAILING, {"cause": safe(why, _MAX_WHY)})

    def _on_gap(self, first: int, last: int) -> None:
        self._record(Kind.OUTLET_GAP, {"from": first, "through": last})
        self._moved(last)
        self._store(is_due=True)

    def _record(self, kind: Kind, detail: dict[str, Any]) -> None:
        self._ledger.submit(Fact(kind, datetime.now(UTC), detail={"outlet": self._stated.name, **detail}))

    def _moved(self, through: int) -> None:
        self._given = max(self._given, through)
        self._settle()

    def _settle(self) -> None:
        """Move the cursor through what has arrived, or was left out."""
        held = self._sender.settle() if isinstance(self._sender, SettlesLater) else None
        through = self._given if held is None else min(self._given, held - 1)
        if self._has_given and (held is None or through > self._progress.cursor):
            self._has_given = held is not None
            self._succeeded()
        self._progress.cursor = max(self._progress.cursor, through)

    def _begin_again(self) -> None:
        """Give out once more what is behind the cursor."""
        self._given, self._has_given = self._progress.cursor, False

    @property
    def _is_stored(self) -> bool:
        return self._progress.cursor == self._stored_cursor

    def _store(self, *, is_due: bool) -> None:
        """Store how far it came: at once where that is due, else once a second."""
        late = self._ticks() - self._stored_at >= _STORE_EVERY_S
        if not is_due and (self._is_stored or not late):
            return
        with self._database.write(changes_site=False) as session:
            rows.move(session, self._stated.name, self._stated.version, self._progress.cursor, self._progress.state)
        self._stored_cursor, self._stored_at = self._progress.cursor, self._ticks()

    def _store_finally(self) -> None:
        try:
            self._store(is_due=not self._is_stored)
        except DevicemgrError as error:
            log.warning("outlet %s: how far it came is not stored: %s", self._stated.name, error)
