"""The append-only record. One writer thread commits what waits in one transaction (group commit).

A caller learns that its fact is durable only after the commit. While storage fails, facts that must not be lost wait
in memory, in order, and a decision that must be on disk before it is acted on fails at once.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from devicemgr import chain
from devicemgr.chain import Entry, Flaw
from devicemgr.errors import DevicemgrError, StorageFailed
from devicemgr.events import Fact, Kind
from devicemgr.store import ledger_rows
from devicemgr.store.database import Database, Session

log = logging.getLogger(__name__)

_BATCH = 500
_QUEUE = 10_000
_BACKLOG = 100_000
_PATIENCE_SECONDS = 5.0
_RETRY_SECONDS = 1.0

Then = Callable[[Entry | None], None]


@dataclass(frozen=True, slots=True)
class _Waiting:
    fact: Fact
    then: Then | None
    keep: bool


class Ledger:
    """Appends facts durably; `progress` is the CLOCK_MONOTONIC second of the writer's last turn."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._stopping = False
        self._backlog: list[_Waiting] = []
        self._failed_since: datetime | None = None
        self._thread: threading.Thread | None = None
        self.progress = time.monotonic()

    @property
    def failing(self) -> bool:
        """True while the store refuses."""
        return self._failed_since is not None

    def append(self, session: Session, facts: Sequence[Fact]) -> list[Entry]:
        """Record administrative facts inside the transaction that makes them true."""
        return ledger_rows.append(session, facts)

    def submit(self, fact: Fact, then: Then | None = None, *, keep: bool = True) -> None:
        """Record soon; `then(entry)` runs on the writer's thread once durable.

        With keep=False a failure calls `then(None)` and forgets the fact; with keep=True the fact waits for storage.
        While storage is too slow this blocks; then StorageFailed with keep=False, and with keep=True the queue grows.
        """
        # A follower on the writer's own thread would wait for itself.
        patience = 0.0 if threading.current_thread() is self._thread else _PATIENCE_SECONDS
        with self._changed:
            has_room = self._changed.wait_for(lambda: len(self._queue) < _QUEUE, patience)
            if not has_room and not keep:
                raise StorageFailed("nothing was recorded: storage is too slow; check the disk of the home folder")
            if len(self._queue) >= _BACKLOG:
                log.critical("%s is lost: storage has been too slow for too long", fact.kind)
                return
            self._queue.append(_Waiting(fact, then, keep))
            self._changed.notify_all()

    def start(self) -> None:
        """Start the writer."""
        self._stopping = False
        self.progress = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

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
        self._thread = None

    def verify(self) -> tuple[int, Flaw | None]:
        """How many events hold, and the first flaw."""
        count, previous = 0, chain.GENESIS
        with self._database.read() as session:
            for row in ledger_rows.walk(session):
                inside = chain.read(Entry(row.seq, row.body, row.hash), previous, count + 1)
                if isinstance(inside, Flaw):
                    return count, inside
                if not ledger_rows.columns_agree(row, inside):
                    return count, Flaw(row.seq, "a column beside the event was changed after it was recorded")
                count, previous = count + 1, row.hash
        return count, None

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
            self._changed.wait_for(lambda: self._queue or self._stopping, _RETRY_SECONDS)
            while self._queue and len(self._backlog) < _BATCH:
                self._backlog.append(self._queue.popleft())
            # While storage fails, what can't wait must be told at once, however much waits before it.
            while self._queue and self._failed_since:
                self._backlog.append(self._queue.popleft())
            self._changed.notify_all()
            return self._stopping and not self._queue

    def _write(self) -> None:
        while self._backlog:
            batch = self._backlog[:_BATCH]
            try:
                entries = self._commit(batch)
            except Exception as error:
                self._on_failure(error)
                return
            del self._backlog[: len(batch)]
            if not self._backlog:
                self._failed_since = None
            for item, entry in zip(batch, entries, strict=False):
                _call(item.then, entry)
            self.progress = time.monotonic()

    def _commit(self, batch: Sequence[_Waiting]) -> list[Entry]:
        facts = [item.fact for item in batch]
        if self._failed_since and len(batch) == len(self._backlog):
            facts.append(Fact(Kind.STORAGE_RESTORED, datetime.now(UTC)))
        with self._database.write(changes_site=False) as session:
            return ledger_rows.append(session, facts)

    def _on_failure(self, error: Exception) -> None:
        waiting = self._backlog
        if self._failed_since is None:
            self._failed_since = datetime.now(UTC)
            unexpected = None if isinstance(error, DevicemgrError) else error
            log.error("nothing can be recorded: %s", error, exc_info=unexpected)
            failed = Fact(Kind.STORAGE_FAILED, self._failed_since, detail={"cause": str(error)[:300]})
            waiting = [_Waiting(failed, None, keep=True), *waiting]
        self._backlog = [item for item in waiting if item.keep]
        if len(self._backlog) > _BACKLOG:
            log.critical("%d facts are lost: storage has failed for too long", len(self._backlog) - _BACKLOG)
            del self._backlog[_BACKLOG:]
        for item in waiting:
            if not item.keep:
                _call(item.then, None)


def _call(then: Then | None, entry: Entry | None) -> None:
    if then is None:
        return
    try:
        then(entry)
    except Exception:
        log.exception("a follower of the ledger failed")
