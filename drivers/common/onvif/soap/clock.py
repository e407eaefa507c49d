"""A device's clock by GetSystemDateAndTime, in UTC or in local time with its zone; and a skew in words."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from drivers.common.onvif.soap import envelope as soap

# POSIX.1-2017 8.3: a name, the hours west of Greenwich, and perhaps the same of summer time.
_NAME = r"(?:<[^>]{1,16}>|[A-Za-z]{1,16})"
_HOURS = r"([+-]?)(\d{1,2})(?::?(\d{2}))?(?::\d{2})?"
_ZONE = re.compile(rf"\s*{_NAME}\s*{_HOURS}({_NAME}(?:{_HOURS})?)?")
_QUARTER_S = 900
_PARTS = ("Year", "Month", "Day", "Hour", "Minute", "Second")


def skew_of(answer: Any, now: datetime) -> float | None:
    """Return the seconds that the device is ahead; None when its clock cannot be read.

    A device that tells only local time is read by its zone. Where the zone has summer time, or a sign that may be
    meant either way (GMT+8), the offset counts by which the clock is most nearly right; without a zone, whole
    quarters of an hour do.
    """
    if (utc := soap.first(answer, "UTCDateTime")) is not None and (moment := _moment(utc)) is not None:
        return (moment - now).total_seconds()
    local = soap.first(answer, "LocalDateTime")
    moment = None if local is None else _moment(local)
    if moment is None:
        return None
    ahead = (moment - now).total_seconds()
    offsets = _offsets(soap.text(answer, "TZ")) or [round(ahead / _QUARTER_S) * _QUARTER_S]
    return min((ahead - offset for offset in offsets), key=abs)


def words_of(skew: float) -> str:
    """Return how far a clock is off, such as "1 h 5 min (3900 s) ahead"."""
    seconds = round(abs(skew))
    days, rest = divmod(seconds, 86_400)
    hours, minutes = rest // 3600, rest % 3600 // 60
    units = [(days, "1 day" if days == 1 else f"{days} days"), (hours, f"{hours} h"), (minutes, f"{minutes} min")]
    long = " ".join(text for count, text in units if count)
    shown = f"{long} ({seconds} s)" if seconds >= 60 else f"{seconds} s"
    return f"{shown} {'ahead' if skew > 0 else 'behind'}"


def _moment(element: Any) -> datetime | None:
    parts = [soap.number(element, name) for name in _PARTS]
    try:
        year, month, day, hour, minute, second = (part if part is not None else -1 for part in parts)
        if hour == 24 and minute == second == 0:
            return datetime(year, month, day, tzinfo=UTC) + timedelta(days=1)
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _offsets(zone: str) -> list[float]:
    """Return the seconds east of Greenwich that a zone may mean."""
    found = _ZONE.match(zone)
    if found is None:
        return []
    west = _seconds(found, 1)
    summer = [] if found[4] is None else [_seconds(found, 5) if found[6] else west - 3600]
    return [sign * hours for hours in (west, *summer) for sign in (-1, 1)]


def _seconds(found: re.Match[str], group: int) -> float:
    seconds = int(found[group + 1]) * 3600 + int(found[group + 2] or 0) * 60
    return -seconds if found[group] == "-" else seconds
