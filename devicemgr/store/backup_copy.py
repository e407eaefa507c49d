"""A copy of the database for a backup: consistent, without a name in the file system, and people taken out of it.

Everything of a person is found by columns called `person_id`, so a table that is added later is taken out too; only the
ledger stays, which knows people by random ids.
"""

import base64
import json
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from devicemgr.errors import StorageFailed

Record = dict[str, list[dict[str, Any]]]
_LEDGER = "events"
_PEOPLE = "people"
_SEALED = "backup_people"
_FILES = "backup_files"
_READ = 1024 * 1024
_JOURNAL_VERSIONS = 18  # the header's two bytes that say how the file is written and read (sqlite.org/fileformat)


class Copy:
    """An open copy, by SQLite's own means; `descriptor` reads its bytes."""

    def __init__(self, connection: sqlite3.Connection, descriptor: int = -1) -> None:
        self._database = connection
        self._descriptor = descriptor

    @property
    def size(self) -> int:
        """In bytes."""
        return os.fstat(self._descriptor).st_size

    def chunks(self) -> Iterator[bytes]:
        """Yield the file's bytes."""
        at = 0
        while chunk := os.pread(self._descriptor, _READ, at):
            yield chunk
            at += len(chunk)

    def take_out(self, seal: Callable[[str, bytes], bytes]) -> int:
        """Replace every person's rows by one sealed record, without keys; how many people."""
        tables = self._tables()
        with self._database as database:
            database.execute(f"CREATE TABLE {_SEALED} (person_id TEXT PRIMARY KEY, sealed BLOB NOT NULL)")
            for (person,) in database.execute(f"SELECT id FROM {_PEOPLE}").fetchall():  # noqa: S608 - our own names
                record = {table: self._rows(table, column, person) for table, column in tables.items()}
                for row in record[_PEOPLE]:
                    row.update(wrapped_key=None, backup_key=None)
                database.execute(f"INSERT INTO {_SEALED} VALUES (?, ?)", (person, seal(person, _packed(record))))  # noqa: S608
            for table in tables:
                database.execute(f"DELETE FROM {table}")  # noqa: S608
        (count,) = database.execute(f"SELECT count(*) FROM {_SEALED}").fetchone()  # noqa: S608
        return int(count)

    def sealed(self) -> Iterator[tuple[str, bytes]]:
        """Person's id and sealed record, one in memory at a time."""
        for (person,) in self._database.execute(f"SELECT person_id FROM {_SEALED}").fetchall():  # noqa: S608
            query = f"SELECT sealed FROM {_SEALED} WHERE person_id = ?"  # noqa: S608
            yield person, self._database.execute(query, (person,)).fetchone()[0]

    def put_back(self, records: Iterator[Record]) -> int:
        """Restore the rows of people, drop the sealed ones; return how many people."""
        tables, count = self._tables(), 0
        with self._database as database:
            for record in records:
                count += 1
                for table, rows in record.items():
                    for row in rows if table in tables else ():
                        names = ", ".join(row)
                        marks = ", ".join("?" * len(row))
                        database.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))  # noqa: S608
            database.execute(f"DROP TABLE {_SEALED}")
        return count

    def add_files(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Put files of the home beside the tables, by their names."""
        with self._database as database:
            database.execute(f"CREATE TABLE {_FILES} (name TEXT PRIMARY KEY, content BLOB NOT NULL)")
            for name, content in files:
                database.execute(f"INSERT INTO {_FILES} VALUES (?, ?)", (name, content))  # noqa: S608

    def take_files(self, write: Callable[[str, bytes], None]) -> None:
        """Hand each file over and drop them all; a backup of an older version has none."""
        if not self.scalar(f"SELECT count(*) FROM sqlite_master WHERE name = '{_FILES}'"):  # noqa: S608
            return
        with self._database as database:
            for (name,) in database.execute(f"SELECT name FROM {_FILES}").fetchall():  # noqa: S608
                query = f"SELECT content FROM {_FILES} WHERE name = ?"  # noqa: S608
                write(name, database.execute(query, (name,)).fetchone()[0])
            database.execute(f"DROP TABLE {_FILES}")

    def column(self, query: str) -> list[Any]:
        """Return the values that a query of ours gives, one a row."""
        return [value for (value,) in self._database.execute(query)]

    def scalar(self, query: str) -> Any:
        """Return the one value that a query of ours gives."""
        row = self._database.execute(query).fetchone()
        return row[0] if row else None

    def _tables(self) -> dict[str, str]:
        """Tables about people, each with the column that says about whom."""
        names = [name for (name,) in self._database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        columns = {name: {row[1] for row in self._database.execute(f"PRAGMA table_info({name})")} for name in names}
        found = {_PEOPLE: "id"}
        return found | {n: "person_id" for n in names if "person_id" in columns[n] and n not in (_LEDGER, _SEALED)}

    def _rows(self, table: str, column: str, person: str) -> list[dict[str, Any]]:
        cursor = self._database.execute(f"SELECT * FROM {table} WHERE {column} = ?", (person,))  # noqa: S608
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]


@contextmanager
def nameless(source: Path, folder: Path) -> Iterator[Copy]:
    """Yield a copy of the live database as it is at this moment, by SQLite's backup API.

    A kill leaves nothing of it.
    """
    path = folder / f".copy-{secrets.token_hex(6)}"
    descriptor = -1
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with closing(sqlite3.connect(path)) as target, closing(sqlite3.connect(path)) as copy:
            _opened(target)
            _opened(copy)
            path.unlink()
            with closing(sqlite3.connect(source, timeout=5.0)) as live:
                live.backup(target)
            target.close()
            # The original keeps a write-ahead log; the copy must not, for it would need the name that is gone.
            os.pwrite(descriptor, b"\x01\x01", _JOURNAL_VERSIONS)
            yield Copy(copy, descriptor)
    except (OSError, sqlite3.Error) as error:
        raise StorageFailed(f"the database could not be copied ({error}); check the disk of {folder}") from error
    finally:
        path.unlink(missing_ok=True)
        if descriptor >= 0:
            os.close(descriptor)


def _opened(database: sqlite3.Connection) -> None:
    """SQLite opens a file when it first needs it: that must be while the file has its name."""
    for pragma in ("journal_mode=OFF", "secure_delete=ON", "foreign_keys=OFF", "temp_store=MEMORY"):
        database.execute(f"PRAGMA {pragma}")
    database.execute("BEGIN IMMEDIATE")
    database.execute("COMMIT")


@contextmanager
def named(path: Path) -> Iterator[Copy]:
    """Yield a copy in its file, to put people back into."""
    try:
        with closing(sqlite3.connect(path)) as database:
            for pragma in ("journal_mode=DELETE", "secure_delete=ON", "foreign_keys=OFF", "trusted_schema=OFF"):
                database.execute(f"PRAGMA {pragma}")
            if (found := database.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
                raise StorageFailed(f"the database in the backup is damaged ({found}); use another backup")
            yield Copy(database)
    except sqlite3.Error as error:
        raise StorageFailed(f"the database in the backup could not be used ({error})") from error


def revoked_since(database: Path, seq: int, kinds: tuple[str, ...]) -> dict[str, set[str]]:
    """By kind, ids of people of whom a home that is given up says so after event `seq`; none where it can't be read."""
    found: dict[str, set[str]] = {kind: set() for kind in kinds}
    marks = ", ".join("?" * len(kinds))
    query = f"SELECT kind, person_id FROM events WHERE seq > ? AND kind IN ({marks})"  # noqa: S608
    try:
        with closing(sqlite3.connect(database)) as old:
            for kind, person in old.execute(query, (seq, *kinds)):
                found[kind].add(person)
    except sqlite3.Error:
        return found
    return found


def _packed(record: Record) -> bytes:
    return json.dumps(record, default=lambda value: {"b64": base64.b64encode(value).decode()}).encode()


def unpacked(data: bytes) -> Record:
    """Return a person's rows by table, from an opened record."""
    found: Record = json.loads(data, object_hook=lambda o: base64.b64decode(o["b64"]) if set(o) == {"b64"} else o)
    return found
