"""An older database is brought up to date with what is in it, and says so until it is."""

import json
import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from devicemgr.access.portals.fire_alarm import active_inputs
from devicemgr.errors import NotInitialized
from devicemgr.store.database import Database, _alembic
from devicemgr.store.site import conditions, devices as device_store, portals as portal_store
from devicemgr.store.sqlite import IMMEDIATE, open_engine
from devicemgr.store.tables import Base
from tests.support.hints import hint_of


def older(path: Path, version: str) -> None:
    engine = open_engine(path)
    with engine.connect().execution_options(**IMMEDIATE) as connection, connection.begin():
        command.upgrade(_alembic(connection), version)
    engine.dispose()


def test_a_portal_of_the_first_version_asks_for_two_pictures_and_grants(tmp_path: Path) -> None:
    path = tmp_path / "devicemgr.db"
    older(path, "0001")
    with sqlite3.connect(path) as raw:
        raw.execute("insert into devices values ('d', 'arm', 'modbus_gate', '/dev/x', null, null, '{}')")
        raw.execute("insert into portals values ('lobby', 'd', 1, 'secure', 5.0, 'normal')")
    raw.close()
    database = Database.open(path)
    with pytest.raises(NotInitialized) as refused:
        database.require_current()
    assert hint_of(refused) == "migrate_home"
    database.migrate()
    database.require_current()
    with database.read() as session:
        found = portal_store.portal_json(portal_store.portal(session, "lobby"))
    assert (found["require"], found["liveness"], found["frames"]) == ("any", "off", 2)
    database.close()


def test_a_fire_of_the_first_release_is_still_one(tmp_path: Path) -> None:
    """Version 0.1.0 knew fires by their latest event only; what a console reported late says no state."""
    path = tmp_path / "devicemgr.db"
    older(path, "0009")
    told = [("arm", True), ("arm", False), ("siren", False), ("siren", True), ("gone", True), ("siren", None)]
    with sqlite3.connect(path) as raw:
        for name in ("arm", "siren"):
            raw.execute(
                "insert into devices (id, name, driver, address, options) values (?, ?, 'modbus_gate', 'x', '{}')",
                (f"id-of-{name}", name),
            )
        for seq, (name, active) in enumerate(told, 1):
            detail = {"device_serial": 7} if active is None else {"active": active}
            body = {"device": name, "time": f"2026-11-2{seq}T10:00:00.000Z", "detail": detail}
            raw.execute(
                "insert into events (seq, time, kind, body, hash) values (?, ?, 'fire_release', ?, '')",
                (seq, body["time"], json.dumps(body)),
            )
    raw.close()
    database = Database.open(path)
    database.migrate()
    with database.read() as session:
        assert active_inputs(session) == {"siren": {""}}
        (row,) = conditions.standing(session)
        assert (row.device_id, row.since) == ("id-of-siren", "2026-11-24T10:00:00.000Z")
        device_store.remove_device(session, device_store.device(session, "siren"))
        assert list(conditions.standing(session)) == []
    database.close()


def test_the_migrations_make_what_the_tables_say(tmp_path: Path) -> None:
    path = tmp_path / "devicemgr.db"
    database = Database.create(path)
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    database.close()
