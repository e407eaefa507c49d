"""A LOT turnstile that answers one register a request, as the vendor's emulator does; pauses between requests."""

import pytest

from devicemgr.domain.device_events import FireRelease, PassageCompleted
from devicemgr.domain.model import Direction, PortalMode
from devicemgr.domain.ports.device import Delivery
from devicemgr.errors import DeviceRefused, DeviceUnreachable
from drivers.sim.gates.turnstile import SimulatedTurnstile

ENTRY = Direction.ENTRY
ONE_BYTE = {0x42, 0x43, 0x48}


@pytest.fixture
def turnstile():
    with SimulatedTurnstile(passage_delay=0.0, passage_seconds=0.0) as simulated:
        yield simulated


@pytest.fixture
def emulator(turnstile):
    """Answers the first register only, some with one byte, and keeps silent about those from 0x3000 on."""
    handlers = turnstile._modbus._handlers
    answer = handlers[0x03]
    turnstile.unanswered = []

    def one(pdu, now):
        register = int.from_bytes(pdu[1:3], "big")
        if register >= 0x3000:
            turnstile.unanswered.append(register)
            turnstile.faults.drop_next_answer = 1
        value = answer(pdu[:3] + b"\0\1", now)
        return bytes([3, 1, value[-1]]) if register in ONE_BYTE else value

    handlers[0x03] = one
    return turnstile


@pytest.fixture
def opened(gate):
    def build(turnstile, **options):
        device = gate("modbus_gate", turnstile.path, profile="lot", timeout=0.15, **options)
        device.open()
        return device

    return build


def test_a_turnstile_that_answers_one_register_at_a_time_works(emulator, opened, poll_until):
    device = opened(emulator)
    assert device.poll() == [FireRelease(False)]
    assert device.release(1, ENTRY, 5) is Delivery.CONFIRMED
    emulator.events.wait_for("passage")
    assert PassageCompleted(1, ENTRY, 1) in poll_until(device, 1)
    assert 0x3000 in emulator.unanswered
    device.set_mode(1, PortalMode.FREE)
    assert (emulator.registers[0x40], emulator.registers[0x41]) == (0xFFFF, 0xFFFF)
    device.set_mode(1, PortalMode.NORMAL)
    assert (emulator.registers[0x40], emulator.registers[0x41]) == (0, 0)
    with pytest.raises(DeviceRefused, match="can't be blocked from here"):
        device.set_mode(1, PortalMode.LOCKED)
    found = device.check()
    assert (found["control"], found["start_timeout_s"], found["entry_counter"]) == ("not reported", None, 1)


def test_a_silent_turnstile_is_not_asked_register_by_register(turnstile, gate):
    turnstile.faults.silent = True
    with pytest.raises(DeviceUnreachable):
        gate("modbus_gate", turnstile.path, profile="lot", timeout=0.05).open()
    assert turnstile.faults.injected["silent"] == 3


def test_requests_are_five_milliseconds_apart(turnstile, opened):
    device = opened(turnstile)
    device.check()
    answered = None
    for second, way, data in device.trace():
        if way == "tx":
            assert answered is None or second - answered >= 0.005
        answered = second if way == "rx" and data else None
