"""Checks that need no open site: Python, packages, home, keys, disk, clock. Covers homes that do not open."""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

from devicemgr.clock.ntp import in_container, is_synchronized
from devicemgr.errors import (
    DatabaseDamaged,
    DatabaseNewer,
    DevicemgrError,
    Hint,
    KeyMissing,
    NotInitialized,
    StorageFailed,
)
from devicemgr.home import Home

_FREE_BYTES = 500 * 1024 * 1024
_FREE_SHARE = 0.03
_OURS = ("cli", "devicemgr", "drivers", "enrollment", "udev")
_MAKE, _RESTORE = Hint("initialize_home"), "restore the last backup"
_NEWER = "install the newer devicemgr, or restore a backup made by this one"
_KEY_FIX = "put the copy of the key file back that was made with the home"


class Finding(Exception):
    """Something is wrong; `fix` and `hint` say what to do."""

    def __init__(self, detail: str, fix: str | None = None, hint: Hint | None = None) -> None:
        super().__init__(detail)
        self.fix = fix
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Advised:
    """Detail of a check that found nothing wrong, with what more can be done."""

    detail: str
    hint: Hint


def run(name: str, check: Callable[[], str | Advised]) -> dict[str, Any]:
    """Return one check's row: `{"check", "ok", "detail", "fix", "hint"}`."""
    try:
        found = check()
    except Finding as finding:
        return _row(name, str(finding), finding.fix, finding.hint)
    except DevicemgrError as error:
        return _row(name, str(error), None, error.hint)
    except OSError as error:
        what = f"{error.filename or 'it'} can't be read ({error.strerror})"
        return _row(name, what, "run this as the home's owner, or as root")
    if isinstance(found, Advised):
        return _row(name, found.detail, None, found.hint, ok=True)
    return _row(name, found, None, ok=True)


def _row(check: str, detail: str, fix: str | None, hint: Hint | None = None, *, ok: bool = False) -> dict[str, Any]:
    return {"check": check, "ok": ok, "detail": detail, "fix": fix, "hint": hint.as_json() if hint else None}


def examine(home: Home) -> list[dict[str, Any]]:
    """Return the checks, in the order in which one looks."""
    return [
        run("python", lambda: f"Python {sys.version.split()[0]}"),
        run("packages", _packages),
        run("home", lambda: _home(home)),
        run("keys", lambda: _keys(home)),
        run("disk", lambda: _disk(home)),
        run("clock", _clock),
    ]


def examine_closed(home: Home, error: DevicemgrError) -> list[dict[str, Any]]:
    """Return the checks of a home that can't be opened, and why it can't."""
    name = "database"
    fix: str | None = _RESTORE
    hint: Hint | None = Hint("how_to_restore")
    if isinstance(error, DatabaseNewer):
        fix, hint = _NEWER, Hint("show_version")
    elif isinstance(error, NotInitialized):
        fix, hint = None, _MAKE
    elif isinstance(error, StorageFailed) and not isinstance(error, DatabaseDamaged) and (error.advice or error.hint):
        fix, hint = error.advice or None, error.hint  # busy, full or closed to this user: nothing to restore
    elif isinstance(error, KeyMissing):
        name, fix, hint = "keys", _KEY_FIX, error.hint
    rows = examine(home)
    failed = _row(name, str(error), fix, hint)
    if any(row["check"] == name and row["ok"] for row in rows):
        return [failed if row["check"] == name else row for row in rows]
    return rows if name == "keys" else [*rows, failed]


def _packages() -> str:
    """Check that our top-level names, which are common words, belong to no other distribution in this environment."""
    owners = packages_distributions()
    for name in _OURS:
        foreign = [owner for owner in owners.get(name, []) if owner != "devicemgr"]
        if foreign:
            raise Finding(
                f"'{name}' also belongs to {', '.join(foreign)}", "install devicemgr into its own environment"
            )
    return "no other package claims our names"


def _home(home: Home) -> str:
    if not home.path.is_dir():
        raise Finding(f"there is no home folder {home.path}", hint=_MAKE)
    _private(home.path, 0o027, "750")
    if home.database.exists():
        _private(home.database, 0o007, "600")
    return str(home.path)


def _keys(home: Home) -> str:
    if not home.key.exists() and not home.has_credential:
        if home.database.exists():
            raise Finding(f"the key file {home.key} is gone, and without it no face and no password opens", _KEY_FIX)
        raise Finding("there are no keys yet", hint=_MAKE)
    for key in (home.key, home.seal_key):
        if key.exists():
            _private(key, 0o077, "600")
    if not home.seal_key.exists():
        raise Finding(f"{home.seal_key} is gone: what happens is sealed no more", "restore it from its backup")
    return "the key files are private" if home.key.exists() else "the key is a systemd credential"


def _private(path: Path, others: int, mode: str) -> None:
    found = path.stat()
    if found.st_mode & others:
        raise Finding(f"{path} is open to others (mode {found.st_mode & 0o777:o})", f"chmod {mode} {path}")
    if os.geteuid() != 0 and found.st_uid != os.geteuid():
        raise Finding(f"{path} belongs to user {found.st_uid}", f"chown it to user {os.geteuid()}, who runs this")


def _disk(home: Home) -> str:
    there = next(path for path in (home.path, *home.path.parents) if path.exists())
    usage, files = shutil.disk_usage(there), os.statvfs(there)
    free = f"{usage.free / 2**30:.1f} GB free"
    if usage.free < max(_FREE_BYTES, int(min(usage.total * _FREE_SHARE, 4 * _FREE_BYTES))):
        raise Finding(f"only {usage.free // 2**20} MB are free", "free space on the disk that holds the home folder")
    if files.f_files and not files.f_favail:
        raise Finding(
            f"{free}, and no file can be made any more", "remove files from the disk that holds the home folder"
        )
    return free


def _clock() -> str:
    match is_synchronized():
        case True:
            return "held by a time server"
        case False if not in_container():
            raise Finding(
                "no time server holds this computer's clock: schedules and expiry will be off",
                "timedatectl set-ntp true, or install chrony",
            )
        case False:
            return "no time server holds it, as far as this container can see; look at its host"
    return "whether a time server holds it cannot be seen from here"
