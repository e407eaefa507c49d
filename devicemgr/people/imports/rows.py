"""One row of an import as a page shows it: what becomes of a person, or what is wrong with a line or a photo."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from devicemgr.people.imports.photos import Failure
from devicemgr.people.tables.formats.delimited import csv_line
from devicemgr.people.tables.plan import Change, Refused

REFUSED, ENROLL = "refused", "enroll"
_HEADER = ("line", "badge", "file", "reasons", "why", "duplicate_of")


@dataclass(frozen=True, slots=True)
class ImportRow:
    """A change of a table, a person whose photos are enrolled, or a refusal; `reasons` are codes, `why` is English."""

    what: str
    badge: str | None = None
    name: str | None = None
    line: int | None = None
    file: str | None = None
    reasons: tuple[str, ...] = ()
    why: str | None = None
    duplicate_of: str | None = None
    photos: int | None = None
    fields: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the row as the API answers it, without what it does not have."""
        every = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in every.items() if name == "what" or value not in (None, (), {})}


def of_change(change: Change) -> ImportRow:
    """Return the row of a change that a table makes."""
    fields = {name: list(values) for name, values in change.fields.items()}
    return ImportRow(change.change, change.badge, change.name, change.line, fields=fields)


def of_refusal(refused: Refused) -> ImportRow:
    """Return the row of a line that is not taken."""
    return ImportRow(REFUSED, refused.badge, line=refused.line, reasons=(refused.code,), why=refused.why)


def of_failure(failure: Failure) -> ImportRow:
    """Return the row of a photo or person at fault."""
    return ImportRow(
        REFUSED,
        failure.badge,
        file=failure.file,
        reasons=failure.reasons,
        why=failure.why or None,
        duplicate_of=failure.duplicate_of,
    )


def as_csv(rows: Iterable[ImportRow]) -> Iterator[str]:
    """Yield the lines of a file of refusals; a byte order mark leads, by which spreadsheets know UTF-8."""
    yield "\ufeff" + csv_line(_HEADER) + "\r\n"
    for row in rows:
        cells = (row.line, row.badge, row.file, "; ".join(row.reasons), row.why, row.duplicate_of)
        yield csv_line("" if cell is None else str(cell) for cell in cells) + "\r\n"
