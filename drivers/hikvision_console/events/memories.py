"""All memories of events of one console: a cursor for each major type, where a new console begins, and its history."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from drivers.hikvision_console.clock import Clock
from drivers.hikvision_console.events.codes import ALARM, EVENT, EXCEPTION, OPERATION, adopted_log, history_log, log_of
from drivers.hikvision_console.events.log import PAGE, Memory
from drivers.hikvision_console.events.translate import Event
from drivers.hikvision_console.isapi import Isapi, Refusal

_log = logging.getLogger(__name__)

OTHERS = (ALARM, OPERATION, EXCEPTION)
MAJORS = (EVENT, *OTHERS)
NAMES = {EVENT: "events", ALARM: "alarms", OPERATION: "operations", EXCEPTION: "exceptions"}
# Whether a memory was emptied, it is looked at that often; the stream says it sooner.
_BACK_CHECK_S = {EVENT: 60.0, ALARM: 600.0, OPERATION: 600.0, EXCEPTION: 600.0}


@dataclass(frozen=True, slots=True)
class Adopted:
    """The start of reading a memory at a console that is new here: `count` events up to `serial` are history."""

    major: int
    serial: int
    count: int


class Memories:
    """For the thread that reads; `note` and `went_back` for any. `cursors` are the stored ones by log (`log_of`)."""

    def __init__(
        self,
        isapi: Isapi,
        clock: Clock,
        cursors: Mapping[str, int],
        is_new: Callable[[Event], bool],
        should_stop: Callable[[], bool],
        *,
        with_history: bool = False,
    ) -> None:
        self._isapi, self._is_new, self._should_stop = isapi, is_new, should_stop
        self._all: dict[int, Memory] = {}
        self._adopted: dict[int, int] = {}
        for major in MAJORS:
            adopted = cursors.get(adopted_log(major))
            self._all[major] = Memory(isapi, clock, cursors.get(log_of(major), adopted), should_stop, major)
            if adopted is not None:
                self._adopted[major] = adopted
        self._history_at = {major: cursors.get(history_log(major), 0) for major in MAJORS}
        self._histories: dict[int, Iterator[Event]] = {}
        self._with_history = with_history
        self._due, self._turn = set(MAJORS), 0
        self._went_back: set[int] = set()
        # At first only the memory of events is looked at: one that was emptied has lost the others too.
        self._checked = {EVENT: float("-inf"), **dict.fromkeys(OTHERS, time.monotonic())}

    def has(self, major: int) -> bool:
        """Return False if this firmware does not let that memory be queried."""
        return major in self._all

    @property
    def missing(self) -> list[str]:
        """The memories that this firmware does not let be queried, in words."""
        return [NAMES[major] for major in MAJORS if major not in self._all]

    def note(self, major: int) -> None:
        """Something has happened that this memory holds: it is read next."""
        if major in NAMES:
            self._due.add(major)

    def went_back(self, major: int) -> None:
        """Look at this memory again: its serial numbers may have started over."""
        self._went_back.add(major)

    def set_clock(self, clock: Clock) -> None:
        """Read times by this clock from now on."""
        for memory in list(self._all.values()):
            memory.clock = clock

    def skip_to(self, major: int, serial: int) -> None:
        """Count events up to `serial` as read."""
        if (memory := self._all.get(major)) is not None:
            memory.last = max(memory.last or 0, serial)

    def sweep(self, on_back: Callable[[int], None]) -> Iterator[Event | Adopted]:
        """Return what is new in the memory of events, in those that were noted, and in one of the others in turn.

        `on_back` is called with the major type whose serial numbers began again.
        """
        due, self._due = self._due, set()
        due |= {EVENT, OTHERS[self._turn % len(OTHERS)]}
        self._turn += 1
        for major in MAJORS:
            if major in due and major in self._all:
                yield from self._read(major, on_back)

    def _read(self, major: int, on_back: Callable[[int], None]) -> Iterator[Event | Adopted]:
        memory = self._all[major]
        try:
            if memory.last is None:
                yield self._adopt(memory)
            elif major in self._went_back or time.monotonic() - self._checked[major] > _BACK_CHECK_S[major]:
                self._went_back.discard(major)
                self._checked[major] = time.monotonic()
                if memory.went_back():
                    _log.warning("a console counts its %s from the start: its memory was emptied", NAMES[major])
                    on_back(major)
                    self._went_back |= set(MAJORS) - {major}
                    self._due |= set(MAJORS)
            yield from memory.fresh()
        except Refusal as refusal:
            if major == EVENT and not refusal.is_unsupported:
                raise
            _log.warning(
                "a console does not let its %s be queried (%s); its stream reports them", NAMES[major], refusal
            )
            del self._all[major]

    def _adopt(self, memory: Memory) -> Adopted:
        newest, count = memory.newest()
        serial = 0 if newest is None else newest.serial - 1 if self._is_new(newest) else newest.serial
        memory.last = serial
        self._adopted[memory.major] = serial
        return Adopted(memory.major, serial, count)

    def history(self) -> list[Event]:
        """Return the next page of what happened before the console was added; nothing where it is not wanted."""
        if not self._with_history:
            return []
        for major in MAJORS:
            until = self._adopted.get(major, 0)
            if major in self._all and self._history_at[major] < until:
                try:
                    return self._history_page(major, until)
                except Refusal as refusal:
                    _log.warning("a console does not let its history be queried: %s", refusal)
                    self._history_at[major] = until
        return []

    def _history_page(self, major: int, until: int) -> list[Event]:
        reader = self._histories.get(major)
        if reader is None:
            memory = Memory(self._isapi, self._all[major].clock, self._history_at[major], self._should_stop, major)
            reader = self._histories[major] = memory.fresh()
        found = [event for event in islice(reader, PAGE) if event.serial <= until]
        is_over = len(found) < PAGE
        if found:
            self._history_at[major] = found[-1].serial
        if is_over and not self._should_stop():
            self._history_at[major] = until
        return [replace(event, is_history=True) for event in found]
