"""What goes to the terminal: one JSON document, or words and tables; progress and warnings go to standard error."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devicemgr.cli.context import session
from devicemgr.errors import InvalidInput
from devicemgr.text import json_line, safe

if TYPE_CHECKING:  # Rich takes as long to import as Python to start; JSON and plain lines need none of it
    from rich.console import Console
    from rich.text import Text

# The control characters that Rich leaves out: bell, backspace, vertical tab, form feed, carriage return.
_CONTROLS = dict.fromkeys((7, 8, 11, 12, 13))

_MIN_TABLE_WIDTH = 100
_MANY_ROWS = 500
_GAP = 2
# Columns of a card whose values have blanks and are copied.
_COPIED_WHOLE = frozenset({"name", "file"})
_NOTHING = "–"


def _width() -> int | None:
    # Rich takes 80 columns where there is no terminal; a pipe or a file should not lose the ends of lines.
    return None if sys.stdout.isatty() or "COLUMNS" in os.environ else 200


def words() -> "Console":
    """Return standard output for people."""
    from rich.console import Console  # noqa: PLC0415 - see above

    return Console(highlight=False, width=_width(), soft_wrap=False)


def notes() -> "Console":
    """Return standard error, for progress and warnings."""
    from rich.console import Console  # noqa: PLC0415 - see above

    return Console(stderr=True, highlight=False)


def emit(document: Any) -> bool:
    """Print `document` and be done when --json was given; else False, and the caller finds words."""
    if session().json:
        print(json_line(document), flush=True)
    return session().json


def say(text: str, document: Any = None) -> None:
    """Print a line of words, or `document` with --json."""
    if not emit(document if document is not None else {"message": text}):
        print(text.translate(_CONTROLS), flush=True)


def write_private(file: Path, data: bytes) -> None:
    """Write a file that only its owner reads: it is about people."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            os.fchmod(opened.fileno(), 0o600)
            opened.write(data)
    except OSError as error:
        raise InvalidInput(f"{file} can't be written ({error.strerror}); choose another file") from error


def warn(text: str) -> None:
    """Print a warning on standard error."""
    notes().print(f"[yellow]warning:[/yellow] {_escape(text)}", soft_wrap=True)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], empty: str) -> None:
    """Print a table; `empty` when there are no rows, saying how to get some.

    Where it does not fit, cells are wrapped between words; a narrow terminal, and one that is too narrow for the words,
    gets a card for each row instead: a name or number must be copied whole.
    """
    shown = [[cell(value) for value in row] for row in rows]
    if not shown:
        print(empty, flush=True)
        return
    console = words()
    if len(shown) > _MANY_ROWS:
        _print_many(console.width, title, columns, shown)
        return
    widths = _fitted(columns, shown, console.width)
    if widths is None:
        _print_cards(console, title, columns, shown)
        return
    from rich.table import Table  # noqa: PLC0415 - see above

    grid = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column, width in zip(columns, widths, strict=True):
        grid.add_column(column, overflow="fold", width=width)
    for row in shown:
        grid.add_row(*row)
    console.print(grid)


def _print_many(room: int, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table of many rows as `table` does, without wrapping cells: Rich takes a millisecond for each row."""
    from rich.cells import cell_len  # noqa: PLC0415 - see above

    plain = [[text.replace("\\[", "[") for text in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(columns, *plain, strict=True)]
    if title:
        print(title)
    if sum(widths) + _GAP * (len(widths) - 1) > room:
        label = max(map(len, columns[1:]), default=0)
        for number, (name, *values) in enumerate(plain):
            shown = [f"  {column:{label}}  {value}" for column, value in zip(columns[1:], values, strict=True)]
            lines = [line for line, value in zip(shown, values, strict=True) if value != _NOTHING]
            print("\n".join([*([""] if number else []), name, *lines]))
        return
    for row in (columns, *plain):
        cells = [text + " " * (width - cell_len(text)) for text, width in zip(row, widths, strict=True)]
        print((" " * _GAP).join(cells).rstrip())


def _fitted(columns: Sequence[str], rows: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """Return how wide each column is within `room`; None if cards are to be printed instead.

    The widest columns give way, down to their longest word; the first one, by which rows are named, never does. Rich
    would cut words before that, or the ends of lines.
    """
    from rich.text import Text  # noqa: PLC0415 - see above

    cells = [[Text.from_markup(text) for text in column] for column in zip(columns, *rows, strict=True)]
    widths = [max(text.cell_len for text in column) for column in cells]
    least = [widths[0], *(max(map(_longest_word, column)) for column in cells[1:])]
    is_narrow = room < _MIN_TABLE_WIDTH
    room -= _GAP * (len(widths) - 1)
    if sum(widths) > room and (is_narrow or sum(least) > room):
        return None
    while sum(widths) > room:
        wide = max((number for number in range(len(widths)) if widths[number] > least[number]), key=widths.__getitem__)
        widths[wide] -= 1
    return widths


def _longest_word(text: "Text") -> int:
    from rich.cells import cell_len  # noqa: PLC0415 - see above

    return max(map(cell_len, text.plain.split()), default=0)


def _print_cards(console: "Console", title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if title:
        console.print(title)
    label = max(map(len, columns[1:]), default=0)
    for number, (name, *values) in enumerate(rows):
        if number:
            console.print()
        console.print(f"[bold]{name}[/bold]", soft_wrap=True)
        for column, value in zip(columns[1:], values, strict=True):
            if value != _NOTHING:
                _print_pair(console, (f"  {column:{label}}  ", ""), value, is_whole=column in _COPIED_WHOLE)


def details(pairs: Mapping[str, Any]) -> None:
    """Print names and values, one a line."""
    console = words()
    label = max(map(len, pairs), default=0)
    for name, value in pairs.items():
        _print_pair(console, (f"{name:{label}}  ", "bold"), cell(value))


def _print_pair(console: "Console", margin: tuple[str, str], value: str, *, is_whole: bool = False) -> None:
    """Print a value behind its name; a long one is wrapped between words, unless `is_whole`; a word is never cut."""
    from rich.text import Text  # noqa: PLC0415 - see above

    text, indent = Text.from_markup(value), len(margin[0])
    room = max(1, console.width - indent)
    lines = [text] if is_whole or _longest_word(text) > room else text.wrap(console, room)
    for number, line in enumerate(lines):
        line.rstrip()
        console.print(Text.assemble(margin if number == 0 else " " * indent, line), soft_wrap=True)


def cell(value: Any) -> str:
    """One value for people: lists joined, None as a dash, a device's or person's text made safe."""
    if value is None or value == "":
        return _NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1 else f"{value:.1f}"
    if isinstance(value, (list, tuple)):
        return ", ".join(cell(item) for item in value) or _NOTHING
    if isinstance(value, Mapping):
        return ", ".join(f"{_escape(str(name))}={cell(item)}" for name, item in value.items()) or _NOTHING
    return _escape(safe(str(value), 500))


def _escape(text: str) -> str:
    from rich.markup import escape  # noqa: PLC0415 - see above

    return escape(text)


def through(text: str | None) -> str | None:
    """Return an end for people: `through 29 Nov 2026` at the end of a day in this host's zone, else its local time."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text).astimezone()
    except OverflowError:  # the last hours of the year 9999
        return text
    if (moment.hour, moment.minute, moment.second, moment.microsecond) != (0, 0, 0, 0):
        return local(text)
    last = moment.date() - timedelta(days=1)
    return f"through {last.day} {_MONTHS[last.month - 1]} {last.year}"


# Not by strftime, whose names follow the locale: what is printed is English throughout.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def local(text: str | None) -> str | None:
    """Return an RFC 3339 time as this host's local time."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except OverflowError:  # the last hours of the year 9999
        return text


def lasting(seconds: float) -> str:
    """Return a length of time for people: its two largest units, as in 3 d 4 h."""
    whole = int(seconds)
    parts = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s")]
    first = next((number for number, (count, _) in enumerate(parts) if count), len(parts) - 1)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count) or "0 s"
