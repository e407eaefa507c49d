"""All that is SQLite's own: pragmas, transactions, file handling. A PostgreSQL hub replaces this module."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError

from devicemgr.errors import StorageFailed
from devicemgr.store.sqlite_errors import parse_json, was_interrupted

BUSY_TIMEOUT_MS = 5_000
_WIPE_MS = 50
_WIPE_ATTEMPTS = 10
# Between two looks at the time, in instructions of SQLite's virtual machine.
_STEPS = 10_000
# Read by the begin hook: a writer takes the lock at once, so it never fails half way on an upgrade from reader.
IMMEDIATE = {"devicemgr_immediate": True}


def immediate(patience_s: float) -> dict[str, Any]:
    """As IMMEDIATE, waiting at most `patience_s` seconds for others."""
    return {**IMMEDIATE, "devicemgr_patience_ms": round(patience_s * 1000)}


def open_engine(path: Path) -> Engine:
    """Return an engine on the database file at `path` (mode 0600).

    WAL, every commit synced, erased bytes overwritten.
    """
    try:
        # One that is there is SQLite's alone to open: closing it here would drop this process's locks on it (POSIX).
        if not path.exists():
            os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StorageFailed(
            f"cannot open {path} ({error.strerror})", advice="check who owns the home folder"
        ) from error
    # No bound on connections: the threads are bounded, and many slow readers must not keep the ledger from its own.
    url = URL.create("sqlite", database=str(path))
    engine = create_engine(
        url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000}, max_overflow=-1, json_deserializer=parse_json
    )
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def open_unchanged(path: Path) -> Engine:
    """Return an engine that reads a database file and writes nothing into it, not even its journal's mode."""
    place = f"file:{quote(str(path))}?mode=ro"
    connect = lambda: sqlite3.connect(place, uri=True, timeout=BUSY_TIMEOUT_MS / 1000)  # noqa: E731
    return create_engine("sqlite://", creator=connect, poolclass=NullPool, json_deserializer=parse_json)


def _on_connect(connection: sqlite3.Connection, _record: Any) -> None:
    # Python's own implicit BEGIN would come too late; _on_begin sends it instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "trusted_schema=OFF",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    # Always, since the connection may come from one who had less patience.
    connection.exec_driver_sql(f"PRAGMA busy_timeout={options.get('devicemgr_patience_ms', BUSY_TIMEOUT_MS)}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("devicemgr_immediate") else "BEGIN")


@contextmanager
def texts_as_stored(connection: Connection) -> Iterator[None]:
    """Read texts that are not UTF-8, too: each byte that does not fit becomes a lone surrogate (PEP 383)."""
    raw = connection.connection.dbapi_connection
    assert isinstance(raw, sqlite3.Connection)
    raw.text_factory = lambda stored: stored.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        raw.text_factory = str


def wipe_log(engine: Engine) -> bool:
    """Truncate the write-ahead log, so that erased rows do not live on in it; False while a reader holds it."""
    with engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        assert isinstance(raw, sqlite3.Connection)
        # Each attempt keeps writers out, the ledger too: so short ones, with room between them.
        raw.execute(f"PRAGMA busy_timeout={_WIPE_MS}")
        try:
            for _ in range(_WIPE_ATTEMPTS):
                (busy, _, _) = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                if not busy:
                    return True
                time.sleep(_WIPE_MS / 1000)
        finally:
            raw.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    return False


def damage(engine: Engine, seconds: float | None = None) -> tuple[str | None, bool]:
    """Return what SQLite's quick check finds wrong, or None, and whether it reached the end within `seconds`."""
    with engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        assert isinstance(raw, sqlite3.Connection)
        if seconds is not None:
            deadline = time.monotonic() + seconds
            raw.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
        try:
            found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        except DBAPIError as error:
            if error.orig is None or not was_interrupted(error.orig):
                raise
            return None, False
        finally:
            raw.set_progress_handler(None, 0)
    return (None if found == "ok" else str(found)), True
