"""Relay boards whose relays are holding registers: Eletechsup by function 6, OVEN by function 16.

The bytes of the Eletechsup board are those that Erriez/R421A08-rs485-8ch-relay-board prints in its README; those of an
OVEN MU110-224.8R are its output registers as in public programs ("000603E8" switches output 7 on).
"""

import struct
import time

import pytest

from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction, PortalMode
from devicemgr.domain.ports.device import Delivery
from devicemgr.errors import DeviceRefused, InvalidInput, OutcomeUnknown
from drivers.common.relays import device as relay_device
from drivers.sim.base.events import EventLog
from drivers.sim.base.pluggable import Plugged
from drivers.sim.base.ports import PtyPort
from drivers.sim.gates.modbus_unit import ILLEGAL_ADDRESS, ILLEGAL_VALUE, ModbusUnit, Refusal
from drivers.sim.gates.relay_boards import SimulatedRelayBoard

ENTRY, EXIT = Direction.ENTRY, Direction.EXIT


class RegisterBoard(Plugged):
    """Answers as the board's document says: `relays` are 1 or 0 (0 to 1000), `frames` what was sent, with its CRC."""

    def __init__(self, handlers, path):
        self.events = EventLog()
        self._unit = ModbusUnit(1, handlers(self), self.events)
        self.faults = self._unit.faults
        self.frames = []
        receive = self._unit.receive
        self._unit.receive = lambda data, now: (self.frames.append(data.hex(" ")), receive(data, now))[1]
        super().__init__(PtyPort(path), self._unit)

    @property
    def plan(self):
        return self._unit.plan


def eletechsup(board):
    board.relays = dict.fromkeys(range(1, 9), 0)
    board.inputs = dict.fromkeys(range(0x81, 0x89), 0)

    def read(pdu, _):
        register, count = struct.unpack(">HH", pdu[1:5])
        states = board.relays | board.inputs
        if register not in states or count != 1:  # "Number of bytes is always 0x0001"
            raise Refusal(ILLEGAL_ADDRESS)
        return bytes([3, 2, 0, states[register]])

    def write(pdu, _):
        register, command = struct.unpack(">HB", pdu[1:4])
        if register not in board.relays or command not in (1, 2, 6):
            raise Refusal(ILLEGAL_VALUE)
        board.relays[register] = int(command != 2)
        return pdu

    return {0x03: read, 0x06: write}


def oven(board):
    board.relays = dict.fromkeys(range(8), 0)

    def read(pdu, _):
        register, count = struct.unpack(">HH", pdu[1:5])
        values = [board.relays[at] for at in range(register, register + count)]
        return struct.pack(f">BB{count}H", 3, 2 * count, *values)

    def write(pdu, _):
        register, count, _, value = struct.unpack(">HHBH", pdu[1:8])
        if count != 1 or value > 1000:
            raise Refusal(ILLEGAL_VALUE)
        board.relays[register] = value
        return pdu[:5]

    return {0x03: read, 0x10: write}


@pytest.fixture
def opened(gate, tmp_path):
    """opened(handlers, **options) is a gate that has polled once, and its board."""
    boards = []

    def build(handlers, **options):
        board = RegisterBoard(handlers, tmp_path / f"board{len(boards)}").__enter__()
        boards.append(board)
        device = gate("modbus_gate", board.path, profile="relay", timeout=0.15, **options)
        device.open()
        device.poll()
        del board.frames[:]
        return device, board

    yield build
    for board in boards:
        board.__exit__()


def test_eletechsup_frames_are_those_of_the_document(opened):
    device, board = opened(eletechsup, flavor="eletechsup", pulse="host")
    device.set_mode(1, PortalMode.FREE)
    assert board.frames == ["01 06 00 01 01 00 d9 9a", "01 06 00 02 01 00 29 9a"]
    del board.frames[:]
    device.set_mode(1, PortalMode.NORMAL)
    assert board.frames == ["01 06 00 01 02 00 d9 6a", "01 06 00 02 02 00 29 6a"]
    del board.frames[:]
    device.poll()
    assert board.frames[0] == "01 03 00 01 00 01 d5 ca"


@pytest.mark.parametrize(("seconds", "frame"), [(3, "01 06 00 01 06 03 9b ab"), (2.2, "01 06 00 01 06 03 9b ab")])
def test_the_board_times_a_release_in_whole_seconds(opened, seconds, frame):
    device, board = opened(eletechsup, flavor="eletechsup")
    assert device.release(1, ENTRY, seconds) is Delivery.CONFIRMED
    assert board.frames == [frame]
    assert board.relays[1] == 1
    assert "unproven" not in device.check()


def test_an_eletechsup_board_has_inputs(opened):
    device, board = opened(eletechsup, flavor="eletechsup", fire_input=2)
    board.inputs[0x82] = 1
    (fire,) = device.poll()
    assert fire.active is True


def test_a_board_without_delays_names_the_option(opened):
    device, board = opened(eletechsup, flavor="eletechsup")
    write = board._unit._handlers[0x06]

    def refuse(pdu, now):
        if pdu[3] == 6:
            raise Refusal(ILLEGAL_VALUE)
        return write(pdu, now)

    board._unit._handlers[0x06] = refuse
    with pytest.raises(DeviceRefused, match="pulse=host"):
        device.release(1, ENTRY, 3)


def test_an_oven_module_is_switched_by_thousandths(opened):
    device, board = opened(oven, flavor="oven", pulse="host", channel=7, relay_exit=8)
    assert device.release(1, ENTRY, 5) is Delivery.CONFIRMED
    assert board.frames[0].startswith("01 10 00 06 00 01 02 03 e8")
    assert board.relays[6] == 1000
    device.set_mode(1, PortalMode.LOCKED)
    assert board.relays[6] == 0


@pytest.mark.parametrize("handlers", [eletechsup, oven])
def test_a_mode_that_was_lost_is_put_back(opened, handlers, monkeypatch):
    monkeypatch.setattr(relay_device, "LOOK_S", 0.0)
    device, board = opened(handlers, flavor=handlers.__name__, pulse="host")
    device.set_mode(1, PortalMode.FREE)
    first = min(board.relays)
    board.relays[first] = 0
    facts = [fact for _ in range(3) for fact in device.poll()]
    assert [fact.kind for fact in facts] == [Kind.DEVICE_DEGRADED]
    assert board.relays[first] in (1, 1000)


@pytest.mark.parametrize("handlers", [eletechsup, oven])
def test_a_lost_answer_is_unknown_and_not_sent_again(opened, handlers):
    device, board = opened(handlers, flavor=handlers.__name__, pulse="host")
    board.faults.drop_next_write_answer = 1
    with pytest.raises(OutcomeUnknown):
        device.release(1, ENTRY, 5)
    assert board.faults.injected["drop_next_write_answer"] == 1
    assert len(board.frames) == 1


# Requests and answers (the documents named above), without unit and CRC.
SIMULATED = {
    "eletechsup": [
        ("06 00 01 01 00", "06 00 01 01 00"),
        ("03 00 01 00 01", "03 02 00 01"),
        ("06 00 01 02 00", "06 00 01 02 00"),
        ("03 00 08 00 01", "03 02 00 00"),
    ],
    "oven": [
        ("10 00 06 00 01 02 03 e8", "10 00 06 00 01"),
        ("03 00 06 00 01", "03 02 03 e8"),
    ],
}


@pytest.mark.parametrize("model", SIMULATED)
def test_the_simulated_boards_answer_in_the_bytes_of_the_documents(gate, model):
    with SimulatedRelayBoard(model) as board:
        for request, answer in SIMULATED[model]:
            assert board._brain._answer(bytes.fromhex(request), 0.0).hex(" ") == answer
        device = gate("modbus_gate", board.path, profile="relay", flavor=model, pulse="host", timeout=0.15)
        device.open()
        assert device.release(1, ENTRY, 5) is Delivery.CONFIRMED
        assert board.relays.on[1]


def test_the_simulated_board_ends_a_delay_by_itself(gate):
    with SimulatedRelayBoard("eletechsup") as board:
        device = gate("modbus_gate", board.path, profile="relay", flavor="eletechsup", timeout=0.15)
        device.open()
        device.release(1, ENTRY, 0.2)
        assert board.events.wait_for("on")["timed"] is True
        board.relays.tick(time.monotonic() + 2)
        assert not board.relays.on[1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"flavor": "oven"}, "needs pulse=host"),
        ({"flavor": "oven", "pulse": "host", "fire_input": 1}, "reads no inputs"),
        ({"flavor": "valves"}, "flavor"),
    ],
)
def test_options_that_can_not_be(gate, options, words):
    with pytest.raises(InvalidInput, match=words):
        gate("modbus_gate", "/dev/nothing", profile="relay", **options)
