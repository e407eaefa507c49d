"""LOT turnstiles through a simulated peer that speaks Modbus RTU on a pty: commands, facts, lost lines."""

import logging
import os
import pty
import threading

import pytest

from devicemgr.domain.device_events import FireRelease, GateAlarm, PassageCompleted, PassageStarted
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction, PortalMode, Signal
from devicemgr.domain.ports.device import Indicator
from devicemgr.errors import DeviceBusy, DeviceError, DeviceRefused, DeviceUnreachable, InvalidInput, OutcomeUnknown
from drivers.common.serial.address import SerialAddress
from drivers.common.serial.port import open_line
from drivers.sim.gates.turnstile import SimulatedTurnstile

ENTRY, EXIT = Direction.ENTRY, Direction.EXIT


@pytest.fixture
def turnstile(tmp_path):
    with SimulatedTurnstile(tmp_path / "gate", passage_delay=0.0, passage_seconds=0.15) as simulated:
        yield simulated


@pytest.fixture
def lot(gate, turnstile):
    """A gate that is open and has read its baseline."""
    device = gate("modbus_gate", turnstile.path, profile="lot", timeout=0.1)
    device.open()
    device.poll()
    return device


def released(turnstile):
    return turnstile.events.all("release")


def test_it_says_what_it_is(gate, turnstile):
    info = gate("modbus_gate", turnstile.path, profile="lot").open()
    assert (info.manufacturer, info.model, info.firmware) == ("LOT Group (simulated)", "Turnstile", "1.0")


@pytest.mark.parametrize(("direction", "register"), [(ENTRY, "0x40"), (EXIT, "0x41")])
def test_a_release_is_one_write_and_the_passage_is_told(lot, turnstile, poll_until, direction, register):
    lot.release(1, direction, 5)
    facts = poll_until(lot, 2)
    assert facts == [PassageStarted(1, direction), PassageCompleted(1, direction, 1)]
    written = [(event["direction"], event["register"], event["value"]) for event in released(turnstile)]
    assert written == [(str(direction), register, 1)]


def test_nobody_goes_through(gate, tmp_path):
    with SimulatedTurnstile(passage=False) as turnstile:
        turnstile.registers[0x3011] = 1
        device = gate("modbus_gate", turnstile.path, profile="lot")
        device.open()
        device.poll()
        device.release(1, ENTRY, 5)
        turnstile.events.wait_for("timed_out")
        assert device.poll() == []
        assert device.check()["entry_passages_left"] == 0


@pytest.mark.parametrize("fault", ["drop_next_answer", "drop_next_write_answer"])
def test_a_lost_confirmation_is_unknown_and_nothing_is_repeated(lot, turnstile, fault):
    setattr(turnstile.faults, fault, 1)
    with pytest.raises(OutcomeUnknown, match="may or may not"):
        lot.release(1, ENTRY, 5)
    assert turnstile.faults.injected[fault] == 1
    lot.close()
    lot.open()
    lot.poll()
    assert len(released(turnstile)) == 1


def test_a_late_confirmation_is_unknown_and_disturbs_no_later_reading(lot, turnstile):
    turnstile.faults.answer_late_by = 0.15
    with pytest.raises(OutcomeUnknown):
        lot.release(1, ENTRY, 5)
    assert turnstile.faults.injected["answer_late_by"] == 1
    turnstile.faults.answer_late_by = 0
    turnstile.events.wait_for("passage")
    lot.poll()
    assert lot.check()["entry_counter"] == 1
    assert len(released(turnstile)) == 1


def test_a_confirmation_of_another_unit_is_unknown(lot, turnstile):
    turnstile.faults.answer_as_unit = 2
    with pytest.raises(OutcomeUnknown):
        lot.release(1, ENTRY, 5)
    assert turnstile.faults.injected["answer_as_unit"] == 1
    assert len(released(turnstile)) == 1


def test_a_refused_release_moves_nothing(lot, turnstile):
    turnstile.faults.refuse_next_write = 2
    with pytest.raises(DeviceRefused, match="illegal address"):
        lot.release(1, ENTRY, 5)
    assert turnstile.faults.injected["refuse_next_write"] == 1
    assert released(turnstile) == []


def test_the_line_is_lost_while_waiting_for_the_confirmation(lot, turnstile):
    turnstile.faults.drop_next_write_answer = 1

    def pull():
        turnstile.events.wait_for("release")
        turnstile.unplug()

    thread = threading.Thread(target=pull)
    thread.start()
    with pytest.raises(OutcomeUnknown):
        lot.release(1, ENTRY, 5)
    thread.join()
    assert len(released(turnstile)) == 1


def test_a_release_into_a_pulled_cable_is_no_unlock(lot, turnstile):
    turnstile.unplug()
    with pytest.raises(DeviceUnreachable, match="lost serial port"):
        lot.release(1, ENTRY, 5)
    assert released(turnstile) == []


def test_garbage_around_answers_harms_nothing(lot, turnstile):
    turnstile.faults.garbage, turnstile.faults.garbage_after = b"\x00\x01\x03\xff", b"\x01\x10\x00"
    lot.release(1, ENTRY, 5)
    lot.poll()
    assert turnstile.faults.injected["garbage"] == turnstile.faults.injected["garbage_after"] >= 2
    assert len(released(turnstile)) == 1


def test_single_lost_answers_are_forgiven(lot, turnstile):
    for _ in range(5):
        turnstile.faults.drop_next_answer = 2
        assert lot.poll() == []
        assert lot.poll() == []
        assert lot.poll() == []
    assert turnstile.faults.injected["drop_next_answer"] == 10


@pytest.mark.parametrize("fault", ["silent", "break_checksum"])
def test_three_lost_answers_in_a_row_are_the_end(lot, turnstile, fault):
    setattr(turnstile.faults, fault, True)
    assert lot.poll() == []
    assert lot.poll() == []
    with pytest.raises(DeviceUnreachable, match=r"unit 1 at .*check power, wiring"):
        lot.poll()
    assert turnstile.faults.injected[fault] == 3


@pytest.fixture
def take_freed_pty():
    """Takes the pty number that was just freed, so that the next pty is another one."""
    taken = []
    yield lambda: taken.extend(pty.openpty())
    for fd in taken:
        os.close(fd)


def test_a_pulled_cable_is_told_at_once_and_a_new_pty_behind_the_link_is_found(
    lot, turnstile, tmp_path, take_freed_pty
):
    link = tmp_path / "gate"
    for _ in range(5):
        before = link.readlink()
        turnstile.unplug()
        with pytest.raises(DeviceUnreachable, match="lost serial port"):
            lot.poll()
        lot.close()
        with pytest.raises(DeviceUnreachable, match="no serial port"):
            lot.open()
        take_freed_pty()
        turnstile.replug()
        assert link.readlink() != before
        lot.open()
        assert lot.poll() == [FireRelease(False)], "the state is told after each opening"


def test_passages_while_the_line_was_lost_are_told_once(lot, turnstile):
    turnstile.unplug()
    with pytest.raises(DeviceError):
        lot.poll()
    lot.close()
    turnstile.add_passages(EXIT, 2)
    turnstile.replug()
    lot.open()
    assert lot.poll() == [PassageCompleted(1, EXIT, 2), FireRelease(False)]
    assert lot.poll() == []


def test_passages_before_the_first_opening_are_not_told(gate, turnstile):
    turnstile.add_passages(ENTRY, 5)
    device = gate("modbus_gate", turnstile.path, profile="lot")
    device.open()
    assert device.poll() == [FireRelease(False)]


def test_what_the_state_told_is_not_lost_with_the_next_reading(lot, turnstile, monkeypatch):
    turnstile.add_passages(ENTRY, 1)
    lot._control_at = 0.0
    read = lot._master.read_register
    monkeypatch.setattr(lot._master, "read_register", lambda start: drop(start) or read(start))

    def drop(start):
        if start == 0x3000:
            turnstile.faults.drop_next_answer = 1

    assert lot.poll() == [PassageCompleted(1, ENTRY, 1)]
    assert turnstile.faults.injected["drop_next_answer"] == 1


def test_anti_panic_is_told_and_never_counteracted(lot, turnstile):
    turnstile.registers[0x3000] = 2
    lot._control_at = 0.0
    assert lot.poll() == [FireRelease(True)]
    for mode in PortalMode:
        with pytest.raises(DeviceRefused, match="anti-panic"):
            lot.set_mode(1, mode)
    lot.release(1, ENTRY, 5)
    assert turnstile.events.all("write") == released(turnstile) == []
    assert turnstile.registers[0x3000] == 2
    turnstile.registers[0x3000] = 0
    lot._control_at = 0.0
    assert lot.poll() == [FireRelease(False)]


def test_anti_panic_that_began_since_the_last_poll_is_seen_before_a_mode_is_written(lot, turnstile):
    turnstile.registers[0x3000] = 2
    with pytest.raises(DeviceRefused, match="anti-panic"):
        lot.set_mode(1, PortalMode.LOCKED)
    assert turnstile.registers[0x3000] == 2


def test_free_locked_and_normal(lot, turnstile):
    lot.set_mode(1, PortalMode.FREE)
    assert (turnstile.registers[0x40], turnstile.registers[0x41], turnstile.registers[0x3000]) == (0xFFFF, 0xFFFF, 0)
    lot.release(1, ENTRY, 5)
    assert turnstile.registers[0x40] == 0xFFFF
    lot.set_mode(1, PortalMode.LOCKED)
    assert (turnstile.registers[0x40], turnstile.registers[0x41], turnstile.registers[0x3000]) == (0, 0, 1)
    with pytest.raises(DeviceRefused, match="blocked"):
        lot.release(1, ENTRY, 5)
    lot.set_mode(1, PortalMode.NORMAL)
    assert (turnstile.registers[0x40], turnstile.registers[0x41], turnstile.registers[0x3000]) == (0, 0, 0)
    lot.release(1, ENTRY, 5)
    assert len(released(turnstile)) == 1


def test_a_device_that_does_not_identify_itself_is_fine(gate, turnstile, monkeypatch):
    turnstile._modbus._handlers.pop(0x2B)
    info = gate("modbus_gate", turnstile.path, profile="lot").open()
    assert (info.manufacturer, info.firmware) == ("LOT Group", "")


def test_a_device_without_control_register_works_and_says_what_is_missing(gate, turnstile, caplog):
    del turnstile.registers[0x3000]
    device = gate("modbus_gate", turnstile.path, profile="lot")
    with caplog.at_level(logging.WARNING):
        device.open()
    assert "anti-panic is not seen" in caplog.text
    device.poll()
    device.release(1, ENTRY, 5)
    assert len(released(turnstile)) == 1


def test_check_reads_and_moves_nothing(lot, turnstile):
    turnstile.registers[0x48], turnstile.registers[0x2000] = 0x0104, 7
    assert lot.check() == {
        "control": "normal",
        "errors": "0x0104",
        "error_details": "0x0007",
        "own_inputs": "pulse",
        "start_timeout_s": 7,
        "passage_timeout_s": 7,
        "accumulates_passages": False,
        "entry_passages_left": 0,
        "exit_passages_left": 0,
        "entry_occupied": False,
        "exit_occupied": False,
        "entry_counter": 0,
        "exit_counter": 0,
        "readers": [1, 2, 3, 4],
    }
    assert all(event["event"] == "request" and event["pdu"][:2] in {"03", "2b"} for event in turnstile.events.all())


@pytest.mark.parametrize(
    ("direction", "signal", "register", "times"),
    [
        (ENTRY, Signal.GRANTED, 0x1000, [20, 0, 20]),
        (ENTRY, Signal.DENIED, 0x1003, [20, 0, 20]),
        (EXIT, Signal.GRANTED, 0x1006, [20, 0, 20]),
        (EXIT, Signal.DENIED, 0x1009, [20, 0, 20]),
        (EXIT, Signal.ASK, 0x1006, [2, 2, 40]),
    ],
)
def test_lamps(lot, turnstile, direction, signal, register, times):
    assert isinstance(lot, Indicator)
    lot.indicate(1, direction, signal)
    assert [turnstile.registers[register + n] for n in range(3)] == times
    assert released(turnstile) == []


def test_errors_are_alarms_with_their_details(gate, turnstile):
    device = gate("modbus_gate", turnstile.path, profile="lot", alarms={"3": "passage_climbed"})
    device.open()
    device.poll()
    turnstile.registers[0x48], turnstile.registers[0x2000] = 0b1000, 0x0102
    assert device.poll() == [
        GateAlarm(1, Kind.PASSAGE_CLIMBED, "the turnstile reports errors 0x0008, details 0x0102", active=True)
    ]
    assert device.poll() == []


def test_errors_of_a_firmware_without_details_are_alarms_too(lot, turnstile):
    del turnstile.registers[0x2000]
    turnstile.registers[0x48] = 4
    assert lot.poll() == [GateAlarm(1, Kind.DEVICE_DEGRADED, "the turnstile reports errors 0x0004", active=True)]


def test_another_unit_is_silent(gate, turnstile):
    device = gate("modbus_gate", turnstile.path, profile="lot", unit=7, timeout=0.05)
    with pytest.raises(DeviceUnreachable, match="unit 7"):
        device.open()
    assert turnstile.events.all() == []


def test_a_busy_port(lot, gate, turnstile):
    with pytest.raises(DeviceBusy, match="in use"):
        gate("relay_gate", turnstile.path, model="lcus").open()
    lot.poll()


def test_a_failed_opening_lets_the_port_go(gate, turnstile):
    turnstile.faults.silent = True
    device = gate("modbus_gate", turnstile.path, profile="lot", timeout=0.05)
    with pytest.raises(DeviceUnreachable):
        device.open()
    assert turnstile.faults.injected["silent"] == 3
    open_line(SerialAddress(turnstile.path, 9600)).close()


def test_behind_a_serial_server(gate):
    with SimulatedTurnstile(listen="127.0.0.1:0", passage_delay=0.0, passage_seconds=0.0) as turnstile:
        device = gate("modbus_gate", turnstile.path, profile="lot")
        device.open()
        device.poll()
        device.release(1, ENTRY, 5)
        turnstile.events.wait_for("passage")
        assert PassageCompleted(1, ENTRY, 1) in device.poll()
        turnstile.unplug()
        with pytest.raises(DeviceUnreachable):
            device.poll()
        device.close()
        turnstile.replug()
        device.open()


def test_only_channel_1(lot):
    with pytest.raises(InvalidInput, match="channel 1 only"):
        lot.release(2, ENTRY, 5)
    with pytest.raises(InvalidInput, match="channel 1 only"):
        lot.set_mode(2, PortalMode.FREE)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"profile": "door"},
        {"profile": "lot", "unit": 0},
        {"profile": "lot", "unit": 256},
        {"profile": "lot", "alarms": {"16": "tamper"}},
        {"profile": "lot", "alarms": {"1": "access_granted"}},
        {"profile": "lot", "x": 1},
        {"profile": "relay", "passage_input": 1, "rex_input": 1},
        {"profile": "relay", "channel": 250},
        {"profile": "relay", "relay_entry": 1, "relay_exit": 5, "channels": 3},
    ],
)
def test_bad_options_are_one_line(gate, options):
    with pytest.raises(InvalidInput, match="options of gate-a") as caught:
        gate("modbus_gate", "/dev/x", **options)
    assert "\n" not in str(caught.value)


def test_options_come_as_text_from_the_command_line(gate):
    gate("modbus_gate", "/dev/x", profile="lot", unit="3", timeout="0.5", inputs_inverted="true")
