"""Boards that are busy, or that do not time pulses: what is sent again, and what a technician reads."""

import time

import pytest

from devicemgr.access.release import Opening, release_gate
from devicemgr.domain.model import Direction, Portal, PortalMode
from devicemgr.domain.ports.device import Delivery
from devicemgr.errors import DeviceRefused, NotYet, OutcomeUnknown
from drivers.sim.gates.modbus_unit import ILLEGAL_ADDRESS, Refusal
from drivers.sim.gates.relay_boards import SimulatedRelayBoard

ENTRY = Direction.ENTRY
BUSY = 6


@pytest.fixture
def board():
    with SimulatedRelayBoard("modbus") as simulated:
        yield simulated


@pytest.fixture
def device(gate, board):
    found = gate("modbus_gate", board.path, profile="relay")
    found.open()
    found.poll()
    return found


@pytest.fixture
def refuses(board):
    """refuses(function, code, times) has the board refuse so often; gives what was refused."""

    def make(function, code, times):
        handlers, refused = board._brain._handlers, []
        real = handlers[function]

        def handler(pdu, now):
            if len(refused) < times:
                refused.append(pdu)
                raise Refusal(code)
            return real(pdu, now)

        handlers[function] = handler
        return refused

    return make


def opening():
    return Opening("r", Portal("door", "gate-a"), ENTRY, time.monotonic(), time.monotonic())


def test_a_busy_board_is_asked_again_and_the_session_holds(device, refuses):
    refused = refuses(0x01, BUSY, 4)
    for _ in range(3):
        assert device.poll() == []
    assert len(refused) == 4


def test_a_release_is_sent_again_after_busy_which_proves_that_nothing_was_done(device, board, refuses):
    refused = refuses(0x05, BUSY, 3)
    assert release_gate(opening(), device).delivery is Delivery.CONFIRMED
    assert len(refused) == 3
    assert len(board.events.all("on")) == 1


def test_a_board_that_stays_busy_until_the_deadline_opens_nothing(device, board, refuses, monkeypatch):
    monkeypatch.setattr("devicemgr.access.release.RELEASE_WITHIN_S", 0.3)
    refused = refuses(0x05, BUSY, 10_000)
    with pytest.raises(NotYet, match="is busy and did nothing"):
        release_gate(opening(), device)
    assert len(refused) > 1
    assert board.events.all("on") == []


@pytest.mark.parametrize("code", [4, 5, 11])
def test_no_other_exception_has_a_release_sent_again(device, refuses, code):
    refused = refuses(0x05, code, 10_000)
    assert isinstance(release_gate(opening(), device).unknown, OutcomeUnknown)
    assert len(refused) == 1


def test_a_busy_board_is_told_its_mode_again(device, board, refuses):
    device.set_mode(1, PortalMode.NORMAL)
    refused = refuses(0x05, BUSY, 2)
    device.set_mode(1, PortalMode.LOCKED)
    assert len(refused) == 2


def test_a_board_that_times_no_pulses_names_the_option(device, board):
    handlers = board._brain._handlers
    real = handlers[0x05]

    def without_flash(pdu, now):
        if pdu[1] == 0x02:
            raise Refusal(ILLEGAL_ADDRESS)
        return real(pdu, now)

    handlers[0x05] = without_flash
    with pytest.raises(DeviceRefused, match=r"illegal address .*needs the option pulse=host"):
        device.release(1, ENTRY, 5)


def test_a_test_says_what_is_unproven_until_it_is(device):
    assert "ends a pulse by itself" in device.check()["unproven"]
    device.release(1, ENTRY, 0.1)
    assert "unproven" not in device.check()


def test_a_test_says_that_a_board_gives_no_feedback(gate):
    with SimulatedRelayBoard("lcus") as mute:
        found = gate("relay_gate", mute.path, model="lcus")
        found.open()
        assert "gives no feedback" in found.check()["unproven"]
