"""A console's clock: its zone's sign is inverted (UTC-3 is `CST+3:00:00`, capture), and it may be wrong."""

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from drivers.common.console.device_clock import ClockReading

_ZONE = re.compile(r"[A-Za-z]{0,10}([+-]?)([0-9]{1,2})(?::([0-9]{2}))?(?::[0-9]{2})?")


@dataclass(frozen=True, slots=True)
class Clock:
    """A console's zone, and how far it is ahead of this box's clock in seconds.

    `reading` is None while the console has not reported its time: then it is not known how old a question is.
    """

    zone: timezone = UTC
    skew: float = 0.0
    reading: ClockReading | None = None

    def age_of(self, moment: datetime, now: float) -> float | None:
        """Return the seconds from `moment` to the console's clock at `now` (CLOCK_MONOTONIC); None if unknown."""
        return None if self.reading is None else self.reading.age_of(moment, now)

    def read(self, text: str) -> datetime | None:
        """Parse a time of the console into an aware one, in its zone if no offset is given; None for anything else."""
        try:
            # The end of a day comes as 24:00:00 too, and is the same as its last second (field report).
            moment = datetime.fromisoformat(text.strip()[:40].replace("T24:00:00", "T23:59:59"))
        except ValueError:
            return None
        return moment if moment.utcoffset() is not None else moment.replace(tzinfo=self.zone)

    def local(self, moment: datetime) -> str:
        """Format an aware time in the console's zone, without offset, in whole seconds."""
        return moment.astimezone(self.zone).strftime("%Y-%m-%dT%H:%M:%S")

    def stamp(self, moment: datetime) -> str:
        """Format an aware time with the console's offset, in whole seconds."""
        return moment.astimezone(self.zone).isoformat(timespec="seconds")

    @property
    def note(self) -> str:
        """The skew in words; empty below 5 s."""
        if abs(self.skew) < 5:
            return ""
        return f"the console's clock is {abs(self.skew):.0f} s {'ahead' if self.skew > 0 else 'behind'}"


def read_zone(text: str) -> timezone | None:
    """Parse a zone, in which `CST+3:00:00` is UTC-3; None for anything else."""
    found = _ZONE.match(text.strip())
    if found is None:
        return None
    ahead = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
    if ahead >= timedelta(hours=24):
        return None
    return timezone(ahead if found[1] == "-" else -ahead)


def write_zone(offset: timedelta) -> str:
    """Write a zone that is `offset` east of UTC in the console's notation."""
    minutes = round(offset.total_seconds() / 60)
    return f"CST{'-' if minutes >= 0 else '+'}{abs(minutes) // 60}:{abs(minutes) % 60:02}:00"


def read_clock(says: dict[str, object], now: datetime) -> Clock:
    """Parse the answer of `/ISAPI/System/time` that has come at `now`, just now.

    Where the console tells no time its events are taken to be right, and its questions not to be fresh.
    """
    local = str(says.get("localTime") or "")
    zone = read_zone(str(says.get("timeZone") or ""))
    clock = Clock(zone or UTC)
    shown = clock.read(local)
    if shown is None:
        return clock
    offset = shown.utcoffset() or timedelta(0)
    # It shows whole seconds: half of one is the best guess at the rest.
    reading = ClockReading(shown.timestamp() + 0.5, time.monotonic())
    return Clock(timezone(offset), (shown - now).total_seconds(), reading)
