"""A table as JSON: a list of objects, one a person, as an export writes it."""

import json
from typing import Any

from devicemgr.errors import InvalidInput
from devicemgr.people.tables.formats.delimited import Sheet

FORM = "JSON"
_SEPARATOR = ";"


def parse(data: bytes, max_rows: int) -> Sheet:
    """Return the header and the rows, lists joined as in a cell; InvalidInput for what is no list of objects."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("the file begins as JSON and is none; export it again") from error
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise InvalidInput("the JSON is no list of people; write a list of objects, one a person")
    if len(found) > max_rows:
        raise InvalidInput(f"the table has more than {max_rows} rows; split it")
    header = list(dict.fromkeys(name for one in found for name in one))
    faults = {}
    rows = [(1, header)]
    for line, one in enumerate(found, 2):
        absent = [name for name in header if name not in one]
        if absent:
            faults[line] = f"it has no {absent[0]}, which others have; null removes a value"
        rows.append((line, [_cell(one.get(name)) for name in header]))
    return Sheet(rows if header else [], FORM, faults)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return _SEPARATOR.join(_cell(part) for part in value)
    return str(value)
