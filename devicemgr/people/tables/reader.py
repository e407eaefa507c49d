"""Read a table of people: CSV, TSV, XLSX or JSON into rows, each with what it states or why it can't be read."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devicemgr.errors import Hint, InvalidInput
from devicemgr.people.tables import records
from devicemgr.people.tables.columns import FIELDS, LISTS, Columns, read_header
from devicemgr.people.tables.formats import delimited, workbook
from devicemgr.people.tables.formats.decoding import decode
from devicemgr.people.tables.mangled import fault_of
from devicemgr.text import safe, without_invisible

JSON_FORM = records.FORM
MAX_BYTES = 20 * 1024 * 1024
MAX_ROWS = 100_000
# Day, month, year, as where spreadsheets write dots; with slashes it could be either.
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})\Z")
_TIMES = ("valid_from", "valid_to")


@dataclass(frozen=True, slots=True)
class Layout:
    """What a person says of a table: its encoding, its sheet, and which header stands for a field."""

    encoding: str | None = None
    sheet: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """One line: the text under each column that is read; `fault` says why it can't be used."""

    line: int
    fields: Mapping[str, str]
    fault: str | None = None

    @property
    def badge(self) -> str:
        """The badge as written, "" if there is none."""
        return self.fields.get("badge", "")

    def several(self, name: str) -> tuple[str, ...]:
        """Return the parts of a cell that holds several, with ';' between."""
        return split_cell(self.fields.get(name, ""))

    def as_json(self) -> dict[str, Any]:
        """Return what the API takes: lists as lists, the fault beside the badge."""
        if self.fault is not None:
            return {"line": self.line, "badge": self.badge, "fault": self.fault}
        stated = {name: list(self.several(name)) if name in LISTS else text for name, text in self.fields.items()}
        return {"line": self.line, **stated}


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a table; `form` says how it was read, `ignored` has the headers of columns that are not."""

    rows: tuple[Row, ...]
    form: str
    fields: tuple[str, ...]
    ignored: tuple[str, ...] = ()
    is_guess: bool = False


def split_cell(cell: str) -> tuple[str, ...]:
    """Return the parts of a cell, without doubles."""
    return tuple(dict.fromkeys(part.strip() for part in cell.split(";") if part.strip()))


def read_table(file: Path, layout: Layout, required: Sequence[str], known: Sequence[str] = FIELDS) -> Table:
    """Return the table in a file; InvalidInput if it can't be read or lacks a column."""
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or "the path can't be used"
        raise InvalidInput(f"cannot read {safe(str(file), 200)} ({cause}); give a CSV, TSV or XLSX file") from error
    return parse_table(data, file.name, layout, required, known)


def parse_table(
    data: bytes, name: str, layout: Layout, required: Sequence[str], known: Sequence[str] = FIELDS
) -> Table:
    """Return the table that is called `name`; InvalidInput as `read_table`."""
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"{safe(name, 100)} is over 20 MB; split it")
    try:
        return _parse(data, layout, required, known)
    except InvalidInput as error:
        raise InvalidInput(f"{safe(name, 100)}: {error}", hint=error.hint) from error


def _parse(data: bytes, layout: Layout, required: Sequence[str], known: Sequence[str]) -> Table:
    if data.lstrip()[:1] == b"[":
        sheet, form, is_guess = records.parse(data, MAX_ROWS), "", False
    elif workbook.is_workbook(data):
        sheet, form, is_guess = workbook.parse(data, MAX_ROWS, layout.sheet), "", False
    elif layout.sheet is not None:
        raise InvalidInput("only a workbook has sheets", hint=Hint("pass_sheet"))
    else:
        decoded = decode(data, layout.encoding)
        sheet, form, is_guess = delimited.parse(decoded.text, MAX_ROWS), f"{decoded.encoding}, ", decoded.is_guess
    if not sheet.rows:
        raise InvalidInput(f"the table is empty; it needs the columns {', '.join(required)}")
    columns = read_header(sheet.rows[0][1], required, known, layout.columns)
    rows = tuple(_row(line, columns, cells, sheet.faults.get(line)) for line, cells in sheet.rows[1:])
    stated = tuple(name for name in columns.fields if name)
    ignored = (*columns.ignored, *_unnamed(sheet.rows))
    return Table(rows, form + sheet.form, stated, ignored, is_guess)


def _unnamed(rows: Sequence[tuple[int, Sequence[str]]]) -> list[str]:
    """Return the columns without a header that hold something, as under a merged header, by a spreadsheet's letters."""
    header = rows[0][1]
    filled = {place for _, cells in rows[1:] for place, cell in enumerate(cells) if cell}
    return [f"{_letters(place)} (no header)" for place, cell in enumerate(header) if not cell and place in filled]


def _letters(place: int) -> str:
    before, last = divmod(place, 26)
    return (_letters(before - 1) if before else "") + chr(ord("A") + last)


def _row(line: int, columns: Columns, cells: Sequence[str], fault: str | None) -> Row:
    filled = [*cells, *[""] * (len(columns.fields) - len(cells))]
    fields = {name: _clean(name, cell) for name, cell in zip(columns.fields, filled, strict=False) if name}
    if fault is None and any(cells[len(columns.fields) :]):
        fault = "it has more cells than the header; quote a cell that holds the separator"
    if fault is None and not fields.get("badge"):
        fault = "it has no badge"
    if fault is None:
        fault = next((why for name, cell in fields.items() if (why := fault_of(name, cell))), None)
    return Row(line, fields, fault)


def _clean(name: str, cell: str) -> str:
    text = unicodedata.normalize("NFC", without_invisible(cell)).strip()
    if name in _TIMES and (found := _DOTTED.match(text)):
        day, month, year = (int(part) for part in found.groups())
        return f"{year:04}-{month:02}-{day:02}"
    return text
