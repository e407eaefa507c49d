"""A lock with fair turns: for a serial line that devices share, and for the writers of the database."""

import heapq
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class FairLock:
    """A lock that goes to urgent callers first, and else to who has waited longest. Not reentrant; any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = False
        self._order = itertools.count()
        self._waiting: list[tuple[bool, int, threading.Event]] = []

    @property
    def waiting(self) -> int:
        """Return how many wait for their turn."""
        return len(self._waiting)

    def acquire(self, timeout_s: float | None = None, *, urgent: bool = False) -> bool:
        """Take the lock; False when it was not free in that time, None for without end."""
        with self._lock:
            if not self._taken:
                self._taken = True
                return True
            called = threading.Event()
            place = (not urgent, next(self._order), called)
            heapq.heappush(self._waiting, place)
        if called.wait(timeout_s):
            return True
        with self._lock:
            if called.is_set():
                return True
            self._waiting.remove(place)
            heapq.heapify(self._waiting)
            return False

    def release(self) -> None:
        """Pass the lock on."""
        with self._lock:
            if self._waiting:
                heapq.heappop(self._waiting)[2].set()
            else:
                self._taken = False

    @contextmanager
    def taken(self, urgent: bool = False) -> Iterator[None]:
        """Wait for the lock and hold it; its holder keeps a deadline of its own, so the wait is bounded."""
        self.acquire(urgent=urgent)
        try:
            yield
        finally:
            self.release()
