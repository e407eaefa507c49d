"""The thread of the periodic jobs: a change in the store, by whatever process, is in force within a second."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from devicemgr.errors import DevicemgrError

log = logging.getLogger(__name__)

_TURN_S = 0.4


class Scheduler:
    """Runs `first`, then `jobs` in their order, every 0.4 s or when woken.

    A job that fails ends its turn: the jobs behind it wait for the next one. `unread` is the failure that lasts, and
    `progress` the CLOCK_MONOTONIC second of the last turn.
    """

    def __init__(
        self, stopping: threading.Event, first: Callable[[], object], jobs: Sequence[Callable[[], object]]
    ) -> None:
        self._stopping = stopping
        self._first = first
        self._jobs = jobs
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._run, name="looker", daemon=True)
        self.unread: str | None = None
        self.progress = time.monotonic()

    @property
    def is_running(self) -> bool:
        """Return True until the thread has ended."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Begin the next turn now, on any thread."""
        self._woken.set()

    def _run(self) -> None:
        took = 0.0
        while not self._stopping.is_set():
            # In a mass import there is always a change: as long between two turns as one takes, for the gates' sake.
            pause = min(took, _TURN_S)
            self._stopping.wait(pause)
            self._woken.wait(_TURN_S - pause)
            self._woken.clear()
            began = time.monotonic()
            self._first()
            try:
                for job in self._jobs:
                    job()
                self.unread = None
            except Exception as error:
                self._on_failure(error)
            self.progress = time.monotonic()
            took = self.progress - began

    def _on_failure(self, error: Exception) -> None:
        if str(error) != self.unread:
            log.error("people and site could not be read: %s", error, exc_info=not isinstance(error, DevicemgrError))
        self.unread = str(error)
