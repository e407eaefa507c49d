"""One outlet's outbox: a thread that reads the record from a cursor of its own and hands it to the channel in order.

At least once, in the order of `seq`: the cursor moves when the receiver has taken an event, and is stored at most once
a second, so that after a kill up to a second of events come again, under the same ids. Where that is known only later,
`given` runs ahead of the cursor, and falls back to it on a failure. Nothing here is called by a decision, and nothing
waits for it.
"""

import copy
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
from devicemgr.outlets.standing import Standing
from devicemgr.store.database import Database
from devicemgr.store.ledger import events
from devicemgr.store.ledger.event_filter import EventFilter
from devicemgr.store.outlets import rows
from devicemgr.text import rfc3339, safe

log = logging.getLogger(__name__)

PAGE = 200
MIN_WAIT_S, MAX_WAIT_S = 1.0, 300.0
MAX_REFUSALS = 10
MAX_SKIPS = 3
"""So many events left out in a row, and the outlet waits for a person: its receiver refuses not them, but all."""

MAX_CRASHES = 5
"""So many failures of the program itself in a row, and the outlet waits for a person."""
REPORT_AFTER_S = 60.0
"""A receiver that is away for less is no alarm."""

_STORE_EVERY_S = 1.0
_STORE_PATIENCE_S = 1.0
_IDLE_S = 60.0
MAX_WHY = 200


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
        self.stated = stated
        self._sender = sender
        self._database, self._ledger, self._ticks = database, ledger, ticks
        self._progress = progress
        self._given, self._has_given = progress.cursor, False
        self._stored, self._stored_at = (progress.cursor, copy.deepcopy(progress.state)), ticks()
        self._is_storing = True
        self._failures, self._crashes, self._failing_since = 0, 0, ticks()
        self.failed = 0
        self._stopping, self._woken, self._again = threading.Event(), threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"outlet-{stated.name}", daemon=True)

    def start(self) -> None:
        """Begin behind the cursor."""
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Return True until its thread has ended."""
        return self._thread.is_alive()

    def wake(self) -> None:
        """Look for new events; any thread, never waits."""
        self._woken.set()

    def wake_now(self) -> None:
        """Look whether the channel is up, also while a wait after a failure lasts; any thread, never waits."""
        self._woken.set()
        self._again.set()

    def ask_to_stop(self) -> None:
        """End what is under way."""
        self._stopping.set()
        self.wake_now()
        self._sender.close()

    def withdraw(self) -> None:
        """End as `ask_to_stop` does; a channel that shows states takes them back."""
        if isinstance(self._sender, Standing):
            self._sender.withdraw()
        self.ask_to_stop()

    def join(self, seconds: float) -> None:
        """Wait until it has stored how far it came, for at most so long."""
        if self._thread.is_alive():
            self._thread.join(max(0.0, seconds))

    def figures(self) -> dict[str, Any]:
        """Return how far it has come and what is wrong; any thread."""
        return {"cursor": self._progress.cursor, "state": dict(self._progress.state)}

    def _run(self) -> None:
        self._begin_within_record()
        while not self._stopping.is_set():
            self._woken.clear()
            self._again.clear()
            if self._stopping.is_set():  # since the line above, which may have cleared what says so
                break
            wait_s = self._tried()
            if wait_s:
                self._wait(wait_s)
        self._store(is_due=True)

    def _tried(self) -> float:
        """Give out a page; return how long to wait for the next."""
        try:
            has_more = self._turn()
        except Undelivered as error:
            return self._on_failure(error)
        except DevicemgrError as error:  # the storage refuses; it says so by itself
            return self._on_failure(Undelivered(f"the record can't be read: {error}"))
        except Exception as error:
            log.exception("outlet %s has failed and tries again", self.stated.name)
            return self._on_crash(error)
        is_done = self._is_stored and self._given == self._progress.cursor
        return 0.0 if has_more else self._idle_s() if is_done else _STORE_EVERY_S

    def _wait(self, seconds: float) -> None:
        """Wait for new events; after a failure they don't shorten the wait, but its alarm is raised in time."""
        if not self._failures:
            self._woken.wait(seconds)
            return
        report_in = self._failing_since + REPORT_AFTER_S - self._ticks()
        if not self._progress.state.get(rows.REPORTED) and report_in < seconds:
            if self._again.wait(max(0.0, report_in)):
                return
            self._report(str(self._progress.state.get("error")))
            self._store(is_due=True)
            seconds -= max(0.0, report_in)
        self._again.wait(seconds)

    def _turn(self) -> bool:
        """Give out the next page; return whether there may be more."""
        if self._progress.state.get("stopped"):
            self._store(is_due=True)
            self._stopping.wait(_IDLE_S)
            return False
        self._settle()
        if isinstance(self._sender, Standing):
            self._sender.require_up()
        found = self._next_page()
        pieces = self._pieces(found)
        for piece in pieces:
            if self._stopping.is_set():
                return False
            self._deliver(piece)
        if not pieces and isinstance(self._sender, Standing) and self._progress.state.get("error"):
            self._succeeded()  # it is up again, and has nothing to give out
        if found:
            self._moved(int(found[-1]["seq"]))
        elif (
            self._progress.state.get("error") and self._given == self._progress.cursor
        ):  # nothing is left that has failed
            self._succeeded()
        self._store(is_due=not found)
        return len(found) == PAGE

    def _next_page(self) -> list[dict[str, Any]]:
        """Return the next events of the record; what it does not have any more is reported."""
        after = self._given
        with self._database.read() as session:
            oldest = events.oldest(session)
            found = events.find(session, EventFilter(after=after, shows_duress=True), PAGE, names=True)
        if oldest is not None and oldest > after + 1:
            self._on_gap(after + 1, oldest - 1)
        return found

    def _idle_s(self) -> float:
        """Return how long nothing is to be done unless something is recorded."""
        return _IDLE_S

    def _pieces(self, found: Sequence[Event]) -> list[list[Event]]:
        given: list[Event] = [one for event in found if (one := selected(event, self.stated.selection)) is not None]
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
        self._store(is_due="error" not in self._progress.state and "error" in self._stored[1])

    def _is_refused_for_good(self, piece: list[Event], error: Undelivered) -> bool:
        """Count refusals of one event; at the tenth leave it out, or wait for a person. Return True if it is left."""
        state, seq = self._progress.state, int(piece[0]["seq"])
        tries = 1 + (state.get("tries", 0) if state.get("refused") == seq else 0)
        state |= {"tries": tries, "refused": seq}
        if tries < MAX_REFUSALS:
            return False
        skips = state.get("skips", 0)
        if len(piece) > 1 or not self.stated.skips or skips >= MAX_SKIPS:
            before = f", and {skips} events before it were left out" if skips else ""
            self._stop_for(f"{error}, {tries} times, to event {seq}{before}", seq)
            return False
        self._record(Kind.OUTLET_SKIPPED, {"seq": seq, "cause": str(error)})
        self._moved(seq)
        self._succeeded()
        state["skips"] = skips + 1
        self._store(is_due=True)
        return True

    def _stop_for(self, why: str, seq: int | None = None) -> None:
        """Wait for a person."""
        self._progress.state |= {"stopped": safe(why, MAX_WHY), "refused": seq}
        self._report(why)
        self._store(is_due=True)

    def _on_crash(self, error: Exception) -> float:
        """Try again after a fault of the program itself; one that stays is for a person, and fills no logs."""
        self._crashes += 1
        why = f"the program failed ({type(error).__name__}); its log says where"
        if self._crashes >= MAX_CRASHES:
            self._stop_for(f"{why}; {self._crashes} times in a row")
        return self._on_failure(Undelivered(why))

    def _on_failure(self, error: Undelivered) -> float:
        """Note why; return how long to wait: 1 s, then twice as long each time, up to 5 min, and never all at once."""
        self._begin_again()
        if self._stopping.is_set():
            return 0.0
        if not self._failures:
            self._failing_since = self._ticks()
        self._failures += 1
        self.failed += 1
        self._note(str(error))
        self._store(is_due=True)
        if error.wait_s is not None:
            return max(MIN_WAIT_S, error.wait_s)
        return waited(self._failures)

    def _note(self, cause: str) -> None:
        """Note what is wrong."""
        state, why = self._progress.state, safe(cause, MAX_WHY)
        if state.get("error") != why:
            log.warning("outlet %s: %s", self.stated.name, why)
        state |= {"error": why, "failing_since": state.get("failing_since") or rfc3339(datetime.now(UTC))}

    def _succeeded(self) -> None:
        self._failures, self._crashes = 0, 0
        state = self._progress.state
        if state.pop(rows.REPORTED, False):
            self._record(Kind.OUTLET_RESTORED, {})
        for name in ("error", "failing_since", "tries", "refused"):
            state.pop(name, None)

    def _report(self, why: str) -> None:
        if not self._progress.state.get(rows.REPORTED):
            self._progress.state[rows.REPORTED] = True
            self._record(Kind.OUTLET_FAILING, {"cause": safe(why, MAX_WHY)})

    def _on_gap(self, first: int, last: int) -> None:
        self._record(Kind.OUTLET_GAP, {"from": first, "through": last})
        self._moved(last)
        self._store(is_due=True)

    def _begin_within_record(self) -> None:
        """Set back a cursor that is ahead of the record, which was mended or put back without its last events.

        Else what is recorded from now on would not leave until the record is as long as it was.
        """
        try:
            with self._database.read() as session:
                head, _ = events.head(session)
        except DevicemgrError:  # said by the first try
            return
        if self._progress.cursor > head:
            self._record(Kind.OUTLET_GAP, {"from": head + 1, "through": self._progress.cursor, "cause": "set back"})
            self._progress.cursor = self._given = head
            self._store(is_due=True)

    def _record(self, kind: Kind, detail: dict[str, Any]) -> None:
        self._ledger.submit(Fact(kind, datetime.now(UTC), detail={"outlet": self.stated.name, **detail}))

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
            self._progress.state.pop("skips", None)
        self._progress.cursor = max(self._progress.cursor, through)

    def _begin_again(self) -> None:
        """Give out once more what is behind the cursor."""
        self._given, self._has_given = self._progress.cursor, False

    @property
    def _is_stored(self) -> bool:
        return self._stored == (self._progress.cursor, self._progress.state)

    def _store(self, *, is_due: bool) -> None:
        """Store how far it came: at once where that is due, else once a second.

        Storage that refuses holds up nothing: what was not stored leaves once more after the next start.
        """
        late = self._ticks() - self._stored_at >= _STORE_EVERY_S
        if self._is_stored or not (is_due or late):
            return
        self._stored_at = self._ticks()
        name, cursor, state = self.stated.name, self._progress.cursor, copy.deepcopy(self._progress.state)
        try:
            if self._database.frozen:
                raise self._database.refusal()
            with self._database.write(changes_site=False, patience_s=_STORE_PATIENCE_S) as session:
                is_there = rows.move(session, name, self.stated.version, cursor, state)
        except DevicemgrError as error:
            if self._is_storing:
                log.warning("outlet %s: how far it came is not stored: %s", name, error)
            self._is_storing = False
            return
        if not is_there and state.get(rows.REPORTED) and not self._stored[1].get(rows.REPORTED):
            self._record(Kind.ALARM_ENDED, {"alarm": Kind.OUTLET_FAILING, "cause": "it was removed"})
        self._stored, self._is_storing = (cursor, state), True


def waited(failures: int) -> float:
    """Return how many seconds to wait after so many failures: 1 s, twice as long each time, up to 5 min, spread."""
    longest = min(MAX_WAIT_S, MIN_WAIT_S * 2.0 ** min(failures - 1, 12))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries, protects nothing
