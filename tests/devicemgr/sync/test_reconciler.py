"""The loop over all devices that keep people or cards: revocations reach them soon, and no gate waits for it."""

import threading
import time

import pytest

from devicemgr.access.policy_cache import Rulebook
from devicemgr.devices.supervisor import Health, Listener, Supervisor
from devicemgr.domain.desired_state import State
from devicemgr.domain.model import Capability, DeviceConfig, Direction
from devicemgr.domain.ports.device import Holding
from devicemgr.domain.ports.driver import Driver
from devicemgr.errors import DeviceUnreachable
from devicemgr.operations import status
from devicemgr.people.face_samples import KeptSamples
from devicemgr.store.people import people
from devicemgr.store.site import access_levels as level_store, devices as device_store, portals as portal_store
from devicemgr.store.tables import LevelRow, PortalRow
from devicemgr.sync.reconciler import Reconciler, mark_revoked
from tests.devicemgr.sync.holders import FakeHolder, House
from tests.support.levels import cover


def until(condition, seconds=10.0):
    """Waits until it holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


class Running:
    """Supervisor and reconciler over fake devices by name."""

    def __init__(self, site, devices):
        self.site, self.devices = site, devices
        self.rules = Rulebook(site.database, site.parts.catalog)
        self.supervisor = Supervisor(self, Listener(lambda *_: None, self._on_state))
        self.reconciler = Reconciler(site, self.rules, self.supervisor, KeptSamples(site))
        self.reconciler.start()
        self.look()

    def get(self, kind):
        found = self.site.parts.catalog.get(kind)
        return Driver(kind, "", frozenset({Capability.GATE}), found.options, lambda config: self.devices[config.name])

    def _on_state(self, state):
        self.reconciler.on_state(state)

    def look(self):
        with self.site.database.read() as session:
            configs = [device_store.device_config(row, self.site.vault) for row in device_store.devices(session)]
        self.supervisor.set_devices(configs)
        self.reconciler.wake()

    def state(self, name):
        return next(state.health for state in self.supervisor.states() if state.name == name)

    def stop(self):
        self.supervisor.stop()
        self.reconciler.stop(5)


@pytest.fixture
def house(site):
    return House(site)


@pytest.fixture
def running(house):
    started = []

    def start(**devices):
        started.append(Running(house.site, devices))
        return started[-1]

    yield start
    for found in started:
        found.stop()


def test_what_changes_here_changes_there(house, running):
    house.person("A1", cards=["77"])
    box = FakeHolder()
    found = running(box=box)
    until(lambda: set(box.kept) == {"77"})
    house.person("B2", cards=["78"])
    house.edit("A1", suspended=True)
    found.look()
    until(lambda: set(box.kept) == {"78"})
    until(lambda: {r.state for r in house.records().values()} == {State.HELD})


def test_a_device_that_is_away_holds_revoked_people_until_it_is_back(house, running):
    house.person("A1", cards=["77", "79"])
    house.person("B2", cards=["78"])
    box = FakeHolder()
    found = running(box=box)
    until(lambda: len(box.kept) == 3)
    box.away = True
    until(lambda: found.state("box") is Health.OFFLINE)
    house.edit("A1", suspended=True)
    found.look()
    until(lambda: status.revoked(house.site.database) == {"box": 1})
    (alarm,) = status.alarms(house.site, [], status.revoked(house.site.database), fire=False, unread=None)
    assert alarm == {"kind": "device_holds_revoked", "device": "box", "cause": "it still holds 1 revoked person"}
    assert set(box.kept) == {"77", "78", "79"}
    box.told.clear()
    box.away = False
    until(lambda: status.revoked(house.site.database) == {})
    assert box.told[0][0] == "remove"
    assert set(box.kept) == {"78"}


def test_a_suspension_that_ends_while_the_device_is_away_is_no_revocation(house):
    device = FakeHolder()
    house.person("A1", cards=["77"])
    house.bring(device)
    rules = Rulebook(house.site.database, house.site.parts.catalog)
    house.edit("A1", suspended=True)
    mark_revoked(house.site, rules)
    assert status.revoked(house.site.database) == {"box": 1}
    house.edit("A1", suspended=False)
    mark_revoked(house.site, rules)
    assert status.revoked(house.site.database) == {}


def second_device(house):
    with house.site.database.write() as session:
        other = device_store.add_device(session, house.site.vault, DeviceConfig("", "other", "fake_gate", "x"))
        session.add(
            PortalRow(name="side", gate_id=other.id, channel=1, fail="secure", release_seconds=5, mode="normal")
        )
        level = LevelRow(name="sides")
        session.add(level)
        session.flush()
        cover(session, level, ["side"], None)


def test_a_device_that_hangs_holds_up_no_other(house, running):
    second_device(house)
    house.person("A1", "sides", cards=["77"])
    with house.site.database.write() as session:
        people.set_level(session, people.get(session, "A1"), "staff", held=True)
    let_go = threading.Event()
    box, other = FakeHolder(), FakeHolder()
    box.capacity = lambda: (let_go.wait(20), 1000)[1]
    running(box=box, other=other)
    until(lambda: set(other.kept) == {"77"})
    assert box.kept == {}
    let_go.set()
    until(lambda: set(box.kept) == {"77"})


def test_a_release_goes_between_two_exchanges(house, running):
    for number in range(10, 60):
        house.person(f"A{number}", cards=[str(number)])
    box = FakeHolder(batch=1)
    first, go_on = threading.Event(), threading.Event()

    def put(holdings, faces):
        first.set()
        assert go_on.wait(10)
        return FakeHolder.put(box, holdings, faces)

    box.put = put
    found = running(box=box)
    assert first.wait(10)
    released = threading.Event()
    found.supervisor.command("box", lambda device: device.release(1, Direction.ENTRY, 5.0), lambda *_: released.set())
    go_on.set()
    assert released.wait(10)
    until(lambda: len(box.kept) == 50)
    assert [verb for verb, _ in box.told].index("release") == 1


def test_a_run_that_is_asked_for_reads_anew_and_prunes(house, running):
    box = FakeHolder()
    found = running(box=box)
    until(lambda: (run := found.reconciler.last_run("box")) is not None and run.ended.is_set())
    box.kept["4711"] = Holding("4711", doors=frozenset({1}))
    run = found.reconciler.sync("box", prune=False)
    assert run.ended.wait(10)
    assert (run.error, run.unknown) == (None, ("4711",))
    run = found.reconciler.sync("box", prune=True)
    assert run.ended.wait(10)
    assert box.kept == {}


def test_a_run_on_a_device_that_is_away_or_lost_says_so(house, running):
    box = FakeHolder()
    box.away = True
    found = running(box=box)
    until(lambda: found.state("box") is Health.OFFLINE)
    run = found.reconciler.sync("box", prune=False)
    assert run.ended.wait(10)
    assert isinstance(run.error, DeviceUnreachable)
    assert "not online" in str(run.error)


def test_a_device_that_keeps_nobody_is_left_alone(house, running, catalog):
    found = running(box=catalog.gate)
    until(lambda: found.state("box") is Health.ONLINE)
    run = found.reconciler.sync("box", prune=False)
    assert run.ended.wait(10)
    assert run.error is not None
    assert found.reconciler.last_run("box") is None or found.reconciler.last_run("box").ended.is_set()


def test_a_device_that_is_removed_is_forgotten(house, running):
    house.person("A1", cards=["77"])
    box = FakeHolder()
    found = running(box=box)
    until(lambda: set(box.kept) == {"77"})
    with house.site.database.write() as session:
        for name in ("lobby", "yard"):
            for level in ("staff", "all"):
                cover(session, level_store.level(session, level), [], None)
            session.delete(portal_store.portal(session, name))
        session.flush()
        device_store.remove_device(session, device_store.device(session, "box"))
    found.look()
    until(lambda: not found.reconciler._tasks)
    assert house.records() == {}
