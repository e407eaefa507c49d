"""A database that is damaged, gone or old: set aside, never silently empty, and known people go on being decided."""

import hashlib
import os
import random
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from devicemgr.access.policy_cache import Rulebook
from devicemgr.daemon import startup
from devicemgr.daemon.service import Daemon
from devicemgr.domain.ledger_events import Fact
from devicemgr.domain.sighting import Sighting
from devicemgr.errors import AlreadyRunning, InvalidInput, RequestError, StorageFailed
from devicemgr.home import Home
from devicemgr.ledger.spill_file import Spill
from devicemgr.operations import audit
from devicemgr.recovery import recover_from_snapshot
from devicemgr.site import site as sites
from devicemgr.site.site import Parts, Site
from devicemgr.store.ledger import events as ledger_rows
from devicemgr.store.ledger.event_filter import EventFilter
from devicemgr.store.people import people
from devicemgr.store.site import settings
from devicemgr.store.site.settings import Settings
from tests.scenarios.lobbies import furnish
from tests.support.core import ANNA, NoFaces, build_gallery
from tests.support.hints import hint_of

EVENTS = 60


@pytest.fixture
def parts(catalog: Any) -> Parts:
    return Parts(catalog, NoFaces(), build_gallery, "fake", "x:y", "x:y")  # type: ignore[arg-type]


def enroll(site: Site) -> None:
    """The lobby, and Anna's face."""
    with site.database.write() as session:
        settings.save(session, Settings(on_storage_failure="allow_known"))
        person, consent = furnish(session, site)
        key, person.wrapped_key = site.vault.new_data_key(person.id)
        people.add_template(session, person, consent, "fake", key.seal_template(ANNA.tobytes(), "fake"), b"mac")


def record(site: Site, count: int = 20) -> None:
    with site.database.write(changes_site=False) as session:
        site.ledger.append(session, [Fact("tamper", datetime.now(UTC), detail={"n": n}) for n in range(count)])
    site.sealer.seal()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with Anna, 60 events under three seals, a snapshot, and yesterday's database beside it."""
    from tests.support.core import FakeCatalog

    folder = tmp_path_factory.mktemp("whole")
    home = Home(folder / "home")
    made = Parts(FakeCatalog(), NoFaces(), build_gallery, "fake", "x:y", "x:y")  # type: ignore[arg-type]
    site = startup.open_for_daemon(home, made)
    enroll(site)
    record(site)
    site.close()
    shutil.copy(home.database, folder / "yesterday.db")
    site = sites.open_site(home, made)
    for _ in range(2):
        record(site)
    site.snapshots.take()
    site.close()
    assert sorted(path.name for path in home.path.glob("devicemgr.db*")) == ["devicemgr.db"]
    return folder


@pytest.fixture
def home(tmp_path: Path, whole: Path) -> Home:
    return Home(shutil.copytree(whole / "home", tmp_path / "home"))


@pytest.fixture
def enter(parts: Parts) -> Iterator[Callable[[Home], Site]]:
    opened: list[Site] = []

    def run(home: Home) -> Site:
        opened.append(startup.open_for_daemon(home, parts))
        return opened[-1]

    yield run
    for site in opened:
        site.close()


def flip(content: bytearray, dice: random.Random) -> None:
    for _ in range(dice.choice((1, 8, 200))):
        content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)


def truncate(content: bytearray, dice: random.Random) -> None:
    del content[dice.randrange(1, len(content)) :]


def blank(content: bytearray, dice: random.Random) -> None:
    for _ in range(dice.choice((1, 3, 20))):
        place = dice.randrange(len(content) // 4096) * 4096
        content[place : place + 4096] = bytes(4096)


def swap_halves(content: bytearray, dice: random.Random) -> None:
    middle = len(content) // 2 // 4096 * 4096
    content[:] = content[middle:] + content[:middle]


def swap_pages(content: bytearray, dice: random.Random) -> None:
    one, other = (dice.randrange(1, len(content) // 4096) * 4096 for _ in range(2))
    content[one : one + 4096], content[other : other + 4096] = content[other : other + 4096], content[one : one + 4096]


def empty(content: bytearray, _: random.Random) -> None:
    content.clear()


def wrong_magic(content: bytearray, _: random.Random) -> None:
    content[:16] = b"SQLite format 2\x00"


def noise(content: bytearray, dice: random.Random) -> None:
    content[:] = dice.randbytes(len(content))


def another_site(content: bytearray, _: random.Random) -> None:
    with sqlite3.connect(":memory:") as other:
        other.execute("CREATE TABLE t (x)")
        content[:] = other.serialize()


DAMAGES = (flip, truncate, blank, swap_halves, swap_pages, empty, wrong_magic, noise, flip, another_site)


@pytest.mark.parametrize("count", [20, pytest.param(500, marks=[pytest.mark.faults, pytest.mark.timeout(1200)])])
def test_damaged_it_is_never_silently_empty_and_never_ends_the_daemon(
    whole: Path, tmp_path: Path, enter: Callable[[Home], Site], count: int
) -> None:
    found = silent = 0
    before = (whole / "home" / "devicemgr.db").read_bytes()
    for number in range(count):
        dice = random.Random(number)
        home = Home(shutil.copytree(whole / "home", tmp_path / f"home-{number}"))
        content = bytearray(before)
        DAMAGES[number % len(DAMAGES)](content, dice)
        if bytes(content) == before:  # a page changed places with itself
            continue
        home.database.write_bytes(content)
        for start in range(2):
            site = enter(home)
            people_known = Rulebook(site.database, site.parts.catalog).refresh().people
            assert people_known, f"damage {number} left nobody, at start {start}"
            with site.database.read() as session:
                assert ledger_rows.head(session)[0] >= EVENTS - 1
            frozen = site.database.frozen
            assert frozen is None or "\n" not in frozen
            site.close()
        if frozen:
            found += 1
            (folder,) = home.quarantine.iterdir()
            kept = (folder / "devicemgr.db").read_bytes()
            assert hashlib.sha256(kept).digest() == hashlib.sha256(content).digest() or kept, f"damage {number}"
            assert not home.database.exists()
        else:
            silent += 1
            assert home.database.stat().st_size >= len(before) * 0.9
        shutil.rmtree(home.path)
    print(f"\n{count} damages: {found} set aside, {silent} without harm to what decides")
    assert found >= count * 0.6


def test_yesterdays_copy_is_found(home: Home, whole: Path, enter: Callable[[Home], Site]) -> None:
    shutil.copy(whole / "yesterday.db", home.database)
    site = enter(home)
    assert "older copy" in str(site.database.frozen)
    with site.database.read() as session:
        assert ledger_rows.head(session)[0] == EVENTS
    assert (next(home.quarantine.iterdir()) / "devicemgr.db").read_bytes() == (whole / "yesterday.db").read_bytes()


def test_a_cut_end_and_a_changed_past_are_found(home: Home, enter: Callable[[Home], Site]) -> None:
    with sqlite3.connect(home.database) as raw:
        raw.execute("DELETE FROM events WHERE seq = 60")
        raw.execute("DELETE FROM seals WHERE number = 4")
    raw.close()
    assert "cut off" in str(enter(home).database.frozen)


def test_what_sqlite_does_not_see_does_not_end_the_daemon_either(home: Home, enter: Callable[[Home], Site]) -> None:
    with sqlite3.connect(home.database) as raw:
        raw.execute("UPDATE devices SET options = '{\"unit\": '")
    raw.close()
    site = enter(home)
    assert "can't be read" in str(site.database.frozen)
    assert Rulebook(site.database, site.parts.catalog).refresh().people


def test_a_database_that_is_gone_is_not_made_anew(home: Home, enter: Callable[[Home], Site]) -> None:
    home.database.unlink()
    assert "it is gone" in str(enter(home).database.frozen)
    with pytest.raises(StorageFailed) as refused:
        sites.initialize(home)
    assert hint_of(refused) == "restore_backup_or_recover"
    assert not home.database.exists()


@pytest.mark.parametrize("snapshot", ["gone", "damaged"])
def test_without_a_whole_snapshot_nobody_is_known_and_that_is_said(
    home: Home, enter: Callable[[Home], Site], snapshot: str
) -> None:
    home.database.write_bytes(b"")
    home.snapshot.unlink() if snapshot == "gone" else home.snapshot.write_bytes(home.snapshot.read_bytes()[:9000])
    site = enter(home)
    assert "no person is known" in str(site.database.frozen)
    assert Rulebook(site.database, site.parts.catalog).refresh().people == {}
    with pytest.raises((InvalidInput, StorageFailed)):
        recover_from_snapshot.from_snapshot(home, "uid:0")


def test_it_is_not_moved_while_a_daemon_has_it(home: Home, enter: Callable[[Home], Site]) -> None:
    home.database.write_bytes(b"")
    with home.taken(), pytest.raises(AlreadyRunning):
        enter(home)
    assert home.database.exists()


def until(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 20
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, enter: Callable[[Home], Site]) -> Iterator[Callable[[Home], Daemon]]:
    from tests.devicemgr.daemon.test_service import NoPool

    monkeypatch.setattr("devicemgr.daemon.service.RecognizerPool", NoPool)
    started: list[Daemon] = []

    def start(home: Home) -> Daemon:
        daemon = Daemon(enter(home))
        started.append(daemon)
        daemon.start()
        until(lambda: {device["state"] for device in daemon.status()["devices"]} == {"online"})
        return daemon

    yield start
    for daemon in started:
        daemon.stop(time.monotonic() + 4)


def see_anna(daemon: Daemon, catalog: Any) -> None:
    """She stands before the camera until the gate is told to let her through."""

    def is_released() -> bool:
        now = time.monotonic()
        daemon._router.on_message(Sighting("cam", "t1", now, now, 1, ANNA, latest=ANNA))
        time.sleep(0.02)
        return any(call[0] == "release" for call in catalog.gate.done.queue)

    until(is_released)


def test_known_people_are_let_in_by_the_snapshot_and_all_of_it_is_in_the_record_afterwards(
    home: Home, run: Callable[[Home], Daemon], catalog: Any, enter: Callable[[Home], Site]
) -> None:
    home.database.write_bytes(os.urandom(8192))
    daemon = run(home)
    alarms = [alarm["kind"] for alarm in daemon.status()["alarms"]]
    assert alarms[0] == "database_quarantined"
    assert "ledger_not_sealed" not in alarms
    see_anna(daemon, catalog)
    spill = Spill(home.spill, home.spill_key)
    until(lambda: spill.attach() and b"portal_unlocked" in b"".join(r.payload for r in spill.read(0, 99)))
    with pytest.raises(StorageFailed) as refused:
        daemon.set_portal_mode("lobby", "locked", "uid:0")  # type: ignore[arg-type]
    assert hint_of(refused) == "restore_backup_or_recover"
    with pytest.raises(AlreadyRunning), home.taken():
        recover_from_snapshot.from_snapshot(home, "uid:0")
    daemon.stop(time.monotonic() + 4)

    answer = recover_from_snapshot.from_snapshot(home, "uid:0")
    assert answer["events"] == EVENTS
    assert answer["sealed"]["seq"] == EVENTS
    assert answer["spilled"] >= 3
    site = enter(home)
    assert site.database.frozen is None
    found = audit.verify(site)
    assert found["ok"], found
    assert found["root"] == answer["root"] != answer["root_before"]
    assert [one["events"] for one in found["restored"]] == [EVENTS]
    site.ledger.start()
    assert site.ledger.wait_restored(20)
    site.ledger.stop(20)
    with site.database.read() as session:
        events = ledger_rows.find(session, EventFilter(after=EVENTS), 999)
    kinds = [event["kind"] for event in events]
    assert kinds[0] == recover_from_snapshot.RECOVERED
    assert [event["detail"].get("recorded") for event in events if event["kind"] == "access_granted"] == ["spill"]
    assert kinds.count("portal_unlocked") == 1
    assert len({event["id"] for event in events}) == len(events)
    with pytest.raises(RequestError, match="nothing to recover"):
        recover_from_snapshot.from_snapshot(home, "uid:0")


def test_damage_while_it_runs_is_told_and_decided_from_memory(
    home: Home, run: Callable[[Home], Daemon], catalog: Any
) -> None:
    daemon = run(home)
    until(lambda: daemon._site.ledger.allow_known)
    daemon._site.database.close()
    for file in home.path.glob("devicemgr.db-*"):
        file.unlink()
    home.database.write_bytes(os.urandom(200_000))
    see_anna(daemon, catalog)
    alarms = until(lambda: {a["kind"]: a["cause"] for a in daemon.status()["alarms"] if a["kind"] == "storage_failed"})
    assert "damaged" in alarms["storage_failed"]
    assert daemon.status()["gallery"]["people"] == 1
    assert home.snapshot.stat().st_size > 100_000
