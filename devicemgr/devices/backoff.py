"""When a lost device is tried again: soon, then less often, and seldom when it fails again and again.

A line that is merely away costs its box nothing to look for, so it is never looked for less than every few seconds: it
must be back soon after its cable is. What else fails (a driver that breaks or hangs, a
refused password) only gets worse by haste: accounts are locked, logs are filled.
"""

import random
import time
from collections import deque
from collections.abc import Callable

FIRST_S, LAST_S = 0.25, 3.0
FAILURES, WITHIN_S, AGAIN_S = 5, 60.0, 30.0
STEADY_S = 30.0


def _jitter() -> float:
    """So that many devices lost at once are not all tried at once."""
    return random.uniform(0.8, 1.2)  # noqa: S311 - not secrecy


class Restarts:
    """The failures of one device, on the monotonic clock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, jitter: Callable[[], float] = _jitter) -> None:
        self._clock, self._jitter = clock, jitter
        self._failed_at: deque[float] = deque(maxlen=FAILURES)
        self._pause = FIRST_S
        self._soon = False
        self.quarantined = False

    def lost(self, lived: float | None, *, away: bool, soon: bool) -> float:
        """Seconds until the next try; the device was open for `lived` seconds (None: not at all).

        `away` says that the line is gone, which is a failure only if it was there: a pulled cable is no restart.
        `soon` says that looking for it again does no harm.
        """
        if lived is not None and lived >= STEADY_S:
            self._failed_at.clear()
            self._pause, self.quarantined = FIRST_S, False
        self._soon = soon
        if lived is not None or not away:
            self._failed_at.append(self._clock())
            full = len(self._failed_at) == FAILURES
            self.quarantined |= full and self._failed_at[-1] - self._failed_at[0] <= WITHIN_S
        if self.quarantined and not soon:
            return AGAIN_S * self._jitter()
        pause, self._pause = self._pause, min(self._pause * 2, LAST_S)
        return pause * self._jitter()

    def hinted(self) -> None:
        """Something has changed: begin with short pauses again."""
        self._pause = FIRST_S

    def words(self, cause: str) -> str:
        """Return the cause of the last loss, and what is done about it."""
        if not self.quarantined:
            return cause
        how = "still looked for" if self._soon else f"tried again every {AGAIN_S:.0f} s"
        return f"{cause} (failed {FAILURES} times within {WITHIN_S:.0f} s, {how})"
