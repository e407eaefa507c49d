"""XLSX: the cells of one sheet as text, from a file that may be hostile; formulas are never evaluated."""

import io
import warnings
import zipfile
from collections.abc import Iterable
from datetime import date, datetime, time
from typing import Any

from devicemgr.errors import Hint, InvalidInput
from devicemgr.people.tables.formats.delimited import Sheet
from devicemgr.text import safe

_MAX_ENTRIES, _MAX_ENTRY_BYTES, _MAX_RATIO = 2000, 200 * 1024 * 1024, 100
_MAX_UNPACKED_BYTES = 400 * 1024 * 1024
_SMALL = 1024 * 1024
_MAX_COLUMNS = 200
# A spreadsheet keeps 15 digits of a number (IEEE 754, as Excel cuts it).
_MAX_DIGITS = 15
_CHUNK = 64 * 1024
# No part of a workbook has a document type; one could name external files, or grow without bound.
_FORBIDDEN = tuple(mark.encode(code) for mark in ("<!DOCTYPE", "<!ENTITY") for code in ("ascii", "utf-16-le"))
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def is_workbook(data: bytes) -> bool:
    """Return True for a ZIP archive or an old binary workbook, which is no text."""
    return data.startswith((b"PK\x03\x04", _OLE))


def parse(data: bytes, max_rows: int, sheet: str | None = None) -> Sheet:
    """Return the rows of a sheet, the first one unless named; InvalidInput for what is no safe workbook."""
    if data.startswith(_OLE):
        raise InvalidInput("the workbook has the old format, or a password; save it as .xlsx without a password")
    _check_archive(data)
    # A third of a second that no other command need pay.
    import openpyxl  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of parts that are skipped, such as validations and missing styles
            books = [openpyxl.load_workbook(io.BytesIO(data), True, data_only=only) for only in (True, False)]
            title = _title(books[0], sheet)
            values, formulas = (book[title] for book in books)
            for page in (values, formulas):
                page.reset_dimensions()
            return _rows(
                title, values.iter_rows(max_col=_MAX_COLUMNS), formulas.iter_rows(max_col=_MAX_COLUMNS), max_rows
            )
    except InvalidInput:
        raise
    except Exception as error:  # a library's own, of many kinds, for a file that is not what it seems
        raise InvalidInput("the workbook is damaged; open it in a spreadsheet and save it as .xlsx again") from error


def _check_archive(data: bytes) -> None:
    """Raise InvalidInput for what would fill memory when unpacked, or has a document type."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if "xl/workbook.xml" not in archive.namelist():
                raise InvalidInput("the file is no workbook; save it as .xlsx or 'CSV UTF-8'")
            if len(entries) > _MAX_ENTRIES or sum(entry.file_size for entry in entries) > _MAX_UNPACKED_BYTES:
                raise InvalidInput("the workbook is too large; keep only the table of people in it")
            for entry in entries:
                if entry.file_size > min(_MAX_ENTRY_BYTES, max(_SMALL, _MAX_RATIO * entry.compress_size)):
                    raise InvalidInput("the workbook was made to fill memory; save the table as a new file")
                if entry.filename.lower().endswith((".xml", ".rels")):
                    _require_plain(archive, entry)
    except InvalidInput:
        raise
    except Exception as error:
        raise InvalidInput("the workbook is damaged; open it in a spreadsheet and save it as .xlsx again") from error


def _require_plain(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    with archive.open(entry) as part:
        kept = b""
        while chunk := part.read(_CHUNK):
            found = kept + chunk
            if any(mark in found for mark in _FORBIDDEN):
                raise InvalidInput("the workbook has a document type, as none does; save the table as a new file")
            kept = found[-40:]


def _title(book: Any, wanted: str | None) -> str:
    titles = [page.title for page in book.worksheets if page.sheet_state == "visible"] or book.sheetnames
    if wanted is not None and wanted not in book.sheetnames:
        shown = ", ".join(safe(title, 40) for title in titles)
        raise InvalidInput(f"the workbook has no sheet '{safe(wanted, 40)}'; it has: {shown}", hint=Hint("pass_sheet"))
    return wanted if wanted is not None else str(titles[0])


def _rows(title: str, values: Iterable[Any], formulas: Iterable[Any], max_rows: int) -> Sheet:
    rows: list[tuple[int, list[str]]] = []
    faults: dict[int, str] = {}
    for line, (shown, stated) in enumerate(zip(values, formulas, strict=False), 1):
        cells, why = _cells(shown, stated)
        if why:
            faults[line] = why
        if any(cells) or why:
            if len(rows) > max_rows:
                raise InvalidInput(f"the table has more than {max_rows} rows; split it")
            rows.append((line, cells))
    return Sheet(rows, f"sheet '{safe(title, 40)}'", faults)


def _cells(shown: Iterable[Any], stated: Iterable[Any]) -> tuple[list[str], str | None]:
    cells, faults = [], []
    for cell, formula in zip(shown, stated, strict=False):
        if cell.value is None and formula.data_type == "f":
            faults.append(
                f"cell {formula.coordinate} has a formula without a value; save the workbook in a spreadsheet"
            )
        elif cell.value is not None and cell.data_type == "n" and _is_cut(cell.value):
            faults.append(f"cell {cell.coordinate} is a number of over {_MAX_DIGITS} digits, cut off; write it as text")
        cells.append(_text(cell))
    return cells, next(iter(faults), None)


def _is_cut(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= 10**_MAX_DIGITS


def _text(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        plain = value.replace(microsecond=0)
        return plain.date().isoformat() if plain.time() == time() else plain.isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer() and not _is_cut(value):
        value = int(value)
    if isinstance(value, int):
        return _with_zeros(str(value), str(cell.number_format))
    return str(value).strip()


def _with_zeros(digits: str, form: str) -> str:
    """Return a number as a format of zeros alone shows it: 42 under 0000 is 0042."""
    return digits.zfill(len(form)) if form and set(form) == {"0"} else digits
