"""Which day an instant belongs to, where days begin at a time of the clock; in UTC instants, so that DST is right."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)


@lru_cache(maxsize=4096)
def begin_of(day: date, starts: time, zone: ZoneInfo) -> datetime:
    """Return the instant at which a day begins; at the first of two where the clock shows the time twice."""
    return datetime.combine(day, starts, zone).astimezone(UTC)


def day_of(at: datetime, starts: time, zone: ZoneInfo) -> date:
    """Return the day that an instant belongs to; OverflowError at the ends of the calendar."""
    day = at.astimezone(zone).date()
    if at < begin_of(day, starts, zone):
        return day - _DAY
    return day if at < begin_of(day + _DAY, starts, zone) else day + _DAY
