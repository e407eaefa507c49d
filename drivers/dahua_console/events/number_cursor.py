"""A terminal's memory read by record numbers, for firmware that can't be queried by time.

The memory is a ring: numbers grow, and old events go from its front, so that an event's place sinks. The place of the
last number is looked for by halving, one look a call; pages overlap, which proves that nothing lies between them.
"""

import time
from collections import deque

from devicemgr.errors import DeviceRefused
from drivers.dahua_console.events.record_query import Record, RecordQuery
from drivers.dahua_console.refusals import CgiRefused

PAGE = 100
_OVERLAP = 10
_MAX_WHOLE = 200_000
_HANDED_OUT = 500
# A whole memory is megabytes: it is read when something happened, else seldom.
_WHOLE_EVERY_S = 60.0


class WasReset(DeviceRefused):
    """All numbers are lower than those that were reported: the memory was erased."""


class NumberCursor:
    """Reads on from a number; for one thread. `is_at_end` when the last read has come to the end."""

    def __init__(self, query: RecordQuery) -> None:
        self._query = query
        self._low, self._high = 0, 0
        self._guess: int | None = None
        self._place: int | None = None
        self._is_searching = False
        self._has_seek = True
        self._whole: deque[Record] = deque()
        self._whole_due = 0.0
        self.is_at_end = False

    def hint(self) -> None:
        """Something has happened: look now."""
        self._whole_due = 0.0

    def read(self, after: int) -> list[Record]:
        """Return the next events with a number above `after`, by number; [] while the place is looked for."""
        self.is_at_end = False
        if self._has_seek and not self._query.is_descending:
            try:
                return self._read_page(after) if self._place is not None else self._search(after)
            except CgiRefused:
                self._has_seek = False
        return self._read_whole(after)

    def _read_page(self, after: int) -> list[Record]:
        assert self._place is not None
        start = max(0, self._place - _OVERLAP)
        rows = self._query.seek(start, PAGE + _OVERLAP)
        if not rows and start == 0:
            self.is_at_end = True
            return []
        if not rows or (start > 0 and rows[0].serial > after + 1) or rows[-1].serial < after:
            self._place = None  # the ring has moved, or was erased
            return []
        self._place = start + len(rows)
        self.is_at_end = len(rows) < PAGE + _OVERLAP
        return [row for row in rows if row.serial > after]

    def _search(self, after: int) -> list[Record]:
        """Take one step towards the place of the first number above `after`."""
        if not self._is_searching:
            return self._begin_search(after)
        if self._low < self._high:
            middle = self._guess if self._guess is not None else (self._low + self._high) // 2
            middle, self._guess = min(max(middle, self._low), self._high - 1), None
            found = self._query.seek(middle, 1)
            if not found or found[0].serial > after:
                self._high = middle
            else:
                self._low = middle + 1
                if found[0].serial == after:
                    self._high = self._low
            return []
        self._place, self._is_searching = self._low, False
        return []

    def _begin_search(self, after: int) -> list[Record]:
        first, size = self._query.seek(0, 1), self._query.size()
        if not first or first[0].serial > after or size is None:
            self._place = 0
            return []
        last = self._query.seek(max(size - 1, 0), 1)
        if last and last[-1].serial < after:
            raise WasReset("the terminal's memory of events was erased")
        self._low, self._high, self._is_searching = 1, size, True
        self._guess = after - first[0].serial  # right at once where no number is missing
        return []

    def _read_whole(self, after: int) -> list[Record]:
        """Read everything where nothing else is understood, and hand it out in parts."""
        if not self._whole and time.monotonic() >= self._whole_due:
            self._whole_due = time.monotonic() + _WHOLE_EVERY_S
            rows = self._whole_memory()
            if rows and rows[-1].serial < after:
                raise WasReset("the terminal's memory of events was erased")
            self._whole.extend(row for row in rows if row.serial > after)
        found = [self._whole.popleft() for _ in range(min(len(self._whole), _HANDED_OUT))]
        self.is_at_end = not self._whole
        return found

    def _whole_memory(self) -> list[Record]:
        size = self._query.size()
        count = 1024 if size is None else size + PAGE
        while True:
            rows = self._query.oldest(count)
            if size is None and len(rows) == count and count < _MAX_WHOLE:
                count *= 4
                continue
            if size is not None and len(rows) < size:
                raise CgiRefused(f"the terminal shows {len(rows)} of its {size} events; update its firmware")
            return rows
