"""A lock with fair turns for shared lines, urgent callers first."""

import heapq
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """A lock that goes to urgent callers first, and else to who has waited longest."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = False
        self._order = itertools.count()
        self._waiting: list[tuple[bool, int, threading.Event]] = []

    @contextmanager
    def taken(self, urgent: bool = False) -> Iterator[None]:
        """Wait for the turn and hold it; its holder keeps a deadline of its own, so the wait is bounded."""
        self._wait(urgent)
        try:
            yield
        finally:
            self._pass_on()

    def _wait(self, urgent: bool) -> None:
        with self._lock:
            if not self._taken:
                self._taken = True
                return
            called = threading.Event()
            heapq.heappush(self._waiting, (not urgent, next(self._order), called))
        called.wait()

    def _pass_on(self) -> None:
        with self._lock:
            if self._waiting:
                heapq.heappop(self._waiting)[2].set()
            else:
                self._taken = False
