"""The time by which rights are judged: this computer's clock, held against CLOCK_MONOTONIC, and never set back unseen.

`line` is the latest time that is believed, as seconds ahead of CLOCK_MONOTONIC; it runs on by itself. A clock that is
behind it is not believed: rights are judged by the line until the clock has caught up or somebody says that it is
right. A clock that jumps ahead is believed at once, since that only ends rights, and becomes the line after an hour:
until then it may be set back to where it was, as when a time server corrects it.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

JUMP_S = 2.0
# Behind the line by less is a time server's small corrections; judging is by the line all the same.
BEHIND_S = 60.0
SETTLED_AFTER_S = 3600.0
_FIRST, _LAST = 0.0, datetime(9999, 12, 31, tzinfo=UTC).timestamp()


@dataclass(frozen=True, slots=True)
class Jump:
    """The clock was set: it would have shown `before` and showed `after`; `seconds` is their difference."""

    before: datetime
    after: datetime

    @property
    def seconds(self) -> float:
        """Positive for a jump ahead."""
        return (self.after - self.before).total_seconds()


class WallClock:
    """Any thread; `look` is called a few times a second by one. `mark` is the line's time as it was kept last."""

    def __init__(
        self, mark: datetime | None = None, wall: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._wall, self._ticks = wall, ticks
        self._lock = threading.Lock()
        now = ticks()
        self._ahead = wall() - now
        # What this process starts with counts: a right that it has once refused as expired stays expired.
        self._line = max(self._ahead, mark.timestamp() - now) if mark else self._ahead
        self._unseen = self._line - self._ahead if self._line - self._ahead > BEHIND_S else 0.0
        self._jumped_ahead: float | None = None

    def now(self) -> datetime:
        """The time by which rights are judged."""
        return _moment(max(self._wall(), self._ticks() + self._line))

    def look(self) -> Jump | None:
        """Compare both clocks; a jump is told once. The first look tells how far it stands behind the mark."""
        with self._lock:
            now = self._ticks()
            ahead = self._wall() - now
            before, self._ahead = self._ahead + self._unseen, ahead
            self._unseen = 0.0
            if abs(ahead - before) >= JUMP_S:
                # Back to where it was is a correction: what it claimed meanwhile never became the line.
                self._jumped_ahead = now if ahead - self._line >= JUMP_S else None
                return Jump(_moment(now + before), _moment(now + ahead))
            if self._jumped_ahead is None or now - self._jumped_ahead >= SETTLED_AFTER_S:
                self._line, self._jumped_ahead = max(self._line, ahead), None
            return None

    def accept(self) -> datetime:
        """Somebody says that this computer's clock is right: it is the line from now on."""
        with self._lock:
            now = self._ticks()
            self._ahead = self._line = self._wall() - now
            self._unseen, self._jumped_ahead = 0.0, None
            return _moment(now + self._line)

    @property
    def mark(self) -> datetime:
        """The line's present time, to be kept."""
        return _moment(self._ticks() + self._line)

    @property
    def behind_s(self) -> float:
        """How far the clock stands behind the line; 0 unless it is more than a minute."""
        behind = self._ticks() + self._line - self._wall()
        return behind if behind > BEHIND_S else 0.0

    @property
    def ahead_s(self) -> float:
        """How far it has jumped ahead of the line within the last hour; 0 when it has not."""
        return max(0.0, self._wall() - self._ticks() - self._line) if self._jumped_ahead is not None else 0.0


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(min(max(seconds, _FIRST), _LAST), UTC)
