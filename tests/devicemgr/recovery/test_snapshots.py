"""The last good snapshot: whole, private, replaced only by a whole one, and never holding what was erased for long."""

import os
import sqlite3
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devicemgr.domain.ledger_events import Fact
from devicemgr.errors import StorageFailed
from devicemgr.people import face_enrollment
from devicemgr.recovery import snapshots
from devicemgr.recovery.snapshots import SnapshotKeeper, Snapshots
from devicemgr.site.site import Site
from devicemgr.store import integrity
from devicemgr.store.people import consents, people


def enroll(site: Site, badge: str) -> bytes:
    """A person with a template; the sealed template, to be looked for."""
    with site.database.write() as session:
        person = people.add(session, badge, f"Person {badge}", None, None)
        consent, _ = consents.give(session, person, "form")
        key, person.wrapped_key = site.vault.new_data_key(person.id)
        sealed = key.seal_template(np.zeros(4, "<f4").tobytes(), "fake")
        people.add_template(session, person, consent, "fake", sealed, badge.encode())
        return sealed


def record(site: Site) -> None:
    with site.database.write(changes_site=False) as session:
        site.ledger.append(session, [Fact("tamper", datetime.now(UTC))])


@pytest.fixture
def moments(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The clock of the snapshots, to be set forward."""

    class Clock:
        now = 1000.0

        def monotonic(self) -> float:
            return self.now

    found = Clock()
    monkeypatch.setattr(snapshots, "time", found)
    return found


def test_it_is_one_whole_private_file(site: Site) -> None:
    enroll(site, "A1")
    site.snapshots.take()
    assert [path.name for path in site.home.snapshot.parent.iterdir()] == ["devicemgr.db"]
    assert stat.S_IMODE(site.home.snapshot.stat().st_mode) == 0o600
    assert integrity.flaw(site.home.snapshot, 10) is None
    assert integrity.stamp(site.home.snapshot) == integrity.stamp(site.home.database)


def test_rights_are_copied_soon_events_now_and_then_and_nothing_without_a_change(site: Site, moments: Any) -> None:
    taken: list[float] = []
    real = site.snapshots.take

    def take() -> None:
        taken.append(moments.now)
        real()

    site.snapshots.take = take  # type: ignore[method-assign]
    site.snapshots.take_when_due()
    assert len(taken) == 1, "there was none"
    moments.now += 10_000
    site.snapshots.take_when_due()
    assert len(taken) == 1, "nothing changed"
    enroll(site, "A1")
    site.snapshots.take_when_due()
    assert len(taken) == 2
    record(site)
    moments.now += 599
    site.snapshots.take_when_due()
    assert len(taken) == 2
    moments.now += 1
    site.snapshots.take_when_due()
    assert len(taken) == 3
    enroll(site, "A2")
    moments.now += 29
    site.snapshots.take_when_due()
    assert len(taken) == 3
    moments.now += 1
    site.snapshots.take_when_due()
    assert len(taken) == 4
    record(site)
    site.snapshots.take_when_due(at_stop=True)
    assert len(taken) == 5


@pytest.mark.parametrize("how", ["erase", "withdraw"])
def test_whoever_is_erased_is_gone_from_it_at_the_next_look_and_from_its_bytes(
    site: Site, moments: Any, how: str
) -> None:
    sealed, others = enroll(site, "A1"), enroll(site, "A2")
    site.snapshots.take_when_due()
    old = os.open(site.home.snapshot, os.O_RDONLY)
    size = os.fstat(old).st_size
    assert sealed in os.pread(old, size, 0)
    (face_enrollment.erase if how == "erase" else face_enrollment.withdraw)(site, "uid:0", "A1")
    site.snapshots.take_when_due()
    assert sealed not in site.home.snapshot.read_bytes()
    assert others in site.home.snapshot.read_bytes()
    assert not any(os.pread(old, size, 0)), "the old one's bytes were overwritten"
    os.close(old)


def test_a_command_without_a_daemon_leaves_nothing_of_the_erased_either(site: Site) -> None:
    sealed = enroll(site, "A1")
    site.snapshots.take()
    site.snapshots.keep_erasures()
    assert sealed in site.home.snapshot.read_bytes()
    face_enrollment.erase(site, "uid:0", "A1")
    Snapshots(site.home).keep_erasures()
    assert sealed not in site.home.snapshot.read_bytes()


def test_a_damaged_database_never_replaces_a_whole_snapshot(site: Site, moments: Any) -> None:
    enroll(site, "A1")
    for number in range(30):
        enroll(site, f"B{number}")
    site.snapshots.take()
    before = site.home.snapshot.read_bytes()
    site.database.close()
    with sqlite3.connect(site.home.database) as raw:
        (page,) = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 'templates'").fetchone()
        raw.execute("INSERT INTO meta VALUES ('more', '1')")
        raw.execute("UPDATE meta SET value = value + 1 WHERE key = 'revision'")
    raw.close()
    content = bytearray(site.home.database.read_bytes())
    content[(page - 1) * 4096 : page * 4096] = bytes(4096)
    site.home.database.write_bytes(content)
    moments.now += 10_000
    site.snapshots.take_when_due()
    assert "damaged" in str(site.snapshots.failing)
    assert site.home.snapshot.read_bytes() == before
    with pytest.raises(StorageFailed, match="damaged"):
        site.snapshots.take()
    assert [path.name for path in site.home.snapshot.parent.iterdir()] == ["devicemgr.db"]


def test_the_keeper_takes_one_at_its_end(site: Site) -> None:
    keeper = SnapshotKeeper(site.snapshots)
    keeper.start()
    enroll(site, "A1")
    keeper.stop(20)
    assert integrity.stamp(site.home.snapshot) == integrity.stamp(site.home.database)


def test_a_kill_in_the_middle_leaves_the_old_one(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.snapshots.take()
    before = site.home.snapshot.read_bytes()
    enroll(site, "A1")

    class Killed(BaseException):
        pass

    def dies(*_: Any) -> None:
        raise Killed

    monkeypatch.setattr(Path, "rename", dies)
    with pytest.raises(Killed):
        site.snapshots.take()
    monkeypatch.undo()
    assert site.home.snapshot.read_bytes() == before
    site.snapshots.take()
    assert site.home.snapshot.read_bytes() != before
