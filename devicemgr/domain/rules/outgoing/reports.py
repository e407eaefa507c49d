"""Reports that leave by themselves: which there are, when they leave, and of which days, by the site's clock."""

from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from devicemgr.domain.rules.attendance.days import begin_of

_DAY = timedelta(days=1)


class Report(StrEnum):
    """The reports, as `operations.reports.catalog` has them."""

    PRESENCE = "presence"
    FIRST_LAST = "first-last"
    HOURS = "hours"
    DENIALS = "denials"
    VISITORS = "visitors"
    MUSTERS = "musters"


OF_PERSONS = frozenset({Report.PRESENCE, Report.FIRST_LAST, Report.HOURS})
"""Reports that say when each person came and went."""


class Every(StrEnum):
    """How often a report leaves: each day, each Monday, each first of a month."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def last_due(every: Every, clock: time, zone: ZoneInfo, now: datetime) -> date:
    """Return the day on which a report was last to leave, at this time of the clock.

    A time that the clock leaves out, or shows twice, as summer time begins or ends is one instant all the same.
    """
    on = _begun(every, now.astimezone(zone).date() + _DAY)
    while begin_of(on, clock, zone) > now:
        on = _begun(every, on - _DAY)
    return on


def days_of(every: Every, on: date) -> tuple[date, date]:
    """Return the first and the last day of the report that leaves on a day."""
    return _begun(every, on - _DAY), on - _DAY


def _begun(every: Every, day: date) -> date:
    """Return the day on which the period that holds a day begins."""
    if every is Every.MONTH:
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if every is Every.WEEK else day
