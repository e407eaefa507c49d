"""The database as a file: whether it can be trusted, and whole copies of it."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from devicemgr.atomic_files import sync_folder
from devicemgr.domain.ledger_seals import Seal
from devicemgr.errors import DatabaseDamaged, StorageFailed
from devicemgr.store.database import FINGERPRINT
from devicemgr.store.sqlite_errors import is_passing, storage_failure, was_interrupted
from devicemgr.text import safe

GONE, EMPTY, WITHOUT_SITE = "it is gone", "it is empty", "it holds no site"
NEW = (GONE, EMPTY, WITHOUT_SITE)  # as it is while a home is made, too
_STEPS = 10_000
# SQLite quotes what it found, which need not be text.
_ERRORS = (sqlite3.Error, UnicodeDecodeError)
# What a person who was erased, or withdrew a face, had here: table, and what makes a row that one.
_PERSONAL = {
    "people": "l.id = s.id AND l.wrapped_key IS s.wrapped_key",
    "templates": "l.id = s.id",
    "samples": "l.id = s.id",
}


def flaw(path: Path, seconds: float | None) -> str | None:
    """Why the file can't be used, or None; `seconds` bounds the look through all of its pages, None leaves it out.

    StorageFailed when that can't be found out now: another program holds it, or the disk is full.
    """
    try:
        # Only SQLite may open the file: closing it by any other way would drop the locks that this process holds on
        # it (POSIX), and another process would then take the log away from under it.
        if not path.stat().st_size:
            return EMPTY
    except FileNotFoundError:
        return GONE
    except OSError as error:
        raise StorageFailed(f"cannot read {path} ({error.strerror})", advice="check the home folder") from error
    with _collected_flaws() as found, closing(_connect(path)) as database:
        if not database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'meta'").fetchone()[0]:
            return WITHOUT_SITE
        versions = database.execute("SELECT version_num FROM alembic_version").fetchall()
        if any(not str(version).isdigit() for (version,) in versions) or (seconds is not None and not versions):
            return "it is damaged: it does not say its version"
        if seconds is not None:
            _looked_through(database, seconds, found)
    return found[0] if found else None


def seal_flaw(path: Path, newest: Seal, removed: int) -> str | None:
    """Why the file is not the one over whose events `newest` was made, or None; events up to `removed` may be gone."""
    with _collected_flaws() as found, closing(_connect(path)) as database:
        stored = database.execute("SELECT max(number) FROM seals").fetchone()[0] or 0
        if stored < newest.number - 1:  # the newest one may just be on its way into the database
            return f"it is an older copy: it knows of {stored} seals, the key file of {newest.number}"
        head = database.execute("SELECT hash FROM events WHERE seq = ?", (newest.seq,)).fetchone()
        if newest.seq > removed and head is None:
            return f"it is an older copy, or its end was cut off: event {newest.seq} was sealed and is gone"
        if head is not None and head[0] != newest.head:
            return f"its events up to {newest.seq} are not those that were sealed"
    return found[0] if found else None


def fingerprint(path: Path) -> str | None:
    """Return which vault the database names as its own; None where that can't be read."""
    try:
        if not path.stat().st_size:
            return None
        with closing(_connect(path)) as database:
            row = database.execute("SELECT value FROM meta WHERE key = ?", (FINGERPRINT,)).fetchone()
    except (OSError, *_ERRORS):
        return None
    return str(row[0]) if row else None


def stamp(path: Path) -> tuple[str, int]:
    """Return what tells one state of the file from another: the revision of people and site, and the last event."""
    with _failing(path), closing(_connect(path)) as database:
        row = database.execute("SELECT value FROM meta WHERE key = 'revision'").fetchone()
        return (row[0] if row else "", database.execute("SELECT max(seq) FROM events").fetchone()[0] or 0)


def copy(source: Path, target: Path) -> None:
    """Write a whole copy of the live database, in one file, on disk and looked through.

    StorageFailed, and none, else.
    """
    target.unlink(missing_ok=True)
    try:
        os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        with closing(_connect(source)) as live, closing(sqlite3.connect(target)) as made:
            live.backup(made)
            made.execute("PRAGMA journal_mode=DELETE")
            found = made.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise DatabaseDamaged(
                f"the database is damaged ({_line(found)}); stop the daemon and restore the last backup"
            )
        descriptor = os.open(target, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
        sync_folder(target.parent)
    except (OSError, *_ERRORS) as error:
        target.unlink(missing_ok=True)
        raise StorageFailed(
            f"the database could not be copied ({_line(error)})", advice="check the disk of the home folder"
        ) from error
    except StorageFailed:
        target.unlink(missing_ok=True)
        raise


def holds_more_of_people(copied: Path, live: Path) -> bool:
    """Return whether a copy still has what was erased, withdrawn or re-encrypted in the live database."""
    with _failing(live), closing(_connect(live)) as database:
        database.execute("ATTACH DATABASE ? AS copied", (f"file:{quote(str(copied))}?mode=ro",))
        for table, same in _PERSONAL.items():
            query = (
                f"SELECT 1 FROM copied.{table} s WHERE NOT EXISTS (SELECT 1 FROM main.{table} l WHERE {same}) LIMIT 1"  # noqa: S608
            )
            try:
                if database.execute(query).fetchone():
                    return True
            except sqlite3.OperationalError:  # made by another version: a new copy is due anyhow
                return True
    return False


def _line(said: object) -> str:
    """Return one line of what SQLite says of a file, safe to show: it quotes the file."""
    return safe(" ".join(str(said).split()), 120)


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, timeout=5.0, isolation_level=None)


def _looked_through(database: sqlite3.Connection, seconds: float, found: list[str]) -> None:
    deadline = time.monotonic() + seconds
    database.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
    try:
        answer = str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.OperationalError as error:
        if not was_interrupted(error):
            raise
        return  # too big to be looked through before the gates are needed; the next snapshot does that
    finally:
        database.set_progress_handler(None, 0)
    if answer != "ok":
        found.append(f"it is damaged: {_line(answer)}")


@contextmanager
def _collected_flaws() -> Iterator[list[str]]:
    """SQLite's own complaint about a file becomes the flaw; what is only in the way becomes StorageFailed."""
    found: list[str] = []
    try:
        yield found
    except _ERRORS as error:
        if is_passing(error):
            raise storage_failure(error) from error
        found.append(f"it is damaged: {_line(error)}")


@contextmanager
def _failing(path: Path) -> Iterator[None]:
    try:
        yield
    except _ERRORS as error:
        raise StorageFailed(f"{path} can't be read ({_line(error)})") from error
