"""Turns of the threads that write: SQLite lets one writer in, and gives the next turn to who happens to try."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from devicemgr.fair_lock import FairLock


class WriteTurns:
    """One turn at a time, for urgent callers first, else in the order in which they came."""

    def __init__(self) -> None:
        self._lock = FairLock()

    @property
    def waiting(self) -> int:
        """Return how many wait for their turn."""
        return self._lock.waiting

    @contextmanager
    def taken(self, patience_s: float, *, is_urgent: bool = False) -> Iterator[float]:
        """Hold the turn; yield what is left of `patience_s`.

        When that runs out, the block runs without the turn and with nothing left: the database has the last word.
        """
        began = time.monotonic()
        has_turn = self._lock.acquire(patience_s, urgent=is_urgent)
        try:
            yield max(0.0, patience_s - (time.monotonic() - began)) if has_turn else 0.0
        finally:
            if has_turn:
                self._lock.release()
