"""A site in a temporary home, with a gate and faces that the tests steer."""

import queue
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

from devicemgr.access.evidence.pins import PinTry
from devicemgr.access.pipeline import AccessPipeline
from devicemgr.access.policy_cache import Rulebook
from devicemgr.access.release import Outcome
from devicemgr.domain.device_events import DeviceFact
from devicemgr.domain.ledger_events import Fact
from devicemgr.domain.model import Capability, DeviceConfig, DeviceInfo, Direction, PortalMode, Signal
from devicemgr.domain.ports.device import Delivery
from devicemgr.domain.ports.driver import Driver
from devicemgr.domain.ports.recognition import Calibration, Embedding, Gallery, GalleryStats, Match
from devicemgr.domain.sighting import Sighting
from devicemgr.errors import NotFound
from devicemgr.home import Home
from devicemgr.site import site as sites
from devicemgr.site.site import Parts, Site
from devicemgr.store.ledger import events as ledger_rows
from devicemgr.store.ledger.event_filter import EventFilter
from tests.scenarios.lobbies import furnish


class FakeGate:
    """A gate whose answers are set by the test; `done` holds what it was told, in order."""

    poll_interval = 0.01
    senses_passage = True

    def __init__(self) -> None:
        self.done: queue.Queue[tuple[Any, ...]] = queue.Queue()
        self.shown: list[tuple[int, Direction, Signal]] = []
        self.facts: queue.Queue[DeviceFact] = queue.Queue()
        self.open_error: Exception | None = None
        self.poll_error: Exception | None = None
        self.release_error: Exception | None = None
        self.delivery = Delivery.CONFIRMED
        self.opened = threading.Semaphore(0)
        self.closed = threading.Semaphore(0)

    def open(self) -> DeviceInfo:
        if self.open_error:
            raise self.open_error
        self.opened.release()
        return DeviceInfo(model="fake")

    def poll(self) -> Sequence[DeviceFact]:
        if self.poll_error:
            raise self.poll_error
        found = []
        while not self.facts.empty():
            found.append(self.facts.get())
        return found

    def check(self) -> dict[str, Any]:
        return {"model": "fake"}

    def close(self) -> None:
        self.closed.release()

    def release(self, channel: int, direction: Direction, seconds: float) -> Delivery:
        self.done.put(("release", channel, direction, seconds))
        if self.release_error:
            raise self.release_error
        return self.delivery

    def set_mode(self, channel: int, mode: PortalMode) -> Delivery:
        self.done.put(("mode", channel, mode))
        return self.delivery

    def indicate(self, channel: int, direction: Direction, signal: Signal) -> None:
        self.shown.append((channel, direction, signal))


class NoOptions(BaseModel):
    """None."""


@dataclass
class FakeCatalog:
    """One kind, `fake_gate`, always the same gate object."""

    gate: FakeGate = field(default_factory=FakeGate)

    def kinds(self) -> list[str]:
        return ["fake_gate"]

    def get(self, kind: str) -> Driver:
        if kind != "fake_gate":
            raise NotFound(f"no driver kind '{kind}'")
        return Driver(
            kind, "A gate of the tests", frozenset({Capability.GATE, Capability.READER}), NoOptions, self.build
        )

    def build(self, _: DeviceConfig) -> FakeGate:
        return self.gate


class FakeGallery:
    """Knows a person by the first number of the probe: probes are [index, 0, …]."""

    def __init__(self, rows: Sequence[tuple[str, Embedding]], version: int) -> None:
        self.rows = list(rows)
        self.version = version

    def match(self, probe: Embedding) -> Match:
        return self.nearest(probe)

    def nearest(self, probe: Embedding, exclude_person: str | None = None) -> Match:
        for person, vector in self.rows:
            if person != exclude_person and np.array_equal(vector, probe):
                return Match(person, 0.99, 0.5, 0.9, None, candidate=person)
        return Match(None, 0.3, None, 0.9, "unknown_face")

    def stats(self) -> GalleryStats:
        return GalleryStats(len({p for p, _ in self.rows}), len(self.rows), "", 0.9, self.version)


class NoFaces:
    """A face desk that is not asked."""

    def close(self) -> None:
        pass


def build_gallery(
    rows: Sequence[tuple[str, Embedding]], version: int, calibration: Calibration | None = None, *_: Any
) -> Gallery:
    return FakeGallery(rows, version)


@pytest.fixture
def catalog() -> FakeCatalog:
    return FakeCatalog()


@pytest.fixture
def make_site_in(catalog: FakeCatalog) -> Iterator[Callable[[Path], Site]]:
    opened: list[Site] = []

    def make(folder: Path) -> Site:
        home = Home(folder)
        sites.initialize(home)
        found = sites.open_site(home, Parts(catalog, NoFaces(), build_gallery, "fake", "x:y", "x:y"))  # type: ignore[arg-type]
        opened.append(found)
        return found

    yield make
    for found in opened:
        found.close()


@pytest.fixture
def make_site(tmp_path: Path, _fresh_home: Path, make_site_in: Callable[[Path], Site]) -> Callable[[], Site]:
    """make_site() opens the site of this test's home, a copy of one that was migrated once for all tests."""

    def make() -> Site:
        if not (tmp_path / "home").exists():
            shutil.copytree(_fresh_home, tmp_path / "home")
        return make_site_in(tmp_path / "home")

    return make


@pytest.fixture
def site(make_site: Callable[[], Site]) -> Site:
    return make_site()


ANNA = np.eye(4, dtype=np.float32)[0]


class Entrance:
    """A portal `lobby` with a camera `cam`; Anna may enter; the gate runs on the calling thread."""

    def __init__(self, site: Site, gate: Any) -> None:
        self.site, self.gate = site, gate
        self.rules = Rulebook(site.database, site.parts.catalog, site.clock)
        self.outcomes: queue.Queue[Outcome] = queue.Queue()
        self.settled: list[tuple[str, str]] = []
        self.pin_tries: list[PinTry] = []
        self.others: dict[str, FakeGate] = {}
        self.committed_at_release: list[int] = []
        self._build()
        self.gallery = self.site.parts.build_gallery([(self.anna, ANNA)], 1)
        self.pipeline = AccessPipeline(
            site.ledger,
            self,
            self.rules,
            lambda: self.gallery,
            self.outcomes.put,
            lambda device, track: self.settled.append((device, track)),
            self.pin_tries.append,
            lambda name: f"id-of-{name}",
        )

    def _build(self) -> None:
        with self.site.database.write() as session:
            self.anna = furnish(session, self.site)[0].id
        self.rules.refresh()

    def command(self, name: str, action: Callable[[Any], object], done: Callable[..., None]) -> None:
        """GateLine: notes what was durable when the gate was told."""
        device = self.gate if name == "arm" else self.others.setdefault(name, FakeGate())
        with self.site.database.read() as session:
            committed = len(ledger_rows.find(session, EventFilter(kind="access_granted"), 99))
        moves = self.gate.done.qsize()
        try:
            result = action(device)
        except Exception as error:
            done(None, error)
        else:
            done(result, None)
        if self.gate.done.qsize() > moves:
            self.committed_at_release.append(committed)

    def see(self, face: np.ndarray | None, track: str = "t1", age: float = 0.0, **more: Any) -> None:
        """Two good pictures of a face, as many as must agree; or the end of a track without any."""
        for _ in range(1 if face is None else 2):
            now = time.monotonic()
            given = {"frames": 1, "first_seen": now - age, "captured": now} | more
            self.pipeline.on_sighting(Sighting("cam", track, embedding=face, latest=face, **given))

    def finish(self) -> None:
        """Let the outcome of one opening in."""
        self.pipeline.on_outcome(self.outcomes.get(timeout=10))

    def events(self) -> list[dict[str, Any]]:
        """All events, once the ledger has written what was submitted before."""
        written = threading.Event()
        self.site.ledger.submit(Fact("test.flush", datetime.now(UTC)), lambda _: written.set())
        assert written.wait(10)
        assert self.site.ledger.wait_restored(10)
        with self.site.database.read() as session:
            found = ledger_rows.find(session, EventFilter(), 1000)
        return [event for event in found if event["kind"] != "test.flush"]

    def kinds(self) -> list[str]:
        return [event["kind"] for event in self.events()]


@pytest.fixture
def entrance(site: Site, catalog: Any) -> Iterator[Entrance]:
    site.ledger.start()
    yield Entrance(site, catalog.gate)
    site.ledger.stop()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs of 8 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m,mode=0700", "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)
