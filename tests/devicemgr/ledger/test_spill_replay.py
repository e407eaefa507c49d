"""The ledger while the database is locked: what it set aside comes into the chain, each fact once and in order."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devicemgr.domain.ledger_chain import Entry
from devicemgr.domain.ledger_events import Fact
from devicemgr.errors import StorageFailed
from devicemgr.ledger import writer
from devicemgr.ledger.spill_replay import SPILLED
from devicemgr.site.site import Site
from devicemgr.store.ledger import events

ROOT = Path(__file__).resolve().parents[3]


def numbered(number: int) -> Fact:
    return Fact("tamper", datetime.now(UTC), detail={"n": number})


@contextmanager
def locked(site: Site) -> Iterator[None]:
    """Another program holds the database."""
    other = sqlite3.connect(site.home.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


def spill(site: Site, numbers: range) -> None:
    """Submit, and wait until each is durable in the spill file."""
    told: list[Entry | None] = []
    done = threading.Event()
    for number in numbers:
        site.ledger.submit(numbered(number), lambda e: (told.append(e), len(told) == len(numbers) and done.set()))
    assert done.wait(300)
    assert set(told) == {SPILLED}, "the lock held"


def recorded(site: Site) -> tuple[list[int], list[str]]:
    """The numbers of the facts in the order of the chain, and all kinds."""
    with site.database.read() as session:
        bodies = [events.json.loads(row.body) for row in events.walk(session)]
    assert len({body["id"] for body in bodies}) == len(bodies)
    return [body["detail"]["n"] for body in bodies if body["kind"] == "tamper"], [body["kind"] for body in bodies]


@pytest.mark.parametrize("count", [2_000, pytest.param(100_000, marks=[pytest.mark.faults, pytest.mark.timeout(600)])])
def test_a_long_lock_costs_nothing_and_changes_no_order(
    site: Site, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devicemgr.ledger.spill_file.SIZE", 64 * 1024 * 1024)
    site.ledger.start()
    with locked(site):
        spill(site, range(count))
        assert site.ledger.failing
        for number in range(count, count + 100):
            site.ledger.submit(numbered(number))
    assert site.ledger.wait_restored(300)
    site.ledger.submit(numbered(count + 100))
    site.ledger.stop(60)
    numbers, kinds = recorded(site)
    assert numbers == list(range(count + 101))
    assert kinds[0] == "storage_failed"
    assert kinds.count("storage_restored") == 1
    assert site.ledger.verify()[1] is None
    with site.database.read() as session:
        (closed,) = events.find(session, events.EventFilter(kind="storage_restored"), 9)
    assert closed["detail"]["spilled"] >= count + 1
    assert "lost" not in closed["detail"]


DRAINS_AND_DIES = """
import os, signal, sys
sys.path.insert(0, {root!r})
from devicemgr.ledger import writer as ledger; from devicemgr.ledger import spill_replay as spilling
from devicemgr.home import Home
from devicemgr.ledger.spill_file import Spill
from devicemgr.store.database import Database

ledger._BATCH = 50
home, point = Home(__import__("pathlib").Path(sys.argv[1])), sys.argv[2]
database = Database.open(home.database)
found = ledger.Ledger(database, Spill(home.spill, home.spill_key))
real, batches = spilling.bring_in, []

def bring_in(session, spill, limit):
    count = real(session, spill, limit)
    batches.append(count)
    if point == "before the commit" and len(batches) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    if point == "after a commit" and len(batches) == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return count

spilling.bring_in = bring_in
if point == "before it is emptied":
    Spill.clear = lambda self: os.kill(os.getpid(), signal.SIGKILL)
found.start()
found.wait_restored(60)
found.stop(60)
"""


@pytest.mark.parametrize("point", ["before the commit", "after a commit", "before it is emptied"])
def test_killed_while_it_brings_facts_in_nothing_is_lost_or_twice(make_site: Callable[[], Site], point: str) -> None:
    site = make_site()
    site.ledger.start()
    with locked(site):
        spill(site, range(230))
        site.ledger.stop(20)
    died = subprocess.run(
        [sys.executable, "-c", DRAINS_AND_DIES.format(root=str(ROOT)), str(site.home.path), point],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    again = make_site()
    before = recorded(again)[0]
    assert before == list(range(len(before)))
    assert (len(before) == 230) == (point == "before it is emptied")
    again.ledger.start()
    assert again.ledger.wait_restored(30)
    again.ledger.submit(numbered(230))
    again.ledger.stop(30)
    assert recorded(again)[0] == list(range(231))
    assert again.ledger.verify()[1] is None
    assert not any(again.home.spill.read_bytes()[4096:])


def test_an_administrative_change_brings_in_what_came_before_it(make_site: Callable[[], Site]) -> None:
    """A command in process, after the daemon has died with events in the spill file."""
    site = make_site()
    site.ledger.start()
    with locked(site):
        spill(site, range(30))
        site.ledger.stop(20)
    command = make_site()
    with command.database.write() as session:
        command.ledger.append(session, [Fact("admin.test", datetime.now(UTC))])
    numbers, kinds = recorded(command)
    assert numbers == list(range(30))
    assert kinds[-1] == "admin.test"
    command.ledger.start()
    assert command.ledger.wait_restored(30)
    command.ledger.stop(30)
    assert recorded(command)[0] == list(range(30))


def test_an_administrative_change_does_not_wait_for_a_mountain(
    make_site: Callable[[], Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_MAX_AHEAD", 10)
    site = make_site()
    site.ledger.start()
    with locked(site):
        spill(site, range(30))
        site.ledger.stop(20)
    command = make_site()
    with pytest.raises(StorageFailed, match="try again in a minute"), command.database.write() as session:
        command.ledger.append(session, [Fact("admin.test", datetime.now(UTC))])
    assert recorded(command)[1] == []


def test_without_room_in_the_spill_file_facts_wait_in_memory_and_losses_are_counted(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("devicemgr.ledger.spill_file.SIZE", 8192)
    monkeypatch.setattr(writer, "_BACKLOG", 40)
    site.ledger.start()

    def refuse() -> None:
        refused = threading.Event()
        site.ledger.submit(Fact("access_granted", datetime.now(UTC)), lambda e: e is None and refused.set(), keep=False)
        assert refused.wait(30)

    with locked(site):
        refuse()
        for number in range(100):
            site.ledger.submit(numbered(number))
        deadline = time.monotonic() + 30
        while site.ledger._queue or site.ledger.spill_cause is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert site.ledger.wait_restored(30)
    site.ledger.stop(30)
    numbers, _ = recorded(site)
    assert numbers == sorted(set(numbers))
    with site.database.read() as session:
        (closed,) = events.find(session, events.EventFilter(kind="storage_restored"), 9)
    assert len(numbers) + closed["detail"]["lost"] == 100
    assert 0 < closed["detail"]["lost"] < 61
    assert [r for r in caplog.records if r.levelname == "CRITICAL"]
    assert os.path.getsize(site.home.spill) == 8192
