"""Access records in the order of their numbers, each once: live ones, buffered ones and repeated ones come mixed."""

import threading
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from enum import Enum

from drivers.common.zkteco.records import Event, encode_time

# Serials from here up are made of the time: a terminal's own record numbers stay far below.
FIRST_TIMED = 100_000_000_000
_A_SECOND = 1000
MAX_HELD, _MAX_RECENT = 5000, 5000


_Key = tuple[int, datetime, str]


class Source(Enum):
    """The source of records, by which some of them may have come before."""

    UPLOAD = "upload"  # sent by the device until it is acknowledged: repeated, also after a restart of this program
    MEMORY = "memory"  # read by a query: always repeated
    FIRST_LOG = "first log"  # a log that is emptied by reading, the first time: may overlap with the memory
    LOG = "log"  # from then on each once, so that a clock that was set back makes none a repeated one


def _key_of(event: Event) -> _Key:
    return event.index, event.at, f"{event.code} {event.pin} {event.card} {event.door}"


class Backlog:
    """Any thread. `since` is when the terminal became ours: older records of a new terminal are not of this site."""

    def __init__(self, since: datetime) -> None:
        self._since = since
        self._lock = threading.Lock()
        self._last: int | None = None
        self._timed_last = self._timed_floor = 0
        self._held: dict[int, Event] = {}
        self._timed: list[Event] = []
        self._recent: OrderedDict[_Key, int] = OrderedDict()  # how often each was reported
        self._seconds: OrderedDict[datetime, int] = OrderedDict()
        self._newest: datetime | None = None
        self.restarts = 0
        self.skipped = 0

    def resume(self, serial: int | None) -> None:
        """Go on behind the serial that is on disk."""
        with self._lock:
            if serial is None:
                return
            if serial >= FIRST_TIMED:
                self._timed_last = self._timed_floor = max(self._timed_last, serial)
            else:
                self._last = max(self._last or 0, serial)

    def add(self, events: Sequence[Event], source: Source = Source.UPLOAD) -> bool:
        """Take records; False when there is no room now and the device has to keep them."""
        with self._lock:
            if source is Source.UPLOAD and len(self._held) + len(self._timed) + len(events) > MAX_HELD:
                return False
            seen: Counter[_Key] = Counter()
            for event in events:
                key = _key_of(event)
                seen[key] += 1
                if source is Source.LOG or seen[key] > self._recent.get(key, 0):
                    self._add(event, key, source)
            return True

    def _add(self, event: Event, key: _Key, source: Source) -> None:
        if event.index and event.index in self._held:
            return
        if self._is_history(event):
            self.skipped += 1
            self._remember(key)
            if event.index:
                self._last = max(self._last or 0, event.index)
        elif not event.index:
            self._remember(key)
            self._add_timed(event, source)
        else:
            self._add_numbered(event, source)

    def _is_history(self, event: Event) -> bool:
        """Return True for a record from before a terminal became ours, when no serial of it is on disk."""
        return self._last is None and not self._timed_last and event.at < self._since

    def _add_numbered(self, event: Event, source: Source) -> None:
        if self._last is None:
            self._last = event.index - 1
        if event.index <= self._last:
            newer = event.at > (self._newest or self._since)
            if source is Source.MEMORY or not newer:
                return  # repeated: it is on disk
            # Later than all before and a lower number: its memory was cleared, and counts from the start.
            self._last, self.restarts = event.index - 1, self.restarts + 1
            self._held.clear()
        if len(self._held) < MAX_HELD:
            self._held[event.index] = event

    def _add_timed(self, event: Event, source: Source) -> None:
        """Give a number to a record of firmware without record numbers by its second and its place in it."""
        first = FIRST_TIMED + encode_time(event.at, None) * _A_SECOND
        place = self._seconds.get(event.at, 0) + 1
        self._seconds[event.at] = place
        while len(self._seconds) > _MAX_RECENT:
            self._seconds.popitem(last=False)
        serial = first + place
        if serial <= self._timed_floor and source in (Source.UPLOAD, Source.MEMORY):
            return  # from before the restart of this program, uploaded again
        serial = max(serial, self._timed_last + 1)
        self._timed_last = serial
        self._timed.append(replace(event, index=serial))

    def _remember(self, key: _Key) -> None:
        self._recent[key] = self._recent.get(key, 0) + 1
        while len(self._recent) > _MAX_RECENT:
            self._recent.popitem(last=False)

    def take(self, most: int = 200) -> list[Event]:
        """Return what follows without a gap, in order."""
        with self._lock:
            found, self._timed = self._timed[:most], self._timed[most:]
            while self._last is not None and len(found) < most and self._last + 1 in self._held:
                self._last += 1
                found.append(self._held.pop(self._last))
            for event in found:
                self._newest = max(self._newest or event.at, event.at)
                if event.index < FIRST_TIMED:
                    self._remember(_key_of(event))
            return found

    def find(self, code: int, door: int, after: int) -> bool:
        """Return True if a record of this kind is held that has a number above `after`."""
        with self._lock:
            return any(
                event.code == code and event.door == door and event.index > after for event in self._held.values()
            )

    @property
    def newest(self) -> int:
        """The highest number that is held or was taken."""
        with self._lock:
            return max(self._held, default=self._last or 0)

    @property
    def gap(self) -> tuple[int, int] | None:
        """The numbers that are missing before the next record that is held; None where none are."""
        with self._lock:
            if self._last is None or not self._held or self._last + 1 in self._held:
                return None
            return self._last + 1, min(self._held) - 1

    def pass_gap(self) -> tuple[int, int] | None:
        """Go on behind the gap; return what is missing."""
        missing = self.gap
        with self._lock:
            if missing is not None:
                self._last = missing[1]
        return missing
