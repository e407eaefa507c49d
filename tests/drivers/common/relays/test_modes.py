"""A portal's mode is what the gate is in, also after the board or turnstile lost its power."""

import pytest

from devicemgr.domain.device_events import GateAlarm
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction, PortalMode
from drivers.sim.gates.relay_boards import SimulatedRelayBoard
from drivers.sim.gates.turnstile import SimulatedTurnstile

ENTRY = Direction.ENTRY


@pytest.fixture(autouse=True)
def looks_at_every_poll(monkeypatch):
    monkeypatch.setattr("drivers.common.relays.device.LOOK_S", 0.0)


@pytest.fixture(params=["modbus", "kmtronic", "numato"])
def board(request):
    with SimulatedRelayBoard(request.param) as simulated:
        simulated.model = request.param
        yield simulated


@pytest.fixture
def device(gate, board):
    kind = "modbus_gate" if board.model == "modbus" else "relay_gate"
    options = {"profile": "relay"} if board.model == "modbus" else {"model": board.model}
    found = gate(kind, board.path, **options, relay_entry=2, relay_exit=2)
    found.open()
    return found


def moved(device, polls=6):
    facts = [fact for _ in range(polls) for fact in device.poll()]
    return [(fact.kind, fact.detail) for fact in facts if isinstance(fact, GateAlarm)]


@pytest.mark.parametrize("mode", [PortalMode.FREE, PortalMode.LOCKED, PortalMode.NORMAL])
def test_a_relay_that_left_its_mode_is_put_back_and_told(device, board, mode):
    device.set_mode(1, mode)
    assert moved(device) == []
    free = mode is PortalMode.FREE
    board.relays.on[2] = not free
    was = "off" if free else "on"
    told = f"relay 2 was {was} although the portal is {mode}; it was switched back"
    assert moved(device) == [(Kind.DEVICE_DEGRADED, told)]
    assert board.relays.on[2] is free


def test_a_pulse_is_no_wrong_mode(device, board):
    device.release(1, ENTRY, 30)
    assert moved(device) == []
    assert board.relays.on[2]


def test_nothing_is_put_back_during_fire(gate):
    with SimulatedRelayBoard("modbus") as board:
        device = gate("modbus_gate", board.path, profile="relay", fire_input=1)
        device.open()
        device.set_mode(1, PortalMode.LOCKED)
        board.relays.inputs[1] = board.relays.on[1] = True
        assert moved(device) == []
        assert board.relays.on[1]


def test_a_board_that_does_not_tell_its_relays_works(gate):
    with SimulatedRelayBoard("modbus") as board:
        device = gate("modbus_gate", board.path, profile="relay", rex_input=1)
        board._brain._handlers.pop(0x01)
        device.open()
        assert moved(device) == []


@pytest.mark.parametrize(
    ("mode", "registers"), [(PortalMode.FREE, (0xFFFF, 0xFFFF, 0)), (PortalMode.LOCKED, (0, 0, 1))]
)
def test_a_turnstile_that_lost_its_mode_is_put_back_and_told(gate, mode, registers):
    with SimulatedTurnstile() as arm:
        device = gate("modbus_gate", arm.path, profile="lot")
        device.open()
        device.set_mode(1, mode)
        assert moved(device) == []
        arm.registers[0x40] = arm.registers[0x41] = arm.registers[0x3000] = 0
        device._control_at = 0.0
        assert moved(device) == [
            (Kind.DEVICE_DEGRADED, f"the turnstile was not {mode} any more, as its portal is; it was put back")
        ]
        assert (arm.registers[0x40], arm.registers[0x41], arm.registers[0x3000]) == registers


def test_anti_panic_is_no_lost_mode(gate):
    with SimulatedTurnstile() as arm:
        device = gate("modbus_gate", arm.path, profile="lot")
        device.open()
        device.set_mode(1, PortalMode.LOCKED)
        arm.registers[0x3000] = 2
        device._control_at = 0.0
        assert moved(device) == []
        assert arm.registers[0x3000] == 2
