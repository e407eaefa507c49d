"""A CSV table of people: badge, name, photo; and perhaps level, valid_from, valid_to."""

import csv
import io
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from devicemgr.errors import InvalidInput
from devicemgr.text import safe

_MOST_BYTES = 20 * 1024 * 1024
_MOST_ROWS = 100_000
REQUIRED = ("badge", "name", "photo")
_ALIASES = {"levels": "level", "photos": "photo"}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table, its cells stripped; `fault` says why it can't be used."""

    line: int
    badge: str
    name: str
    photos: tuple[str, ...]
    levels: tuple[str, ...] = ()
    valid_from: str | None = None
    valid_to: str | None = None
    fault: str | None = None


def read(file: Path) -> list[Row]:
    """Return the rows of a UTF-8 file.

    InvalidInput when it can't be read as a table with the columns that are needed.
    """
    with file.open("rb") as opened:
        data = opened.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise InvalidInput(f"{safe(file.name, 100)} is over 20 MB; split it")
    return parse_bytes(data, file.name)


def parse_bytes(data: bytes, name: str) -> list[Row]:
    """Return the rows of a UTF-8 table that is called `name`; InvalidInput as `read`."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{safe(name, 100)} is not UTF-8; save it as 'CSV UTF-8'") from error
    return parse(text)


def parse(text: str) -> list[Row]:
    """Return the rows of a table separated by ',' or ';', with a header.

    InvalidInput names a column that is missing.
    """
    header = text.lstrip("\n\r").partition("\n")[0]
    delimiter = ";" if header.count(";") > header.count(",") else ","
    columns: list[str] | None = None
    rows: list[Row] = []
    for line, cells in _cells(text, delimiter):
        if columns is None:
            columns = _columns(cells)
        elif len(rows) == _MOST_ROWS:
            raise InvalidInput(f"the CSV has more than {_MOST_ROWS} rows; split it")
        else:
            rows.append(_row(line, columns, cells))
    if columns is None:
        raise InvalidInput(f"the CSV is empty; it needs the columns {', '.join(REQUIRED)}")
    return rows


def _cells(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and stripped cells of each row that is not empty."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield reader.line_num, cells
    except csv.Error as error:
        raise InvalidInput(f"line {reader.line_num} of the CSV can't be read ({error}); check its quotes") from error


def _columns(cells: list[str]) -> list[str]:
    columns = [_ALIASES.get(name, name) for name in (cell.lower().replace(" ", "_") for cell in cells)]
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        found = safe(", ".join(name for name in columns if name), 200) or "none"
        raise InvalidInput(f"the CSV has no column {' and no column '.join(missing)}; its columns are: {found}")
    twice = next((name for name in columns if name and columns.count(name) > 1), None)
    if twice:
        raise InvalidInput(f"the CSV has two columns {safe(twice, 60)}; remove one")
    return columns


def _row(line: int, columns: list[str], cells: list[str]) -> Row:
    fields = dict(zip(columns, cells, strict=False))
    photos = _several(fields.get("photo", ""))
    fault = None
    if len(cells) > len(columns) and any(cells[len(columns) :]):
        fault = "it has more cells than the header; quote a cell that holds the separator"
    elif not fields.get("badge"):
        fault = "it has no badge"
    elif not photos:
        fault = "it names no photo"
    return Row(
        line=line,
        badge=unicodedata.normalize("NFC", fields.get("badge", "")),
        name=fields.get("name", ""),
        photos=photos,
        levels=_several(fields.get("level", "")),
        valid_from=fields.get("valid_from") or None,
        valid_to=fields.get("valid_to") or None,
        fault=fault,
    )


def _several(cell: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in cell.split(";") if part.strip()))
