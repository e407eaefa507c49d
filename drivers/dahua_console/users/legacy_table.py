"""The table AccessControlCard of an older Dahua terminal: how it is read whole, and how its rows are written.

A search by UserID is ignored on some firmware; `find` shows the oldest 1,024 rows of the whole on some (ASI3213A,
field report), where doSeekFind with an offset shows the rest (ASI7213Y) and getQuerySize tells how many there are.
Times are `20260101 080000` in the vendor's document and `2026-01-01 08:00:00` on newer firmware; a space is `%20`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from devicemgr.errors import DeviceGarbled
from drivers.common.http.key_values import flat
from drivers.dahua_console.cgi import Cgi, flat_rows, number
from drivers.dahua_console.refusals import CgiRefused

FORMS = ("%Y%m%d %H%M%S", "%Y-%m-%d %H:%M:%S")
PAGE = 100
_TABLE = ("name", "AccessControlCard")
_MAX_ROWS = 100_000
_MAX_LINES = 4_000_000
_TABLE_BYTES = 48 << 20
_TABLE_S = 10.0
# Up to here one answer is small enough to be read at once.
_FEW_ROWS = 500

TableRow = dict[str, str]
Pairs = Sequence[tuple[str, str]]


class CardTable:
    """Rows of one terminal; `form` is how it writes times, and `is_single` whether it keeps one row a person."""

    def __init__(self, cgi: Cgi) -> None:
        self._cgi = cgi
        self._has_conditions = True
        self.form = FORMS[0]
        self.is_single = False

    def rows_of(self, keys: Sequence[str]) -> dict[str, list[TableRow]]:
        """Return the rows of people by UserID."""
        found: dict[str, list[TableRow]] = {}
        for key in keys if self._has_conditions else ():
            rows = self._find([("condition.UserID", key), ("count", "1024")])
            if any(row.get("UserID") != key for row in rows):
                self._has_conditions = False  # newer firmware accepts the condition, and ignores it
                break
            if rows:
                found[key] = rows
        if self._has_conditions or not keys:
            return found
        wanted, found = set(keys), {}
        for row in self.whole():
            if (key := row.get("UserID", "")) in wanted:
                found.setdefault(key, []).append(row)
        return found

    def whole(self) -> list[TableRow]:
        """Return all rows; DeviceGarbled where this firmware does not show them all."""
        rows: list[TableRow] = []
        place: int | None = 0
        while place is not None:
            page, place = self.page(place)
            rows += page
        return rows

    def page(self, place: int) -> tuple[list[TableRow], int | None]:
        """Return rows from the `place`th on, and where to go on; None after the last."""
        if place == 0:
            size = self._size()
            if size is None or size <= _FEW_ROWS:
                rows = self._find([("count", str(_MAX_ROWS))])
                if size is None or len(rows) >= size:
                    return rows, None
        try:
            rows = self._read("doSeekFind", [("count", str(PAGE)), ("offset", str(place))])
        except CgiRefused:
            return self._find_all(), None
        end = place + len(rows)
        if rows and end < _MAX_ROWS and (len(rows) >= PAGE or end < (self._size() or 0)):
            return rows, end
        return rows, None

    def insert(self, pairs: Pairs) -> None:
        """Add a row; CgiRefused if it is refused."""
        if "RecNo" not in flat(self._cgi.insert("recordUpdater", [_TABLE, *pairs])):
            raise DeviceGarbled("the terminal does not say which record it added; update its firmware")

    def change(self, action: str, row: Mapping[str, str], pairs: Iterable[tuple[str, str]] = ()) -> None:
        """Update or remove a row by its number; CgiRefused if that is refused."""
        record = str(number(row.get("RecNo", ""), 0))
        try:
            self._cgi.order("recordUpdater", action, [_TABLE, ("recno", record), *pairs])
        except CgiRefused as error:
            if error.codes:
                raise
            # Firmware differs in how it spells the number's name.
            self._cgi.order("recordUpdater", action, [_TABLE, ("RecNo", record), *pairs])

    def _find_all(self) -> list[TableRow]:
        """Return all rows by one `find`, for firmware without doSeekFind."""
        rows, size = self._find([("count", str(_MAX_ROWS))]), self._size()
        if size is not None and len(rows) < size:
            raise DeviceGarbled(f"the terminal shows {len(rows)} of its {size} records of people; update its firmware")
        return rows

    def _size(self) -> int | None:
        try:
            answer = flat(self._cgi.text("recordFinder", "getQuerySize", [_TABLE]))
        except CgiRefused:
            return None
        size = number(answer.get("Size", answer.get("count", "")), -1)
        return size if size >= 0 else None

    def _find(self, pairs: Pairs) -> list[TableRow]:
        return self._read("find", pairs)

    def _read(self, action: str, pairs: Pairs) -> list[TableRow]:
        text = self._cgi.text("recordFinder", action, [_TABLE, *pairs], limit=_TABLE_BYTES, seconds=_TABLE_S)
        rows = flat_rows(text, "records", max_lines=_MAX_LINES)
        if number(flat(text[:200]).get("found", ""), -1) != len(rows):
            raise DeviceGarbled("the terminal's list of people is not whole; it is read again")
        if any("-" in row.get("ValidDateStart", "") for row in rows):
            self.form = FORMS[1]
        return rows


def read_time(text: str) -> datetime | None:
    """Return a row's time, in the terminal's zone and without one; None if it is none."""
    for form in FORMS:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    return None
