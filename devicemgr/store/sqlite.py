"""All that is SQLite's own: pragmas, transactions, file handling. A PostgreSQL hub replaces this module."""

import os
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event

BUSY_TIMEOUT_MS = 5_000
# Read by the begin hook: a writer takes the lock at once, so it never fails half way on an upgrade from reader.
IMMEDIATE = {"devicemgr_immediate": True}


def open_engine(path: Path) -> Engine:
    """An engine on the database file at `path` (mode 0600): WAL, every commit synced, erased bytes overwritten."""
    if not path.exists():
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: sqlite3.Connection, _record: Any) -> None:
    # Python's own implicit BEGIN would come too late; _on_begin sends it instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON",
        f"busy_timeout={BUSY_TIMEOUT_MS}", "trusted_schema=OFF", "temp_store=MEMORY",
    ):  # fmt: skip
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("devicemgr_immediate")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def wipe_log(engine: Engine) -> bool:
    """Truncate the write-ahead log, so that erased rows do not live on in it; False while a reader holds it."""
    with engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        assert isinstance(raw, sqlite3.Connection)
        (busy, _, _) = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def damage(engine: Engine) -> str | None:
    """What SQLite's own quick check finds wrong, or None."""
    with engine.connect() as connection:
        found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    return None if found == "ok" else str(found)
