"""A daemon with real drivers on simulated devices: a fire input that tells its state by events, and restarts."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from devicemgr.daemon.offline_runtime import DirectRuntime
from devicemgr.daemon.service import Daemon
from devicemgr.devices.supervisor import Health
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import DeviceConfig, PortalMode
from devicemgr.site.site import Site
from devicemgr.store.ledger import events
from devicemgr.store.ledger.event_filter import EventFilter
from devicemgr.store.site import devices as device_store, portals as portal_store
from devicemgr.store.tables import PortalRow
from drivers import Catalog
from drivers.common.onvif.services.pull_point import EventPump, Timing
from drivers.sim.gates.turnstile import SimulatedTurnstile
from drivers.sim.onvif.simulator import SimulatedOnvif
from tests.devicemgr.daemon.test_service import NoPool

CONTROL, NORMAL, BLOCKED = 0x3000, 0, 1
QUICK = Timing(lifetime=20.0, pull=1.0, probe=60.0, answer=1.0, pauses=(0.05, 0.1))
PANEL_OPTIONS = {"fire_input": "input-2"}


@pytest.fixture
def catalog() -> Catalog:
    return Catalog()


@pytest.fixture
def camera() -> Iterator[SimulatedOnvif]:
    with SimulatedOnvif() as made:
        yield made


@pytest.fixture
def turnstile(tmp_path: Any) -> Iterator[SimulatedTurnstile]:
    with SimulatedTurnstile(tmp_path / "gate") as made:
        yield made


@pytest.fixture
def furnished(site: Site, camera: SimulatedOnvif, turnstile: SimulatedTurnstile) -> Site:
    """A portal `lobby` at the turnstile, and a camera with a fire input."""
    with site.database.write() as session:
        arm = DeviceConfig("", "arm", "modbus_gate", str(turnstile.path), options={"profile": "lot", "timeout": 0.1})
        panel = DeviceConfig("", "panel", "onvif_camera", camera.address, "admin", "admin", PANEL_OPTIONS)
        gate = device_store.add_device(session, site.vault, arm)
        device_store.add_device(session, site.vault, panel)
        session.add(
            PortalRow(name="lobby", gate_id=gate.id, channel=1, fail="secure", release_seconds=5.0, mode="normal")
        )
    return site


class Daemons:
    """Starts a daemon on the site again and again."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.daemon: Daemon | None = None

    def restart(self) -> Daemon:
        self.stop()
        self.daemon = Daemon(self.site)
        self.daemon.start()
        return self.daemon

    def stop(self) -> None:
        if self.daemon is not None:
            self.daemon.stop(time.monotonic() + 3)
        self.daemon = None


@pytest.fixture
def daemons(furnished: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemons]:
    monkeypatch.setattr("devicemgr.daemon.service.RecognizerPool", NoPool)
    monkeypatch.setattr(EventPump.__init__, "__defaults__", (QUICK,))
    made = Daemons(furnished)
    yield made
    made.stop()


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.02)


def fires(site: Site) -> list[bool]:
    with site.database.read() as session:
        return [e["detail"]["active"] for e in events.find(session, EventFilter(kind=Kind.FIRE_RELEASE), 99)]


def all_online(daemon: Daemon) -> bool:
    return all(device["state"] == Health.ONLINE for device in daemon.status()["devices"])


def has_fire_alarm(daemon: Daemon) -> bool:
    return any(alarm["kind"] == "fire_release" for alarm in daemon.status()["alarms"])


def test_a_restart_in_a_fire_writes_no_end_and_releases_what_was_locked(
    daemons: Daemons, furnished: Site, camera: SimulatedOnvif, turnstile: SimulatedTurnstile
) -> None:
    daemon = daemons.restart()
    until(lambda: all_online(daemon))
    until(
        lambda: (
            turnstile.registers[CONTROL] == BLOCKED
            or daemon.set_portal_mode("lobby", PortalMode.LOCKED, "uid:0")["applied"]
        )
    )
    assert turnstile.registers[CONTROL] == BLOCKED
    camera.set_input("input-2", True)
    until(lambda: fires(furnished) == [True])
    until(lambda: turnstile.registers[CONTROL] == NORMAL)
    for _ in range(3):
        daemon = daemons.restart()
        until(lambda: all_online(daemon))  # noqa: B023
        asked = daemon._supervisor._workers["panel"]._device._session.pump  # type: ignore[union-attr]
        until(lambda: asked.last_answer > 0)  # noqa: B023
        assert has_fire_alarm(daemon)
        assert fires(furnished) == [True]
        assert turnstile.registers[CONTROL] == NORMAL
    camera.set_input("input-2", False)
    until(lambda: fires(furnished) == [True, False])
    until(lambda: turnstile.registers[CONTROL] == BLOCKED)


def test_a_fire_that_began_while_no_daemon_ran_is_found_before_a_lock(
    daemons: Daemons, furnished: Site, camera: SimulatedOnvif, turnstile: SimulatedTurnstile
) -> None:
    with furnished.database.write() as session:
        portal_store.portal(session, "lobby").mode = "locked"
    camera.state.inputs["input-2"] = True
    daemon = daemons.restart()
    until(lambda: fires(furnished) == [True])
    until(lambda: all_online(daemon))
    assert [e for e in turnstile.events.all("write") if (e["register"], e["value"]) == (hex(CONTROL), BLOCKED)] == []
    assert turnstile.registers[CONTROL] == NORMAL
    camera.set_input("input-2", False)
    until(lambda: turnstile.registers[CONTROL] == BLOCKED)


def test_a_panel_that_cannot_be_reached_holds_the_lock_back_and_is_an_alarm(
    daemons: Daemons,
    furnished: Site,
    camera: SimulatedOnvif,
    turnstile: SimulatedTurnstile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("devicemgr.access.portals.fire_alarm.GRACE_S", 0.5)
    camera.stop()
    daemon = daemons.restart()
    until(lambda: {d["name"]: d["state"] for d in daemon.status()["devices"]}["panel"] == "offline")
    answer = daemon.set_portal_mode("lobby", PortalMode.LOCKED, "uid:0")
    assert (answer["applied"], "fire input of panel" in answer["cause"]) == (False, True)
    assert turnstile.registers[CONTROL] == NORMAL
    until(lambda: any(alarm["kind"] == "fire_input_unknown" for alarm in daemon.status()["alarms"]))


def test_without_a_daemon_the_panels_are_asked_before_a_lock(
    furnished: Site, camera: SimulatedOnvif, turnstile: SimulatedTurnstile
) -> None:
    camera.state.inputs["input-2"] = True
    answer = DirectRuntime(furnished).set_portal_mode("lobby", PortalMode.LOCKED, "uid:0")
    assert (answer["applied"], "is active" in answer["cause"]) == (False, True)
    assert turnstile.registers[CONTROL] == NORMAL
    camera.state.inputs["input-2"] = False
    assert DirectRuntime(furnished).set_portal_mode("lobby", PortalMode.LOCKED, "uid:0")["applied"] is True
    assert turnstile.registers[CONTROL] == BLOCKED
