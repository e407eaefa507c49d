"""The terminal's memory of who stood there, read to its end and each event reported once.

`recordFinder` gives the oldest events from a second on, so reading goes on from the newest second read; firmware that
can't be queried by time is read by numbers (number_cursor.py beside this file). RecNo is an event's serial number.
Where the terminal's clock jumps, seconds and numbers disagree: what counts as reported is the number. Nothing here
knows a number's time after a restart, so it is looked for by halving.
"""

import logging
import time
from collections.abc import Callable, Sequence

from devicemgr.errors import DeviceGarbled
from drivers.dahua_console.cgi import Cgi, TerminalClock
from drivers.dahua_console.events.number_cursor import NumberCursor, WasReset
from drivers.dahua_console.events.record_query import NoTimeFilter, Record, RecordQuery

PAGE = 100
_MAX_PAGE = 20_000
# How near the place of the last serial number has to be found, and how much is read again before it.
_NEAR_S = 600
_BACK_S = 3600
_MAX_REMEMBERED = 200_000

_log = logging.getLogger(__name__)


class History:
    """Reads one terminal's records; for one thread. `caught_up` when the last page was not full."""

    def __init__(self, cgi: Cgi, clock: Callable[[], TerminalClock]) -> None:
        self._query = RecordQuery(cgi, clock)
        self._numbers: NumberCursor | None = None
        self._floor = 0
        self._reported: set[int] = set()
        self._from: int | None = None
        self._low, self._high = 0, 0
        self._newest = 0
        self._best = 0
        self._page = PAGE
        self._at_end = False
        self.caught_up = False

    @property
    def serial(self) -> int:
        """Return the greatest serial number that was reported, 0 before the first."""
        return max(self._reported, default=self._floor)

    def resume(self, serial: int | None) -> None:
        """Everything up to `serial` is reported already; None before the first time."""
        if serial is not None and serial != self._floor and serial not in self._reported:
            self._floor, self._reported, self._from, self._at_end = serial, set(), None, False
            self._high = 0
        self.caught_up = False

    def hint(self, second: int) -> None:
        """Something happened at that second of the terminal's clock, which may have been set back."""
        self.caught_up = False
        if self._from is not None and 0 < second < self._from:
            self._from = second
        if self._numbers is not None:
            self._numbers.hint()

    def page(self) -> list[Record]:
        """Return the next events that were not reported before, oldest first; [] when there are none now."""
        try:
            return self._page_by_number(self._numbers) if self._numbers is not None else self._page_by_time()
        except NoTimeFilter as error:
            _log.info("the terminal's memory is read by record numbers: %s", error)
            self._numbers = NumberCursor(self._query)
            return []

    def _page_by_number(self, cursor: NumberCursor) -> list[Record]:
        try:
            rows = cursor.read(self._floor)
        except WasReset:
            self._numbers = NumberCursor(self._query)
            return self._again()
        self.caught_up = cursor.is_at_end
        fresh = [row for row in rows if row.serial not in self._reported]
        if rows:
            self._floor = rows[-1].serial
            self._reported = {serial for serial in self._reported if serial > self._floor}
        return fresh

    def _page_by_time(self) -> list[Record]:
        if self._from is None and not self._find_place():
            return []
        assert self._from is not None
        rows = self._query.since(self._from, self._page)
        full = len(rows) >= self._page
        if full and rows[-1].second <= self._from:
            # A whole page of one second: only a larger one leads on.
            if self._page > PAGE and 0 < rows[0].second < self._from:
                raise NoTimeFilter("the terminal ignores StartTime: it shows events of before")
            if self._page >= _MAX_PAGE:
                raise DeviceGarbled(f"over {_MAX_PAGE} events in one second; set the terminal's clock")
            self._page = min(self._page * 4, _MAX_PAGE)
            return []
        self._page = PAGE
        fresh = self._fresh(rows)
        if rows:
            self._from = max(self._from, rows[-1].second)
        self.caught_up = not full
        first_end = self.caught_up and not self._at_end
        self._at_end = self._at_end or self.caught_up
        if first_end and self._was_reset():
            return self._again()
        return fresh

    def _fresh(self, rows: Sequence[Record]) -> list[Record]:
        # An older number on a newer event: the terminal has begun to count again.
        for row in rows:
            is_reported = row.serial <= self._floor or row.serial in self._reported
            if is_reported and self._at_end and row.second > self._newest > 0:
                self._floor, self._reported = 0, set()
        if self._floor == 0 and not self._reported and rows:
            self._floor = min(row.serial for row in rows) - 1
        fresh = [row for row in rows if row.serial > self._floor and row.serial not in self._reported]
        if rows:
            self._newest = max(self._newest, rows[-1].second)
            self._best = max(self._best, *(row.serial for row in rows))
        self._reported.update(row.serial for row in fresh)
        self._settle()
        return sorted(fresh, key=lambda row: row.serial)

    def _settle(self) -> None:
        """Forget single numbers that a floor says as well."""
        while self._floor + 1 in self._reported:
            self._floor += 1
            self._reported.discard(self._floor)
        if len(self._reported) > _MAX_REMEMBERED:
            self._floor = max(self._reported)
            self._reported.clear()

    def _was_reset(self) -> bool:
        """Return True if all that is there has lower numbers than what was reported before: it was erased."""
        return 0 < self._best < self._floor

    def _again(self) -> list[Record]:
        self._floor, self._reported, self._from, self._newest, self._best = 0, set(), 0, 0, 0
        self._at_end = self.caught_up = False
        return []

    def _find_place(self) -> bool:
        """Look, once a call, for a second at or before the event with the last number; return whether it is found."""
        if self._high == 0:
            self._low, self._high = 0, int(time.time()) + 86_400
        if self._floor == 0 or self._high - self._low <= _NEAR_S:
            self._from, self._high = max(0, self._low - _BACK_S), 0
            return True
        middle = (self._low + self._high) // 2
        found = self._query.since(middle, 1)
        self._best = max([self._best, *(row.serial for row in found)])
        if found and found[0].serial <= self._floor:
            self._low = middle
        else:
            self._high = middle
        return False
