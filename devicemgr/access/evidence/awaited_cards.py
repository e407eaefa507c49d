"""The next card at a reader, awaited by an administrator who assigns it.

It opens nothing and is no event. It does not while it is held on either: readers repeat it.
"""

import threading
import time
from dataclasses import dataclass, field

from devicemgr.errors import AlreadyExists

# Readers repeat a card that is held on at least once in this time.
HELD_S = 3.0


@dataclass(slots=True)
class AwaitedCard:
    """One wait for a card; `names` are its numbers once it was shown."""

    names: tuple[str, ...] = ()
    _shown: threading.Event = field(default_factory=threading.Event)

    def show(self, names: tuple[str, ...]) -> None:
        """End the wait with this card."""
        self.names = names
        self._shown.set()

    def wait(self, seconds: float) -> bool:
        """Return True if the card was shown within so many seconds."""
        return self._shown.wait(seconds)


class AwaitedCards:
    """The readers at which a card is awaited; any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, int], AwaitedCard] = {}
        self._held: dict[tuple[str, int], tuple[tuple[str, ...], float]] = {}

    def begin(self, device: str, channel: int) -> AwaitedCard:
        """Await the next card there; AlreadyExists while another is awaited."""
        awaited = AwaitedCard()
        with self._lock:
            if (device, channel) in self._waiting:
                raise AlreadyExists(f"a card is awaited at reader {channel} of {device} already; try again later")
            self._waiting[device, channel] = awaited
        return awaited

    def end(self, device: str, channel: int, awaited: AwaitedCard) -> None:
        """Await nothing more there."""
        with self._lock:
            if self._waiting.get((device, channel)) is awaited:
                del self._waiting[device, channel]

    def is_awaited(self, device: str, channel: int) -> bool:
        """Return True while a card is awaited there, or was a moment ago."""
        with self._lock:
            return (device, channel) in self._waiting or (device, channel) in self._held

    def take(self, device: str, channel: int, names: tuple[str, ...]) -> bool:
        """Return True if this card was awaited there, or is held on since; it is no request then."""
        if not names:
            return False
        place, now = (device, channel), time.monotonic()
        with self._lock:
            awaited = self._waiting.pop(place, None)
            held, last = self._held.pop(place, ((), 0.0))
            is_held = awaited is None and held == names and now - last < HELD_S
            if awaited is not None or is_held:
                self._held[place] = (names, now)
        if awaited is not None:
            awaited.show(names)
        return awaited is not None or is_held
