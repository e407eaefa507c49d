"""A daemon with many devices of which a third come and go: what is read at a door is decided all the same."""

import gc
import random
import re
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from devicemgr.daemon.service import Daemon
from devicemgr.domain.device_events import CardRead, DeviceFact
from devicemgr.domain.model import Capability, DeviceConfig, DeviceInfo, Direction
from devicemgr.domain.ports.driver import Driver
from devicemgr.errors import DeviceUnreachable
from devicemgr.store.ledger import events
from devicemgr.store.ledger.event_filter import EventFilter
from devicemgr.store.site import devices as device_store, portals as portal_store
from devicemgr.store.tables import PortalRow

GIB = 2**30


class Bystander:
    """A device that does nothing; one that flaps is lost after a while and found after another."""

    poll_interval = 0.5

    def __init__(self, catalog: "Crowd", flaps: bool) -> None:
        self._catalog, self._flaps, self._luck = catalog, flaps, random.Random(catalog.built)

    def open(self) -> DeviceInfo:
        if self._flaps and self._luck.random() < 0.3:
            raise DeviceUnreachable("still away")
        return DeviceInfo()

    def poll(self) -> Sequence[DeviceFact]:
        if self._flaps and self._luck.random() < 0.5:
            self._catalog.lost.release()
            raise DeviceUnreachable("gone")
        return []

    def close(self) -> None:
        pass


class Crowd:
    """Many bystanders, and the gate of the tests."""

    def __init__(self, gate: Any) -> None:
        self.gate, self.built, self.lost = gate, 0, threading.Semaphore(0)

    def kinds(self) -> list[str]:
        return ["bystander", "fake_gate"]

    def get(self, kind: str) -> Driver:
        able = frozenset({Capability.GATE, Capability.READER})
        return Driver(kind, "Of the tests", able, NoOptions, self._build)

    def _build(self, config: DeviceConfig) -> Any:
        if config.driver == "fake_gate":
            return self.gate
        self.built += 1
        return Bystander(self, config.name.startswith("flap"))


class NoOptions(BaseModel):
    """Of kinds without any."""


def furnish(site: Any, steady: int, flapping: int) -> None:
    with site.database.write() as session:
        gate = device_store.add_device(session, site.vault, DeviceConfig("", "arm", "fake_gate", "x"))
        portal = PortalRow(
            name="lobby", gate_id=gate.id, channel=1, fail="secure", release_seconds=5.0, mode="normal", require="card"
        )
        session.add(portal)
        session.flush()
        portal_store.set_access_points(session, portal, Direction.ENTRY, ["arm"])
        for name, count in (("steady", steady), ("flap", flapping)):
            for number in range(count):
                config = DeviceConfig("", f"{name}-{number}", "bystander", f"/dev/gate/{name}-{number}")
                device_store.add_device(session, site.vault, config)


def decided(site: Any) -> list[dict[str, Any]]:
    with site.database.read() as session:
        return events.find(session, EventFilter(kind="access_denied"), 10_000)


@pytest.mark.parametrize(
    ("steady", "flapping", "reads"),
    [(140, 60, 60), pytest.param(700, 300, 600, marks=pytest.mark.faults)],
)
def test_decisions_go_on_while_a_third_of_the_devices_flap(
    make_site: Any, catalog: Any, monkeypatch: pytest.MonkeyPatch, steady: int, flapping: int, reads: int
) -> None:
    monkeypatch.setattr("devicemgr.daemon.service.RecognizerPool", NoPool)
    site = make_site()
    crowd = Crowd(catalog.gate)
    object.__setattr__(site.parts, "catalog", crowd)
    furnish(site, steady, flapping)
    before = rss_peak(anew=True)
    daemon = Daemon(site)
    daemon.start()
    try:
        assert catalog.gate.opened.acquire(timeout=30)
        for _ in range(flapping):
            assert crowd.lost.acquire(timeout=30)
        at = [_read(catalog.gate, number) for number in range(reads)]
        found = _wait_for(site, reads)
        for _ in range(flapping):
            assert crowd.lost.acquire(timeout=30), "they flap no more"
        states = {device["state"] for device in daemon.status()["devices"]}
    finally:
        daemon.stop(time.monotonic() + 20)
    late = sorted(datetime.fromisoformat(e["time"]).timestamp() - sent for e, sent in zip(found, at, strict=True))
    rss = rss_peak() - before
    print(
        f"\n{steady + flapping} devices, {flapping} flapping: decided p50 {late[len(late) // 2] * 1000:.0f} ms, "
        f"p99 {late[int(len(late) * 0.99)] * 1000:.0f} ms; they took {rss / GIB:.2f} GiB"
    )
    assert {event["reason"] for event in found} == {"unknown_credential"}
    assert "online" in states
    assert states & {"offline", "quarantined"}
    assert rss < 0.75 * GIB, "a daemon without devices holds up to a quarter"


def rss_peak(*, anew: bool = False) -> int:
    """Bytes this process held at most since it was asked `anew`: tests before left their own (proc(5))."""
    if anew:
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5")
    (line,) = re.findall(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(line) * 1024


def _read(gate: Any, number: int) -> float:
    """A card at the door, at 25 a second."""
    gate.facts.put(CardRead(1, (str(1000 + number),)))
    sent = time.time()
    time.sleep(0.04)
    return sent


def _wait_for(site: Any, count: int) -> list[dict[str, Any]]:
    until = time.monotonic() + 60
    while len(found := decided(site)) < count:
        assert time.monotonic() < until, f"{len(found)} of {count} were decided"
        time.sleep(0.1)
    return found


class NoPool:
    """No recognizer processes: whatever is asked of them is done."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None
