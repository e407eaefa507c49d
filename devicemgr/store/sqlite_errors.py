"""SQLite errors as errors of this program: decided by SQLite's result code, never by the words of a message."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from devicemgr.errors import DatabaseDamaged, Hint, RequestError, StorageFailed
from devicemgr.text import safe

# Primary result codes (https://www.sqlite.org/rescode.html); the extended ones keep theirs in the lowest byte.
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_NO_ROOM = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
_HELD = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_NO_RIGHT = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}
_PASSING = _NO_ROOM | _HELD | _NO_RIGHT | {sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_INTERRUPT}


def result_code(error: BaseException) -> int | None:
    """Return SQLite's primary result code, or None for an error that Python's own module raised."""
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else None


def is_undecodable(error: BaseException) -> bool:
    """Return True for a stored text that is not UTF-8: sqlite3 raises OperationalError for it, without a code."""
    return isinstance(error, UnicodeDecodeError) or (
        isinstance(error, sqlite3.OperationalError) and result_code(error) is None
    )


def is_passing(error: BaseException) -> bool:
    """Return True if the file could not be used this time, which says nothing about what is in it."""
    return result_code(error) in _PASSING


def was_interrupted(error: BaseException) -> bool:
    """Return True if the progress handler ended the statement."""
    return result_code(error) == sqlite3.SQLITE_INTERRUPT


def storage_failure(error: BaseException) -> StorageFailed:
    """Return the error to raise for one of SQLite's: what happened, and what to do; DatabaseDamaged for damage."""
    cause, code = safe(" ".join(str(error).split()), 120), result_code(error)
    if is_undecodable(error):
        return DatabaseDamaged(
            "the database is damaged (a text in it is not UTF-8); stop the daemon and restore the last backup"
        )
    if code in _DAMAGED:
        return DatabaseDamaged(f"the database is damaged ({cause}); stop the daemon and restore the last backup")
    if code in _NO_ROOM:
        return StorageFailed(
            f"nothing could be stored ({cause})", advice="free space on the disk that holds the home folder"
        )
    if code in _HELD:
        return StorageFailed("the database is held by another program", advice="stop it, or wait and try again")
    if code in _NO_RIGHT:
        return StorageFailed("the database can't be written", advice="check who owns the home folder")
    return StorageFailed(f"the database failed: {cause}", hint=Hint("run_doctor"))


@contextmanager
def reading_stored(what: str) -> Iterator[None]:
    """Raise DatabaseDamaged for stored values that make no sense; only code that turns rows into values goes inside."""
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError, RequestError) as error:
        raise DatabaseDamaged(
            f"the database is damaged (stored {what} can't be read: {type(error).__name__}); stop the daemon and "
            "restore the last backup"
        ) from error


def parse_json(text: str | bytes) -> Any:
    """Return the value of a JSON column; DatabaseDamaged for a text that is no JSON."""
    with reading_stored("values"):
        return json.loads(text)
