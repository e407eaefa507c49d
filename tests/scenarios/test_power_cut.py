"""A power cut, by a disk that forgets what was not synced: nothing that was acknowledged is lost.

The same run with `synchronous=NORMAL` loses events, which shows that the disk forgets and that the run would notice.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devicemgr.home import Home
from devicemgr.site.site import Site
from devicemgr.store.ledger import events

ROOT = Path(__file__).resolve().parents[2]
CUTS = [1, pytest.param(20, marks=[pytest.mark.faults, pytest.mark.timeout(900)])]

# Records until its disk is gone; tells each number once the ledger has told that it is durable.
WORK = """
import os, sys, threading
sys.path.insert(0, {root!r})
from datetime import UTC, datetime
from sqlalchemy import event
from devicemgr.ledger import spill_file as spill
from devicemgr.domain.ledger_events import Fact
from devicemgr.home import Home
from devicemgr.ledger.writer import Ledger
from devicemgr.ledger.spill_file import Spill
from devicemgr.store.database import Database
from pathlib import Path

spill.SIZE = 1024 * 1024
home, mode, lock = Home(Path(sys.argv[1])), sys.argv[2], sys.argv[3] == "locked"
database = Database.open(home.database)
event.listen(database.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=" + mode))
ledger = Ledger(database, Spill(home.spill, home.spill_key))
if mode == "NORMAL" and lock:
    os.fdatasync = lambda descriptor: None
ledger.start()
if lock:
    other = Database.open(home.database).engine.connect().execution_options(devicemgr_immediate=True)
    other.begin()
many = threading.Semaphore(20)

def then(number, entry):
    many.release()
    if entry is not None:
        os.write(1, b"%d\\n" % number)

for number in range(1_000_000):
    if not many.acquire(timeout=20):
        break
    fact = Fact("tamper", datetime.now(UTC), detail={{"n": number}})
    ledger.submit(fact, lambda entry, number=number: then(number, entry))
"""


class Disk:
    """The forgetful disk, mounted; `rescue` is what is on it after the cut."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.rescue = folder / "disk", folder / "rescue"
        self.folder.mkdir()
        script = Path(__file__).with_name("forgetful_disk.py")
        self._server = subprocess.Popen(
            [sys.executable, str(script), str(self.folder), str(self.rescue)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._server.stdout is not None
        if self._server.stdout.readline() != "mounted\n":
            self._server.kill()
            reason = (self._server.communicate()[1].strip() or "no reason given").splitlines()[-1]
            pytest.skip(f"no FUSE here (python3 mfusepy, Debian's fuse3, /dev/fuse): {reason}")

    def switch(self, word: str) -> None:
        descriptor = os.open(self.folder / ".power", os.O_WRONLY)
        os.write(descriptor, word.encode())
        os.close(descriptor)

    def cut(self) -> int:
        """The number of syncs that came before."""
        self.switch("cut")
        assert self._server.stdout is not None
        return int(self._server.stdout.readline().split()[-2])

    def close(self) -> None:
        subprocess.run(["umount", "-l", str(self.folder)], check=False, capture_output=True)
        self._server.kill()
        self._server.communicate()


@pytest.fixture
def new_disk(tmp_path: Path) -> Iterator[Callable[[], Disk]]:
    if not os.path.exists("/dev/fuse") or os.getuid():
        pytest.skip("no /dev/fuse, or not root")
    disks: list[Disk] = []

    def make() -> Disk:
        folder = tmp_path / f"power-{len(disks)}"
        folder.mkdir()
        disks.append(Disk(folder))
        return disks[-1]

    yield make
    for disk in disks:
        disk.close()


def cut_under_load(disk: Disk, fresh: Path, mode: str, lock: str, after: int) -> tuple[set[int], Home]:
    """Which numbers were acknowledged before the cut, and the home as it is after it."""
    home = disk.folder / "home"
    shutil.copytree(fresh, home)
    disk.switch("keep")
    work = subprocess.Popen(
        [sys.executable, "-c", WORK.format(root=str(ROOT)), str(home), mode, lock],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert work.stdout is not None
    told = []
    while len(told) < after:
        line = work.stdout.readline()
        assert line, work.communicate()[1].decode()
        told.append(int(line))
    syncs = disk.cut()
    work.kill()
    told += [int(line) for line in work.communicate()[0].splitlines()]
    if mode == "FULL":
        assert syncs >= after / 40, "the work did sync"
    return set(told), Home(disk.rescue / "home")


def found_in(home: Home, make_site_in: Callable[[Path], Site]) -> set[int]:
    """After the restart: what is in the chain, which holds, once the spill file was brought in."""
    site = make_site_in(home.path)
    assert site.database.frozen is None
    site.ledger.start()
    assert site.ledger.wait_restored(60)
    site.ledger.stop(20)
    assert site.ledger.verify()[1] is None
    with site.database.read() as session:
        bodies = [json.loads(row.body) for row in events.walk(session)]
    numbers = [body["detail"]["n"] for body in bodies if body["kind"] == "tamper"]
    assert len(numbers) == len(set(numbers))
    site.close()
    return set(numbers)


@pytest.fixture
def fresh(tmp_path: Path, make_site_in: Callable[[Path], Site]) -> Path:
    made = make_site_in(tmp_path / "fresh")
    made.close()
    with sqlite3.connect(made.home.database) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()
    return made.home.path


@pytest.mark.parametrize("cuts", CUTS)
@pytest.mark.parametrize("lock", ["free", "locked"])
def test_nothing_that_was_acknowledged_is_lost(
    new_disk: Callable[[], Disk], fresh: Path, make_site_in: Callable[[Path], Site], cuts: int, lock: str
) -> None:
    """In the database, or, while another program holds that, in the spill file."""
    acknowledged = 0
    for number in range(cuts):
        told, home = cut_under_load(new_disk(), fresh, "FULL", lock, after=100 + 37 * number)
        assert told - found_in(home, make_site_in) == set()
        acknowledged += len(told)
    print(f"\n{cuts} power cuts ({lock}), {acknowledged} acknowledged, none lost")


@pytest.mark.parametrize("lock", ["free", "locked"])
def test_the_same_run_loses_events_without_the_syncs(
    new_disk: Callable[[], Disk], fresh: Path, make_site_in: Callable[[Path], Site], lock: str
) -> None:
    """`synchronous=NORMAL` for the database, no fdatasync for the spill file."""
    told, home = cut_under_load(new_disk(), fresh, "NORMAL", lock, after=100)
    assert len(told - found_in(home, make_site_in)) > 0
