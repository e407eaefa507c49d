"""`sim osdp` as a process: what is typed happens at the reader, and what the reader is told comes out as JSON."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from devicemgr.domain.device_events import CardRead, GateAlarm, KeysPressed, RexPressed
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import DeviceConfig, Direction
from devicemgr.errors import DeviceError, DeviceRefused, DeviceUnreachable
from drivers.osdp_reader.builder import build

ROOT = Path(__file__).resolve().parents[3]
KEY = "8f3a10c7be5520d94417fa6e02b3c85d"


class Typed:
    """The process, to type into and to read from."""

    def __init__(self, link):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cli", "sim", "osdp", "--link", str(link), "--unit", "3", "--key-env", "SIM_KEY"],
            cwd=ROOT,
            env=os.environ | {"SIM_KEY": KEY},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.read()

    def type(self, line):
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def read(self):
        line = self._process.stdout.readline()
        assert line, self._process.stderr.read()
        return json.loads(line)

    def read_until(self, event):
        while (found := self.read())["event"] != event:
            pass
        return found

    def end(self):
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(20)
        self._process.communicate()
        return code


@pytest.fixture
def at(tmp_path):
    """The typed process and the open device that it serves."""
    sim = Typed(tmp_path / "reader")
    options = {"unit": 3, "rex_input": 1}
    device = build(DeviceConfig("1", "front", "osdp_reader", str(tmp_path / "reader"), None, KEY, options))
    device.open()
    yield sim, device
    device.close()
    assert sim.end() == 0


def poll_until(device, wanted):
    facts, until = [], time.monotonic() + 10
    while not wanted(facts):
        assert time.monotonic() < until, facts
        facts += device.poll()
        time.sleep(0.005)
    return facts


def lose(device):
    """Why the device is lost."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            device.poll()
        except DeviceError as error:
            device.close()
            return error
        time.sleep(0.005)
    raise AssertionError("it is not lost")


def reopen(device):
    until = time.monotonic() + 10
    while True:
        try:
            return device.open()
        except DeviceError:
            assert time.monotonic() < until
            time.sleep(0.05)


def test_what_is_typed_happens_and_what_happens_is_printed(at):
    sim, device = at
    for line in ("card 2a1c841f:26", "keys 12*#", "tamper on", "input 1 on", ""):
        sim.type(line)
    facts = poll_until(device, lambda facts: any(isinstance(fact, RexPressed) for fact in facts))
    assert {type(fact) for fact in facts} >= {CardRead, KeysPressed, GateAlarm, RexPressed}
    device.release(1, Direction.ENTRY, 2)
    while (told := sim.read_until("output"))["control_code"] != 5:
        pass
    assert (told["unit"], told["output_no"], told["timer_count"]) == (3, 0, 20)


def test_what_can_not_be_typed_is_told(at):
    sim, _ = at
    for line in (
        "open",
        "card",
        "card xyz",
        "card a0:9",
        "keys 12a",
        "tamper",
        "input 9 on",
        "unplug -1",
        "unplug nan",
    ):
        sim.type(line)
        assert "unplug SECONDS" in sim.read_until("error")["message"], line


def test_faults(at):
    sim, device = at
    sim.type("silence")
    assert "no answer" in str(lose(device))
    sim.type("silence off")
    reopen(device)
    sim.type("wrong-key")
    lose(device)
    with pytest.raises(DeviceRefused, match="another key"):
        device.open()
    sim.type("right-key")
    reopen(device)
    assert poll_until(device, bool)[0].kind is Kind.TAMPER
    sim.type("unplug 0.3")
    assert isinstance(lose(device), DeviceUnreachable)
    reopen(device)
