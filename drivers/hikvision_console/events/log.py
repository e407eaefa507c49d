"""A console's memory of events, read on from a serial number (AcsEvent): the path that is guaranteed."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from drivers.hikvision_console.clock import Clock
from drivers.hikvision_console.events.translate import Event, from_memory
from drivers.hikvision_console.isapi import Isapi, items, section

TARGET = "/ISAPI/AccessControl/AcsEvent"
PAGE = 30
_FIRST = datetime(2000, 1, 1, 12, tzinfo=UTC)
_LAST = datetime(2037, 12, 31, tzinfo=UTC)
_MARGIN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Page:
    """Some events by serial; `count` as the console counts them, `total` of the whole search."""

    events: tuple[Event, ...]
    count: int
    more: bool
    total: int


class Memory:
    """Reads the events of one major type in order; `clock` is the console's.

    `last` is the serial up to which all are known, None while it is not known where to begin.
    """

    def __init__(
        self, isapi: Isapi, clock: Clock, last: int | None, should_stop: Callable[[], bool], major: int
    ) -> None:
        self._isapi, self.clock, self._should_stop, self.major = isapi, clock, should_stop, major
        self.last = last
        self._last_at: datetime | None = None
        self._by_serial = True

    def fresh(self) -> Iterator[Event]:
        """Yield every event after `last`, which moves with each; drop what was reported before.

        A search by serial begins again with each page; a console that ignores beginSerialNo is paged by position.
        """
        last = self.last or 0
        search, position, begin = _new_search(), 0, last + 1
        while not self._should_stop():
            page = self._search(search, position, begin)
            found = [event for event in page.events if event.serial > (self.last or 0)]
            for event in found:
                if event.serial > (self.last or 0):
                    self.last, self._last_at = event.serial, event.at
                    # A console that ignores `major` answers with everything: each memory keeps its own.
                    if event.code[0] == self.major:
                        yield event
            if not page.more or not page.count:
                return
            if self._by_serial and found:
                search, position, begin = _new_search(), 0, (self.last or 0) + 1
            else:
                self._by_serial = False
                position += page.count

    def went_back(self) -> bool:
        """Return whether the serial numbers began again (a new or emptied memory); then so does `last`."""
        last = self.last
        if not last or any(event.serial >= last for event in self._search(_new_search(), 0, last).events):
            return False
        newest, _ = self.newest()
        if newest is None or newest.serial >= last:
            return False
        self.last, self._last_at = 0, None
        return True

    def holds(self, event: Event) -> bool:
        """Return True if the console's memory holds this very event: number, code, person and card."""
        same = (event.serial, event.code, event.badge, event.card)
        return any(
            (found.serial, found.code, found.badge, found.card) == same
            for found in self._search(_new_search(), 0, event.serial, 5).events
        )

    def newest(self) -> tuple[Event | None, int]:
        """Return the newest event and how many there are; firmware differs in which end of a search is the newest."""
        search = _new_search()
        first = self._search(search, 0, None, 1)
        events = [*first.events, *(self._search(search, first.total - 1, None, 1).events if first.total > 1 else ())]
        return max(events, key=lambda event: event.serial, default=None), first.total

    def _search(self, search: str, position: int, begin: int | None, most: int = PAGE) -> Page:
        since = _FIRST
        if not self._by_serial and begin is not None and self._last_at is not None:
            since = max(_FIRST, self._last_at - _MARGIN)
        condition: dict[str, Any] = {
            "searchID": search,
            "searchResultPosition": position,
            "maxResults": most,
            "major": self.major,
            "minor": 0,
            "startTime": self.clock.stamp(since),
            "endTime": self.clock.stamp(_LAST),
            "picEnable": False,
        }
        if begin is not None:
            condition["beginSerialNo"] = begin
        found = section(self._isapi.send("POST", TARGET, {"AcsEventCond": condition}), "AcsEvent")
        rows = items(found.get("InfoList"))[: 2 * PAGE]
        events = [event for event in (from_memory(one, self.clock) for one in rows) if event is not None]
        return Page(
            tuple(sorted(events, key=lambda event: event.serial)),
            len(rows),
            str(found.get("responseStatusStrg", "")).upper() == "MORE",
            _count(found.get("totalMatches")),
        )


def latest(isapi: Isapi, clock: Clock, code: tuple[int, int]) -> Event | None:
    """Return the newest event of one kind that the console remembers, or None; Refusal where it can't be queried."""
    condition: dict[str, Any] = {
        "searchID": _new_search(),
        "searchResultPosition": 0,
        "maxResults": 1,
        "major": code[0],
        "minor": code[1],
        "startTime": clock.stamp(_FIRST),
        "endTime": clock.stamp(_LAST),
        "picEnable": False,
    }
    found = section(isapi.send("POST", TARGET, {"AcsEventCond": condition}), "AcsEvent")
    rows = items(found.get("InfoList"))[:1]
    if (total := _count(found.get("totalMatches"))) > 1:
        condition["searchResultPosition"] = total - 1
        found = section(isapi.send("POST", TARGET, {"AcsEventCond": condition}), "AcsEvent")
        rows += items(found.get("InfoList"))[:1]  # firmware differs in which end is the newest
    events = [event for event in (from_memory(one, clock) for one in rows) if event is not None and event.code == code]
    return max(events, key=lambda event: event.serial, default=None)


def _new_search() -> str:
    return uuid.uuid4().hex


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else 0
