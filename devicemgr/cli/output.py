"""What goes to the terminal: one JSON document, or words and tables; progress and warnings go to standard error."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from devicemgr.cli.context import session
from devicemgr.text import json_line, safe

if TYPE_CHECKING:  # Rich takes as long to import as Python to start; JSON and plain lines need none of it
    from rich.console import Console

# The control characters that Rich leaves out: bell, backspace, vertical tab, form feed, carriage return.
_CONTROLS = dict.fromkeys((7, 8, 11, 12, 13))

_MIN_TABLE_WIDTH = 100
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


def warn(text: str) -> None:
    """Print a warning on standard error."""
    notes().print(f"[yellow]warning:[/yellow] {_escape(text)}", soft_wrap=True)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], empty: str) -> None:
    """Print a table; `empty` when there are no rows, saying how to get some.

    A narrow terminal on which it would be cut gets a card for each row instead: a name or number must be copied whole.
    """
    shown = [[cell(value) for value in row] for row in rows]
    if not shown:
        print(empty, flush=True)
        return
    console = words()
    if console.width < _MIN_TABLE_WIDTH and _natural_width(columns, shown) > console.width:
        _print_cards(console, title, columns, shown)
        return
    from rich.table import Table  # noqa: PLC0415 - see above

    grid = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        grid.add_column(column, overflow="fold")
    for row in shown:
        grid.add_row(*row)
    console.print(grid)


def _natural_width(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    from rich.text import Text  # noqa: PLC0415 - see above

    widest = [max(Text.from_markup(text).cell_len for text in column) for column in zip(columns, *rows, strict=True)]
    return sum(widest) + 2 * (len(widest) - 1)


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
                console.print(f"  {column:{label}}  {value}", soft_wrap=True)


def details(pairs: Mapping[str, Any]) -> None:
    """Print names and values, one a line."""
    from rich.table import Table  # noqa: PLC0415 - see above

    grid = Table(show_header=False, box=None, pad_edge=False)
    grid.add_column(style="bold")
    grid.add_column(overflow="fold")
    for name, value in pairs.items():
        grid.add_row(_escape(name), cell(value))
    words().print(grid)


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
