"""Log lines that what devices and callers send can neither break nor colour."""

import logging
import sys
from typing import Any

from devicemgr.text import safe


class SafeFormatter(logging.Formatter):
    """One line a message: what devices say can't break it, forge one, or colour the terminal; tracebacks stay whole."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = safe(record.message, 2000)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:
        return "\n".join("    " + safe(line, 2000) for line in super().formatException(ei).splitlines())


def log_to_stderr(layout: str) -> None:
    """Send this process's log to standard error, with the time where a person reads it; libraries only warn."""
    handler = logging.StreamHandler(sys.stderr)
    stamp = "%(asctime)s " if sys.stderr.isatty() else ""
    handler.setFormatter(SafeFormatter(stamp + layout))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in ("httpx", "httpcore", "uvicorn", "zeep", "pymodbus", "alembic", "libav"):
        logging.getLogger(name).setLevel(logging.WARNING)
