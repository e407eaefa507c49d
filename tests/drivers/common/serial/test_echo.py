"""Lines that repeat what is sent, and answers that come too late: neither is a confirmation."""

import pytest

from devicemgr.domain.model import Direction, PortalMode
from devicemgr.domain.ports.device import Delivery
from devicemgr.errors import DeviceRefused, DeviceUnreachable, OutcomeUnknown
from drivers.sim.gates.relay_boards import SimulatedRelayBoard
from drivers.sim.gates.turnstile import SimulatedTurnstile
from tests.drivers.common.serial.echo_line import EchoLine, is_command

ENTRY = Direction.ENTRY


@pytest.fixture
def board():
    with SimulatedRelayBoard("modbus") as simulated:
        yield simulated


@pytest.fixture
def opened(gate):
    def build(line, **options):
        device = gate("modbus_gate", line.path, **({"profile": "relay", "framer": "rtu"} | options))
        device.open()
        device.poll()
        return device

    return build


@pytest.mark.parametrize("tcp", [False, True], ids=["adapter", "serial server"])
@pytest.mark.parametrize("pulse", ["device", "host"])
def test_an_echo_of_a_lost_release_is_no_confirmation(opened, board, tcp, pulse):
    with EchoLine(board.path, tcp=tcp) as line:
        device = opened(line, pulse=pulse)
        line.loses = is_command
        with pytest.raises(OutcomeUnknown, match="repeats what is sent"):
            device.release(1, ENTRY, 5)
        line.loses = lambda _: False
        assert len(line.lost) == 1
        assert line.lost[0] in line.echoed
        assert board.events.all("on") == []


@pytest.mark.parametrize("tcp", [False, True], ids=["adapter", "serial server"])
@pytest.mark.parametrize("pulse", ["device", "host"])
def test_echo_and_answer_together_confirm(opened, board, tcp, pulse):
    with EchoLine(board.path, tcp=tcp) as line:
        device = opened(line, pulse=pulse)
        assert device.release(1, ENTRY, 0.1) is Delivery.CONFIRMED
        assert board.events.wait_for("on")["relay"] == 1
        assert "this line echoes" in device.check()["warning"]


def test_a_line_without_echo_is_not_warned_of(opened, board):
    with EchoLine(board.path, echoes=False) as line:
        device = opened(line)
        assert device.release(1, ENTRY, 0.1) is Delivery.CONFIRMED
        assert "warning" not in device.check()


def test_an_echo_that_begins_while_the_line_is_open_is_noticed(opened, board):
    with EchoLine(board.path, echoes=False) as line:
        device = opened(line)
        line.echoes = True
        device.poll()
        line.loses = is_command
        with pytest.raises(OutcomeUnknown):
            device.release(1, ENTRY, 5)
        line.loses = lambda _: False
        assert len(line.lost) == 1


def test_another_unit_of_the_line_has_noticed_the_echo(opened, board, gate):
    with EchoLine(board.path) as line:
        opened(line)
        other = gate("modbus_gate", line.path, profile="relay", unit=2, timeout=0.05)
        with pytest.raises(DeviceUnreachable, match="only our own bytes came back"):
            other.open()


def test_nothing_but_an_echo_is_no_device(gate):
    with EchoLine() as line:
        with pytest.raises(DeviceUnreachable, match="only our own bytes came back"):
            gate("modbus_gate", line.path, profile="relay").open()
        assert line.echoed


def test_a_mode_whose_answer_is_an_echo_is_read_back(opened, board):
    with EchoLine(board.path) as line:
        device = opened(line)
        line.loses = is_command
        with pytest.raises(OutcomeUnknown):
            device.set_mode(1, PortalMode.FREE)
        assert not board.relays.on[1]
        line.loses = lambda _: False


def test_a_late_answer_does_not_confirm_the_next_release(opened, board):
    with EchoLine(board.path, echoes=False) as line:
        device = opened(line, timeout=0.2)
        line.holds = is_command
        with pytest.raises(OutcomeUnknown):
            device.release(1, ENTRY, 5)
        device.poll()
        assert len(line.held) == 1
        line.loses = is_command
        with pytest.raises(OutcomeUnknown, match="an earlier answer was due too"):
            device.release(1, ENTRY, 5)
        assert len(line.lost) == 1
        assert len(board.events.all("on")) == 1


def test_a_late_refusal_does_not_refuse_the_next_release(opened, board):
    with EchoLine(board.path, echoes=False) as line:
        device = opened(line, timeout=0.2)
        board.faults.refuse_next_write = 2
        line.holds = lambda data: data[1] & 0x80
        with pytest.raises(OutcomeUnknown):
            device.release(1, ENTRY, 5)
        assert len(line.held) == 1
        with pytest.raises(OutcomeUnknown, match="this command or the one before"):
            device.release(1, ENTRY, 5)
        assert board.faults.injected["refuse_next_write"] == 1
        board.events.wait_for("on")


def test_a_late_answer_that_was_seen_is_due_no_more(opened, board):
    with EchoLine(board.path, echoes=False) as line:
        device = opened(line, timeout=0.2)
        line.holds = is_command
        with pytest.raises(OutcomeUnknown):
            device.release(1, ENTRY, 5)
        line.holds = lambda _: False
        line.let_go()
        device.poll()
        assert device.release(1, ENTRY, 5) is Delivery.CONFIRMED


@pytest.mark.parametrize("echoes", [False, True])
def test_a_turnstile_is_confirmed_by_its_own_answer_only(opened, echoes):
    with SimulatedTurnstile(passage_delay=0.0, passage_seconds=0.0) as arm, EchoLine(arm.path, echoes=echoes) as line:
        device = opened(line, profile="lot", timeout=0.2)
        line.holds = is_command
        with pytest.raises(OutcomeUnknown):
            device.release(1, ENTRY, 5)
        arm.events.wait_for("passage")
        assert len(line.held) == 1
        line.loses = is_command
        with pytest.raises(OutcomeUnknown, match="an earlier answer was due too"):
            device.release(1, ENTRY, 5)
        assert len(line.lost) == 1
        assert len(arm.events.all("release")) == 1


@pytest.mark.parametrize("relays", [2, 8])
def test_a_kmtronic_board_is_read_back_past_the_echo(gate, relays):
    with SimulatedRelayBoard("kmtronic", relays=relays) as board, EchoLine(board.path) as line:
        device = gate("relay_gate", line.path, model="kmtronic")
        device.open()
        assert device.release(1, ENTRY, 60) is Delivery.CONFIRMED
        assert board.relays.on[1]
        line.swallows = b"\xff\x02\x01"
        with pytest.raises(DeviceRefused, match="did not switch"):
            device.release(1, Direction.EXIT, 60)
        assert line.lost
        assert not board.relays.on[2]


def test_a_kmtronic_board_without_power_behind_an_echo_is_no_board(gate):
    with EchoLine() as line:
        with pytest.raises((DeviceUnreachable, OutcomeUnknown), match="no answer"):
            gate("relay_gate", line.path, model="kmtronic").open()
        assert line.echoed


def test_a_numato_board_is_read_back_past_the_echo(gate):
    with SimulatedRelayBoard("numato") as board, EchoLine(board.path) as line:
        device = gate("relay_gate", line.path, model="numato")
        device.open()
        assert device.release(1, ENTRY, 60) is Delivery.CONFIRMED
        assert board.relays.on[1]
