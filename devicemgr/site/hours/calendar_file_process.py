"""Read an iCalendar file from outside in a process of its own, with limits of time and memory.

A hostile file takes seconds of Python, which in the daemon would hold up the gates. The child's standard input is the
file, its output one JSON document.
"""

import json
import os
import resource
import subprocess
import sys
from datetime import date
from typing import Any

from devicemgr.domain.rules.calendars import MAX_FILE_BYTES, format_day, parse_day
from devicemgr.errors import InvalidInput
from devicemgr.site.hours.icalendar_file import MAX_EXPANSION_S, CalendarFile, read_calendar_file

_MODULE = "devicemgr.site.hours.calendar_file_process"
_START_S = 20.0  # a loaded box takes seconds to load the libraries
_MAX_MEMORY_BYTES = 1024**3
_NICENESS = 10


def read_in_child(content: bytes, today: date) -> CalendarFile:
    """Return the days of a file as `read_calendar_file` does; InvalidInput also when that takes too much."""
    command = [sys.executable, "-P", "-m", _MODULE, today.isoformat()]
    try:
        ran = subprocess.run(  # noqa: S603  our own interpreter and module
            command, input=content, capture_output=True, check=False, timeout=MAX_EXPANSION_S + _START_S
        )
        found: dict[str, Any] = json.loads(ran.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise InvalidInput("the calendar file takes too long or too much memory to read") from error
    if "refused" in found:
        raise InvalidInput(found["refused"])
    days = [parse_day(text) for text in found["days"]]
    return CalendarFile(days, date.fromisoformat(found["until"]), found["left_out"])


def main() -> None:
    """Read the file from standard input and print its days, or why there are none."""
    os.nice(_NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY_BYTES, _MAX_MEMORY_BYTES))
    try:
        found = read_calendar_file(sys.stdin.buffer.read(MAX_FILE_BYTES + 1), date.fromisoformat(sys.argv[1]))
        days = [format_day(day) for day in found.days]
        answer = {"days": days, "until": found.until.isoformat(), "left_out": list(found.left_out)}
    except InvalidInput as error:
        answer = {"refused": str(error)}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
