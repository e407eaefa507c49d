"""Spans of time as the weekly hours that a console keeps: by weekday, in its own local time."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo

from devicemgr.domain.ports.device import Spans
from devicemgr.domain.rules.schedules import joined, steady_parts, without

LAST_SECOND = "23:59:59"
_MAX_OFFSET = timedelta(hours=26)
Day = tuple[tuple[str, str], ...]


def week_of(spans: Spans, zone: tzinfo, now: datetime) -> tuple[Day, ...]:
    """Monday to Sunday, each the (from, to) of its coming date as HH:MM:SS; today is the first of these seven dates.

    What is open until midnight ends at 23:59:59: not every firmware knows 24:00. A console opens by its wall clock, so
    of an hour that its clock repeats it is given what is open in both passes.
    """
    today = now.astimezone(zone).date()
    spans = joined((opens.astimezone(UTC), closes.astimezone(UTC)) for opens, closes in spans)
    days: list[Day] = [()] * 7
    for step in range(7):
        date = today + timedelta(days=step)
        begin = datetime.combine(date, time(), UTC)
        days[date.weekday()] = tuple(
            (f"{opens:%H:%M:%S}", LAST_SECOND if closes.date() > date else f"{closes:%H:%M:%S}")
            for opens, closes in _on_wall(spans, zone, begin, begin + timedelta(days=1))
        )
    return tuple(days)


def _on_wall(spans: Spans, zone: tzinfo, begin: datetime, end: datetime) -> Spans:
    """Return what is open between two times of the wall clock, which are marked as UTC to be computed with."""
    opened: list[tuple[datetime, datetime]] = []
    closed: list[tuple[datetime, datetime]] = []
    for since, until, offset in steady_parts(zone, begin - _MAX_OFFSET, end + _MAX_OFFSET):
        inside = joined((max(opens, since) + offset, min(closes, until) + offset) for opens, closes in spans)
        opened += inside
        closed += without([(since + offset, until + offset)], inside)
    certain = without(joined(opened), joined(closed))
    return joined((max(opens, begin), min(closes, end)) for opens, closes in certain)


def most_spans(week: Sequence[Day]) -> int:
    """Return how many spans the fullest day has."""
    return max((len(day) for day in week), default=0)
