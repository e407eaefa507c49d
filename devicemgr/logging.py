"""Log lines that what devices and callers send can neither break nor color, for people, for journald, or as JSON.

A line tells the device and the request that it is about where the call says so (`extra={"device": …, "request": …}`);
a device's own thread says its name for it.
"""

import logging
import os
import sys
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from devicemgr.text import json_line, rfc3339, safe

FORMATS = ("text", "json")
# A recognizer process writes as its daemon does.
FORMAT_VARIABLE = "DEVICEMGR_LOG_FORMAT"

_MOST = 2000
_KEPT_LINES = 2000
_THREAD = "device-"
# sd-daemon(3): journald takes the priority from the line's beginning.
_PRIORITIES = {"CRITICAL": "<2>", "ERROR": "<3>", "WARNING": "<4>", "INFO": "<6>", "DEBUG": "<7>"}


class SafeFormatter(logging.Formatter):
    """One line a message: what devices say can't break it, forge one, or color the terminal; tracebacks stay whole."""

    def __init__(self, layout: str, *, priority: bool = False) -> None:
        super().__init__(layout)
        self._priority = priority

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the line of a message."""
        record.message = safe(record.message, _MOST)
        return (_PRIORITIES.get(record.levelname, "") if self._priority else "") + super().formatMessage(record)

    def formatException(self, ei: Any) -> str:
        """Return a traceback, indented."""
        return "\n".join("    " + safe(line, _MOST) for line in super().formatException(ei).splitlines())


class JsonFormatter(logging.Formatter):
    """A JSON object a line: time (RFC 3339), level, logger, message; device, request and exc where there are any."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the JSON object of a message."""
        line: dict[str, str] = {
            "time": rfc3339(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": safe(record.name, 200),
            "message": safe(record.getMessage(), _MOST),
        }
        device = getattr(record, "device", None) or _device_of(record.threadName)
        for name, value in (("device", device), ("request", getattr(record, "request", None))):
            if value:
                line[name] = safe(str(value), 100)
        if record.exc_info:
            line["exc"] = "\n".join(safe(part, _MOST) for part in self.formatException(record.exc_info).splitlines())
        return json_line(line)


class KeptLines(logging.Handler):
    """The newest lines in memory, for a support bundle."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self.setFormatter(JsonFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line."""
        self._lines.append(self.format(record))

    def lines(self) -> list[str]:
        """Oldest first."""
        return list(self._lines)


kept = KeptLines()


def log_to_stderr(layout: str, form: str | None = None, environment: Mapping[str, str] = os.environ) -> None:
    """Send this process's log to standard error as `text` or `json` (else as the daemon said); libraries only warn.

    As text a person's terminal gets the time, and journald the priority.
    """
    handler = logging.StreamHandler(sys.stderr)
    if (form or environment.get(FORMAT_VARIABLE)) == "json":
        handler.setFormatter(JsonFormatter())
    else:
        stamp = "%(asctime)s " if sys.stderr.isatty() else ""
        handler.setFormatter(SafeFormatter(stamp + layout, priority="JOURNAL_STREAM" in environment and not stamp))
    logging.basicConfig(level=logging.INFO, handlers=[handler, kept], force=True)
    for name in ("httpx", "httpcore", "uvicorn", "zeep", "pymodbus", "alembic", "libav"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _device_of(thread: str | None) -> str | None:
    return thread.removeprefix(_THREAD) if thread and thread.startswith(_THREAD) else None
