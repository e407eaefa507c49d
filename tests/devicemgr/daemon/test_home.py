"""Making and migrating a home: interrupted anywhere it can be done again; what is in the way is told in one line."""

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command

from devicemgr import vault
from devicemgr.errors import AlreadyRunning, KeyMissing, NotInitialized, StorageFailed
from devicemgr.home import Home
from devicemgr.site import site as sites
from devicemgr.site.site import Site
from devicemgr.store.database import Database
from devicemgr.store.ledger.events import head
from tests.support.hints import hint_of


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "a home with spaces, ünï%41?x#y")


class Stopped(BaseException):
    """Stands for a power cut."""


def stop(*_: Any, **__: Any) -> None:
    raise Stopped


@pytest.mark.parametrize(
    ("owner", "name"),
    [(vault, "write_durably"), (os, "link"), (os, "fsync"), (Database, "migrate"), (command, "upgrade")],
)
def test_an_init_that_is_cut_off_can_be_done_again(
    home: Home, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, stop)
        with pytest.raises(Stopped):
            sites.initialize(home)
    sites.initialize(home)
    Database.open(home.database).require_current()
    assert home.database.stat().st_size > 0
    vault.Vault.load(home.key)
    assert oct(home.key.stat().st_mode & 0o777) == "0o600"


def test_a_migration_that_is_cut_off_leaves_the_tables_as_they_were(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = command.upgrade

    def upgrade(*given: Any) -> None:
        real(*given)
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(command, "upgrade", upgrade)
        with pytest.raises(Stopped):
            sites.initialize(home)
    database = Database.open(home.database)
    with pytest.raises(NotInitialized):
        database.require_current()
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("select count(*) from sqlite_master").scalar() == 0
    database.close()


def test_tables_are_not_changed_beneath_a_running_daemon(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    sites.initialize(home)
    lock = home.take()
    assert sites.initialize(home) is False
    monkeypatch.setattr("devicemgr.store.database._head", lambda: "a newer one")
    with pytest.raises(AlreadyRunning):
        sites.initialize(home)
    os.close(lock)


def test_a_full_disk_leaves_no_half_a_key(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(StorageFailed, match="No space left"):
            sites.initialize(home)
    assert not home.key.exists()


@pytest.mark.parametrize("spoil", ["symlink", "open", "short", "another"])
def test_a_key_file_that_is_not_ours_is_refused(home: Home, spoil: str, tmp_path: Path) -> None:
    sites.initialize(home)
    if spoil == "symlink":
        home.key.rename(tmp_path / "elsewhere")
        home.key.symlink_to(tmp_path / "elsewhere")
    elif spoil == "open":
        home.key.chmod(0o640)
    elif spoil == "short":
        home.key.write_text("AAAA\n")
    else:
        home.key.unlink()
        vault.Vault.create(home.key)
    with pytest.raises(KeyMissing) as caught:
        sites.open_site(home, None)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_a_damaged_database_is_named_with_what_helps(home: Home) -> None:
    sites.initialize(home)
    home.database.write_bytes(b"garbage" * 2000)
    with pytest.raises(StorageFailed, match="it is damaged") as caught:
        sites.initialize(home)
    assert hint_of(caught) == "restore_backup"


def cut_off(action: Callable[[], object]) -> None:
    with contextlib.suppress(Stopped):
        action()


def finishes(action: Callable[[], object]) -> bool:
    done = threading.Event()
    threading.Thread(target=lambda: (action(), done.set()), daemon=True).start()
    return done.wait(10)


def record(site: Site) -> None:
    with site.database.write():
        pass


def test_many_slow_readers_do_not_keep_the_ledger_from_its_database(site: Site) -> None:
    readers = [site.database.read() for _ in range(20)]
    sessions = [reader.__enter__() for reader in readers]
    for session in sessions:
        head(session)
    assert finishes(lambda: record(site))
    for reader in readers:
        reader.__exit__(None, None, None)


def test_an_erasure_beside_a_long_read_lets_the_ledger_write_and_is_made_up_for(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devicemgr.store.sqlite._WIPE_ATTEMPTS", 100_000)
    with site.database.read() as session:
        head(session)
        record(site)
        stopped = threading.Event()
        monkeypatch.setattr("devicemgr.store.sqlite.time.sleep", lambda _: stopped.wait(0.05) and stop())
        eraser = threading.Thread(target=lambda: cut_off(site.database.forget))
        eraser.start()
        assert finishes(lambda: [record(site) for _ in range(3)])
        stopped.set()
        eraser.join(10)
    monkeypatch.undo()
    wal = site.home.database.with_name("devicemgr.db-wal")
    assert wal.stat().st_size > 0
    site.database.forget_later()
    assert wal.stat().st_size == 0
