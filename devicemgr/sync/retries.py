"""When what a device refused is tried again: later and later, or at once when what it should hold has changed."""

import time
from collections.abc import Collection

_RETRY_FIRST_S, _RETRY_LAST_S = 60.0, 3600.0


class Retries:
    """Refusals of one device by key; a digest names what was refused, None a removal."""

    def __init__(self) -> None:
        self._tried: dict[str, tuple[str | None, int, float]] = {}
        self._no_room: set[str] = set()

    def clear(self) -> None:
        """Try everything again at once."""
        self._tried.clear()

    def refused(self, key: str, wanted: str | None) -> None:
        """Note that the device refused `wanted` for a key."""
        _, attempts, _ = self._tried.get(key, (None, 0, 0.0))
        pause = min(_RETRY_LAST_S, _RETRY_FIRST_S * 2**attempts)
        self._tried[key] = (wanted, attempts + 1, time.monotonic() + pause)

    def no_room(self, keys: Collection[str]) -> None:
        """Note that these were not pushed because the device is full."""
        self._no_room |= set(keys)

    def room(self) -> None:
        """Try those again for which there was no room."""
        while self._no_room:
            self._tried.pop(self._no_room.pop(), None)

    def done(self, key: str) -> None:
        """Forget the refusals of a key."""
        self._tried.pop(key, None)

    def is_put_off(self, key: str, wanted: str | None) -> bool:
        """Return True if the device refused this very thing lately."""
        tried, _, due = self._tried.get(key, (None, 0, 0.0))
        return time.monotonic() < due and tried == wanted

    def due(self) -> float | None:
        """Return when the first is to be tried again, in CLOCK_MONOTONIC seconds."""
        return min((due for _, _, due in self._tried.values()), default=None)
