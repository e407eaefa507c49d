"""Which time zone this host is in."""

import os
from collections.abc import Mapping
from pathlib import Path

from devicemgr.domain.rules.schedules import parse_timezone
from devicemgr.errors import InvalidInput

_FALLBACK = "UTC"


def local_zone(environment: Mapping[str, str] = os.environ, etc: Path = Path("/etc")) -> str:
    """Return the IANA name that TZ, /etc/timezone or the link /etc/localtime gives, in this order; else UTC."""
    for found in (environment.get("TZ", "").removeprefix(":"), _named(etc / "timezone"), _linked(etc / "localtime")):
        if found:
            try:
                return parse_timezone(found)
            except InvalidInput:
                continue
    return _FALLBACK


def _named(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace")[:100].strip()
    except OSError:
        return ""


def _linked(file: Path) -> str:
    try:
        return os.readlink(file).partition("zoneinfo/")[2]
    except OSError:
        return ""
