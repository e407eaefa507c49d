"""A home that does not open leaves no connection to its database behind."""

import sqlite3
from typing import Any

import pytest

from devicemgr.errors import DatabaseNewer, KeyMissing
from devicemgr.home import Home
from devicemgr.site.site import initialize, open_site
from devicemgr.store import sqlite


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every engine that is opened."""
    opened: list[Any] = []
    real = sqlite.open_engine

    def open_engine(*given: Any) -> Any:
        opened.append(real(*given))
        return opened[-1]

    monkeypatch.setattr(sqlite, "open_engine", open_engine)
    return opened


def all_closed(engines: list[Any]) -> bool:
    return bool(engines) and all(engine.pool.checkedin() == engine.pool.checkedout() == 0 for engine in engines)


def test_a_newer_database(home: Home, parts: Any, engines: list[Any]) -> None:
    with sqlite3.connect(home.database) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    for way in (lambda: open_site(home, parts), lambda: initialize(home)):
        with pytest.raises(DatabaseNewer):
            way()
        assert all_closed(engines)


def test_a_key_that_is_gone(home: Home, parts: Any, engines: list[Any]) -> None:
    home.key.unlink()
    with pytest.raises(KeyMissing):
        open_site(home, parts)
    assert all_closed(engines)


def test_a_home_that_opens_is_open(home: Home, parts: Any, engines: list[Any]) -> None:
    site = open_site(home, parts)
    assert not all_closed(engines)
    site.close()
    assert all_closed(engines)
