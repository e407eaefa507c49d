"""Append events to the ledger. One writer thread commits what waits in one transaction (group commit).

A caller learns that its fact is durable only after the commit. While the database refuses, facts that must not be lost
go to the spill file, in order, and from there into the chain before anything newer; only while that file refuses too do
they wait in memory. A decision that must be on disk before it is acted on fails at once, unless the site's settings
let the spill file count as a record (`allow_known`).
"""

import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from devicemgr.domain import ledger_chain
from devicemgr.domain.ledger_chain import Entry, Flaw
from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.domain.model import JsonValue
from devicemgr.errors import DatabaseDamaged, DevicemgrError, StorageFailed
from devicemgr.ledger import spill_replay
from devicemgr.ledger.feed import Feed
from devicemgr.ledger.spill_file import Spill
from devicemgr.ledger.spill_replay import SPILLED
from devicemgr.store.database import Database, Session
from devicemgr.store.ledger import events
from devicemgr.store.ledger.origins import with_origin
from devicemgr.text import rfc3339

log = logging.getLogger(__name__)

_BATCH = 500
_QUEUE = 10_000
_BACKLOG = 100_000
_PATIENCE_S = 5.0
_RETRY_S = 1.0
# A release is void two seconds after its decision, so a longer wait for the database helps no one.
_LOCKED_S, _STILL_LOCKED_S = 1.5, 0.1
# More than an administrative change should have to bring in before it can be made.
_MAX_AHEAD = 2000

Then = Callable[[Entry | None], None]


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Facts of one unit, which is recorded whole or not at all; `alone` in a transaction of its own."""

    facts: tuple[Fact, ...]
    then: Then | None
    keep: bool
    alone: bool = False


class Ledger:
    """Appends facts durably; `progress` is the CLOCK_MONOTONIC second of the writer's last turn.

    `allow_known` is the site's policy while the database refuses: True lets the spill file count as a record.
    """

    def __init__(self, database: Database, spill: Spill) -> None:
        self._database = database
        self._spill = spill
        self._queue: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._stopping = False
        self._backlog: list[_Waiting] = []
        self._failed_since: datetime | None = None
        self._restored = threading.Event()
        self._retried = 0.0
        self._brought = self._lost = 0
        self._thread: threading.Thread | None = None
        self.feed = Feed(database)
        self.allow_known = False
        self.cause: str | None = None
        self.spill_cause: str | None = None
        self.progress = time.monotonic()

    @property
    def failing(self) -> bool:
        """Return True while the store refuses, and until what waited for it is in the chain."""
        return self._failed_since is not None

    @property
    def waiting(self) -> int:
        """Return how many facts are not on disk yet."""
        return len(self._queue) + len(self._backlog)

    def append(self, session: Session, facts: Sequence[Fact]) -> list[Entry]:
        """Record administrative facts inside the transaction that makes them true, behind what was spilled before."""
        if self._spill.attach() and spill_replay.is_left(session, self._spill):
            spill_replay.bring_in(session, self._spill, _MAX_AHEAD)
            if spill_replay.is_left(session, self._spill):
                raise StorageFailed("earlier events are still being brought into the database; try again in a minute")
        return events.append(session, [with_origin(fact) for fact in facts])

    def missing_from_spill(self) -> int:
        """Return how many records the spill file should hold and does not, as it is now."""
        self._spill.attach()
        return self._spill.damaged

    def submit(self, fact: Fact, then: Then | None = None, *, keep: bool = True, alone: bool = False) -> None:
        """Record soon; see `submit_all`."""
        self.submit_all((fact,), then, keep=keep, alone=alone)

    def submit_all(
        self, facts: Sequence[Fact], then: Then | None = None, *, keep: bool = True, alone: bool = False
    ) -> None:
        """Record facts soon, in one transaction, which others share unless they are to be `alone`.

        `then(entry)` runs with the last one on the writer's thread once durable, with SPILLED for the spill file.

        With keep=False a failure calls `then(None)` and forgets the fact; with keep=True the fact waits for storage.
        While storage is too slow this blocks; then StorageFailed with keep=False, and with keep=True the queue grows.
        """
        # A follower on the writer's own thread would wait for itself.
        patience = 0.0 if threading.current_thread() is self._thread else _PATIENCE_S
        with self._changed:
            has_room = self._changed.wait_for(lambda: len(self._queue) < _QUEUE, patience)
            if not has_room and not keep:
                raise StorageFailed("nothing was recorded: storage is too slow; check the disk of the home folder")
            if len(self._queue) >= _BACKLOG:
                self._lost += 1
                log.critical("%s is lost: storage has been too slow for too long", facts[-1].kind)
                return
            self._queue.append(_Waiting(tuple(with_origin(fact) for fact in facts), then, keep, alone))
            self._changed.notify_all()

    def start(self) -> None:
        """Start the writer, which first brings in what the last run left in the spill file."""
        self._stopping = False
        self.progress = time.monotonic()
        self._open_spill()
        if self._spill.last or self._spill.damaged:
            self._failed_since, self.cause = datetime.now(UTC), "events of the last run wait in the spill file"
        else:
            self._restored.set()
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    def wait_restored(self, timeout: float) -> bool:
        """Wait until nothing is left over from before; False when that takes longer."""
        return self._restored.wait(timeout)

    def stop(self, timeout: float = 3.0) -> None:
        """Write what waits, then stop; a writer stuck in its storage is left behind."""
        thread = self._thread
        if thread is None:
            return
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        thread.join(timeout)
        unwritten = len(self._queue) + len(self._backlog)
        if thread.is_alive() or unwritten:
            log.critical("the ledger stops with %d facts unwritten", unwritten)
        else:
            self._spill.close()
        self._thread = None

    def verify(
        self, after: int = 0, previous: str = ledger_chain.GENESIS, on_count: Callable[[int], None] | None = None
    ) -> tuple[int, Flaw | None]:
        """Return how many events behind `after`, whose hash is `previous`, hold, and the first flaw.

        `on_count` hears of the events that hold, a batch at a time, and may raise to end the check.
        """
        count = 0
        for batch in (_BATCH, 1):  # one by one behind the last batch that could be read, to name the row that can't be
            try:
                with self._database.read_as_stored() as session:
                    for row in events.walk(session, after + count, batch):
                        inside = ledger_chain.read(Entry(row.seq, row.body, row.hash), previous, after + count + 1)
                        if isinstance(inside, Flaw):
                            return count, inside
                        if not events.columns_agree(row, inside):
                            return count, Flaw(row.seq, "a column beside the event was changed after it was recorded")
                        count, previous = count + 1, row.hash
                        if on_count is not None and count % _BATCH == 0:
                            on_count(count)
                return count, None
            except DatabaseDamaged as error:
                unread = Flaw(after + count + 1, str(error))
        return count, unread

    def _run(self) -> None:
        while True:
            stopping = self._collect()
            self._write()
            self.progress = time.monotonic()
            if stopping:
                return

    def _collect(self) -> bool:
        """Move what waits behind the backlog; True when nothing more will come."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._stopping, _RETRY_S)
            # While storage fails, what can't wait must be refused at once, however much waits before it.
            while self._queue and (self._failed_since or len(self._backlog) < _BATCH):
                self._backlog.append(self._queue.popleft())
            self._changed.notify_all()
            return self._stopping and not self._queue

    def _collect_now(self) -> None:
        with self._changed:
            self._backlog += self._queue
            self._queue.clear()
            self._changed.notify_all()

    def _write(self) -> None:
        if self._failed_since is not None:
            self._spill_backlog()
            # A person who stands at a gate is worth an attempt.
            if not self._is_patient() or time.monotonic() - self._retried >= _RETRY_S or self._stopping:
                self._bring_back()
            return
        try:
            while self._backlog:
                self._commit_next([], _LOCKED_S)
        except Exception as error:
            self._on_failure(error)

    def _commit_next(self, more: Sequence[Fact], patience_s: float) -> None:
        """Commit the next batch, with `more` behind it where it is the last one."""
        batch = self._next_batch()
        facts = [fact for item in batch for fact in item.facts]
        if len(batch) == len(self._backlog):
            facts += more
        with self._database.write(changes_site=False, patience_s=patience_s, is_urgent=True) as session:
            entries = events.append(session, facts)
        del self._backlog[: len(batch)]
        recorded = 0
        for item in batch:
            recorded += len(item.facts)
            _call(item.then, entries[recorded - 1])
        self.progress = time.monotonic()

    def _next_batch(self) -> list[_Waiting]:
        """Return what waits up to the next unit that is to be alone, or that one."""
        batch = self._backlog[:_BATCH]
        end = next((number for number, item in enumerate(batch) if item.alone), len(batch))
        return batch[: max(end, 1)]

    def _is_patient(self) -> bool:
        return all(item.keep for item in self._backlog)

    def _on_failure(self, error: Exception) -> None:
        self._failed_since = self._failed_since or datetime.now(UTC)
        self._restored.clear()
        self._retried = time.monotonic()
        self._log_failure(error)
        failed = Fact(Kind.STORAGE_FAILED, self._failed_since, detail={"cause": str(error)[:300]})
        self._backlog.insert(0, _Waiting((failed,), None, keep=True))
        self._spill_backlog()
        self._refuse()

    def _log_failure(self, error: Exception) -> None:
        if str(error) != self.cause:
            unexpected = None if isinstance(error, DevicemgrError) else error
            log.error("nothing can be recorded in the database: %s", error, exc_info=unexpected)
        self.cause = str(error)

    def _spill_backlog(self) -> None:
        """Put what waits into the spill file, but decisions only where that is allowed to count as a record."""
        spilled = [item for item in self._backlog if item.keep or self.allow_known]
        others = [item for item in self._backlog if not (item.keep or self.allow_known)]
        while spilled and self._has_spilled(spilled[:_BATCH]):
            for item in spilled[:_BATCH]:
                _call(item.then, SPILLED)
            del spilled[:_BATCH]
        self._backlog = spilled + others

    def _refuse(self) -> None:
        """Refuse at once what can't be recorded, however much waits before it, and keep the rest."""
        refused = [item for item in self._backlog if not item.keep]
        self._backlog = [item for item in self._backlog if item.keep]
        if len(self._backlog) > _BACKLOG:
            log.critical("%d facts are lost: storage has failed for too long", len(self._backlog) - _BACKLOG)
            self._lost += len(self._backlog) - _BACKLOG
            del self._backlog[_BACKLOG:]
        for item in refused:
            _call(item.then, None)

    def _has_spilled(self, batch: Sequence[_Waiting]) -> bool:
        marked = [(str(uuid.uuid4()), fact) for item in batch for fact in _marked(item)]
        try:
            self._spill.open()
            self._spill.append([spill_replay.dump(fact, event_id) for event_id, fact in marked])
        except StorageFailed as error:
            self._spill_failed(error)
            return False
        self.spill_cause = None
        self.feed.spilled([ledger_chain.body_of(fact, 0, event_id) for event_id, fact in marked])
        return True

    def _open_spill(self) -> None:
        try:
            self._spill.open()
            self.spill_cause = None
        except StorageFailed as error:
            self._spill_failed(error)

    def _spill_failed(self, error: StorageFailed) -> None:
        if self.spill_cause != str(error):
            log.critical("events wait in memory only: %s", error)
        self.spill_cause = str(error)

    def _bring_back(self) -> None:
        """Bring everything that was spilled into the chain, in order; facts that arrive during it go behind."""
        try:
            while self._has_brought_some():
                self._collect_now()
                self._spill_backlog()
            self._spill.check()
            restored = self._restored_facts()
            while self._backlog or restored:
                self._commit_next(restored, _STILL_LOCKED_S)
                restored = restored if self._backlog else []
        except Exception as error:
            self._log_failure(error)
            self._retried = time.monotonic()
            self._refuse()
            return
        self._failed_since, self.cause, self._brought, self._lost = None, None, 0, 0
        self._restored.set()
        self._empty_spill()

    def _has_brought_some(self) -> bool:
        if not self._spill.last:
            return False
        with self._database.write(changes_site=False, patience_s=_STILL_LOCKED_S, is_urgent=True) as session:
            count = spill_replay.bring_in(session, self._spill, _BATCH)
        self._brought += count
        self.progress = time.monotonic()
        return count > 0

    def _restored_facts(self) -> list[Fact]:
        """Return what closes a time without storage; nothing when a crash came after it was closed."""
        if not self._brought and not self._backlog and not self._spill.damaged:
            return []
        assert self._failed_since is not None
        counts = {"spilled": self._brought, "lost": self._lost, "damaged": self._spill.damaged}
        detail: dict[str, JsonValue] = {"since": rfc3339(self._failed_since)}
        detail |= {name: count for name, count in counts.items() if count}
        return [Fact(Kind.STORAGE_RESTORED, datetime.now(UTC), detail=detail)]

    def _empty_spill(self) -> None:
        if not self._spill.last and not self._spill.damaged:
            return
        try:
            self._spill.clear()
            self._spill.damaged = 0
        except StorageFailed as error:  # what stands in it is in the chain, and is not brought in again
            self._spill_failed(error)


def _marked(item: _Waiting) -> list[Fact]:
    """Return the facts; those of a decision which is acted on by this record say so."""
    return [f if item.keep else replace(f, detail={**f.detail, "recorded": "spill"}) for f in item.facts]


def _call(then: Then | None, entry: Entry | None) -> None:
    if then is None:
        return
    try:
        then(entry)
    except Exception:
        log.exception("a follower of the ledger failed")
