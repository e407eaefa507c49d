"""Weekly schedules in wall time: what a window's text means, and whether a schedule is open at an instant.

A window is an interval of the wall clock of the schedule's zone. So when the clocks go forward, the hour that the
clock skips does not occur; when they go back, both passes of the repeated hour count. A window over midnight belongs
to the weekday and the date on which it starts, for its weekdays, for holidays and for the days of calendars.
"""

import difflib
import re
import zoneinfo
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

from devicemgr.domain.model import Schedule, TimeWindow
from devicemgr.errors import InvalidInput

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MIDNIGHT = time(0, 0)
_FRIDAY, _SATURDAY = 4, 5

_MAX_TEXT = 100
# No zone has changed its offset twice within this time.
_SHORTEST_OFFSET = timedelta(hours=6)
_EXAMPLES = 'write it like "mon-fri 08:00-18:00", "sat,sun 22:00-06:00" or "daily 00:00-24:00"'
_WINDOW = re.compile(
    r"(?P<days>[a-z][a-z, -]*?)\s+(?P<h1>[0-9]{1,2}):(?P<m1>[0-9]{2})\s*-\s*(?P<h2>[0-9]{1,2}):(?P<m2>[0-9]{2})"
)


def parse_window(text: str) -> TimeWindow:
    """`mon-fri 08:00-18:00` as a window; an end at or before the start is on the next day; raises InvalidInput."""
    plain = text.replace("\N{EN DASH}", "-").strip().lower() if len(text) <= _MAX_TEXT else ""
    found = _WINDOW.fullmatch(plain)
    if found is None:
        raise _refused(text, "it is not days and a span of time")
    weekdays = _parse_days(text, found["days"])
    start = _parse_clock(text, found["h1"], found["m1"])
    end = MIDNIGHT if (found["h2"], found["m2"]) == ("24", "00") else _parse_clock(text, found["h2"], found["m2"])
    whole_day = start == MIDNIGHT and found["h2"] == "24"
    if start == end and not whole_day:
        raise _refused(text, "it ends when it starts")
    return TimeWindow(weekdays, start, end)


def format_window(window: TimeWindow) -> str:
    """Return the text that parse_window reads back as the same window; seconds, which it cannot hold, are left out."""
    end = "24:00" if window.end == MIDNIGHT else f"{window.end:%H:%M}"
    return f"{_format_days(window.weekdays)} {window.start:%H:%M}-{end}"


def parse_timezone(name: str) -> str:
    """Return the IANA name of a zone (capitals as IANA writes them); raises InvalidInput with the nearest names."""
    names = {known.lower(): known for known in zoneinfo.available_timezones()}
    wanted = name.strip().lower()
    if wanted in names and find_zone(names[wanted]) is not None:
        return names[wanted]
    near = [names[key] for key in difflib.get_close_matches(wanted[:_MAX_TEXT], names, n=3)]
    hint = f"did you mean {', '.join(near)}?" if near else 'name one like "Asia/Almaty" or "Europe/Berlin"'
    raise InvalidInput(f"unknown time zone {_shown(name)}: {hint}")


@lru_cache(maxsize=1024)
def find_zone(name: str) -> zoneinfo.ZoneInfo | None:
    """Return the zone, or None if this machine doesn't know it; read from disk once, then kept in memory."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


def is_open(schedule: Schedule, at: datetime) -> bool:
    """Return whether a window holds the instant `at`; closed for a naive `at` and for an unknown zone; never raises."""
    zone = find_zone(schedule.timezone)
    if zone is None or at.utcoffset() is None:
        return False
    try:
        local = at.astimezone(zone)
        yesterday = local.date() - timedelta(days=1)
    except OverflowError:  # the first and last days that datetime can hold
        return False
    return any(
        _holds_today(schedule, window, local.date(), local.time())
        or _holds_since_yesterday(schedule, window, yesterday, local.time())
        for window in schedule.windows
    )


def open_windows(schedule: Schedule, at: datetime) -> frozenset[tuple[TimeWindow, date]]:
    """Return the windows that hold the instant `at`, each with the date on which it began; none where it is closed."""
    zone = find_zone(schedule.timezone)
    if zone is None or not is_open(schedule, at):
        return frozenset()
    local = at.astimezone(zone)
    today, yesterday = local.date(), local.date() - timedelta(days=1)
    return frozenset(
        (window, day)
        for window in schedule.windows
        for day, holds in ((today, _holds_today), (yesterday, _holds_since_yesterday))
        if holds(schedule, window, day, local.time())
    )


def spans(schedules: Iterable[Schedule], begin: datetime, end: datetime) -> tuple[tuple[datetime, datetime], ...]:
    """Return when any of them is open between two aware instants: (from, to) in UTC, in order and apart.

    It holds exactly the instants for which is_open() says open, also in the nights in which a clock changes.
    """
    begin, end = begin.astimezone(UTC), end.astimezone(UTC)
    found = []
    for schedule in schedules:
        zone = find_zone(schedule.timezone)
        for since, until, offset in steady_parts(zone, begin, end) if zone is not None else ():
            # Within such a part the wall clock runs evenly, so a window of the wall clock is one of UTC.
            for opens, closes in _wall_spans(schedule, (since + offset).date(), (until + offset).date()):
                found.append((max(opens - offset, since), min(closes - offset, until)))
    return joined(found)


def joined(spans: Iterable[tuple[datetime, datetime]]) -> tuple[tuple[datetime, datetime], ...]:
    """Return spans in order, with those that touch made one, and without empty ones."""
    found: list[tuple[datetime, datetime]] = []
    for opens, closes in sorted(span for span in spans if span[0] < span[1]):
        if found and opens <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], closes))
        else:
            found.append((opens, closes))
    return tuple(found)


def steady_parts(zone: tzinfo, begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """Yield (from, to, offset from UTC): the parts of a time in which the zone's clock is not changed."""
    since, at = begin, begin
    while at < end:
        later = min(at + _SHORTEST_OFFSET, end)
        if _offset(zone, later) != _offset(zone, at):
            change = _change(zone, at, later)
            yield since, change, _offset(zone, since)
            since = change
        at = later
    if since < end:
        yield since, end, _offset(zone, since)


def _change(zone: tzinfo, before: datetime, after: datetime) -> datetime:
    """Return the first second with another offset than `before` has; zones change theirs at full seconds."""
    low, high = 0, int((after - before).total_seconds()) + 1
    while high - low > 1:
        middle = (low + high) // 2
        is_before = _offset(zone, before + timedelta(seconds=middle)) == _offset(zone, before)
        low, high = (middle, high) if is_before else (low, middle)
    return min((before + timedelta(seconds=high)).replace(microsecond=0), after)


def _offset(zone: tzinfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def _wall_spans(schedule: Schedule, first: date, last: date) -> Iterator[tuple[datetime, datetime]]:
    """Yield when windows are open by the wall clock, from the day before `first`; marked as UTC to be computed with."""
    for step in range(-1, (last - first).days + 1):
        day = first + timedelta(days=step)
        for window in schedule.windows:
            if (hours := _hours_on(schedule, window, day)) is not None:
                start, end = hours
                until = day if end > start else day + timedelta(days=1)
                yield datetime.combine(day, start, UTC), datetime.combine(until, end, UTC)


def without(
    spans: Iterable[tuple[datetime, datetime]], taken: Iterable[tuple[datetime, datetime]]
) -> tuple[tuple[datetime, datetime], ...]:
    """Return `spans` without the times of `taken`, which are in order and apart."""
    found, holes = [], tuple(taken)
    for opens, closes in spans:
        at = opens
        for since, until in holes:
            if since < closes and at < until:
                found.append((at, since))
                at = max(at, until)
        found.append((at, closes))
    return joined(found)


def _holds_today(schedule: Schedule, window: TimeWindow, today: date, clock: time) -> bool:
    hours = _hours_on(schedule, window, today)
    return hours is not None and hours[0] <= clock and (clock < hours[1] or hours[1] <= hours[0])


def _holds_since_yesterday(schedule: Schedule, window: TimeWindow, yesterday: date, clock: time) -> bool:
    hours = _hours_on(schedule, window, yesterday)
    return hours is not None and hours[1] <= hours[0] and clock < hours[1]


def _hours_on(schedule: Schedule, window: TimeWindow, day: date) -> tuple[time, time] | None:
    """Return from when to when a window that begins on `day` is open; an end at or before the start is a day later."""
    if day in schedule.holidays or _weekday(schedule, day) not in window.weekdays:
        return None
    hours = schedule.short_days.get(day)
    if hours is None:
        return window.start, window.end
    start, end = max(window.start, hours[0]), hours[1]
    if window.start < window.end and (end == MIDNIGHT or window.end < end):
        end = window.end
    return (start, end) if start < end or end == MIDNIGHT else None


def _weekday(schedule: Schedule, day: date) -> int:
    """Return the weekday as which a date counts: a worked Saturday or Sunday without windows is a Friday."""
    weekday = day.weekday()
    if day not in schedule.working or weekday < _SATURDAY:
        return weekday
    return weekday if any(weekday in window.weekdays for window in schedule.windows) else _FRIDAY


def _parse_days(text: str, days: str) -> frozenset[int]:
    if days == "daily":
        return frozenset(range(7))
    weekdays: set[int] = set()
    for part in days.split(","):
        first, dash, last = (name.strip() for name in part.partition("-"))
        if first not in DAYS or (dash and last not in DAYS):
            raise _refused(text, f"{_shown(part.strip())} is not a day or a range of days ({' '.join(DAYS)}, daily)")
        begin = DAYS.index(first)
        length = (DAYS.index(last) - begin) % 7 if dash else 0
        weekdays.update((begin + step) % 7 for step in range(length + 1))
    return frozenset(weekdays)


def _parse_clock(text: str, hour: str, minute: str) -> time:
    if int(hour) > 23 or int(minute) > 59:
        raise _refused(text, f"{hour}:{minute} is not a time of day (00:00 to 23:59, or 24:00 as an end)")
    return time(int(hour), int(minute))


def _format_days(weekdays: frozenset[int]) -> str:
    if len(weekdays) == 7:
        return "daily"
    runs = []
    for begin in sorted(day for day in weekdays if (day - 1) % 7 not in weekdays):
        last = begin
        while (last + 1) % 7 in weekdays:
            last = (last + 1) % 7
        runs.append(DAYS[begin] if last == begin else f"{DAYS[begin]}-{DAYS[last]}")
    return ",".join(runs)


def _refused(text: str, why: str) -> InvalidInput:
    return InvalidInput(f"the window {_shown(text)} cannot be used, {why}: {_EXAMPLES}")


def _shown(text: str) -> str:
    return ascii(text) if len(text) <= _MAX_TEXT else ascii(text[:_MAX_TEXT]) + "…"
