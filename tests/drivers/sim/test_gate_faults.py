"""Faults on demand: each happens, says so, and never makes two releases of one decision."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from devicemgr.domain.device_events import GateAlarm, PassageCompleted, PassageStarted
from devicemgr.domain.model import Direction
from devicemgr.errors import DeviceError, DeviceUnreachable, InvalidInput, OutcomeUnknown
from drivers.common.relays.dry_contacts import POWER_LOST
from drivers.sim.base.events import EventLog
from drivers.sim.base.faults import FAULTS, Plan
from drivers.sim.gates.relay_boards import SimulatedRelayBoard
from drivers.sim.gates.turnstile import SimulatedTurnstile

ROOT = Path(__file__).resolve().parents[3]
ENTRY = Direction.ENTRY


def happened(simulated):
    return [event["fault"] for event in simulated.events.all("fault")]


def reopen(device, seconds=10):
    deadline = time.monotonic() + seconds
    while True:
        try:
            return device.open()
        except DeviceUnreachable:
            device.close()
            assert time.monotonic() < deadline, "it does not come back"
            time.sleep(0.02)


@pytest.fixture
def turnstile(tmp_path):
    with SimulatedTurnstile(tmp_path / "gate", passage_delay=0.0, passage_seconds=0.05) as simulated:
        yield simulated


@pytest.fixture
def lot(gate, turnstile):
    device = gate("modbus_gate", turnstile.path, profile="lot", timeout=0.1)
    device.open()
    device.poll()
    return device


@pytest.mark.parametrize("fault", ["silence", "garbage", "wrong-unit", "late-ack", "lost-ack", "unplug", "power-loss"])
def test_a_confirmation_that_does_not_come_is_unknown_and_one_release_at_most(lot, turnstile, fault):
    turnstile.plan.once(fault)
    with pytest.raises(OutcomeUnknown, match="may or may not"):
        lot.release(1, ENTRY, 5)
    assert happened(turnstile) == [fault]
    lot.close()
    if fault == "power-loss":
        turnstile._modbus.powerless_until = 0.0
    reopen(lot)
    for _ in range(3):
        lot.poll()
    assert len(turnstile.events.all("release")) == (0 if fault == "silence" else 1)


def test_every_so_often(lot, turnstile):
    before = len(turnstile.events.all("request"))
    turnstile.plan.stand("silence:every 3")
    for _ in range(9):
        lot.poll()
    assert happened(turnstile) == ["silence"] * ((len(turnstile.events.all("request")) - before) // 3)
    turnstile.obey("clear")
    lot.check()


def test_an_arm_that_sticks_completes_no_passage_until_it_is_freed(lot, turnstile, poll_until):
    turnstile.obey("fault stuck-arm")
    lot.release(1, ENTRY, 5)
    assert poll_until(lot) == [PassageStarted(1, ENTRY)]
    turnstile.events.wait_for("fault")
    assert happened(turnstile) == ["stuck-arm"]
    assert lot.poll() == []
    turnstile.obey("clear")
    assert poll_until(lot) == [PassageCompleted(1, ENTRY)]


def test_after_unplugging_it_is_another_port(turnstile):
    before = (Path(turnstile.path)).readlink()
    turnstile.obey("fault unplug")
    assert happened(turnstile) == ["unplug"]
    deadline = time.monotonic() + 10
    while not Path(turnstile.path).is_symlink() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert Path(turnstile.path).readlink() != before


@pytest.mark.parametrize("model", ["modbus", "numato"])
def test_power_lost_behind_a_board_is_an_alarm_and_no_passage(gate, tmp_path, poll_until, model):
    own = {"profile": "relay"} if model == "modbus" else {"model": "numato"}
    kind = "modbus_gate" if model == "modbus" else "relay_gate"
    with SimulatedRelayBoard(model, tmp_path / "board", contacts="potential") as board:
        wired = {"pass_entry_input": 1, "pass_exit_input": 2, "ready_input": 3}
        device = gate(kind, board.path, contacts="potential", **own, **wired)
        device.open()
        device.poll()
        device.release(1, ENTRY, 30)
        board.events.wait_for("object")
        # Polls last no time here, so the passage spans several of them, as it does at a tenth of a second each.
        assert poll_until(device) == [PassageStarted(1, ENTRY)]
        board.obey("fault power-loss")
        facts = poll_until(device)
        assert [type(fact) for fact in facts] == [GateAlarm]
        assert facts[0].detail == POWER_LOST
        assert happened(board) == ["power-loss"]
        board.relays.arm.tick(float("inf"))
        assert board.events.all("power_back")
        for _ in range(5):
            assert device.poll() == []
        assert board.events.all("passage") == []


def test_a_dry_contact_turnstile_lets_one_person_pass(gate, tmp_path, poll_until):
    with SimulatedRelayBoard("modbus", tmp_path / "board", contacts="pulse") as board:
        wired = {"pass_entry_input": 1, "pass_exit_input": 2, "ready_input": 3}
        device = gate("modbus_gate", board.path, profile="relay", contacts="pulse", **wired)
        device.open()
        device.poll()
        device.release(1, ENTRY, 5)
        board.events.wait_for("object")
        assert poll_until(device, 2, polls=5000) == [PassageStarted(1, ENTRY), PassageCompleted(1, ENTRY)]
        assert len(board.events.all("unlocked")) == 1


@pytest.mark.parametrize("model", ["kmtronic", "numato"])
def test_a_board_that_does_not_confirm(gate, tmp_path, model):
    with SimulatedRelayBoard(model, tmp_path / "board", relays=2) as board:
        device = gate("relay_gate", board.path, model=model)
        device.open()
        board.obey("fault lost-ack")
        with pytest.raises(OutcomeUnknown):
            device.release(1, ENTRY, 30)
        assert happened(board) == ["lost-ack"]
        assert [event["relay"] for event in board.events.all("on")] == [1]


@pytest.mark.parametrize("line", ["fault", "fault nosuch", "fault silence:every 0", "fault silence:each 2", "break"])
def test_what_may_not_be_typed_is_one_line(turnstile, line):
    with pytest.raises(InvalidInput) as caught:
        turnstile.obey(line)
    assert "\n" not in str(caught.value)


def test_a_board_takes_no_fault_that_it_can_not_have():
    with pytest.raises(InvalidInput, match="stuck-arm"):
        Plan(EventLog(), set(FAULTS) - {"stuck-arm"}).stand("stuck-arm")


@pytest.fixture
def sim():
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", "sim", *map(str, arguments)],
            cwd=ROOT,
            env=os.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process, json.loads(process.stdout.readline())

    yield start
    for process in started:
        process.terminate()
        _, err = process.communicate(timeout=20)
        assert (process.returncode, err) == (0, "")


def test_from_the_command_line(sim, gate, tmp_path):
    process, ready = sim("turnstile", "--link", tmp_path / "arm", "--fault", "lost-ack", "--no-passage")
    device = gate("modbus_gate", ready["path"], profile="lot", timeout=0.1)
    device.open()
    with pytest.raises(OutcomeUnknown):
        device.release(1, ENTRY, 5)
    told = [json.loads(process.stdout.readline()) for _ in range(2)]
    assert [(event["event"], event.get("fault")) for event in told] == [("release", None), ("fault", "lost-ack")]
    process.stdin.write("fault nosuch\nclear\nfault silence\n")
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["event"] == "error"


def test_a_board_from_the_command_line(sim, gate, tmp_path, poll_until):
    process, ready = sim("relay", "--model", "numato", "--link", tmp_path / "board")
    assert (ready["kind"], ready["model"], ready["path"]) == ("relay", "numato", str(tmp_path / "board"))
    device = gate("relay_gate", ready["path"], model="numato")
    device.open()
    device.release(1, ENTRY, 30)
    assert [json.loads(process.stdout.readline())["event"] for _ in range(3)] == ["off", "off", "on"]
    process.stdin.write("fault unplug\n")
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["fault"] == "unplug"
    with pytest.raises(DeviceError):
        poll_until(device)
