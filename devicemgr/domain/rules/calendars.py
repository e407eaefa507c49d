"""Days of calendars: what a day's text means, and what the calendars of a schedule make of its days."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time

from devicemgr.domain.model import CalendarDay, DayKind
from devicemgr.domain.rules.schedules import MIDNIGHT
from devicemgr.errors import InvalidInput
from devicemgr.text import safe, single_line

MARK = "@"
"""Stands before the name of a calendar among the holidays of a schedule."""
MAX_NAME_CHARS = 80
MAX_DAYS = 2000
MAX_FILE_BYTES = 1024 * 1024

_MAX_TEXT = 200
_EXAMPLES = (
    'write it like "2026-12-16 holiday Independence Day", "2026-12-31 short-day 09:00-16:00" or "2026-12-05 working"'
)
_DAY = re.compile(r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})(?:\s+(?P<kind>[a-z-]+)(?:\s+(?P<rest>.*))?)?", re.DOTALL)
_HOURS = re.compile(r"(?P<h1>[0-9]{1,2}):(?P<m1>[0-9]{2})-(?P<h2>[0-9]{1,2}):(?P<m2>[0-9]{2})")


def parse_day(text: str) -> CalendarDay:
    """Return the day that `DATE [KIND [HOURS]] [NAME]` means, a holiday without a kind; raises InvalidInput."""
    found = _DAY.fullmatch(text.strip()) if len(text) <= _MAX_TEXT else None
    if found is None:
        raise _refused(text, "it does not begin with a date and a kind")
    try:
        day = date.fromisoformat(found["date"])
    except ValueError as error:
        raise _refused(text, f"{found['date']} is no date") from error
    kind, rest = found["kind"] or DayKind.HOLIDAY, (found["rest"] or "").strip()
    if kind not in set(DayKind):
        raise _refused(text, f"{kind} is no kind of day ({', '.join(DayKind)})")
    if kind != DayKind.SHORT:
        return CalendarDay(day, DayKind(kind), None, _name(rest))
    hours, _, name = rest.partition(" ")
    return CalendarDay(day, DayKind.SHORT, _parse_hours(text, hours), _name(name))


def format_day(day: CalendarDay) -> str:
    """Return the text that parse_day reads back as the same day."""
    return " ".join(part for part in (day.date.isoformat(), str(day.kind), format_hours(day), day.name) if part)


def format_hours(day: CalendarDay) -> str:
    """Return the hours of a short day as `09:00-16:00`, else an empty text."""
    if day.hours is None:
        return ""
    begin, end = day.hours
    return f"{begin:%H:%M}-{'24:00' if end == MIDNIGHT else f'{end:%H:%M}'}"


def in_order(days: Iterable[CalendarDay]) -> list[CalendarDay]:
    """Return days by date; raises InvalidInput for two that differ on one date, and for too many."""
    by_date: dict[date, CalendarDay] = {}
    for day in days:
        if by_date.setdefault(day.date, day) != day:
            raise InvalidInput(
                f"{day.date} is given twice: as '{format_day(by_date[day.date])}' and '{format_day(day)}'"
            )
    if len(by_date) > MAX_DAYS:
        raise InvalidInput(f"a calendar has at most {MAX_DAYS} days; leave out past or far ones")
    return [by_date[day] for day in sorted(by_date)]


@dataclass(frozen=True, slots=True)
class DaysOfSchedule:
    """What the calendars and dates of a schedule say of days."""

    holidays: frozenset[date] = frozenset()
    working: frozenset[date] = frozenset()
    short_days: Mapping[date, tuple[time, time]] = field(default_factory=dict)


def days_of_schedule(holidays: Iterable[str], calendars: Mapping[str, Sequence[CalendarDay]]) -> DaysOfSchedule:
    """Resolve the holidays of a schedule, dates and `@calendar`; InvalidInput for a calendar that is not there.

    What keeps more closed wins: a holiday over a short day over a working day, and of two short days what both leave.
    """
    closed: set[date] = set()
    working: set[date] = set()
    short: dict[date, tuple[time, time]] = {}
    for entry in holidays:
        if not entry.startswith(MARK):
            closed.add(date.fromisoformat(entry))
            continue
        if (days := calendars.get(entry.removeprefix(MARK))) is None:
            raise InvalidInput(f"there is no calendar '{safe(entry.removeprefix(MARK), 60)}'")
        closed |= {day.date for day in days if day.kind == DayKind.HOLIDAY}
        working |= {day.date for day in days if day.kind == DayKind.WORKING}
        for day in days:
            if day.hours is not None:
                begin, end = short.get(day.date, day.hours)
                short[day.date] = max(begin, day.hours[0]), min(end, day.hours[1], key=_as_end)
    closed |= {day for day, (begin, end) in short.items() if begin >= end != MIDNIGHT}
    return DaysOfSchedule(
        frozenset(closed),
        frozenset(working | set(short)) - closed,
        {day: hours for day, hours in short.items() if day not in closed},
    )


def _name(text: str) -> str:
    return single_line(text)[:MAX_NAME_CHARS].rstrip()


def _as_end(clock: time) -> tuple[bool, time]:
    return clock == MIDNIGHT, clock


def _parse_hours(text: str, hours: str) -> tuple[time, time]:
    found = _HOURS.fullmatch(hours)
    if found is None:
        raise _refused(text, "a short-day needs its hours")
    try:
        begin = time(int(found["h1"]), int(found["m1"]))
        is_midnight = (found["h2"], found["m2"]) == ("24", "00")
        end = MIDNIGHT if is_midnight else time(int(found["h2"]), int(found["m2"]))
    except ValueError as error:
        raise _refused(text, f"{hours} are no times of day") from error
    if begin >= end and not is_midnight:
        raise _refused(text, "its hours end before they begin; they can't go over midnight")
    return begin, end


def _refused(text: str, why: str) -> InvalidInput:
    return InvalidInput(f"the day '{safe(text, 80)}' cannot be used, {why}: {_EXAMPLES}")
