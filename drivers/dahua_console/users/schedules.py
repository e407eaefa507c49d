"""Weekly hours on a Dahua terminal: its configuration AccessTimeSchedule, and TimeSections of people that name them.

255 is "at all times". Ours stand from number 100 on and are found again by their names; what others made there is
left alone. Shapes by the vendor's document; a day has four spans there.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from devicemgr.domain.ports.device import Spans
from devicemgr.errors import DeviceRefused
from devicemgr.text import safe
from drivers.common.console.weekly_hours import Day, most_spans, week_of
from drivers.common.http.key_values import flat
from drivers.dahua_console.cgi import Cgi, TerminalClock
from drivers.dahua_console.refusals import CgiRefused

ALWAYS = 255
_TABLE = "AccessTimeSchedule"
_FIRST, _LAST = 100, 119
_SPANS = 4
_OURS = "dm-"
_TABLE_BYTES = 4 << 20
_CLOSED = "0 00:00:00-23:59:59"


class Hours:
    """One terminal's weekly hours, read once and remembered until forget()."""

    def __init__(self, cgi: Cgi, clock: Callable[[], TerminalClock]) -> None:
        self._cgi, self._clock = cgi, clock
        self._rows: dict[str, str] | None = None

    def forget(self) -> None:
        """Look at the terminal again: it may have been changed there."""
        self._rows = None

    def number(self, name: str) -> int:
        """Return the number of schedule `name`, ALWAYS for ""; raise DeviceRefused while the terminal lacks it."""
        if not name:
            return ALWAYS
        found = next((number for number in range(_FIRST, _LAST + 1) if self._name_at(number) == name), None)
        if found is None:
            raise DeviceRefused("the terminal does not hold this schedule yet; it is tried again")
        return found

    def name(self, number: int) -> str:
        """Return the name of a schedule: "" for ALWAYS, `#N` for a schedule made elsewhere."""
        if number == ALWAYS:
            return ""
        try:
            return (_FIRST <= number <= _LAST and self._name_at(number)) or f"#{number}"
        except CgiRefused:
            return f"#{number}"

    def keep(self, hours: Mapping[str, Spans], *, look: bool = False) -> dict[str, DeviceRefused]:
        """Write the schedules (Scheduling.keep_hours)."""
        refused: dict[str, DeviceRefused] = {}
        for name, spans in hours.items():
            try:
                self._keep(name, week_of(spans, self._clock().zone, datetime.now(UTC)), set(hours), look)
            except CgiRefused:
                self.forget()
                refused[name] = DeviceRefused("its firmware holds no weekly hours")
            except DeviceRefused as error:
                refused[name] = error
        return refused

    def _keep(self, name: str, week: tuple[Day, ...], wanted: set[str], look: bool) -> None:
        if most_spans(week) > _SPANS:
            raise DeviceRefused(f"a day there has at most {_SPANS} spans")
        number = self._place(name, wanted)
        rows = _rows(week)
        if look or (self._name_at(number) == name and self._holds(number, rows)):
            return
        key = f"{_TABLE}[{number}]"
        names = [("Name", name), ("Enable", "true")]
        for part in (rows[:14], [*rows[14:], *names]):
            self._cgi.order("configManager", "setConfig", [(f"{key}.{place}", value) for place, value in part])
        self.forget()
        if self._name_at(number) != name or not self._holds(number, rows):
            raise DeviceRefused(f"the terminal took weekly hours {number} and tells others; look at them there")

    def _place(self, name: str, wanted: set[str]) -> int:
        """Return the place of `name`, else the first free one, else one of ours that is not wanted."""
        names = {number: self._name_at(number) for number in range(_FIRST, _LAST + 1)}
        unwanted = {held for held in names.values() if held.startswith(_OURS) and held not in wanted}
        for fitting in ({name}, {""}, unwanted):
            if (found := next((number for number, held in names.items() if held in fitting), None)) is not None:
                return found
        raise DeviceRefused(f"all its weekly hours from {_FIRST} to {_LAST} are taken")

    def _name_at(self, number: int) -> str:
        """Return the name of a schedule as the terminal stores it; "" for an unused number."""
        rows_there, key = self._table(), f"table.{_TABLE}[{number}]"
        used = rows_there.get(f"{key}.Enable", "").lower() == "true"
        return (safe(rows_there.get(f"{key}.Name", ""), 40) or f"#{number}") if used else ""

    def _holds(self, number: int, rows: list[tuple[str, str]]) -> bool:
        rows_there, key = self._table(), f"table.{_TABLE}[{number}]"
        return all(_same(rows_there.get(f"{key}.{place}", _CLOSED), value) for place, value in rows)

    def _table(self) -> dict[str, str]:
        if self._rows is None:
            self._rows = flat(self._cgi.text("configManager", "getConfig", [("name", _TABLE)], limit=_TABLE_BYTES))
        return self._rows


def _same(held: str, value: str) -> bool:
    """Return True for equal spans; two spans that are switched off are equal whatever their times."""
    return held == value or (held[:2] == "0 " and value[:2] == "0 ")


def _rows(week: tuple[Day, ...]) -> list[tuple[str, str]]:
    """Return every place of every day, so that nothing of the old content is left; day 0 is Sunday there."""
    rows = []
    for day in range(7):
        spans = week[(day - 1) % 7]
        for place in range(_SPANS):
            value = f"1 {spans[place][0]}-{spans[place][1]}" if place < len(spans) else _CLOSED
            rows.append((f"TimeSchedule[{day}][{place}]", value))
    return rows
