"""Read a source: its rows as a table of people compares them, by the kind of the source."""

import hashlib
from dataclasses import dataclass
from typing import Any

from devicemgr.errors import InvalidInput
from devicemgr.home import Home
from devicemgr.people.sources import drop_folder
from devicemgr.people.sources.drop_folder import Signature
from devicemgr.people.sources.table_process import ID, read_apart
from devicemgr.people.tables.formats import workbook
from devicemgr.people.tables.reader import Layout, Row
from devicemgr.site.sources.fields import SourceFields
from devicemgr.text import safe

MAX_ID_CHARS = 200


@dataclass(frozen=True, slots=True)
class SourceRows:
    """What a source holds now; `digest` is that of its content, and `fields` are those that it states.

    Each row is a mapping of field to text, with `line`, `badge`, and `source_id` where the source has ids.
    """

    rows: list[dict[str, Any]]
    fields: tuple[str, ...]
    form: str
    is_guess: bool
    ignored: tuple[str, ...]
    digest: str
    signature: Signature


def read_source(home: Home, fields: SourceFields) -> SourceRows:
    """Return the rows of a source; InvalidInput or another RequestError if they can't be read, or there are none."""
    drop_folder.make(home)
    data, signature = drop_folder.read(home, fields.file)
    shown = safe(fields.file, 100)
    if workbook.is_workbook(data) != (fields.kind == "xlsx"):
        what = "no workbook" if fields.kind == "xlsx" else "a workbook"
        raise InvalidInput(f"{shown} is {what}, and the source is of kind {fields.kind}; change one of them")
    table = read_apart(data, fields.file, Layout(fields.encoding, fields.sheet, fields.columns))
    if not table.rows:
        raise InvalidInput(f"{shown} has no rows, which does not say that everyone left; nothing was changed")
    rows = [_row(row) for row in table.rows]
    stated = tuple(name for name in table.fields if name != ID)
    digest = hashlib.sha256(data).hexdigest()
    return SourceRows(rows, stated, table.form, table.is_guess, table.ignored, digest, signature)


def _row(row: Row) -> dict[str, Any]:
    found = row.as_json()
    source_id = row.fields.get(ID, "")
    found.pop(ID, None)
    if not source_id and ID in row.fields:
        found.setdefault("fault", "it has no id")
    if len(source_id) > MAX_ID_CHARS:
        found.setdefault("fault", f"its id has more than {MAX_ID_CHARS} characters")
    return found | ({"source_id": source_id} if source_id else {})
