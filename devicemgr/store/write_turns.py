"""Turns of the threads that write: SQLite lets one writer in, and gives the next turn to who happens to try."""

import heapq
import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class WriteTurns:
    """One turn at a time, for urgent callers first, else in the order in which they came."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = False
        self._order = itertools.count()
        self._waiting: list[tuple[bool, int, threading.Event]] = []

    @contextmanager
    def taken(self, patience_s: float, *, is_urgent: bool = False) -> Iterator[float]:
        """Hold the turn; yield what is left of `patience_s`.

        When that runs out, the block runs without the turn and with nothing left: the database has the last word.
        """
        began = time.monotonic()
        has_turn = self._wait(patience_s, is_urgent)
        try:
            yield max(0.0, patience_s - (time.monotonic() - began)) if has_turn else 0.0
        finally:
            if has_turn:
                self._pass_on()

    def _wait(self, patience_s: float, is_urgent: bool) -> bool:
        with self._lock:
            if not self._taken:
                self._taken = True
                return True
            called = threading.Event()
            place = (not is_urgent, next(self._order), called)
            heapq.heappush(self._waiting, place)
        if called.wait(patience_s):
            return True
        with self._lock:
            if called.is_set():
                return True
            self._waiting.remove(place)
            heapq.heapify(self._waiting)
            return False

    def _pass_on(self) -> None:
        with self._lock:
            if self._waiting:
                heapq.heappop(self._waiting)[2].set()
            else:
                self._taken = False
