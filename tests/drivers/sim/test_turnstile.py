"""The simulated turnstile by itself: as a process, and where it is plugged in."""

import json
import os
import select
import signal
import subprocess
import sys

import pytest

from devicemgr.domain.model import Direction
from devicemgr.errors import InvalidInput
from drivers.common.serial.address import parse_address
from drivers.common.serial.port import open_line
from drivers.sim.gates.turnstile import SimulatedTurnstile

RELEASE = bytes.fromhex("01 10 00 40 00 01 02 00 01 69 50")
RELEASED = bytes.fromhex("01 10 00 40 00 01 00 1d")


@pytest.fixture
def process(tmp_path):
    """process(link) runs the simulator and gives (process, its first JSON line); killed at the end."""
    started = []

    def start(link, **options):
        arguments = {"link": link, "listen": None, "unit": 1, "passage": True} | options
        script = (
            "from pathlib import Path; from drivers.sim.gates.turnstile import run\n"
            f"run({'Path(' + repr(str(link)) + ')'}, None, {arguments['unit']}, {arguments['passage']}, 0.0, 0.05)"
        )
        child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        started.append(child)
        return child, json.loads(child.stdout.readline())

    yield start
    for child in started:
        child.kill()
        child.wait()
        child.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_as_a_process(process, tmp_path, number):
    link = tmp_path / "gate"
    child, ready = process(link)
    assert ready == {"event": "ready", "kind": "turnstile", "path": str(link), "unit": 1}
    line = open_line(parse_address(str(link), 115200))
    line.write(RELEASE)
    told = [json.loads(child.stdout.readline()) for _ in range(3)]
    assert [event["event"] for event in told] == ["release", "object", "passage"]
    assert {"direction": "entry", "register": "0x40", "value": 1}.items() <= told[0].items()
    assert told[0]["monotonic"] <= told[1]["monotonic"] <= told[2]["monotonic"]
    assert line.read(100, 5) == RELEASED
    line.close()
    child.send_signal(number)
    assert child.wait(10) == 0
    assert not link.is_symlink()


def test_a_link_left_by_a_killed_one_is_replaced(process, tmp_path):
    link = tmp_path / "gate"
    child, _ = process(link)
    child.kill()
    child.wait()
    assert link.is_symlink()
    process(link)
    assert link.exists()


def test_another_units_requests_and_bad_checksums_are_met_with_silence():
    with SimulatedTurnstile(unit=2) as turnstile:
        line = open_line(parse_address(turnstile.path))
        line.write(RELEASE)
        line.write(RELEASE[:-1] + b"\xff")
        line.write(bytes.fromhex("02 10 00 40 00 01 02 00 01 7d a0"))  # the one for unit 2 proves the others arrived
        heard = line.read(100, 5)
        assert heard[:1] == b"\x02"
        assert line.read(100, 0.05) == b""
        line.close()
        assert len(turnstile.events.all("request")) == 1


@pytest.mark.parametrize(
    ("request_pdu", "answer_pdu"),
    [
        ("03 40 00 00 01", "83 02"),
        ("03 00 40 00 00", "83 02"),
        ("06 00 40 00 01", "86 01"),
        ("10 00 4f 00 01 02 00 01", "90 02"),
        ("2b 0d 01 00", "ab 01"),
    ],
)
def test_what_it_refuses(request_pdu, answer_pdu):
    from pymodbus.framer import FramerRTU

    def framed(pdu):
        frame = b"\x01" + bytes.fromhex(pdu)
        return frame + FramerRTU.compute_CRC(frame).to_bytes(2, "big")

    with SimulatedTurnstile() as turnstile:
        line = open_line(parse_address(turnstile.path))
        line.write(framed(request_pdu))
        assert line.read(100, 5) == framed(answer_pdu)
        line.close()


def test_an_existing_file_is_not_overwritten(tmp_path):
    (tmp_path / "gate").write_text("mine")
    with pytest.raises(InvalidInput, match="no symlink"):
        SimulatedTurnstile(tmp_path / "gate")
    assert (tmp_path / "gate").read_text() == "mine"


def test_a_link_that_cannot_be_made(tmp_path):
    with pytest.raises(InvalidInput, match="cannot make the link"):
        SimulatedTurnstile(tmp_path / "no" / "folder" / "gate").start()


def test_a_port_that_is_taken():
    with SimulatedTurnstile(listen="127.0.0.1:0") as turnstile:
        address = turnstile.path.removeprefix("tcp://")
        with pytest.raises(InvalidInput, match="cannot listen"):
            SimulatedTurnstile(listen=address).start()


@pytest.mark.parametrize("listen", ["5020", ":5020", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:x"])
def test_a_port_that_cannot_be(listen):
    with pytest.raises(InvalidInput, match="is not HOST:PORT"):
        SimulatedTurnstile(listen=listen)


def test_starting_and_stopping_leaves_no_descriptor(tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        with SimulatedTurnstile(tmp_path / "gate") as turnstile:
            turnstile.unplug()
            turnstile.replug()
    assert len(os.listdir("/proc/self/fd")) == before
    assert not (tmp_path / "gate").is_symlink()


def test_idle_it_waits():
    with SimulatedTurnstile() as turnstile:
        fd = os.open(turnstile.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        assert select.select([fd], [], [], 0.05)[0] == []
        os.close(fd)
        assert turnstile.events.all() == []


def test_waiting_for_what_never_happens_says_what_did():
    with SimulatedTurnstile() as turnstile:
        turnstile.add_passages(Direction.ENTRY, 1)
        with pytest.raises(TimeoutError, match="0 of 1 'release'"):
            turnstile.events.wait_for("release", timeout=0.01)


def test_a_line_sets_exactly_these_errors():
    with SimulatedTurnstile() as turnstile:
        for line, value in (("errors 0 3", 0b1001), ("errors 2", 0b100), ("errors", 0)):
            turnstile.obey(line)
            assert turnstile.registers[0x48] == value
