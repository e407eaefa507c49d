"""A driver that raises, hangs, eats memory or ends its thread: the doors beside it are decided about all the same."""

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import pytest
from pydantic import BaseModel

from devicemgr.daemon.service import Daemon
from devicemgr.devices.supervisor import Listener, Supervisor
from devicemgr.domain.device_events import CardRead, DeviceFact
from devicemgr.domain.model import Capability, DeviceConfig, DeviceInfo, Direction
from devicemgr.domain.ports.driver import Driver
from devicemgr.errors import OutcomeUnknown
from devicemgr.store.ledger import events as ledger_rows
from devicemgr.store.ledger.event_filter import EventFilter
from devicemgr.store.site import devices as device_store, portals as portal_store
from devicemgr.store.tables import PortalRow

READS = int(os.environ.get("DEVICEMGR_READS", "30"))


class NoOptions(BaseModel):
    """None."""


class Evil:
    """Behaves for one poll, then as its name says; counts how often."""

    poll_interval = 0.05

    def __init__(self, catalog: "House", how: str) -> None:
        self._catalog, self._act = catalog, getattr(self, f"_{how.partition('-')[0]}")

    def open(self) -> DeviceInfo:
        return DeviceInfo()

    def poll(self) -> Sequence[DeviceFact]:
        if not self._catalog.armed.is_set():
            return []
        self._catalog.happened.append(self._act.__name__.strip("_"))
        self._act()
        return []

    def check(self) -> dict[str, Any]:
        return {}

    def close(self) -> None:
        pass

    def _raises(self) -> None:
        raise RuntimeError("boom")

    def _hangs(self) -> None:
        self._catalog.over.wait(120)

    def _spins(self) -> None:
        while not self._catalog.over.is_set():
            pass

    def _eats(self) -> None:
        """As far as it is let: this process's own limit stands in for the unit's."""
        eaten = [bytearray(8 * 1024 * 1024) for _ in range(8)]
        del eaten
        raise MemoryError("no more")

    def _exits(self) -> None:
        sys.exit(3)


class House:
    """The gate of the tests, and an evil device."""

    def __init__(self, gate: Any) -> None:
        self.gate, self.armed, self.over = gate, threading.Event(), threading.Event()
        self.happened: list[str] = []

    def kinds(self) -> list[str]:
        return ["evil", "fake_gate"]

    def get(self, kind: str) -> Driver:
        able = frozenset({Capability.GATE, Capability.READER})
        return Driver(kind, "Of the tests", able, NoOptions, self._build)

    def _build(self, config: DeviceConfig) -> Any:
        return self.gate if config.driver == "fake_gate" else Evil(self, config.name)


def furnish(site: Any, how: str) -> None:
    with site.database.write() as session:
        gate = device_store.add_device(session, site.vault, DeviceConfig("", "arm", "fake_gate", "x"))
        portal = PortalRow(
            name="lobby", gate_id=gate.id, channel=1, fail="secure", release_seconds=5.0, mode="normal", require="card"
        )
        session.add(portal)
        session.flush()
        portal_store.set_access_points(session, portal, Direction.ENTRY, ["arm"])
        for number in range(3):
            device_store.add_device(
                session, site.vault, DeviceConfig("", f"{how}-{number}", "evil", f"/dev/gate/{number}")
            )


class NoPool:
    """No recognizer processes."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


def until(condition: Callable[[], Any], what: str, seconds: float = 30.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
    return found


def lateness(site: Any, gate: Any, first: int) -> list[float]:
    """Cards at 30 a second; how long each took until it was decided, sorted."""
    sent = []
    for number in range(READS):
        gate.facts.put(CardRead(1, (str(first + number),)))
        sent.append(time.time())
        time.sleep(1 / 30)

    def decided() -> list[dict[str, Any]]:
        with site.database.read() as session:
            found = ledger_rows.find(session, EventFilter(kind="access_denied"), 10_000)
        return found if len(found) >= first + READS else []

    events = until(decided, "all are decided")[first:]
    assert {event["reason"] for event in events} == {"unknown_credential"}
    return sorted(datetime.fromisoformat(e["time"]).timestamp() - at for e, at in zip(events, sent, strict=True))


@pytest.mark.scaled
@pytest.mark.timeout(60 + READS)
@pytest.mark.parametrize("how", ["raises", "hangs", "spins", "eats", "exits"])
def test_bystanders_are_decided_about_all_the_same(
    make_site: Any, catalog: Any, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr("devicemgr.daemon.service.RecognizerPool", NoPool)
    if how in ("hangs", "spins"):
        monkeypatch.setattr("devicemgr.devices.call_timeouts.POLL_S", 1.0)
    site = make_site()
    house = House(catalog.gate)
    object.__setattr__(site.parts, "catalog", house)
    furnish(site, how)
    daemon = Daemon(site)
    daemon.start()
    try:
        assert catalog.gate.opened.acquire(timeout=30)
        until(lambda: {d["state"] for d in daemon.status()["devices"]} == {"online"}, "everything is online")
        before = lateness(site, catalog.gate, 0)
        house.armed.set()
        until(lambda: len(house.happened) >= 3, "the fault happens")
        after = lateness(site, catalog.gate, READS)
        states = until(lambda: _ill(daemon), "the evil devices are known to be ill")
        happened = len(house.happened)
        if how == "spins":
            until(lambda: daemon._supervisor.stuck_threads == 0, "a thread that spins is ended, not left behind")
    finally:
        house.over.set()
        daemon.stop(time.monotonic() + 20)
    p50, p99 = (tuple(1000 * found[at] for found in (before, after)) for at in (READS // 2, int(READS * 0.99)))
    print(
        f"\n{how} {happened} times: bystanders decided p50 {p50[0]:.1f} -> {p50[1]:.1f} ms, "
        f"p99 {p99[0]:.1f} -> {p99[1]:.1f} ms"
    )
    assert states["arm"] == "online"
    assert len(after) == READS
    assert happened >= 3


def _ill(daemon: Daemon) -> dict[str, str] | None:
    states = {device["name"]: device["state"] for device in daemon.status()["devices"]}
    return states if all(state in ("offline", "quarantined") for n, state in states.items() if n != "arm") else None


def test_a_command_to_a_driver_that_exits_is_answered_and_its_device_comes_back(catalog: Any) -> None:
    supervisor = Supervisor(catalog, Listener(lambda *_: None, lambda _: None))
    catalog.gate.release_error = SystemExit(3)
    supervisor.set_devices([DeviceConfig("", "arm", "fake_gate", "/dev/x")])
    try:
        assert catalog.gate.opened.acquire(timeout=10)
        with pytest.raises(OutcomeUnknown, match="the driver failed"):
            supervisor.call("arm", lambda gate: gate.release(1, Direction.ENTRY, 5.0), 10)  # type: ignore[attr-defined]
        assert catalog.gate.opened.acquire(timeout=10), "it is opened anew, by a thread that lives"
    finally:
        supervisor.stop(3)
