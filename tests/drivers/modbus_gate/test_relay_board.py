"""Modbus relay boards through a simulated board on a pty: pulses, modes, inputs."""

import pytest

from devicemgr.domain.device_events import DoorContact, FireRelease, GateAlarm, PassageCompleted, RexPressed
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction, PortalMode, Signal
from devicemgr.domain.ports.device import Indicator
from devicemgr.errors import DeviceRefused, DeviceUnreachable, InvalidInput, OutcomeUnknown
from drivers.sim.gates.relay_boards import SimulatedRelayBoard

ENTRY, EXIT = Direction.ENTRY, Direction.EXIT


@pytest.fixture
def board(tmp_path):
    with SimulatedRelayBoard("modbus", tmp_path / "relays") as simulated:
        yield simulated


@pytest.fixture
def opened(gate, board):
    """opened(**options) is an open gate that has polled once."""

    def build(**options):
        device = gate("modbus_gate", board.path, profile="relay", timeout=0.1, **options)
        device.open()
        device.poll()
        return device

    return build


def writes(board):
    """The writes so far, as hex PDUs, without those of opening that switch off."""
    sent = [event["pdu"] for event in board.events.all("request") if event["pdu"].startswith("05")]
    return [pdu for pdu in sent if not pdu.endswith("00 00")]


@pytest.mark.parametrize(
    ("direction", "seconds", "pdu"),
    [
        (ENTRY, 0.7, "05 02 00 00 07"),
        (EXIT, 5, "05 02 01 00 32"),
        (ENTRY, 0.01, "05 02 00 00 01"),
        (ENTRY, 99999, "05 02 00 7f ff"),
    ],
)
def test_a_release_is_one_pulse_timed_by_the_board(opened, board, direction, seconds, pdu):
    opened().release(1, direction, seconds)
    assert writes(board) == [pdu]


def test_the_board_ends_the_pulse(opened, board):
    opened(pulse_seconds=0.1).release(1, ENTRY, 5)
    assert board.events.wait_for("on")["timed"]
    board.events.wait_for("off", count=3)  # two of them from opening
    assert not board.relays.on[1]


def test_a_lost_confirmation_is_unknown_and_nothing_is_repeated(opened, board):
    device = opened()
    board.faults.drop_next_write_answer = 1
    with pytest.raises(OutcomeUnknown):
        device.release(1, ENTRY, 0.2)
    assert board.faults.injected["drop_next_write_answer"] == 1
    device.close()
    device.open()
    device.poll()
    assert len(writes(board)) == 1


def test_which_relay_is_whose(opened, board):
    device = opened(channel=3, channels=2)
    for channel in (1, 2):
        for direction in (ENTRY, EXIT):
            device.release(channel, direction, 0.1)
    assert [pdu.split()[2] for pdu in writes(board)] == ["02", "03", "04", "05"]
    with pytest.raises(InvalidInput, match="channels 1 to 2"):
        device.release(3, ENTRY, 1)


def test_a_door_with_one_strike(opened, board):
    device = opened(relay_entry=4, relay_exit=4, channels=2)
    device.release(1, EXIT, 0.1)
    device.release(2, ENTRY, 0.1)
    assert [pdu.split()[2] for pdu in writes(board)] == ["03", "04"]


def test_a_relay_that_the_board_has_not(gate, board):
    device = gate("modbus_gate", board.path, profile="relay", relay_entry=9, relay_exit=1)
    with pytest.raises(DeviceRefused, match="illegal address"):
        device.open()


def test_free_latches_locked_and_normal_do_not(opened, board):
    device = opened()
    device.set_mode(1, PortalMode.FREE)
    assert board.relays.on[1]
    assert board.relays.on[2]
    device.release(1, ENTRY, 0.1)
    assert board.relays.on[1]
    device.set_mode(1, PortalMode.LOCKED)
    assert not any(board.relays.on.values())
    with pytest.raises(DeviceRefused, match="locked"):
        device.release(1, ENTRY, 0.1)
    device.set_mode(1, PortalMode.NORMAL)
    device.release(1, ENTRY, 0.1)
    assert board.relays.on[1]


def test_free_stays_free_over_a_lost_line(opened, board):
    device = opened()
    device.set_mode(1, PortalMode.FREE)
    board.unplug()
    with pytest.raises(DeviceUnreachable):
        device.poll()
    device.close()
    board.replug()
    device.open()
    assert board.relays.on[1]


def test_a_pulse_of_ours_is_ended_by_polling(opened, board, poll_until):
    device = opened(pulse="host", pulse_seconds=0.05)
    device.release(1, ENTRY, 5)
    assert writes(board) == ["05 00 00 ff 00"]
    assert board.relays.on[1]
    while board.relays.on[1]:
        device.poll()
    assert board.events.all("off")[-1]["relay"] == 1


def test_a_pulse_of_ours_is_ended_by_closing(opened, board):
    device = opened(pulse="host")
    device.release(1, ENTRY, 60)
    device.close()
    assert not board.relays.on[1]


@pytest.mark.parametrize("fault", ["drop_next_write_answer", "unplug"])
def test_a_pulse_of_ours_that_broke_off_is_ended_on_the_next_opening(opened, board, fault):
    device = opened(pulse="host")
    if fault == "unplug":
        device.release(1, ENTRY, 60)
        board.unplug()
    else:
        board.faults.drop_next_write_answer = 2
        with pytest.raises(OutcomeUnknown):
            device.release(1, ENTRY, 60)
    assert board.relays.on[1]
    device.close()
    if fault == "unplug":
        assert board.relays.on[1]
        board.replug()
    device.open()
    assert not board.relays.on[1]


def test_a_dead_daemons_pulse_is_ended_by_the_next_one(opened, board, caplog):
    board.relays.on[2] = True
    opened(pulse="host")
    assert not board.relays.on[2]
    assert "stays on" in caplog.text


def test_inputs_tell_of_passage_exit_button_and_fire(opened, board):
    device = opened(passage_input=1, rex_input=2, fire_input=4)
    device.release(1, EXIT, 0.1)
    board.relays.inputs.update({1: True, 2: True, 4: True})
    assert device.poll() == [FireRelease(True), PassageCompleted(1, EXIT), RexPressed(1)]
    assert device.poll() == []
    board.relays.inputs.update({1: False, 2: False, 4: False})
    assert device.poll() == [FireRelease(False)]
    board.relays.inputs[1] = True
    assert device.poll() == [PassageCompleted(1, None)]
    assert device.check() == {"inputs": {"passage": True, "rex": False, "fire": False}}


def test_only_a_wired_board_senses_passages(opened):
    assert opened(passage_input=1).senses_passage


def test_a_board_without_passage_input_senses_none(opened):
    assert not opened(rex_input=1).senses_passage


def test_inverted_inputs(opened, board):
    board.relays.inputs.update(dict.fromkeys(board.relays.inputs, True))
    device = opened(rex_input=3, inputs_inverted=True)
    assert device.poll() == []
    board.relays.inputs[3] = False
    assert device.poll() == [RexPressed(1)]


def test_nothing_is_switched_off_while_there_is_fire(gate, board):
    board.relays.inputs[1] = True
    board.relays.on[1] = True
    device = gate("modbus_gate", board.path, profile="relay", fire_input=1)
    device.open()
    assert device.poll() == [FireRelease(True)]
    for mode in (PortalMode.LOCKED, PortalMode.NORMAL):
        with pytest.raises(DeviceRefused, match="fire"):
            device.set_mode(1, mode)
    assert board.relays.on[1]
    device.close()
    device.open()
    assert device.poll() == [FireRelease(True)], "told again after each opening"
    assert board.events.all("off") == []
    board.relays.inputs[1] = False
    assert device.poll() == [FireRelease(False)]


def test_an_input_that_closed_while_the_line_was_lost_is_no_passage(opened, board):
    device = opened(passage_input=1)
    device.close()
    board.relays.inputs[1] = True
    device.open()
    assert device.poll() == []


def test_single_lost_answers_are_forgiven_three_are_not(opened, board):
    device = opened()
    board.faults.silent = True
    assert device.poll() == device.poll() == []
    with pytest.raises(DeviceUnreachable):
        device.poll()
    assert board.faults.injected["silent"] == 3


@pytest.mark.parametrize(
    ("direction", "signal", "pdu"),
    [
        (ENTRY, Signal.GRANTED, "05 02 04 00 14"),
        (ENTRY, Signal.DENIED, "05 02 05 00 14"),
        (EXIT, Signal.ASK, "05 02 06 00 04"),
    ],
)
def test_lamps_on_spare_relays(opened, board, direction, signal, pdu):
    device = opened(green_relay_entry=5, red_relay_entry=6, green_relay_exit=7)
    assert isinstance(device, Indicator)
    device.indicate(1, direction, signal)
    device.indicate(1, EXIT, Signal.DENIED)  # not wired
    device.indicate(2, direction, signal)
    assert writes(board) == [pdu]


class Clock:
    """CLOCK_MONOTONIC of the inputs, moved by hand."""

    now = 1000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    monkeypatch.setattr("drivers.common.relays.inputs.time", found)
    return found


def forced():
    return GateAlarm(1, Kind.PORTAL_FORCED, "the door was opened without a release", active=True)


def test_a_door_that_is_opened_without_a_release_is_forced(opened, board, clock):
    device = opened(door_input=1, rex_input=2)
    board.relays.inputs[1] = True
    assert device.poll() == [forced()]
    assert device.poll() == []
    board.relays.inputs[1] = False
    device.poll()
    device.release(1, ENTRY, 3)
    clock.now += 4.9
    board.relays.inputs[1] = True
    assert device.poll() == []
    board.relays.inputs[1] = False
    device.poll()
    clock.now += 0.2
    board.relays.inputs[1] = True
    assert device.poll() == [forced()]
    board.relays.inputs.update({1: False, 2: True})
    assert device.poll() == [RexPressed(1)]
    board.relays.inputs[1] = True
    assert device.poll() == []


def test_a_door_may_be_open_while_the_portal_is_free_or_fire_is_on(opened, board, clock):
    device = opened(door_input=1, fire_input=2)
    device.set_mode(1, PortalMode.FREE)
    board.relays.inputs[1] = True
    assert device.poll() == []
    clock.now += 100
    assert device.poll() == []
    device.set_mode(1, PortalMode.NORMAL)
    board.relays.inputs.update({1: False, 2: True})
    assert device.poll() == [FireRelease(True)]
    board.relays.inputs[1] = True
    assert device.poll() == []


def test_a_door_held_open_is_told_once(opened, board, clock):
    board.relays.inputs[1] = True
    device = opened(door_input=1, held_seconds=10)
    clock.now += 9.9
    assert device.poll() == []
    clock.now += 0.2
    assert device.poll() == [GateAlarm(1, Kind.PORTAL_HELD_OPEN, "the door is open for 10 s", active=True)]
    clock.now += 100
    assert device.poll() == []


def test_tamper_is_told_on_its_edge_and_when_it_was_there_first(opened, board):
    alarm = GateAlarm(1, Kind.TAMPER, "the tamper switch has opened", active=True)
    device = opened(tamper_input=1)
    board.relays.inputs[1] = True
    assert device.poll() == [alarm]
    assert device.poll() == []
    device.close()
    device.open()
    assert device.poll() == [alarm]


def test_a_release_cut_short_does_not_close_a_portal_that_was_freed_meanwhile(opened, board):
    board.relays.inputs.update({1: True, 2: True})
    device = opened(contacts="potential", pass_entry_input=1, pass_exit_input=2)
    device.release(1, ENTRY, 30)
    device.set_mode(1, PortalMode.FREE)
    board.relays.inputs[1] = False
    device.poll()
    device.poll()
    assert board.relays.on[1]


def test_states_are_told_after_each_opening_and_when_they_end(gate, board):
    device = gate("modbus_gate", board.path, profile="relay", timeout=0.1, door_input=1, tamper_input=2, states=True)
    device.open()
    told = [device.poll(), device.poll()]
    board.relays.inputs.update({1: True, 2: True})
    told.append(device.poll())
    device.close()
    device.open()
    told.append(device.poll())
    board.relays.inputs.update({1: False, 2: False})
    told.append(device.poll())
    opened = GateAlarm(1, Kind.TAMPER, "the tamper switch has opened", active=True)
    closed = GateAlarm(1, Kind.TAMPER, "the tamper switch is closed", active=False)
    assert told == [
        [closed, DoorContact(1, False)],
        [],
        [opened, DoorContact(1, True), forced()],
        [opened, DoorContact(1, True)],
        [closed, DoorContact(1, False)],
    ]
