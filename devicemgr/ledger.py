"""The append-only record. One writer thread commits what waits in one transaction (group commit).

A caller learns that its fact is durable only after the commit. While storage fails, facts that must not be lost wait
in memory, in order, and a decision that must be on disk before it is acted on fails at once.
"""

import logging
import queue
import threading
import time
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
        self._queue: queue.Queue[_Waiting | None] = queue.Queue(_QUEUE)
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
        """
        try:
            self._queue.put(_Waiting(fact, then, keep), timeout=5.0)
        except queue.Full as error:
            raise StorageFailed("the ledger's queue is full: storage is too slow; check the disk") from error

    def start(self) -> None:
        """Start the writer."""
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 3.0) -> None:
        """Write what waits, then stop."""
        if self._thread:
            self._queue.put(None)
            self._thread.join(timeout)
            self._thread = None

    def verify(self) -> tuple[int, Flaw | None]:
        """How many events were read, and the first flaw."""
        count = 0
        flaw: Flaw | None = None
        previous = chain.GENESIS
        with self._database.read() as session:
            for row in ledger_rows.walk(session):
                entry = Entry(row.seq, row.body, row.hash)
                flaw = chain.check([entry], previous=previous, first_seq=count + 1)
                if flaw is None and not ledger_rows.columns_agree(row):
                    flaw = Flaw(row.seq, "a column beside the event was changed after it was recorded")
                if flaw:
                    break
                previous = entry.hash
                count += 1
        return count, flaw

    def _run(self) -> None:
        while True:
            stopping, batch = self._collect()
            self._write(batch)
            self.progress = time.monotonic()
            if stopping:
                return

    def _collect(self) -> tuple[bool, list[_Waiting]]:
        batch: list[_Waiting] = []
        try:
            item = self._queue.get(timeout=_RETRY_SECONDS)
            while item is not None:
                batch.append(item)
                if len(batch) >= _BATCH:
                    return False, batch
                item = self._queue.get_nowait()
            return True, batch
        except queue.Empty:
            return False, batch

    def _write(self, batch: list[_Waiting]) -> None:
        waiting = self._backlog + batch
        if not waiting:
            return
        extra = [Fact(Kind.STORAGE_RESTORED, datetime.now(UTC))] if self._failed_since else []
        try:
            with self._database.write(changes_site=False) as session:
                entries = ledger_rows.append(session, [w.fact for w in waiting] + extra)
        except DevicemgrError as error:
            self._on_failure(waiting, error)
            return
        except Exception as error:
            log.exception("the ledger could not write")
            self._on_failure(waiting, error)
            return
        self._backlog = []
        self._failed_since = None
        for item, entry in zip(waiting, entries, strict=False):
            _call(item.then, entry)

    def _on_failure(self, waiting: list[_Waiting], error: Exception) -> None:
        if self._failed_since is None:
            self._failed_since = datetime.now(UTC)
            log.error("nothing can be recorded: %s", error)
            failed = Fact(Kind.STORAGE_FAILED, self._failed_since, detail={"cause": str(error)[:300]})
            waiting = [_Waiting(failed, None, keep=True), *waiting]
        self._backlog = [w for w in waiting if w.keep]
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
