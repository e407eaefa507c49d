"""A file of badges: one a line, or a table with a column of badges, or with badges first and no header."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from devicemgr.errors import InvalidInput
from devicemgr.people.tables.columns import read_header
from devicemgr.people.tables.formats import delimited, workbook
from devicemgr.people.tables.formats.decoding import decode
from devicemgr.people.tables.mangled import fault_of
from devicemgr.people.tables.reader import MAX_ROWS
from devicemgr.text import counted, without_invisible

BadgeFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="For the badges in a file, one a line; - is standard input.")
]
"""The option of the commands that take many people at once."""

_MAX_BYTES = 4_000_000
_HEADERS = ("badge", "badges")


def read_badges(file: Path) -> list[str]:
    """Return the badges of a file, or of standard input for `-`; empty lines and `# …` are left out.

    Raises InvalidInput for what is no text, names no badge, or was changed by a spreadsheet.
    """
    try:
        with sys.stdin.buffer if str(file) == "-" else file.open("rb") as opened:
            content = opened.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInput(f"{file} can't be read: {error.strerror}") from error
    if len(content) > _MAX_BYTES:
        raise InvalidInput(f"{file} is too long for a list of badges")
    try:
        return list(_badges(content))
    except InvalidInput as error:
        raise InvalidInput(f"{file}: {error}", hint=error.hint) from error


def _badges(content: bytes) -> Iterator[str]:
    sheet = workbook.parse(content, MAX_ROWS) if workbook.is_workbook(content) else _text(content)
    rows = [(line, cells) for line, cells in sheet.rows if not cells[0].startswith("#")]
    place = _column(rows[0][1]) if rows else None
    found = [(line, cells[place or 0]) for line, cells in rows[place is not None :] if len(cells) > (place or 0)]
    if not any(badge for _, badge in found):
        raise InvalidInput("it names no badge; write one a line")
    for line, badge in found:
        if why := sheet.faults.get(line) or fault_of("badge", badge):
            raise InvalidInput(f"line {line}: {why}")
        if badge:
            yield without_invisible(badge)


def _text(content: bytes) -> delimited.Sheet:
    return delimited.parse(decode(content).text, MAX_ROWS)


def _column(header: Sequence[str]) -> int | None:
    """Return which column of a header holds badges; None for a row that is no header."""
    if header[0].casefold() in _HEADERS:
        return 0
    try:
        return read_header(header, ("badge",)).fields.index("badge")
    except InvalidInput:
        return None


def describe_change(found: Mapping[str, Any]) -> str:
    """Return how many people a change of many concerned, and how many stood so already."""
    changed = counted(len(found["changed"]), "person", "people")
    return f"{changed} ({len(found['unchanged'])} already so)" if found["unchanged"] else changed
