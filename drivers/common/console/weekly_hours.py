"""Spans of time as the weekly hours that a console keeps: by weekday, in its own local time."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta, tzinfo

from devicemgr.domain.ports.device import Spans

LAST_SECOND = "23:59:59"
Day = tuple[tuple[str, str], ...]


def week_of(spans: Spans, zone: tzinfo, now: datetime) -> tuple[Day, ...]:
    """Monday to Sunday, each the (from, to) of its coming date as HH:MM:SS; today is the first of these seven dates.

    What is open until midnight ends at 23:59:59: not every firmware knows 24:00.
    """
    today = now.astimezone(zone).date()
    days: list[Day] = [()] * 7
    for step in range(7):
        date = today + timedelta(days=step)
        begin, end = (datetime.combine(date + timedelta(days=more), time(), zone) for more in (0, 1))
        within = ((max(opens, begin), min(closes, end)) for opens, closes in spans if opens < end and begin < closes)
        days[date.weekday()] = tuple(
            (
                f"{opens.astimezone(zone):%H:%M:%S}",
                LAST_SECOND if closes >= end else f"{closes.astimezone(zone):%H:%M:%S}",
            )
            for opens, closes in within
        )
    return tuple(days)


def most_spans(week: Sequence[Day]) -> int:
    """How many spans its fullest day has."""
    return max((len(day) for day in week), default=0)
