"""Quarantine a database that cannot be trusted, before it is used; it is never deleted, nor replaced in silence."""

import logging
from datetime import UTC, datetime
from pathlib import Path

from devicemgr.atomic_files import sync_folder
from devicemgr.errors import DevicemgrError, Hint, StorageFailed
from devicemgr.home import Home
from devicemgr.ledger.sealer import KeyFile, read_key
from devicemgr.store import integrity
from devicemgr.text import rfc3339

log = logging.getLogger(__name__)

_WHY = "why.txt"
_LOOK_S = 2.0


def trouble(home: Home, *, thorough: bool = False) -> str | None:
    """Why the database can't be used, or None, also for a home that never had one; `thorough` looks at all pages."""
    found = integrity.flaw(home.database, _LOOK_S if thorough else None)
    if found in integrity.NEW and not had_one(home):
        return None  # or its making was cut off
    key = _key(home)
    if found is None and key is not None and key.newest is not None:
        removed = key.removed.through if key.removed else 0
        found = integrity.seal_flaw(home.database, key.newest, removed)
    return found if found != integrity.GONE else _reason(home) or found


def had_one(home: Home) -> bool:
    """Return True if this home once had a database, whether or not it still has it."""
    key = _key(home)
    return home.snapshot.exists() or home.quarantine.is_dir() or (key is not None and key.newest is not None)


def _key(home: Home) -> KeyFile | None:
    try:
        return read_key(home.seal_key)
    except DevicemgrError:  # reported by `status`, and no reason not to run
        return None


def _reason(home: Home) -> str | None:
    """Return why the database that is gone was quarantined."""
    folders = sorted(home.quarantine.iterdir()) if home.quarantine.is_dir() else []
    try:
        return (folders[-1] / _WHY).read_text().strip() if folders else None
    except OSError:
        return None


def quarantine(home: Home, why: str) -> Path:
    """Move the database with its log into a folder of its own, which is returned; the caller owns the home."""
    folder = home.quarantine / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
    try:
        folder.mkdir(mode=0o700, parents=True)
        (folder / _WHY).write_text(f"{why}\n")
        # The log and its index first: a database without its log must not be taken for a whole one after a crash.
        for ending in ("-wal", "-shm", ""):
            part = home.database.with_name(home.database.name + ending)
            if part.exists():
                part.rename(folder / part.name)
        sync_folder(folder)
        sync_folder(home.path)
    except OSError as error:
        raise StorageFailed(f"cannot quarantine the database ({error}); check who owns {home.path}") from error
    log.critical("the database can't be used and was moved to %s: %s", folder, why)
    return folder


def unusable(home: Home, why: str) -> StorageFailed:
    """Return the error of a home whose database can't be used; its hint names the ways back."""
    hint = Hint("restore_backup")
    if home.snapshot.exists():
        taken = datetime.fromtimestamp(home.snapshot.stat().st_mtime, UTC)
        hint = Hint("restore_backup_or_recover", taken=rfc3339(taken))
    return StorageFailed(f"the database can't be used ({why})", hint=hint)
