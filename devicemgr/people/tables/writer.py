"""Write everyone as a table that an import reads and finds nothing to change in: CSV, XLSX or JSON."""

import io
import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from devicemgr.people.cards.cells import CardCell
from devicemgr.people.tables.columns import FIELDS, LISTS
from devicemgr.people.tables.formats.delimited import csv_line

_WIDE, _NARROW = 30, 16


class Format(StrEnum):
    """The formats of an export."""

    CSV = "csv"
    XLSX = "xlsx"
    JSON = "json"


def write_table(people: Iterable[Mapping[str, Any]], form: Format) -> bytes:
    """Return the table of people as `GET /people` gives them."""
    rows = [
        {name: person.get(name) for name in FIELDS} | {"cards": _cards(person), "levels": _levels(person)}
        for person in people
    ]
    match form:
        case Format.JSON:
            return json.dumps(rows, ensure_ascii=False, indent=1).encode()
        case Format.CSV:
            return _csv(rows)
        case Format.XLSX:
            return _xlsx(rows)


def _cards(person: Mapping[str, Any]) -> list[str]:
    return [str(CardCell(c["number"], c["until"], c["blocked"] is not None)) for c in person["card_states"]]


def _levels(person: Mapping[str, Any]) -> list[str]:
    """Return the levels held for good: no table gives those for a time or a number of uses."""
    limited = {grant["level"] for grant in person["grants"]}
    return [name for name in person["levels"] if name not in limited]


def _csv(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return UTF-8 with a mark, by which spreadsheets know it; no cell is a formula to them."""
    lines = [FIELDS, *([_cell(name, row[name]) for name in FIELDS] for row in rows)]
    return "".join(f"{csv_line(line)}\r\n" for line in lines).encode("utf-8-sig")


def _xlsx(rows: Iterable[Mapping[str, Any]]) -> bytes:
    # A third of a second that no other command need pay.
    from openpyxl import Workbook  # noqa: PLC0415
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415
    from openpyxl.styles import Font  # noqa: PLC0415
    from openpyxl.utils import get_column_letter  # noqa: PLC0415

    book = Workbook(write_only=True)
    sheet = book.create_sheet("people")
    for place, name in enumerate(FIELDS, 1):
        sheet.column_dimensions[get_column_letter(place)].width = _WIDE if name in ("name", "levels") else _NARROW
        sheet.column_dimensions[get_column_letter(place)].number_format = "@"
    sheet.freeze_panes = "A2"

    def text_cell(text: str) -> Any:
        cell = WriteOnlyCell(sheet, text)
        # Text, whatever it looks like: no formula, and zeros in front stay.
        cell.data_type, cell.number_format = "s", "@"
        return cell

    header = [text_cell(name) for name in FIELDS]
    for cell in header:
        cell.font = Font(bold=True)
    sheet.append(header)
    for row in rows:
        sheet.append([text_cell(text) if (text := _cell(name, row[name])) else None for name in FIELDS])
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ";".join(value) if name in LISTS else str(value)
