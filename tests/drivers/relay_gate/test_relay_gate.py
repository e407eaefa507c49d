"""USB relay boards: golden bytes of each model, and gates against simulated boards on ptys."""

import pytest
from hypothesis import given, settings, strategies as st

from devicemgr.domain.device_events import FireRelease, RexPressed
from devicemgr.domain.model import Direction, PortalMode, Signal
from devicemgr.errors import DeviceError, DeviceRefused, DeviceUnreachable, InvalidInput, OutcomeUnknown
from drivers.relay_gate.boards import BOARDS
from drivers.sim.base.events import EventLog
from drivers.sim.gates.modbus_unit import Faults
from drivers.sim.gates.relay_boards import (
    DevantechBoard,
    KmTronicBoard,
    LcusBoard,
    NumatoBoard,
    Relays,
    SimulatedRelayBoard,
)

ENTRY, EXIT = Direction.ENTRY, Direction.EXIT
MODELS = ("lcus", "kmtronic", "numato", "devantech")
READING_BACK = ("kmtronic", "numato", "devantech")


class ScriptedLine:
    """A line with bytes written down: what was sent, and what comes back to each query."""

    name = "script"
    character_seconds = 0.0

    def __init__(self, *answers):
        self.sent = []
        self._answers = list(answers)
        self._waiting = b""

    def write(self, data):
        self.sent.append(data.hex(" "))
        self._waiting += self._answers.pop(0) if self._answers else b""

    def read(self, size, timeout):
        data, self._waiting = self._waiting[:size], self._waiting[size:]
        return data

    def discard(self):
        self._waiting = b""

    def close(self):
        pass


@pytest.mark.parametrize(
    ("model", "relay", "on", "sent"),
    [
        ("lcus", 1, True, "a0 01 01 a2"),
        ("lcus", 1, False, "a0 01 00 a1"),
        ("lcus", 4, True, "a0 04 01 a5"),
        ("kmtronic", 1, True, "ff 01 01"),
        ("kmtronic", 2, False, "ff 02 00"),
        ("numato", 1, True, b"relay on 0\r".hex(" ")),
        ("numato", 13, False, b"relay off C\r".hex(" ")),
        # USB-RLY16 technical documentation: 101 to 108 switch relays 1 to 8 on, 111 to 118 off.
        ("devantech", 1, True, "65"),
        ("devantech", 8, False, "76"),
    ],
)
def test_golden_orders(model, relay, on, sent):
    line = ScriptedLine()
    BOARDS[model]().switch(line, relay, on)
    assert line.sent == [sent]


@pytest.mark.parametrize(
    ("model", "relay", "query", "answer", "state"),
    [
        ("lcus", 2, "ff", b"CH1: OFF\r\nCH2: ON\r\n", True),
        ("lcus", 1, "ff", b"CH1:OFF \r\nCH2:ON \r\n", False),
        ("lcus", 1, "ff", b"CH12:ON\r\n", None),
        ("kmtronic", 1, "ff 01 03", b"\xff\x01\x01", True),
        ("kmtronic", 2, "ff 02 03", b"\x55\xff\x02\x00", False),
        ("kmtronic", 4, "ff 09 00", b"\x00\x00\x00\x01", True),
        ("kmtronic", 7, "ff 09 00", b"\x01\x01\x01\x01\x01\x01\x00\x01", False),
        ("kmtronic", 7, "ff 09 00", b"\x01\x01\x01\x01", None),
        ("kmtronic", 7, "ff 09 00", b"\x01\x01\x01\x01\x07\x01\x00\x01", None),
        ("numato", 1, b"relay read 0\r".hex(" "), b"relay read 0\r\n\ron\n\r>", True),
        ("numato", 1, b"relay read 0\r".hex(" "), b"relay on 0\r\n\r>relay read 0\r\n\roff\n\r>", False),
        ("numato", 1, b"relay read 0\r".hex(" "), b"relay read 0\r\n\r>", None),
        ("numato", 1, b"relay read 0\r".hex(" "), b"relay read 1\r\n\ron\n\r>", None),
        ("devantech", 3, "5a 5b", b"\x09\x02\x04", True),
        ("devantech", 2, "5a 5b", b"\x08\x01\xfd", False),
        ("devantech", 1, "5a 5b", b"\x5a\x5b", None),
        ("devantech", 1, "5a 5b", b"\x65\x5a\x5b\x09\x02\x01", True),
        ("devantech", 1, "5a 5b", b"\x01", None),
    ],
)
def test_golden_answers(model, relay, query, answer, state, monkeypatch):
    monkeypatch.setattr("drivers.relay_gate.boards.ANSWER_S", 0.02)
    line = ScriptedLine(answer)
    assert BOARDS[model]().state(line, relay) is state
    assert line.sent[0] == query


@pytest.fixture(params=MODELS)
def board(request, tmp_path):
    with SimulatedRelayBoard(request.param, tmp_path / "relays") as simulated:
        simulated.model = request.param
        yield simulated


@pytest.fixture
def opened(gate, board):
    def build(**options):
        device = gate("relay_gate", board.path, model=board.model, **options)
        device.open()
        device.poll()
        return device

    return build


def settle(device):
    """Boards that confirm nothing have done what was written before they answer this."""
    return device.check()["relays"]


def switched_on(board):
    return [event["relay"] for event in board.events.all("on")]


def test_a_release_is_one_pulse_ended_by_polling(opened, board):
    device = opened(pulse_seconds=0.05)
    device.release(1, ENTRY, 60)
    board.events.wait_for("on")
    before = len(board.events.all("off"))
    while len(board.events.all("off")) == before:
        device.poll()
    assert settle(device) == {"1": False, "2": False}
    assert switched_on(board) == [1]


def test_which_relay_is_whose(opened, board):
    device = opened(channel=2, channels=2)
    for channel in (1, 2):
        for direction in (ENTRY, EXIT):
            device.release(channel, direction, 60)
    settle(device)
    assert switched_on(board) == [2, 3, 4, 5]


def test_closing_ends_a_pulse(opened, board):
    device = opened()
    device.release(1, EXIT, 60)
    board.events.wait_for("on")
    before = len(board.events.all("off"))
    device.close()
    board.events.wait_for("off", before + 1)
    assert not any(board.relays.on.values())


def test_a_dead_daemons_pulse_is_ended_on_opening(gate, board):
    board.relays.on[2] = True
    device = gate("relay_gate", board.path, model=board.model)
    device.open()
    assert settle(device) == {"1": False, "2": False}


def test_modes(opened, board):
    device = opened()
    device.set_mode(1, PortalMode.FREE)
    assert settle(device) == {"1": True, "2": True}
    device.release(1, ENTRY, 0.001)
    device.poll()
    assert settle(device) == {"1": True, "2": True}
    device.set_mode(1, PortalMode.LOCKED)
    assert settle(device) == {"1": False, "2": False}
    with pytest.raises(DeviceRefused, match="locked"):
        device.release(1, ENTRY, 1)
    device.set_mode(1, PortalMode.NORMAL)
    device.release(1, ENTRY, 60)
    assert settle(device) == {"1": True, "2": False}


def test_a_pulled_cable_mid_pulse_and_its_return(opened, board):
    device = opened()
    device.release(1, ENTRY, 60)
    board.events.wait_for("on")
    board.unplug()
    with pytest.raises(DeviceUnreachable, match="lost serial port"):
        device.poll()
    device.close()
    assert board.relays.on[1]
    with pytest.raises(DeviceUnreachable, match="no serial port"):
        device.open()
    board.replug()
    device.open()
    assert settle(device) == {"1": False, "2": False}
    assert switched_on(board) == [1]


@pytest.mark.parametrize("board", READING_BACK, indirect=True)
def test_no_answer_leaves_the_outcome_unknown_and_nothing_is_repeated(opened, board):
    device = opened()
    board.faults.silent = True
    with pytest.raises(OutcomeUnknown, match="may or may not"):
        device.release(1, ENTRY, 60)
    assert board.faults.injected["silent"] >= 1
    assert switched_on(board) == [1]


@pytest.mark.parametrize("board", READING_BACK, indirect=True)
def test_a_relay_that_does_not_move_is_a_refusal(opened, board):
    device = opened()
    board.relays.stuck.add(1)
    with pytest.raises(DeviceRefused, match="did not switch"):
        device.release(1, ENTRY, 60)
    assert switched_on(board) == []


@pytest.mark.parametrize("relays", [1, 2, 4, 8])
def test_kmtronic_boards_of_every_size_read_back(gate, tmp_path, relays):
    with SimulatedRelayBoard("kmtronic", tmp_path / "x", relays=relays) as board:
        device = gate("relay_gate", board.path, model="kmtronic", relay_entry=relays, relay_exit=relays)
        device.open()
        device.release(1, ENTRY, 60)
        assert board.relays.on[relays]


def test_a_release_without_a_line(gate):
    with pytest.raises(DeviceError, match="not open"):
        gate("relay_gate", "/dev/x", model="lcus").release(1, ENTRY, 1)


def test_boards_on_modem_lines_are_refused_with_the_reason(gate):
    with pytest.raises(InvalidInput, match=r"DTR or RTS must not be on a gate: Linux raises both lines"):
        gate("relay_gate", "/dev/x", model="dtr")


@pytest.mark.parametrize(
    ("options", "have"),
    [
        ({"model": "lcus", "rex_input": 1}, "no inputs"),
        ({"model": "numato", "rex_input": 9}, "inputs 1 to 8"),
    ],
)
def test_inputs_that_a_board_has_not(gate, options, have):
    with pytest.raises(InvalidInput, match=have):
        gate("relay_gate", "/dev/x", **options)


@pytest.mark.parametrize("board", ["numato"], indirect=True)
def test_inputs_of_a_numato_board(opened, board):
    device = opened(rex_input=2, fire_input=3, red_relay_exit=5)
    board.relays.inputs.update({2: True, 3: True})
    assert device.poll() == [FireRelease(True), RexPressed(1)]
    assert device.check()["inputs"] == {"rex": True, "fire": True}
    with pytest.raises(DeviceRefused, match="fire"):
        device.set_mode(1, PortalMode.LOCKED)
    device.indicate(1, EXIT, Signal.DENIED)
    assert switched_on(board) == [5]


@pytest.mark.parametrize("board", ["numato"], indirect=True)
def test_a_board_that_falls_silent_is_given_up_after_three_readings(opened, board, monkeypatch):
    monkeypatch.setattr("drivers.relay_gate.boards.ANSWER_S", 0.02)
    device = opened(rex_input=2)
    board.faults.silent = True
    assert device.poll() == device.poll() == []
    with pytest.raises(DeviceUnreachable, match="does not tell its inputs"):
        device.poll()
    assert board.faults.injected["silent"] == 3


@pytest.mark.parametrize(
    ("number", "query", "answer", "level"),
    [
        (1, b"gpio read 0\r", b"gpio read 0\n\r1\n\r>", True),
        (8, b"gpio read 7\r", b"gpio read 7\n\r0\n\r>", False),
        (1, b"gpio read 0\r", b"gpio read 1\n\r1\n\r>", None),
    ],
)
def test_golden_inputs(number, query, answer, level, monkeypatch):
    monkeypatch.setattr("drivers.relay_gate.boards.ANSWER_S", 0.02)
    line = ScriptedLine(answer)
    assert BOARDS["numato"]().input(line, number) is level
    assert line.sent == [query.hex(" ")]


@pytest.mark.parametrize("options", [{}, {"model": "x"}, {"model": "kmtronic", "channel": 8}])
def test_bad_options_are_one_line(gate, options):
    with pytest.raises(InvalidInput) as caught:
        gate("relay_gate", "/dev/x", **options)
    assert "\n" not in str(caught.value)


class BoardLine(ScriptedLine):
    """A line to a simulated board without a pty."""

    def __init__(self, board):
        super().__init__()
        self.board = board

    def write(self, data):
        self.board.receive(data, 0.0)
        self._waiting += self.board.advance(0.0)


@settings(max_examples=200, deadline=None)
@given(
    model=st.sampled_from(MODELS),
    orders=st.lists(st.tuples(st.integers(1, 8), st.booleans()), min_size=1, max_size=20),
    noise=st.binary(max_size=8),
)
def test_what_was_ordered_is_read_back(model, orders, noise):
    log = EventLog()
    kinds = {"lcus": LcusBoard, "kmtronic": KmTronicBoard, "numato": NumatoBoard, "devantech": DevantechBoard}
    board = kinds[model](Relays(8, log), log, Faults())
    line, codec = BoardLine(board), BOARDS[model]()
    codec._all_at_once = True  # eight relays; asking for one of them would wait for a time-out
    for relay, on in orders:
        codec.switch(line, relay, on)
    line._waiting = noise  # what comes unasked is forgotten before asking
    for relay in range(1, 9):
        last = [on for number, on in orders if number == relay]
        assert codec.state(line, relay) is (last[-1] if last else False)
