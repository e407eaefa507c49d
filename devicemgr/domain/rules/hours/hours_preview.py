"""What a change of schedules or calendars opens and closes, by date."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from devicemgr.domain.model import Schedule
from devicemgr.domain.rules.schedules import find_zone, spans, without

DAYS_AHEAD = 90

Times = tuple[tuple[datetime, datetime], ...]


@dataclass(frozen=True, slots=True)
class ChangedDay:
    """The hours of one date, in the schedule's zone, that open and that close by a change."""

    schedule: str
    date: date
    opens: tuple[str, ...]
    closes: tuple[str, ...]


def changed_days(before: Mapping[str, Schedule], after: Mapping[str, Schedule], now: datetime) -> list[ChangedDay]:
    """Return the dates of the next 90 days on which a schedule is open at other times; added and removed ones too."""
    found = []
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        zone = find_zone((new or old).timezone) if (new or old) is not None and old != new else None  # type: ignore[union-attr]
        if zone is None:
            continue
        begin = datetime.combine(now.astimezone(zone).date(), time(), zone).astimezone(UTC)
        end = begin + timedelta(days=DAYS_AHEAD)
        was, will = (spans([one] if one else [], begin, end) for one in (old, new))
        opens, closes = _by_date(without(will, was), zone), _by_date(without(was, will), zone)
        found += [ChangedDay(name, day, opens.get(day, ()), closes.get(day, ())) for day in sorted({*opens, *closes})]
    return found


def _by_date(times: Times, zone: tzinfo) -> dict[date, tuple[str, ...]]:
    """Return spans as `08:00-18:00` of each date; one over midnight is on both."""
    found: dict[date, tuple[str, ...]] = {}
    for opens, closes in times:
        begin, last = opens.astimezone(zone), closes.astimezone(zone)
        while begin.date() < last.date():
            found[begin.date()] = (*found.get(begin.date(), ()), f"{begin:%H:%M}-24:00")
            begin = datetime.combine(begin.date() + timedelta(days=1), time(), zone)
        if begin.time() < last.time():
            found[begin.date()] = (*found.get(begin.date(), ()), f"{begin:%H:%M}-{last:%H:%M}")
    return found
