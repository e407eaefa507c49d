"""Releases that the device times itself: its own clock is the lane's, a second person waits, what is unused ends."""

import time

import pytest

from devicemgr.access.release import Opening, release_gate
from devicemgr.domain.device_events import GateAlarm, PassageCompleted
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction, Portal, PortalMode
from devicemgr.domain.ports.device import Cancelable, Delivery, ReleaseTimes, SelfTimed
from devicemgr.errors import NotYet
from drivers.sim.gates.relay_boards import SimulatedRelayBoard
from drivers.sim.gates.turnstile import SimulatedTurnstile

ENTRY, EXIT = Direction.ENTRY, Direction.EXIT


@pytest.fixture
def turnstile():
    with SimulatedTurnstile(passage_delay=0.0, passage_seconds=0.3) as simulated:
        yield simulated


@pytest.fixture
def lot(gate):
    def build(turnstile):
        device = gate("modbus_gate", turnstile.path, profile="lot")
        device.open()
        device.poll()
        return device

    return build


@pytest.mark.parametrize(
    ("start", "passage", "times"),
    [
        (7, 7, ReleaseTimes(7.0, 7.0)),
        (20, 30, ReleaseTimes(20.0, 30.0)),
        (0, 0, ReleaseTimes(5.0, None)),
        (0xFFFF, 0xFFFF, ReleaseTimes(5.0, None)),
    ],
)
def test_a_turnstiles_own_timeouts_in_seconds_are_those_of_the_lane(lot, turnstile, start, passage, times):
    turnstile.registers[0x3011], turnstile.registers[0x3012] = start, passage
    device = lot(turnstile)
    assert isinstance(device, SelfTimed)
    assert device.release_times(1, 5.0) == times
    found = device.check()
    assert (found["start_timeout_s"], found["passage_timeout_s"]) == (start, passage)


def test_a_turnstile_that_does_not_tell_its_timeouts_has_the_portals(lot, turnstile):
    del turnstile.registers[0x3011], turnstile.registers[0x3012]
    assert lot(turnstile).release_times(1, 5.0) == ReleaseTimes(5.0, None)


def test_an_unused_release_is_taken_back(lot, monkeypatch):
    with SimulatedTurnstile(passage_delay=3600) as turnstile:
        device = lot(turnstile)
        assert isinstance(device, Cancelable)
        device.release(1, ENTRY, 5)
        device.release(1, EXIT, 5)
        device.cancel_release(1, ENTRY)
        assert turnstile.registers[0x40] == 1, "a release this young is not the one that ran out"
        monkeypatch.setattr("drivers.modbus_gate.lot_turnstile.MIN_CANCEL_AGE_S", 0.0)
        device.cancel_release(1, ENTRY)
        assert (turnstile.registers[0x40], turnstile.registers[0x41]) == (0, 1)
        writes = len(turnstile.events.all())
        device.cancel_release(1, ENTRY)
        assert not any(event["event"] == "close" for event in turnstile.events.all()[writes:])


def test_nothing_is_taken_back_from_a_free_turnstile_or_from_under_somebody(lot, turnstile, monkeypatch):
    monkeypatch.setattr("drivers.modbus_gate.lot_turnstile.MIN_CANCEL_AGE_S", 0.0)
    device = lot(turnstile)
    device.set_mode(1, PortalMode.FREE)
    device.cancel_release(1, ENTRY)
    assert turnstile.registers[0x40] == 0xFFFF
    device.set_mode(1, PortalMode.NORMAL)
    device.release(1, ENTRY, 5)
    turnstile.events.wait_for("object")
    device.cancel_release(1, ENTRY)
    turnstile.events.wait_for("passage")


@pytest.fixture
def opening():
    """opening(direction) is one that was decided now."""
    portal = Portal("lobby", "gate-a")
    return lambda direction: Opening("r", portal, direction, time.monotonic(), time.monotonic())


def test_the_second_person_waits_for_the_first_and_both_pass(lot, turnstile, poll_until, opening):
    device = lot(turnstile)
    for _ in range(2):
        assert release_gate(opening(ENTRY), device).delivery is Delivery.CONFIRMED
    turnstile.events.wait_for("passage", count=2)
    kinds = [event["event"] for event in turnstile.events.all() if event["event"] in {"release", "passage"}]
    assert kinds == ["release", "passage", "release", "passage"]
    passed = [fact for fact in poll_until(device, 3) if isinstance(fact, PassageCompleted)]
    assert sum(fact.count for fact in passed) == 2


def test_a_second_release_is_refused_in_words_while_the_first_person_stands_there(lot, opening, monkeypatch):
    monkeypatch.setattr("devicemgr.access.release.RELEASE_WITHIN_S", 0.3)
    with SimulatedTurnstile(passage_delay=3600) as turnstile:
        device = lot(turnstile)
        device.release(1, ENTRY, 5)
        with pytest.raises(NotYet, match="has not passed gate-a yet, and it takes one at a time"):
            release_gate(opening(ENTRY), device)
        assert len(turnstile.events.all("release")) == 1
        assert device.release(1, EXIT, 5) is Delivery.CONFIRMED


@pytest.fixture
def board():
    with SimulatedRelayBoard("modbus") as simulated:
        yield simulated


class Clock:
    """CLOCK_MONOTONIC of the inputs, moved by hand."""

    now = 1000.0

    def monotonic(self):
        return self.now


@pytest.mark.parametrize("pulse", ["device", "host"])
def test_a_door_may_be_opened_as_long_as_its_relay_is_on(gate, board, monkeypatch, pulse):
    clock = Clock()
    monkeypatch.setattr("drivers.common.relays.inputs.time", clock)
    device = gate("modbus_gate", board.path, profile="relay", door_input=1, pulse_seconds=30, pulse=pulse)
    device.open()
    device.poll()
    device.release(1, ENTRY, 5)
    assert device.release_times(1, 5) == ReleaseTimes(30.0)
    assert board.relays.on[1]
    clock.now += 29
    board.relays.inputs[1] = True
    assert device.poll() == []
    board.relays.inputs[1] = False
    device.poll()
    clock.now += 4
    board.relays.inputs[1] = True
    assert device.poll() == [GateAlarm(1, Kind.PORTAL_FORCED, "the door was opened without a release", active=True)]


def test_a_passage_late_in_a_long_release_has_its_direction(gate, board, monkeypatch):
    clock = Clock()
    monkeypatch.setattr("drivers.common.relays.inputs.time", clock)
    device = gate("modbus_gate", board.path, profile="relay", passage_input=1)
    device.open()
    device.poll()
    device.release(1, EXIT, 60)
    clock.now += 40
    board.relays.inputs[1] = True
    assert device.poll() == [PassageCompleted(1, EXIT)]


def test_a_turnstile_unlocked_by_a_pulse_waits_its_own_time(gate, board):
    board.relays.inputs.update({1: True, 2: True})
    wired = {"contacts": "pulse", "pass_entry_input": 1, "pass_exit_input": 2}
    device = gate("modbus_gate", board.path, profile="relay", **wired)
    assert device.release_times(1, 1.0) == ReleaseTimes(5.0)
    assert device.release_times(1, 8.0) == ReleaseTimes(8.0)


def test_a_controller_counts_whole_seconds(gate):
    device = gate("uhppote_controller", "udp://127.0.0.1:1", controller=423187757)
    assert device.release_times(1, 2.5) == ReleaseTimes(3)


def test_a_reader_times_25_seconds_at_most(gate):
    device = gate("osdp_reader", "/dev/gate/x", unit=1)
    assert device.release_times(1, 60.0) == ReleaseTimes(25.5)
