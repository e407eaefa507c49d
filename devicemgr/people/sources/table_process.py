"""Read a large table or a workbook in a process of its own, with limits of time and memory.

A hostile one takes minutes of Python, which in the daemon would hold up the gates. The child's standard input is the
file, its output one JSON document.
"""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from devicemgr.errors import Hint, InvalidInput
from devicemgr.people.tables.columns import FIELDS
from devicemgr.people.tables.formats.workbook import is_workbook
from devicemgr.people.tables.reader import MAX_BYTES, Layout, Row, Table, parse_table

ID = "id"
"""The column of a source's own ids of people."""
_HINTS = {hint.code: hint for hint in (Hint("pass_column"), Hint("pass_encoding"), Hint("pass_sheet"))}
_MODULE = "devicemgr.people.sources.table_process"
# A smaller text is read in some hundredths of a second, a process takes longer to start.
_MAX_BYTES_HERE = 512 * 1024
_MAX_SECONDS = 180.0
_MAX_MEMORY_BYTES = 2 * 1024**3
_NICENESS = 10


def read_apart(
    data: bytes,
    name: str,
    layout: Layout,
    required: Sequence[str] = ("badge",),
    known: Sequence[str] = (*FIELDS, ID),
) -> Table:
    """Return the table as `parse_table` does; InvalidInput also when that takes too much."""
    if len(data) <= _MAX_BYTES_HERE and not is_workbook(data):
        return parse_table(data, name, layout, required, known)
    options = json.dumps([asdict(layout), list(required), list(known)])
    command = [sys.executable, "-P", "-m", _MODULE, name, options]
    try:
        ran = subprocess.run(  # noqa: S603 - our own interpreter and module
            command, input=data, capture_output=True, check=False, timeout=_MAX_SECONDS
        )
        found: dict[str, Any] = json.loads(ran.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise InvalidInput(f"{name} takes too long or too much memory to read; keep only the table in it") from error
    if "refused" in found:
        raise InvalidInput(found["refused"], hint=_HINTS.get(found["hint"]))
    rows = tuple(Row(**row) for row in found.pop("rows"))
    return Table(rows, found["form"], tuple(found["fields"]), tuple(found["ignored"]), found["is_guess"])


def main() -> None:
    """Read the table from standard input and print it, or why it can't be read."""
    os.nice(_NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY_BYTES, _MAX_MEMORY_BYTES))
    answer: dict[str, Any]
    try:
        layout, required, known = json.loads(sys.argv[2])
        data = sys.stdin.buffer.read(MAX_BYTES + 1)
        answer = asdict(parse_table(data, sys.argv[1], Layout(**layout), required, known))
    except InvalidInput as error:
        answer = {"refused": str(error), "hint": error.hint.code if error.hint else None}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
