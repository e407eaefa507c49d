"""CSV and TSV as spreadsheets write them: `sep=;`, commas, semicolons or tabs, quotes."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from devicemgr.errors import InvalidInput
from devicemgr.text import safe

_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
# What makes a formula of a cell, and the white space that spreadsheets pass over before it.
_FORMULA = "=+-@\t\r"


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows of a table, each with its line in the file and stripped cells; `form` says how it was read.

    `faults` has why a row can't be read, by its line.
    """

    rows: list[tuple[int, list[str]]]
    form: str
    faults: dict[int, str]


def parse(text: str, max_rows: int) -> Sheet:
    """Return the rows that are not empty; InvalidInput for what is no table."""
    text, stated = _stated_separator(text)
    delimiter = stated or _guess(text)
    rows: list[tuple[int, list[str]]] = []
    faults = {}
    for line, raw in _cells(text, delimiter, 2 if stated else 1):
        if len(rows) > max_rows:
            raise InvalidInput(f"the table has more than {max_rows} rows; split it")
        if formula := next((cell for cell in raw if cell.startswith("=")), None):
            faults[line] = f"'{safe(formula, 40)}' is a formula; put its value there, as text"
        rows.append((line, [_unmarked(cell) for cell in raw]))
    return Sheet(rows, f"separated by {_NAMES.get(delimiter, delimiter)}", faults)


def _stated_separator(text: str) -> tuple[str, str | None]:
    """Split off the line `sep=;` that tells Excel the separator."""
    first, _, rest = text.partition("\n")
    found = first.strip("\r \ufeff").strip('"')
    if found[:4].lower() == "sep=" and len(found) <= 5:
        return rest, found[4:] or "\t"
    return text, None


def _guess(text: str) -> str:
    """Return the separator that the header has most of, outside of quotes."""
    header = text.lstrip("\n\r").partition("\n")[0]
    plain = "".join(part for place, part in enumerate(header.split('"')) if place % 2 == 0)
    return max(_NAMES, key=lambda mark: (plain.count(mark), mark == ","))


def _cells(text: str, delimiter: str, first: int) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield reader.line_num + first - 1, cells
    except csv.Error as error:
        line = reader.line_num + first - 1
        raise InvalidInput(f"line {line} of the CSV can't be read ({error}); check its quotes") from error


def _unmarked(cell: str) -> str:
    """Return a cell without the apostrophe that keeps a spreadsheet from reading text as a formula or a number."""
    follows = cell[1:2]
    return cell[1:] if cell[:1] == "'" and (follows in (*_FORMULA, "'") or follows.isdigit()) and follows else cell


def marked(cell: str) -> str:
    """Return a cell with that apostrophe, where a spreadsheet would take the text for a formula."""
    return f"'{cell}" if cell[:1] in (*_FORMULA, "'") and cell else cell


def csv_line(cells: Iterable[str]) -> str:
    """Return one line as RFC 4180 has it; a cell that a spreadsheet would take for a formula is marked as text."""
    return ",".join(map(_quoted, cells))


def _quoted(cell: str) -> str:
    text = marked(cell)
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if any(mark in text for mark in ',;"\r\n\t') else text
