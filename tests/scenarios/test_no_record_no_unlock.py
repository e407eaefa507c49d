"""Errors of write and fsync, made by the kernel: no gate moves without a record, whatever the site's policy is."""

import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from devicemgr.domain.model import Direction
from devicemgr.errors import StorageFailed
from devicemgr.site.site import Site
from tests.scenarios.disks import fill
from tests.support.core import Entrance


@contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """No file of this process grows, or is written, beyond `size` bytes: EFBIG, which SQLite calls a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)


class Tries:
    """Openings by a guard, one after another: which were let through, and which were refused for want of a record."""

    def __init__(self, entrance: Entrance) -> None:
        self.entrance = entrance
        self.opened: list[str] = []
        self.refused: list[str] = []

    def make(self, count: int) -> None:
        for _ in range(count):
            moved = self.entrance.gate.done.qsize()
            request = self.entrance.pipeline.manual.open("lobby", Direction.ENTRY, "uid:0", lambda _: None)
            outcome = self.entrance.outcomes.get(timeout=30)
            self.entrance.pipeline.on_outcome(outcome)
            moved = self.entrance.gate.done.qsize() - moved
            assert moved == (outcome.error is None)
            assert outcome.error is None or isinstance(outcome.error, StorageFailed)
            (self.opened if moved else self.refused).append(request)

    def check(self) -> dict[str, Any]:
        """Each opening has one record, no refusal has any; the records by request."""
        events = self.entrance.events()
        asked = {event["request"]: event for event in events if event["kind"] == "admin.portal_open"}
        assert sorted(asked) == sorted(self.opened), "a record for each unlock, and an unlock for each record"
        denied = [event["request"] for event in events if event["reason"] == "storage_failed"]
        assert sorted(denied) == sorted(self.refused)
        assert self.entrance.site.ledger.verify()[1] is None
        return asked


@pytest.fixture
def tries(entrance: Entrance) -> Tries:
    return Tries(entrance)


def test_a_full_database_denies(tries: Tries) -> None:
    tries.make(2)
    with files_end_at(16 * 1024):
        tries.make(5)
    assert len(tries.refused) == 5
    assert tries.entrance.site.ledger.wait_restored(30)
    tries.make(1)
    assert not [e for e in tries.check().values() if e["detail"]]


def test_with_allow_known_the_spill_file_is_the_record_until_it_is_full_too(tries: Tries) -> None:
    tries.entrance.site.ledger.allow_known = True
    tries.make(2)
    with files_end_at(16 * 1024):
        tries.make(60)
        assert tries.entrance.site.ledger.spill_cause is not None
    assert len(tries.refused) >= 5, "the spill file refused too"
    assert len(tries.opened) >= 5
    assert tries.entrance.site.ledger.wait_restored(30)
    spilled = [event for event in tries.check().values() if event["detail"].get("recorded") == "spill"]
    assert len(spilled) == len(tries.opened) - 2


def test_without_any_durable_write_nothing_opens(tries: Tries) -> None:
    tries.entrance.site.ledger.allow_known = True
    with files_end_at(1):
        tries.make(5)
    assert len(tries.refused) == 5
    tries.check()


@pytest.mark.parametrize("allow_known", [False, True])
def test_a_full_disk(small_disk: Path, make_site_in: Callable[[Path], Site], catalog: Any, allow_known: bool) -> None:
    site = make_site_in(small_disk / "home")
    site.ledger.allow_known = allow_known
    site.ledger.start()
    tries = Tries(Entrance(site, catalog.gate))
    fill(small_disk)
    tries.make(40)
    assert os.statvfs(small_disk).f_bavail == 0
    assert len(tries.opened) + len(tries.refused) == 40
    assert len(tries.opened if allow_known else tries.refused) >= 20
    (small_disk / "ballast").unlink()
    assert site.ledger.wait_restored(30)
    tries.make(1)
    tries.check()
    site.ledger.stop()
