"""The age of a console's event by the console's own clock alone, since this host's clock may jump in between."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ClockReading:
    """A reading of a console's clock, in Unix seconds, at a CLOCK_MONOTONIC second."""

    shown: float
    at: float

    def age_of(self, moment: datetime, now: float) -> float:
        """Return the seconds from `moment`, a time of the console's, to its clock at the CLOCK_MONOTONIC second `now`.

        Negative for a moment that has not come yet.
        """
        return self.shown + (now - self.at) - moment.timestamp()
