"""The question before a command that destroys something, and what answers it where no person can: `--yes`."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from devicemgr.cli.context import session
from devicemgr.cli.output import write_private
from devicemgr.errors import RequestError
from devicemgr.text import safe


def confirm(action: str, warning: str = "") -> None:
    """Ask before `action`, which names what it destroys: "erase Anna (badge 7)"; a no ends the command.

    Raises RequestError without a terminal, with --json as well, unless --yes was given. Nothing may be changed before.
    """
    if session().yes:
        return
    action = safe(action, 600)
    if not sys.stdin.isatty():
        raise RequestError(f"not done without a terminal to ask at: {action}; add --yes if it is meant")
    typer.confirm(f"{action[0].upper()}{action[1:]}? {warning}".rstrip(), abort=True, err=True)


def named(person: Mapping[str, Any]) -> str:
    """Return how a person is named in a question and in its outcome."""
    return f"{person['name']} (badge {person['badge']})"


def save(file: Path, data: bytes) -> None:
    """Write a file about people, which only its owner reads, after asking whether it may replace one that is there."""
    if file.exists():
        confirm(f"replace {file}")
    write_private(file, data)
