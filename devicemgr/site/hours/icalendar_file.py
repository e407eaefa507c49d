"""Days of an iCalendar file (RFC 5545): holidays and other days, with recurrences expanded for a bounded time.

A file may be hostile or huge. So its zones are not evaluated, rules by hours, minutes or seconds are refused, and the
whole has a time limit: a rule that never comes true is looked for until the year 9999.
"""

import re
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import recurring_ical_events
from icalendar import Calendar

from devicemgr.domain.model import CalendarDay, DayKind
from devicemgr.domain.rules.calendars import MAX_DAYS, MAX_FILE_BYTES, MAX_NAME_CHARS
from devicemgr.domain.rules.schedules import MIDNIGHT
from devicemgr.errors import InvalidInput
from devicemgr.text import counted, safe, single_line

MAX_EVENTS = 5000
YEARS_AHEAD = 2
MAX_EXPANSION_S = 20.0

_MIN_YEAR = 1900
_MAX_INTERVAL = 1000
_FREQUENCIES = {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}
_FORBIDDEN_PARTS = {"BYHOUR", "BYMINUTE", "BYSECOND"}
_DAY = timedelta(days=1)
_FOLD = re.compile(r"\r?\n[ \t]")
# A category, or the beginning of a title; "non-working day" is neither.
_SHORT = re.compile(r"short[ -]?day\b", re.IGNORECASE)
_WORKING = re.compile(r"working(?:[ -]day)?\b|workday\b", re.IGNORECASE)
_BROKEN = (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True)
class CalendarFile:
    """The days of a file from the beginning of this year to `until`, and in words what of it was left out."""

    days: Sequence[CalendarDay]
    until: date
    left_out: Sequence[str]


def read_calendar_file(content: bytes, today: date) -> CalendarFile:
    """Return the days of an iCalendar file; InvalidInput for what is none, for too much and for no day at all."""
    begin, until = date(today.year, 1, 1), date(today.year + YEARS_AHEAD, 12, 31)
    try:
        with _time_limit(MAX_EXPANSION_S):
            occurrences = _expanded(_parsed(content), begin, until)
            days, left_out = _days_of(occurrences, begin, until)
    except _TooLong as error:
        raise InvalidInput("the calendar file's repetitions take too long; export only the coming years") from error
    except _BROKEN as error:
        raise InvalidInput(f"the calendar file can't be read: {safe(str(error), 120)}") from error
    if not days:
        why = f" ({'; '.join(left_out)})" if left_out else ""
        raise InvalidInput(f"the calendar file has no all-day event from {begin} to {until}{why}")
    return CalendarFile(days, until, left_out)


class _TooLong(Exception):
    """The time limit is over."""


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raise _TooLong after that time; without effect outside the main thread, where no signal arrives."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def _parsed(content: bytes) -> Calendar:
    """Return a file's events, with rules that can be expanded."""
    if len(content) > MAX_FILE_BYTES:
        raise InvalidInput("the calendar file is over 1 MB; export only holidays, of the coming years")
    text = _FOLD.sub("", content.decode("utf-8-sig"))
    calendars = Calendar.from_ical("".join(_without_zones(text)), multiple=True)
    found = Calendar()
    for calendar in calendars:
        for event in calendar.walk("VEVENT"):
            _check(event)
            found.add_component(event)
    if len(found.subcomponents) > MAX_EVENTS:
        raise InvalidInput(f"the calendar file has over {MAX_EVENTS} events; export only holidays")
    return found


def _without_zones(text: str) -> Iterator[str]:
    """Yield a file's lines without definitions of zones, whose rules would be expanded too: days need none."""
    is_zone = False
    for line in text.splitlines(keepends=True):
        words = line.strip().upper()
        is_zone = is_zone or words == "BEGIN:VTIMEZONE"
        if not is_zone and not words.startswith("X-WR-TIMEZONE"):
            yield line
        is_zone = is_zone and words != "END:VTIMEZONE"


def _check(event: Any) -> None:
    start = event.get("DTSTART")
    if start is None or start.dt.year < _MIN_YEAR:
        raise InvalidInput(f"the calendar file has an event without a date since {_MIN_YEAR}: {_title(event)}")
    rules = event.get("RRULE", [])
    for rule in rules if isinstance(rules, list) else [rules]:
        interval = rule.get("INTERVAL", [1])[0]
        if (
            not {str(one).upper() for one in rule.get("FREQ", [])} <= _FREQUENCIES
            or _FORBIDDEN_PARTS & set(rule)
            or not 1 <= interval <= _MAX_INTERVAL
        ):
            raise InvalidInput(f"the calendar file has an event that does not repeat by days: {_title(event)}")


def _expanded(calendar: Calendar, begin: date, until: date) -> Iterator[Any]:
    for count, event in enumerate(recurring_ical_events.of(calendar).between(begin, until + _DAY)):
        if count >= MAX_EVENTS:
            raise InvalidInput(f"the calendar file has over {MAX_EVENTS} events until {until}; export only holidays")
        yield event


def _days_of(occurrences: Iterator[Any], begin: date, until: date) -> tuple[list[CalendarDay], list[str]]:
    """Return days by date, and what was left out; of two on one date the one that keeps more closed counts."""
    found: dict[date, CalendarDay] = {}
    timed = without_hours = 0
    for event in sorted(occurrences, key=lambda one: (str(one["DTSTART"].dt), _title(one))):
        if str(event.get("STATUS", "")).upper() == "CANCELLED":
            continue
        kind, span = _kind(event), _whole_days(event)
        if kind == DayKind.SHORT and span is not None:
            without_hours += 1
            continue
        if kind != DayKind.SHORT and span is None:
            timed += 1
            continue
        for day in [_short_day(event)] if span is None else _each(span, kind, _title(event), begin, until):
            found[day.date] = _more_closed(found[day.date], day) if day.date in found else day
    if len(found) > MAX_DAYS:
        raise InvalidInput(f"the calendar file has over {MAX_DAYS} days until {until}; export only holidays")
    left_out = []
    if timed:
        left_out.append(f"left out {counted(timed, 'event')} that begin at a time of day")
    if without_hours:
        left_out.append(f"left out {counted(without_hours, 'short day')} without hours; give them by hand")
    return [found[day] for day in sorted(found) if begin <= day <= until], left_out


def _kind(event: Any) -> DayKind:
    stated = event.get("CATEGORIES", [])
    names = [str(name) for one in (stated if isinstance(stated, list) else [stated]) for name in one.cats]
    for kind, words in ((DayKind.SHORT, _SHORT), (DayKind.WORKING, _WORKING)):
        if words.match(_title(event)) or any(words.fullmatch(name.strip()) for name in names):
            return kind
    return DayKind.HOLIDAY


def _whole_days(event: Any) -> tuple[date, date] | None:
    """Return the first day of an event and the day after its last, or None for one that begins at a time of day."""
    start, end = event["DTSTART"].dt, event["DTEND"].dt
    if not isinstance(start, datetime):
        return start, max(end, start + _DAY)
    # Some programs write whole days as from midnight to midnight. In UTC it is another time of day somewhere.
    is_whole = start.time() == end.time() == MIDNIGHT and start.date() < end.date() and str(start.tzinfo) != "UTC"
    return (start.date(), end.date()) if is_whole else None


def _each(span: tuple[date, date], kind: DayKind, name: str, begin: date, until: date) -> Iterator[CalendarDay]:
    day = max(span[0], begin)
    while day < span[1] and day <= until:
        yield CalendarDay(day, kind, None, name)
        day += _DAY


def _short_day(event: Any) -> CalendarDay:
    start, end = event["DTSTART"].dt, event["DTEND"].dt
    opens, closes = start.time().replace(second=0), end.time().replace(second=0)
    last = start.date() + _DAY if closes == MIDNIGHT else start.date()
    if end.date() != last or (closes <= opens and closes != MIDNIGHT):
        raise InvalidInput(f"the calendar file has a short day that is not within one day: {_title(event)}")
    return CalendarDay(start.date(), DayKind.SHORT, (opens, closes), _title(event))


def _more_closed(one: CalendarDay, other: CalendarDay) -> CalendarDay:
    ranks = [DayKind.WORKING, DayKind.SHORT, DayKind.HOLIDAY]
    if one.hours is not None and other.hours is not None:
        begin = max(one.hours[0], other.hours[0])
        end: time = min(one.hours[1], other.hours[1], key=lambda clock: (clock == MIDNIGHT, clock))
        if begin >= end != MIDNIGHT:
            return CalendarDay(one.date, DayKind.HOLIDAY, None, one.name)
        return CalendarDay(one.date, DayKind.SHORT, (begin, end), one.name)
    return max(one, other, key=lambda day: ranks.index(day.kind))


def _title(event: Any) -> str:
    return single_line(str(event.get("SUMMARY", "")))[:MAX_NAME_CHARS].rstrip()
