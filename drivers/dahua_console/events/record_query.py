"""Questions to a terminal's memory of events (AccessControlCardRec), in the words that its firmware understands.

The vendor's document has `find` with StartTime and EndTime in Unix seconds, oldest first. In the field some firmware
wants these as local text, some refuses them, and some ignores them in silence and shows its oldest events each time
(ASI7213Y-V3); there doSeekFind with an offset pages, and getQuerySize counts. `find` may show 1,024 rows at most
(ASI3213A), or 20,000 at once whatever count says.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from devicemgr.errors import DeviceGarbled, DeviceRefused
from drivers.common.http.key_values import flat
from drivers.dahua_console.cgi import Cgi, TerminalClock, number
from drivers.dahua_console.parsing import read_records, second_of
from drivers.dahua_console.refusals import CgiRefused

_NAME = ("name", "AccessControlCardRec")
_END_S = 4_102_444_800
_FORMAT = "%Y-%m-%d %H:%M:%S"
_MAX_BYTES = 48 << 20
_QUERY_S = 8.0
# Clocks of a terminal that counts local time as UTC are off by a zone at most.
_MAX_ZONE_S = 15 * 3600


class NoTimeFilter(DeviceRefused):
    """This firmware refuses StartTime, or ignores it."""


@dataclass(frozen=True, slots=True)
class Record:
    """One row of AccessControlCardRec."""

    serial: int
    second: int
    row: dict[str, str]


class RecordQuery:
    """Queries of one terminal; for one thread."""

    def __init__(self, cgi: Cgi, clock: Callable[[], TerminalClock]) -> None:
        self._cgi, self._clock = cgi, clock
        self._has_text_times: bool | None = None
        self.is_descending = False  # the newest are shown first, so that a page is not the oldest

    def since(self, second: int, count: int) -> list[Record]:
        """Return the oldest `count` from a second on, by time; NoTimeFilter where that can't be queried."""
        rows = sorted(self._filtered(second, count), key=lambda record: record.second)
        if rows and 0 < rows[-1].second < second - _MAX_ZONE_S:
            raise NoTimeFilter("the terminal ignores StartTime: it shows events of before")
        if self.is_descending and len(rows) >= count > 1:
            raise NoTimeFilter("the terminal shows its newest events first")
        return rows

    def seek(self, offset: int, count: int) -> list[Record]:
        """Return `count` from the `offset`th on, by number; CgiRefused where there is no doSeekFind."""
        rows = self._read("doSeekFind", [_NAME, ("count", str(count)), ("offset", str(offset))])
        return sorted(rows, key=lambda record: record.serial)

    def oldest(self, count: int) -> list[Record]:
        """Return the oldest `count` without any condition, by number; there may be more or fewer."""
        return sorted(self._read("find", [_NAME, ("count", str(count))]), key=lambda record: record.serial)

    def size(self) -> int | None:
        """Return how many there are; None where the terminal does not say."""
        try:
            answer = flat(self._cgi.text("recordFinder", "getQuerySize", [_NAME]))
        except CgiRefused:
            return None
        size = number(answer.get("Size", answer.get("count", "")), -1)
        return size if size >= 0 else None

    def _filtered(self, second: int, count: int) -> list[Record]:
        refusal: CgiRefused | None = None
        for is_text in (False, True) if self._has_text_times is None else (self._has_text_times,):
            begin, end = (self._text(second), self._text(_END_S)) if is_text else (str(second), str(_END_S))
            try:
                rows = self._read("find", [_NAME, ("StartTime", begin), ("EndTime", end), ("count", str(count))])
            except CgiRefused as error:
                refusal = error
            else:
                self._has_text_times = is_text
                return rows
        raise NoTimeFilter(f"the terminal refuses StartTime: {refusal}")

    def _text(self, second: int) -> str:
        return datetime.fromtimestamp(max(second, 946_684_800), self._clock().zone).strftime(_FORMAT)

    def _read(self, action: str, pairs: list[tuple[str, str]]) -> list[Record]:
        rows = read_records(self._cgi.text("recordFinder", action, pairs, limit=_MAX_BYTES, seconds=_QUERY_S))
        zone = self._clock().zone
        records = [Record(number(row.get("RecNo", ""), 0), second_of(row, zone), row) for row in rows]
        if any(record.serial <= 0 for record in records):
            raise DeviceGarbled("the terminal's events have no record numbers; update its firmware")
        if len(records) > 1:
            self.is_descending = all(before.serial > after.serial for before, after in pairwise(records))
        return records
