"""Files of reports: CSV and XLSX with one table, times by the clock of the site's zone, which a column names."""

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from devicemgr.people.tables.formats.delimited import csv_line
from devicemgr.text import safe

_MAX_TEXT = 300
_TOTAL = "total"
_WIDE, _NARROW = 24, 14
_FORMULA = "="
_TIME_FORMAT, _HOURS_FORMAT = "yyyy-mm-dd hh:mm:ss", "0.00"

Row = Sequence[Any]


class Format(StrEnum):
    """How a report is given."""

    TABLE = "table"
    CSV = "csv"
    XLSX = "xlsx"
    JSON = "json"


MEDIA_TYPES: Mapping[Format, str] = {
    Format.JSON: "application/json",
    Format.CSV: "text/csv",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

COLUMNS: Mapping[str, Sequence[str]] = {
    "presence": ("badge", "name", "zone", "from", "to", "hours", "exceptions"),
    "first-last": ("badge", "name", "day", "first", "last", "exceptions"),
    "hours": ("badge", "name", "day", "hours", "exceptions"),
    "denials": ("reason", "portal", "badge", "name", "count", "first", "last"),
    "visitors": (
        *("badge", "name", "host", "host_name", "state"),
        *("valid_from", "valid_to", "arrived", "left", "overdue"),
    ),
    "musters": (
        *("muster", "zone", "drill", "started", "ended", "by", "because"),
        *("count", "missing", "safe", "out", "not_here", "unnamed", "marks"),
    ),
}
"""The columns of each report; `name` only where the caller may see names."""

_NAMES = frozenset({"name", "host_name"})
TIMES = frozenset({"from", "to", "first", "last", "arrived", "left", "started", "ended", "valid_from", "valid_to"})


def columns_of(document: Mapping[str, Any]) -> list[str]:
    """Return the columns of a report's table."""
    has_names = any("name" in row for row in document["rows"]) or not document["rows"]
    return [name for name in COLUMNS[document["report"]] if has_names or name not in _NAMES]


def rows_of(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the rows of a report's table, the sum of a person behind their days."""
    sums = [{"day": _TOTAL, **total} for total in document.get("totals", ())]
    if not sums:
        yield from document["rows"]
        return
    # Both are in the order of people, so that those without a badge need none.
    rows = iter(document["rows"])
    for total in sums:
        for _, row in zip(range(total["days"]), rows, strict=False):
            yield row
        yield total


def csv_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a CSV, with a mark by which spreadsheets know UTF-8; no cell is a formula to them."""
    columns, zone = columns_of(document), ZoneInfo(document["timezone"])
    yield "\ufeff" + csv_line([*columns, "timezone"]) + "\r\n"
    for row in rows_of(document):
        yield csv_line([*(_plain(name, row.get(name), zone) for name in columns), zone.key]) + "\r\n"


def _plain(name: str, value: Any, zone: ZoneInfo) -> str:
    if value is None:
        return ""
    if name in TIMES:
        return local(value, zone).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ";".join(value)
    return safe(str(value), _MAX_TEXT)


def local(text: str, zone: ZoneInfo) -> datetime:
    """Return an RFC 3339 time by the clock of a zone, in whole seconds."""
    return datetime.fromisoformat(text).astimezone(zone).replace(microsecond=0)


def workbook(document: Mapping[str, Any]) -> bytes:
    """Return an XLSX, written row by row; texts are texts, times and numbers are such."""
    # A third of a second that no other command need pay.
    from openpyxl import Workbook  # noqa: PLC0415
    from openpyxl.utils import get_column_letter  # noqa: PLC0415

    columns, zone = columns_of(document), ZoneInfo(document["timezone"])
    book = Workbook(write_only=True)
    sheet = book.create_sheet(document["report"])
    for place, name in enumerate((*columns, "timezone"), 1):
        sheet.column_dimensions[get_column_letter(place)].width = _WIDE if name in ("name", *TIMES) else _NARROW
    sheet.freeze_panes = "A2"
    cell_of = _cells_of(sheet)
    sheet.append([cell_of(name, is_bold=True) for name in (*columns, "timezone")])
    for row in rows_of(document):
        cells: Iterable[Any] = (cell_of(_value(name, row.get(name), zone)) for name in columns)
        sheet.append([*cells, cell_of(zone.key)])
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def _value(name: str, value: Any, zone: ZoneInfo) -> Any:
    """Return a number or time as it is, in the site's zone, and all else as text."""
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    # Workbooks know no zones.
    return local(value, zone).replace(tzinfo=None) if name in TIMES else _plain(name, value, zone)


def _cells_of(sheet: Any) -> Callable[..., Any]:
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415 - see above
    from openpyxl.styles import Font  # noqa: PLC0415

    bold = Font(bold=True)

    def cell_of(value: Any, *, is_bold: bool = False) -> Any:
        if value is None or value == "":
            return None
        if not is_bold and (isinstance(value, int) or (isinstance(value, str) and value[0] not in _FORMULA)):
            return value
        cell = WriteOnlyCell(sheet, value)
        if isinstance(value, datetime):
            cell.number_format = _TIME_FORMAT
        elif isinstance(value, float):
            cell.number_format = _HOURS_FORMAT
        else:  # text, whatever it looks like: no formula, and zeros in front stay
            cell.data_type = "s"
        if is_bold:
            cell.font = bold
        return cell

    return cell_of
