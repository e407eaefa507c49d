"""A box that starts while its disk is full: doors go by the site's policy, and the record is whole afterwards."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from devicemgr.daemon import startup
from devicemgr.daemon.service import Daemon
from devicemgr.errors import StorageFailed
from devicemgr.recovery import disk_reserve
from devicemgr.store.ledger import events as ledger_rows
from devicemgr.store.ledger.event_filter import EventFilter
from tests.devicemgr.daemon.test_service import NoPool
from tests.scenarios.disks import fill
from tests.scenarios.test_damaged_database import enroll, see_anna


@pytest.fixture
def full(small_disk: Path, make_site_in: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A home in which Anna is known and allow_known holds; then its disk fills to the last byte."""
    monkeypatch.setattr(disk_reserve, "SIZE", 512 * 1024)
    monkeypatch.setattr(disk_reserve, "_PLENTY", 0)
    monkeypatch.setattr("devicemgr.daemon.service.RecognizerPool", NoPool)
    site = make_site_in(small_disk / "home")
    site.ledger.start()
    site.ledger.stop()
    enroll(site)
    site.close()
    disk_reserve.keep(site.home)
    fill(small_disk)
    assert os.statvfs(small_disk).f_bavail == 0
    return site


def test_the_room_that_was_kept_lets_it_start(full: Any, small_disk: Path, catalog: Any) -> None:
    site = startup.open_for_daemon(full.home, full.parts)
    assert not full.home.reserve.exists()
    fill(small_disk)  # whoever filled it takes that too, once it is running
    daemon = Daemon(site)
    daemon.start()
    try:
        see_anna(daemon, catalog)
        assert daemon.status()["alarms"]
        (small_disk / "ballast").unlink()
        assert site.ledger.wait_restored(30)
        with site.database.read() as session:
            events = ledger_rows.find(session, EventFilter(kind="access_granted"), 99)
    finally:
        daemon.stop(time.monotonic() + 4)
        site.close()
    assert [event["detail"]["recorded"] for event in events] == ["spill"]


def test_without_it_nothing_starts(full: Any) -> None:
    """What the room is for."""
    full.home.reserve.unlink()
    fill(full.home.path.parent)
    with pytest.raises(StorageFailed, match="free space"):
        startup.open_for_daemon(full.home, full.parts)


def test_it_is_laid_by_again_where_there_is_plenty(full: Any, small_disk: Path) -> None:
    disk_reserve.spend(full.home)
    (small_disk / "ballast").unlink()
    disk_reserve.keep(full.home)
    assert os.stat(full.home.reserve).st_blocks * 512 >= disk_reserve.SIZE
    disk_reserve.spend(full.home)
    assert full.home.reserve.exists(), "there is room"
