"""Calendars that follow a file on a server: how often it is read, what a reading changes, and when that is held."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from devicemgr.domain.model import CalendarDay, DayKind
from devicemgr.errors import InvalidInput
from devicemgr.text import counted, safe

DEFAULT_EVERY = "24h"
MIN_EVERY, MAX_EVERY = timedelta(hours=1), timedelta(days=7)
STALE_AFTER = timedelta(days=7)

# Two days of a year may be moved by a decree; more at once is looked at by a person.
_MIN_LOST_TO_HOLD = 3
_DIGEST_CHARS = 12
_EVERY = re.compile(r"([0-9]{1,4})([mhd])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
# From what opens most to what keeps most closed; None is a day that the calendar does not name.
_RANKS = [DayKind.WORKING, None, DayKind.SHORT, DayKind.HOLIDAY]


def parse_every(text: str) -> timedelta:
    """Return the time between two readings, such as `24h`; raises InvalidInput."""
    found = _EVERY.fullmatch(text)
    every = int(found[1]) * _UNITS[found[2]] if found else timedelta()
    if not MIN_EVERY <= every <= MAX_EVERY:
        raise InvalidInput(
            f"'{safe(text, 20)}' is no time between two readings; give 1h to 7d, such as {DEFAULT_EVERY}"
        )
    return every


@dataclass(frozen=True, slots=True)
class FeedChange:
    """Days from today on that a reading adds and takes away; one that changes is in both."""

    gained: Sequence[CalendarDay]
    lost: Sequence[CalendarDay]
    is_held: bool
    """True if it takes away so much of what was closed that a person has to agree."""

    def within(self, until: date) -> tuple[list[CalendarDay], list[CalendarDay]]:
        """Return what is gained and lost before a date."""
        return [day for day in self.gained if day.date < until], [day for day in self.lost if day.date < until]

    @property
    def why_held(self) -> str:
        """Return why a person has to agree."""
        return f"it would take away {counted(len(self.lost), 'day')} still to come, most of those that it had"


def feed_change(before: Iterable[CalendarDay], after: Iterable[CalendarDay], today: date) -> FeedChange:
    """Compare the days of two readings, from today on."""
    old = {day.date: day for day in before if day.date >= today}
    new = {day.date: day for day in after if day.date >= today}
    opened = [day for at, day in old.items() if _rank(new.get(at)) < _rank(day)]
    # A calendar of few days may lose one of them, but never the last.
    is_most = 2 * len(opened) > len(old) and (len(opened) >= _MIN_LOST_TO_HOLD or not new)
    return FeedChange(
        [day for at, day in sorted(new.items()) if not _is_same(old.get(at), day)],
        [day for at, day in sorted(old.items()) if not _is_same(new.get(at), day)],
        is_most,
    )


def digest(days: Iterable[str]) -> str:
    """Return a short digest of days, by which an admin accepts exactly these."""
    return hashlib.sha256("\n".join(days).encode()).hexdigest()[:_DIGEST_CHARS]


def _rank(day: CalendarDay | None) -> int:
    return _RANKS.index(day.kind if day else None)


def _is_same(one: CalendarDay | None, other: CalendarDay) -> bool:
    """Return True if both open the same hours, whatever their names."""
    return one is not None and (one.kind, one.hours) == (other.kind, other.hours)
