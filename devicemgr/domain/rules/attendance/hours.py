"""First, last and hours of each person's days, and their sum."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from devicemgr.domain.rules.attendance.days import day_of
from devicemgr.domain.rules.attendance.stays import Flag, Stay


@dataclass(slots=True)
class PersonDay:
    """One day of a person: `first` entry and `last` exit, `seconds` inside; None where a passage is missing.

    A night shift belongs to the day on which it begins.
    """

    person_id: str
    day: date
    first: datetime | None = None
    last: datetime | None = None
    seconds: float | None = 0.0
    flags: set[Flag] = field(default_factory=set)
    begun: datetime | None = field(default=None, repr=False)
    ended: datetime | None = field(default=None, repr=False)

    def add(self, stay: Stay) -> None:
        """Add a stay of this day."""
        self.flags |= stay.flags
        if self.begun is None or stay.counts_for < self.begun:
            self.begun, self.first = stay.counts_for, stay.begin
        known_to = stay.end or stay.known_from
        if self.ended is None or known_to >= self.ended:
            self.ended, self.last = known_to, stay.end
        passed = stay.seconds
        self.seconds = None if passed is None or self.seconds is None else self.seconds + passed


@dataclass(slots=True)
class PersonSum:
    """The sum of a person's days in a period; None where no day has hours.

    `without_hours` counts the days that have none, which are left out.
    """

    person_id: str
    days: int = 0
    seconds: float | None = None
    without_hours: int = 0

    def add(self, day: PersonDay) -> None:
        """Add a day."""
        self.days += 1
        if day.seconds is None:
            self.without_hours += 1
        else:
            self.seconds = (self.seconds or 0.0) + day.seconds


class Timesheet:
    """The days of everyone, filled with stays in any order."""

    def __init__(self, starts: time, zone: ZoneInfo) -> None:
        self._starts, self._zone = starts, zone
        self.days: dict[tuple[str, date], PersonDay] = {}

    def add(self, stay: Stay) -> None:
        """Add a stay to the day on which it begins."""
        day = day_of(stay.counts_for, self._starts, self._zone)
        key = (stay.person_id, day)
        found = self.days.get(key)
        if found is None:
            found = self.days[key] = PersonDay(stay.person_id, day)
        found.add(stay)


def sums(days: Iterable[PersonDay]) -> dict[str, PersonSum]:
    """Return the sum of each person's days."""
    found: dict[str, PersonSum] = {}
    for day in days:
        found.setdefault(day.person_id, PersonSum(day.person_id)).add(day)
    return found
