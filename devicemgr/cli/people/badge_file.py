"""A file of badges: one a line, or the first column of a table with or without a header."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devicemgr.errors import InvalidInput
from devicemgr.text import counted

_MAX_BYTES = 4_000_000
_COLUMN = re.compile(r"[;,\t]")
_HEADERS = ("badge", "badges")


def read_badges(file: Path) -> list[str]:
    """Return the badges of a file, or of standard input for `-`; empty lines and `# …` are left out.

    Raises InvalidInput for what is no text or names no badge.
    """
    try:
        with sys.stdin.buffer if str(file) == "-" else file.open("rb") as opened:
            content = opened.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise InvalidInput(f"{file} is too long for a list of badges")
        lines = content.decode("utf-8-sig").splitlines()
    except OSError as error:
        raise InvalidInput(f"{file} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{file} is no text in UTF-8; write one badge a line") from error
    first = [_COLUMN.split(line, maxsplit=1)[0].strip().strip('"') for line in lines]
    badges = [text for text in first if text and not text.startswith("#")]
    if badges and badges[0].lower() in _HEADERS:
        del badges[0]
    if not badges:
        raise InvalidInput(f"{file} names no badge; write one a line")
    return badges


def describe_change(found: Mapping[str, Any]) -> str:
    """Return how many people a change of many concerned, and how many stood so already."""
    changed = counted(len(found["changed"]), "person", "people")
    return f"{changed} ({len(found['unchanged'])} already so)" if found["unchanged"] else changed
