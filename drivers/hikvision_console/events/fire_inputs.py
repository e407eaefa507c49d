"""A console's fire inputs (relay, button, lane controller), as its memory and its stream report them: one state."""

from drivers.hikvision_console.clock import Clock
from drivers.hikvision_console.events.alarm_table import FIRES
from drivers.hikvision_console.events.log import latest
from drivers.hikvision_console.events.translate import Event
from drivers.hikvision_console.isapi import Isapi, Refusal

_CODES = {
    source: {begins: code for code, (name, begins) in FIRES.items() if name == source} for source, _ in FIRES.values()
}


class FireInputs:
    """Active while any of the inputs is. What is older than the last reading is history."""

    def __init__(self) -> None:
        self._active: set[str] = set()
        # The newest serial of each source when it was read; None where the memory can't be queried.
        self._read_to: dict[str, int | None] = {}

    @property
    def is_active(self) -> bool:
        """Return True while any input reports fire."""
        return bool(self._active)

    def read(self, isapi: Isapi, clock: Clock) -> bool | None:
        """Return the state by the newest event of each input; None where the memory knows none."""
        found = [self._read(source, isapi, clock) for source in _CODES]
        return self.is_active if any(found) else None

    def _read(self, source: str, isapi: Isapi, clock: Clock) -> bool:
        codes = _CODES[source]
        try:
            begin = latest(isapi, clock, codes[True])
            # Of an input that never began anything no end is looked for, but of the one that each console has.
            end = latest(isapi, clock, codes[False]) if begin is not None or source == "relay" else None
        except Refusal:
            self._read_to[source] = None
            return False
        newest = max(
            (event for event in (begin, end) if event is not None), key=lambda event: event.serial, default=None
        )
        self._read_to[source] = newest.serial if newest is not None else 0
        if newest is not None:
            self._set(source, begins=FIRES[newest.code][1])
        return newest is not None

    def start_over(self, major: int) -> None:
        """Take every event as news from now on: the memory of this major type was emptied."""
        for source, codes in _CODES.items():
            if codes[True][0] == major and self._read_to.get(source) is not None:
                self._read_to[source] = 0

    def take(self, event: Event) -> bool:
        """Take an event of a fire input; return False if it is history."""
        source, begins = FIRES[event.code]
        read_to = self._read_to.get(source)
        if event.is_history:
            return False
        if read_to is None:
            is_news = bool(event.live) or (source in self._active and not begins)
        else:
            is_news = event.serial > read_to
        if is_news:
            self._set(source, begins=begins)
        return is_news

    def _set(self, source: str, *, begins: bool) -> None:
        (self._active.add if begins else self._active.discard)(source)
