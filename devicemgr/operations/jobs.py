"""Jobs: long actions that run on after the request that began them, with their progress, and a way to cancel them.

They live in the daemon's memory: a restart ends them, and none is listed for longer than an hour after its end.
"""

import logging
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from devicemgr.errors import AlreadyExists, DevicemgrError, NotFound, SystemFault, TooManyTries
from devicemgr.text import rfc3339, safe

log = logging.getLogger(__name__)

MAX_RUNNING = 8
MAX_KEPT = 50
MAX_KEPT_SECONDS = 3600.0

RUNNING, DONE, FAILED, CANCELED = "running", "done", "failed", "canceled"


@dataclass
class Job:
    """One action under way, or how it ended; read by other threads while it goes.

    `operation` is the route that does the same at once: who may call it may see and cancel the job. `seconds` is how
    long the action takes where that is known. One that `waits_only` is let go when it is canceled, since nothing that
    it leaves half done matters; all others look at what `progress` returns, and end there with what is done.
    """

    kind: str
    subject: str | None
    actor: str
    operation: tuple[str, str]
    seconds: float | None = None
    waits_only: bool = False
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    phase: str = RUNNING
    step: str = ""
    done: int = 0
    of: int = 0
    result: Any = field(default=None, repr=False)
    error: DevicemgrError | None = None
    canceled: threading.Event = field(default_factory=threading.Event, repr=False)
    ended: threading.Event = field(default_factory=threading.Event, repr=False)
    _began: float = field(default_factory=time.monotonic, repr=False)
    _ended_at: float = 0.0
    _was_stopped: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def progress(self, step: str, done: int = 0, of: int = 0) -> bool:
        """Note how far it is; False once it was canceled: the work returns then, with what is done."""
        self.step, self.done, self.of = safe(step, 120), done, of
        self._was_stopped |= self.canceled.is_set()
        return not self._was_stopped

    def end(self, result: Any = None, error: DevicemgrError | None = None) -> None:
        """End it; the first call counts. Work that ended before it saw that it was canceled is done."""
        with self._lock:
            if self.ended.is_set():
                return
            self.phase = FAILED if error is not None else CANCELED if self._was_stopped else DONE
            self.result, self.error = result, error
            self._ended_at = time.monotonic()
            self.ended.set()

    def cancel(self) -> None:
        """Ask it to end, or let it go."""
        self.canceled.set()
        if self.waits_only:
            self._was_stopped = True
            self.end()

    def is_old(self) -> bool:
        """Return True once it ended long ago."""
        return self.ended.is_set() and time.monotonic() - self._ended_at > MAX_KEPT_SECONDS

    def as_json(self) -> dict[str, Any]:
        """Return all but the result and the error."""
        done, of = self.done, self.of
        if self.seconds is not None and not self.ended.is_set():
            of = max(1, round(self.seconds))
            done = min(of, int(time.monotonic() - self._began))
        return {
            "id": self.id,
            "kind": self.kind,
            "subject": self.subject,
            "actor": self.actor,
            "started": rfc3339(self.started),
            "phase": self.phase,
            "canceling": self.canceled.is_set() and not self.ended.is_set(),
            "step": self.step,
            "done": done,
            "of": of,
        }


class Jobs:
    """The jobs of one daemon."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._threads = 0

    def start(self, job: Job, work: Callable[[Job], Any]) -> Job:
        """Run `work(job)` on a thread; what it returns, JSON-ready, is the job's result.

        AlreadyExists while a job of this kind runs for the same subject, TooManyTries while too many run.
        """
        with self._lock:
            self._forget_old()
            same = [one for one in self._jobs.values() if (one.kind, one.subject) == (job.kind, job.subject)]
            if any(not one.ended.is_set() for one in same):
                raise AlreadyExists("this is being done already; wait until it has ended, or cancel it")
            if self._threads >= MAX_RUNNING:
                raise TooManyTries("too many jobs run; wait until one has ended, or cancel one")
            self._threads += 1
            self._jobs[job.id] = job
        threading.Thread(target=self._run, args=(job, work), name=f"job-{job.kind}", daemon=True).start()
        return job

    def _run(self, job: Job, work: Callable[[Job], Any]) -> None:
        try:
            job.end(work(job))
        except DevicemgrError as error:
            job.end(error=error)
        except Exception as error:
            log.exception("the job %s failed", job.kind)
            job.end(error=SystemFault(f"the program failed unexpectedly; its log holds the cause ({error!r})"))
        finally:
            with self._lock:
                self._threads -= 1

    def get(self, job_id: str) -> Job:
        """Return a job that runs or has ended lately, else NotFound."""
        with self._lock:
            self._forget_old()
            found = self._jobs.get(job_id)
        if found is None:
            raise NotFound("there is no such job; jobs end with the daemon, and are forgotten after an hour")
        return found

    def all(self) -> list[Job]:
        """Return those that run or have ended lately, the newest first."""
        with self._lock:
            self._forget_old()
            return sorted(self._jobs.values(), key=lambda job: job.started, reverse=True)

    def _forget_old(self) -> None:
        ended = sorted((job for job in self._jobs.values() if job.ended.is_set()), key=lambda job: job.started)
        beyond = len(self._jobs) - MAX_KEPT + 1
        for number, job in enumerate(ended):
            if number < beyond or job.is_old():
                del self._jobs[job.id]
