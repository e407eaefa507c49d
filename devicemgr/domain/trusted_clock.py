"""The times by which rights are judged: this computer's clock, and the time that was reached without its jumps.

`line` is the time that was reached, as seconds ahead of CLOCK_MONOTONIC; it runs on by itself and is kept on disk.

- A clock behind the line is not believed: rights are judged by the line until the clock has caught up or an admin
  accepts the clock.
- A clock that stands ahead of the line may be right or forged: a right must hold by both. A difference of up to five
  minutes becomes the line after an hour, at most once a day; a greater one only when an admin accepts it.
- After a restart of the computer the line is only the least that the time can be, for how long the power was off is
  not known: a clock that is ahead then is believed, and one that stood still is believed as soon as it is set.

A disciplined clock is slewed by at most 500 ppm (adjtimex(2), MAXFREQ); the line follows that, and no faster.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

JUMP_S = 2.0
# Behind the line by less is a time server's small corrections; judging is by the line all the same.
BEHIND_S = 60.0
SETTLED_AFTER_S, MAX_SETTLED_S, _SETTLES_EVERY_S = 3600.0, 300.0, 86_400.0
_MAX_SLEW = 500e-6
# Without a battery a clock starts in 1970 or, by the system's doing, about where it was when the computer stopped.
_EARLIEST_S = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
_STOOD_STILL_S, _SET_WITHIN_S = 300.0, 900.0
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


@dataclass(frozen=True, slots=True)
class Kept:
    """The line as it was kept last: its time, and its `offset` to CLOCK_MONOTONIC if the computer runs since then."""

    mark: datetime
    offset: float | None = None
    restarted: bool = False


class WallClock:
    """Any thread; `look` is called a few times a second by one."""

    def __init__(
        self,
        kept: Kept | datetime | None = None,
        wall: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall, self._ticks = wall, ticks
        self._lock = threading.Lock()
        kept = Kept(kept) if isinstance(kept, datetime) else kept
        now = ticks()
        self._looked = now
        self._ahead = wall() - now
        self._line = self._first_line(kept, now)
        self._unset_until = self._first_doubt(kept, now)
        unseen = self._line - self._ahead
        self._started_behind = unseen > BEHIND_S
        known = kept is not None and kept.offset is not None
        self._unseen = unseen if unseen > BEHIND_S or (known and -unseen >= JUMP_S) else 0.0
        self._ahead_since: float | None = None
        self._next_settling = now

    def _first_line(self, kept: Kept | None, now: float) -> float:
        if kept is None:
            return self._ahead
        if kept.offset is not None:
            return kept.offset
        # What this process starts with counts: a right that it has once refused as expired stays expired.
        return max(self._ahead, kept.mark.timestamp() - now)

    def _first_doubt(self, kept: Kept | None, now: float) -> float:
        """Until which CLOCK_MONOTONIC second a clock that was not set yet may be set ahead and is believed."""
        if kept is None:
            return float("inf") if self._ahead + now < _EARLIEST_S else now
        if kept.offset is not None:
            return now
        behind = kept.mark.timestamp() - now - self._ahead
        if behind > BEHIND_S:
            return float("inf")
        return now + _SET_WITHIN_S if kept.restarted and -behind <= _STOOD_STILL_S else now

    def now(self) -> datetime:
        """Return the latest time that may be right: by it rights end."""
        return max(self.times())

    def earliest(self) -> datetime:
        """Return the earliest time that may be right: by it something is removed for good, or given an end."""
        return min(self.times())

    def times(self) -> tuple[datetime, ...]:
        """Return the times at each of which a right must hold: two while the clock stands ahead of the line."""
        wall, ticks = self._wall(), self._ticks()
        line = ticks + self._line
        if wall - line < JUMP_S or ticks < self._unset_until:
            return (_moment(max(wall, line)),)
        return _moment(wall), _moment(line)

    def look(self) -> Jump | None:
        """Compare both clocks; a jump is returned once. The first look returns how far it stands from what was kept."""
        with self._lock:
            now = self._ticks()
            ahead = self._wall() - now
            before, self._ahead = self._ahead + self._unseen, ahead
            self._unseen = 0.0
            jumped = abs(ahead - before) >= JUMP_S
            self._follow(now, ahead, jumped=jumped)
            self._looked = now
            return Jump(_moment(now + before), _moment(now + ahead)) if jumped else None

    def _follow(self, now: float, ahead: float, *, jumped: bool) -> None:
        gap = ahead - self._line
        if now < self._unset_until and gap > 0:
            self._line = ahead
            if gap >= JUMP_S or self._started_behind:
                self._unset_until = now
        elif gap < JUMP_S:
            # Back to where it was is a correction: what it claimed in between never became the line.
            self._ahead_since = None
            self._line = max(self._line, min(ahead, self._line + _MAX_SLEW * (now - self._looked)))
        elif jumped or self._ahead_since is None:
            self._ahead_since = now
        elif gap <= MAX_SETTLED_S and now - self._ahead_since >= SETTLED_AFTER_S and now >= self._next_settling:
            self._line, self._ahead_since, self._next_settling = ahead, None, now + _SETTLES_EVERY_S

    def accept(self) -> datetime:
        """Accept this computer's clock as right, on an admin's word: it is the line from now on."""
        with self._lock:
            now = self._ticks()
            self._ahead = self._line = self._wall() - now
            self._unseen, self._ahead_since, self._unset_until = 0.0, None, now
            return _moment(now + self._line)

    @property
    def mark(self) -> datetime:
        """Return the line's present time, to be kept."""
        return _moment(self._ticks() + self._line)

    @property
    def offset(self) -> float:
        """Return the line, as seconds ahead of CLOCK_MONOTONIC, to be kept."""
        return self._line

    @property
    def behind_s(self) -> float:
        """Return how far the clock stands behind the line; 0 unless it is more than a minute."""
        behind = self._ticks() + self._line - self._wall()
        return behind if behind > BEHIND_S else 0.0

    @property
    def ahead_s(self) -> float:
        """Return how far the clock stands ahead of the line; 0 when it is believed."""
        times = self.times()
        return (times[0] - times[1]).total_seconds() if len(times) == 2 else 0.0


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(min(max(seconds, _FIRST), _LAST), UTC)
