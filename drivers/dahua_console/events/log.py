"""The terminal's memory of who stood there, read to its end and each event is_reported once.

`recordFinder` gives the oldest events from a second on, so reading goes on from the newest second read. RecNo is an
event's serial number. Where the terminal's clock jumps, seconds and numbers disagree: what counts as reported is the
number. Nothing here knows a number's time after a restart, so it is looked for by halving.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from devicemgr.errors import DeviceGarbled
from drivers.dahua_console.cgi import Cgi, number
from drivers.dahua_console.parsing import read_records, second_of

PAGE = 100
_MOST_PAGE = 20_000
_END = 4_102_444_800
# How near the place of the last serial number has to be found, and how much is read again before it.
_NEAR = 600
_BACK = 3600
_MOST_REMEMBERED = 200_000
_RECORD_BYTES = 2048


@dataclass(frozen=True, slots=True)
class Record:
    """One row of AccessControlCardRec."""

    serial: int
    second: int
    row: dict[str, str]


class History:
    """Reads one terminal's records; for one thread. `caught_up` when the last page was not full."""

    def __init__(self, cgi: Cgi) -> None:
        self._cgi = cgi
        self._floor = 0
        self._reported: set[int] = set()
        self._from: int | None = None
        self._newest = 0
        self._best = 0
        self._page = PAGE
        self._at_end = False
        self.caught_up = False

    @property
    def serial(self) -> int:
        """The greatest serial number that was reported, 0 before the first."""
        return max(self._reported, default=self._floor)

    def resume(self, serial: int | None) -> None:
        """Everything up to `serial` is reported already; None before the first time."""
        if serial is not None and serial != self._floor and serial not in self._reported:
            self._floor, self._reported, self._from, self._at_end = serial, set(), None, False
        self.caught_up = False

    def hint(self, second: int) -> None:
        """Something happened at that second of the terminal's clock, which may have been set back."""
        self.caught_up = False
        if self._from is not None and 0 < second < self._from:
            self._from = second

    def page(self) -> list[Record]:
        """The next events that were not reported before, oldest first; [] when there are none now."""
        if self._from is None:
            self._from, self._best = self._place_of(self._floor)
        rows = self._read(self._from, self._page)
        full = len(rows) >= self._page
        if full and rows[-1].second <= self._from:
            # A whole page of one second: only a larger one leads on.
            if self._page >= _MOST_PAGE:
                raise DeviceGarbled(f"over {_MOST_PAGE} events in one second; set the terminal's clock")
            self._page = min(self._page * 4, _MOST_PAGE)
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
        if len(self._reported) > _MOST_REMEMBERED:
            self._floor = max(self._reported)
            self._reported.clear()

    def _was_reset(self) -> bool:
        """Return True if all that is there has lower numbers than what was reported before: it was erased."""
        return 0 < self._best < self._floor

    def _again(self) -> list[Record]:
        self._floor, self._reported, self._from, self._newest, self._best = 0, set(), 0, 0, 0
        self._at_end = self.caught_up = False
        return []

    def _place_of(self, serial: int) -> tuple[int, int]:
        """A second at or before the event with that number, and the greatest number that was seen on the way."""
        low, high, best = 0, int(time.time()) + 86_400, 0
        while serial and high - low > _NEAR:
            middle = (low + high) // 2
            found = self._read(middle, 1)
            best = max([best, *(row.serial for row in found)])
            if found and found[0].serial <= serial:
                low = middle
            else:
                high = middle
        return max(0, low - _BACK), best

    def _read(self, start: int, count: int) -> list[Record]:
        pairs = [
            ("name", "AccessControlCardRec"),
            ("StartTime", str(start)),
            ("EndTime", str(_END)),
            ("count", str(count)),
        ]
        rows = read_records(self._cgi.text("recordFinder", "find", pairs, limit=count * _RECORD_BYTES + 65_536))
        records = [Record(number(row.get("RecNo", ""), 0), second_of(row), row) for row in rows]
        if any(record.serial <= 0 for record in records):
            raise DeviceGarbled("the terminal's events have no record numbers; update its firmware")
        return sorted(records, key=lambda record: record.second)
