"""Imports that a page starts, asks about by their id and stops: kept in memory, so that a reload of it loses nothing.

A file waits in memory, never on a disk, since photos may be in it; it is dropped at the end, or when it was not begun
in an hour. A job stops between two people, whether a person stops it, its caller loses the right, or the daemon ends.
"""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from devicemgr.errors import DevicemgrError, NotAllowed, NotFound, RequestError, SystemFault
from devicemgr.people.imports.rows import REFUSED, ImportRow
from devicemgr.people.imports.work import Begun, Work
from devicemgr.text import safe

log = logging.getLogger(__name__)

MAX_JOBS = 8
MAX_HELD_BYTES = 128 * 1024 * 1024
MAX_WAIT_S = 3600.0


class Phase(StrEnum):
    """How far an import is."""

    READING = "reading"
    PLANNED = "planned"
    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


_BUSY = (Phase.READING, Phase.RUNNING, Phase.STOPPING)
_ENDED = (Phase.DONE, Phase.STOPPED, Phase.FAILED)


@dataclass(eq=False)
class ImportJob:
    """One import; `holds` says whether its caller still may make changes."""

    name: str
    kind: str
    actor: str
    size: int
    holds: Callable[[], bool] = field(repr=False)
    is_closing: Callable[[], bool] = field(repr=False)
    work: Work | None = field(repr=False)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    since: float = field(default_factory=time.monotonic)
    phase: Phase = Phase.READING
    done: int = 0
    error: DevicemgrError | None = None
    _kept: tuple[dict[str, Any], list[ImportRow], int] = field(default=({}, [], 0), repr=False)
    _is_stopped: bool = False

    @property
    def is_stopped(self) -> bool:
        """True once no more changes are to be begun."""
        if not self._is_stopped and not self.holds():
            self.error = NotAllowed("its operator has signed out or lost the right; the import was stopped")
            self._is_stopped = True
        return self._is_stopped or self.is_closing()

    def advance(self, count: int) -> None:
        """Note that so many people more are done."""
        self.done += count

    def read(self) -> None:
        """Read the file and show what it would change."""
        assert self.work is not None
        work = self.work
        self._attempt(work.read)
        if self.phase is Phase.READING:
            self.phase = Phase.STOPPED if self._is_stopped else Phase.PLANNED
        if self.phase is not Phase.PLANNED:
            self._drop()

    def run(self, begun: Begun) -> None:
        """Make the changes, to the end or until a stop."""
        assert self.work is not None
        work = self.work
        self._attempt(lambda: work.run(begun, self))
        if self.phase is not Phase.FAILED:
            is_whole = self.done >= work.total()
            self.phase = Phase.DONE if is_whole else Phase.STOPPED
        self._drop()

    def stop(self) -> None:
        """Stop between two people; what waits for its begin is dropped."""
        self._is_stopped = True
        if self.phase is Phase.RUNNING:
            self.phase = Phase.STOPPING
        elif self.phase is Phase.PLANNED:
            self.phase = Phase.STOPPED
            self._drop()

    def as_json(self) -> dict[str, Any]:
        """Return the state, as the API answers it."""
        work, (facts, _, total), error = self._shown(), self._kept, self.error
        if work is not None:
            facts, total = work.facts(), work.total()
        return {
            "id": self.id,
            "name": self.name,
            "kind": self.kind,
            "phase": str(self.phase),
            "done": min(self.done, total),
            "total": total,
            "by": self.actor,
            "error": None
            if error is None
            else {
                "code": error.problem_code,
                "args": error.facts,
                "detail": str(error),
                "hint": error.hint.as_json() if error.hint else None,
            },
            **facts,
        }

    def rows(self, *, only_refused: bool) -> list[ImportRow]:
        """Return what is refused, then what changes."""
        work = self._shown()
        found = self._kept[1] if work is None else work.rows()
        return [row for row in found if row.what == REFUSED] if only_refused else found

    def _shown(self) -> Work | None:
        """Return the work while it has something to show; after its end `_kept` has that."""
        return None if self.phase is Phase.READING else self.work

    def _attempt(self, step: Callable[[], None]) -> None:
        try:
            step()
        except DevicemgrError as error:
            self.error, self.phase = error, Phase.FAILED
        except Exception:
            log.exception("Failed to import a file")
            self.error = SystemFault("the import failed unexpectedly; the log of the program holds the cause")
            self.phase = Phase.FAILED

    def _drop(self) -> None:
        """Keep what there is to show, and let go of the file."""
        if self.work is not None:
            self._kept = (self.work.facts(), self.work.rows(), self.work.total())
        self.work, self.size = None, 0


class ImportJobs:
    """The imports of one daemon, the newest last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, ImportJob] = {}
        self._threads: set[threading.Thread] = set()
        self._closing = threading.Event()

    def add(self, name: str, kind: str, data: bytes, actor: str, holds: Callable[[], bool], work: Work) -> ImportJob:
        """Begin to read a file on a thread of its own; RequestError while too much waits."""
        job = ImportJob(safe(name, 200), kind, actor, len(data), holds, self._closing.is_set, work)
        with self._lock:
            self._make_room(len(data))
            self._jobs[job.id] = job
            self._go(job.read)
        return job

    def begin(self, job_id: str, begun: Begun) -> ImportJob:
        """Begin the changes of an import that was read; RequestError for any other, and while another one runs."""
        with self._lock:
            job = self._get(job_id)
            if job.phase is not Phase.PLANNED or job.work is None:
                raise RequestError("the import can't begin now; send its file again", code="import_not_planned")
            if any(one.phase in (Phase.RUNNING, Phase.STOPPING) for one in self._jobs.values()):
                raise RequestError("another import is under way; wait for its end, or stop it", code="import_running")
            job.work.check(begun)
            job.phase = Phase.RUNNING
            self._go(lambda: job.run(begun))
        return job

    def get(self, job_id: str) -> ImportJob:
        """Return an import; NotFound for one that is not, or no longer, kept."""
        with self._lock:
            self._expire()
            return self._get(job_id)

    def all(self) -> list[ImportJob]:
        """Return the imports, the newest first."""
        with self._lock:
            self._expire()
            return list(reversed(self._jobs.values()))

    def stop(self, job_id: str) -> ImportJob:
        """Stop an import between two people; one that has ended stays as it is."""
        with self._lock:
            job = self._get(job_id)
            job.stop()
        return job

    def forget(self, job_id: str) -> ImportJob:
        """Stop an import, and forget what became of it."""
        job = self.stop(job_id)
        with self._lock:
            self._jobs.pop(job_id, None)
        return job

    def close(self, seconds: float) -> None:
        """Stop all of them, and wait for the person who is at work."""
        self._closing.set()
        deadline = time.monotonic() + seconds
        for thread in list(self._threads):
            thread.join(max(0.0, deadline - time.monotonic()))

    def _get(self, job_id: str) -> ImportJob:
        job = self._jobs.get(job_id)
        if job is None:
            raise NotFound("there is no such import, or it is long over; send the file again")
        return job

    def _go(self, step: Callable[[], None]) -> None:
        def go() -> None:
            try:
                step()
            finally:
                self._threads.discard(threading.current_thread())

        thread = threading.Thread(target=go, name="import", daemon=True)
        self._threads.add(thread)
        thread.start()

    def _expire(self) -> None:
        for job in self._jobs.values():
            if job.phase is Phase.PLANNED and time.monotonic() - job.since > MAX_WAIT_S:
                job.stop()

    def _make_room(self, size: int) -> None:
        """Forget the oldest ones that are over; RequestError if the others leave no room."""
        self._expire()
        held = sum(job.size for job in self._jobs.values())
        if held + size > MAX_HELD_BYTES:
            raise RequestError("other imports wait in memory; begin or stop them first", code="imports_full")
        for job in list(self._over()):
            if len(self._jobs) < MAX_JOBS:
                return
            del self._jobs[job.id]
        if len(self._jobs) >= MAX_JOBS:
            raise RequestError(f"{MAX_JOBS} imports wait already; begin or stop them first", code="imports_full")

    def _over(self) -> Iterator[ImportJob]:
        return (job for job in self._jobs.values() if job.phase in _ENDED)
