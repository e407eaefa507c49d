"""`run --check`: what the start would find, said without changing anything in the home."""

import hashlib
import logging
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command

from devicemgr.errors import SystemFault
from devicemgr.home import Home
from devicemgr.site import site as sites
from devicemgr.store import sqlite
from devicemgr.store.database import _alembic, _head


def files_of(home: Home) -> dict[str, str]:
    """The digest of each file; the shared memory of SQLite's log is no content."""
    found = (path for path in home.path.rglob("*") if path.is_file() and path.suffix != ".db-shm")
    return {
        str(path.relative_to(home.path)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in found
        if path.stat().st_size
    }


def age(home: Home, version: str) -> None:
    """Put a database of an older version, without people, into the place of this home's."""
    with sqlite3.connect(home.database) as raw:
        meta = raw.execute("SELECT key, value FROM meta WHERE key = 'vault_fingerprint'").fetchall()
    raw.close()
    for path in home.path.glob("devicemgr.db*"):
        path.unlink()
    home.seal_key.unlink()
    engine = sqlite.open_engine(home.database)
    with engine.connect() as connection, connection.begin():
        command.upgrade(_alembic(connection), version)
    engine.dispose()
    with sqlite3.connect(home.database) as raw:
        raw.executemany("INSERT INTO meta (key, value) VALUES (?, ?)", meta)
        raw.execute(
            "INSERT INTO devices (id, name, driver, address, options) VALUES ('1', 'arm', 'fake_gate', '/dev/a', '{}')"
        )
    raw.close()


def test_a_home_that_would_start_is_left_as_it_is(home: Home, entrance: None, cli: Callable[..., Any]) -> None:
    before = files_of(home)
    found = cli("run", "--check", "--json")
    assert (found.code, found.json) == (0, {"home": str(home.path), "migration": None, "devices": 2})
    assert files_of(home) == before
    assert "would start" in cli("run", "--check").out


def test_it_works_beside_a_running_daemon(home: Home, cli: Callable[..., Any]) -> None:
    lock = home.take()
    assert cli("run", "--check").code == 0
    os.close(lock)


@pytest.mark.parametrize("version", ["0005", "0009"])
def test_a_migration_is_tried_on_a_copy(home: Home, cli: Callable[..., Any], version: str) -> None:
    age(home, version)
    before = files_of(home)
    found = cli("run", "--check", "--json")
    assert found.code == 0, found.err
    assert found.json["migration"] == ({"from": version, "to": _head()} if version != _head() else None)
    assert found.json["devices"] == 1
    assert files_of(home) == before
    assert list(home.cache.glob("check-*")) == []


def test_a_migration_that_fails_is_found_before_the_start(
    home: Home, cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    age(home, "0005")
    tried = []

    def upgrade(*_: Any) -> None:
        tried.append(1)
        raise SystemFault("the migration meets a row that it does not know")

    monkeypatch.setattr(command, "upgrade", upgrade)
    assert cli("run", "--check").error == "error: the migration meets a row that it does not know"
    assert tried == [1]
    assert list(home.cache.glob("check-*")) == []


def test_a_newer_database_is_refused(home: Home, cli: Callable[..., Any]) -> None:
    with sqlite3.connect(home.database) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    ran = cli("run", "--check")
    assert (ran.code, "install the newer devicemgr" in ran.error) == (1, True)


def test_a_key_that_is_gone_is_found(home: Home, cli: Callable[..., Any]) -> None:
    home.key.unlink()
    ran = cli("run", "--check")
    assert (ran.code, str(home.key) in ran.error) == (1, True)


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [("driver", "gone_gate", "no driver kind 'gone_gate'"), ("options", '{"speed": "much"}', "option speed: ")],
)
def test_a_device_that_this_version_cannot_run_is_named(
    home: Home, entrance: None, cli: Callable[..., Any], column: str, value: str, says: str
) -> None:
    with sqlite3.connect(home.database) as raw:
        raw.execute(f"UPDATE devices SET {column} = ? WHERE name = 'gate-1'", (value,))
    raw.close()
    ran = cli("run", "--check")
    assert ran.code == 1
    assert ran.error.startswith("error: device gate-1 would not start: ")
    assert says in ran.error


def test_a_recognizer_that_does_not_start_is_found(home: Home, parts: Any, cli: Callable[..., Any]) -> None:
    def check(_: bytes) -> None:
        raise SystemFault("the face analyzer does not start: run devicemgr doctor")

    parts.faces.check = check
    assert cli("run", "--check").error == "error: the face analyzer does not start: run devicemgr doctor"


def test_a_home_that_was_never_made_is_refused(tmp_path: Path, cli: Callable[..., Any]) -> None:
    ran = cli("run", "--check", "--home", tmp_path / "none")
    assert (ran.code, "devicemgr init" in ran.error) == (1, True)
    assert not (tmp_path / "none").exists()


def test_a_migration_is_logged_in_one_line(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    age(home, "0005")
    caplog.set_level(logging.INFO)
    sites.initialize(home)
    sites.initialize(home)
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("devicemgr.store")]
    (line,) = [line for line in lines if "migrated" in line]
    assert line.startswith(f"migrated the database from version 0005 to {_head()} in ")
