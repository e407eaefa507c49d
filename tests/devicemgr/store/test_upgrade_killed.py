"""An upgrade that is killed at any step leaves the database as it was or as it should be, and can be done again."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command

from devicemgr.store.database import Database, _alembic
from devicemgr.store.site import portals as portal_store
from devicemgr.store.sqlite import IMMEDIATE, open_engine

STEPS = int(os.environ.get("DEVICEMGR_UPGRADE_STEPS", "4"))

# Migrates, and dies before the statement of that number; or tells how many there were.
PROGRAM = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import event
from devicemgr.store.database import Database
database, seen = Database.open(Path(sys.argv[1])), 0
@event.listens_for(database.engine, "before_cursor_execute")
def before(*_):
    global seen
    seen += 1
    if seen == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
@event.listens_for(database.engine, "commit")
def commit(*_):
    before()
database.migrate()
print(seen)
"""


def old_one(path: Path) -> None:
    """A database of the first version with a portal in it."""
    engine = open_engine(path)
    with engine.connect().execution_options(**IMMEDIATE) as connection, connection.begin():
        command.upgrade(_alembic(connection), "0001")
    engine.dispose()
    with sqlite3.connect(path) as raw:
        raw.execute("insert into devices values ('d', 'arm', 'modbus_gate', '/dev/x', null, null, '{}')")
        raw.execute("insert into portals values ('lobby', 'd', 1, 'secure', 5.0, 'normal')")
    raw.close()


def migrated(path: Path, dies_at: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path), str(dies_at)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def statements(tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many an upgrade from the first version takes, its commit among them."""
    path = tmp_path_factory.mktemp("whole") / "devicemgr.db"
    old_one(path)
    ran = migrated(path, 0)
    assert ran.returncode == 0, ran.stderr
    return int(ran.stdout)


@pytest.mark.parametrize("step", range(STEPS))
def test_killed_at_a_statement_and_done_again(tmp_path: Path, statements: int, step: int) -> None:
    assert statements > 20
    path = tmp_path / "devicemgr.db"
    old_one(path)
    dies_at = 1 + (statements - 1) * step // (STEPS - 1)
    assert migrated(path, dies_at).returncode == -signal.SIGKILL, f"it died at {dies_at} of {statements}"
    with sqlite3.connect(path) as raw:
        assert raw.execute("pragma quick_check").fetchone() == ("ok",)
        (version,) = raw.execute("select version_num from alembic_version").fetchone()
        assert raw.execute("select name from portals").fetchall() == [("lobby",)]
    raw.close()
    assert version == "0001", "all of it is one transaction"
    database = Database.open(path)
    database.migrate()
    database.require_current()
    with database.read() as session:
        assert portal_store.portal(session, "lobby").gate.name == "arm"
    assert database.damage() == (None, True)
    database.close()
