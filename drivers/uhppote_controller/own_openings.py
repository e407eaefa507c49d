"""Openings that were commanded here, recognized in the controller's memory of events, also when no answer came."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

# The event's time counts whole seconds, and the request may arrive as late as its answer was waited for.
BEFORE_S, AFTER_S = 2.0, 8.0
_MAX_OPENINGS = 200


@dataclass(slots=True)
class Opening:
    """One request to open a door; `is_proven` once the controller has answered it."""

    door: int
    at: datetime
    is_proven: bool = False


class OwnOpenings:
    """Openings sent from here that the controller's memory has not shown yet; kept over a lost connection."""

    def __init__(self) -> None:
        self._openings: list[Opening] = []

    def send(self, door: int) -> Opening:
        """Note an opening that is about to be sent."""
        opening = Opening(door, datetime.now(UTC))
        self._openings = [*self._openings[1 - _MAX_OPENINGS :], opening]
        return opening

    def refused(self, opening: Opening) -> None:
        """Forget an opening of which the controller says that it did nothing."""
        self._openings.remove(opening)

    def match(self, door: int, at: datetime, skew: timedelta) -> Opening | None:
        """Return, once, the opening that an event of this door is the record of; `skew` is the controller's clock's."""
        happened = at - skew
        for opening in self._openings:
            if opening.door == door and -BEFORE_S <= (happened - opening.at).total_seconds() <= AFTER_S:
                self._openings.remove(opening)
                return opening
        return None
