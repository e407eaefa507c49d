"""Migration, transactions, and errors told once."""

import sqlite3
import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from devicemgr.errors import AlreadyExists, NotInitialized, StorageFailed
from devicemgr.store.database import Database, revision
from devicemgr.store.people import people
from devicemgr.store.tables import Base, PersonRow
from tests.support.hints import hint_of


@pytest.fixture
def database(tmp_path):
    made = Database.create(tmp_path / "x.db")
    yield made
    made.close()


def test_migrating_from_nothing_gives_the_tables_of_the_model(database):
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    database.require_current()
    database.migrate()
    database.require_current()


def test_the_file_is_private_and_set_up_to_last(database, tmp_path):
    assert oct((tmp_path / "x.db").stat().st_mode & 0o777) == "0o600"
    with database.engine.connect() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        ]
    assert found == ["wal", 2, 1, 1]


def test_there_is_nothing_to_open(tmp_path):
    with pytest.raises(NotInitialized) as refused:
        Database.open(tmp_path / "x.db")
    assert hint_of(refused) == "make_home"
    assert not (tmp_path / "x.db").exists()


def test_a_write_is_all_or_nothing(database):
    before = _revision(database)
    with pytest.raises(ZeroDivisionError), database.write() as session:
        people.add(session, "1", "A", None, None).suspended = bool(1 / 0)
    with database.read() as session:
        assert list(people.all_rows(session)) == []
    assert _revision(database) == before


def test_each_change_raises_the_revision(database):
    before = _revision(database)
    with database.write() as session:
        people.add(session, "1", "A", None, None)
    assert _revision(database) == before + 1
    with database.write(changes_site=False):
        pass
    assert _revision(database) == before + 1


def _revision(database):
    with database.read() as session:
        return revision(session)


def test_what_contradicts_the_store_is_told_as_such(database):
    rows = [PersonRow(id=str(number), badge="same", name="A", suspended=False, created="now") for number in (1, 2)]
    with pytest.raises(AlreadyExists), database.write() as session:
        session.add_all(rows)


def test_a_database_that_others_hold_is_told_as_such(database, tmp_path, monkeypatch):
    holder = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=10")
    with pytest.raises(StorageFailed, match="held by another program"), database.write():
        pass
    holder.close()
    with database.write():
        pass


def test_a_reader_sees_one_state_while_another_writes(database):
    with database.read() as session:
        assert list(people.all_rows(session)) == []
        with database.write() as other:
            people.add(other, "1", "A", None, None)
        assert list(people.all_rows(session)) == []


def test_many_writers_take_turns(database):
    def add(number):
        with database.write() as session:
            people.add(session, str(number), "A", None, None)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as session:
        assert people.counts(session)["people"] == 20
    assert _revision(database) == 20
