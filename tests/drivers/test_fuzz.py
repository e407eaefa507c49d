"""Whatever a line says, nothing is released by it, nothing breaks, and the next good answer is taken within a second.

A million spoilt answers are for `make faults`.
"""

import contextlib
import itertools
import random
from collections import Counter

import pytest

from devicemgr.errors import DeviceError
from drivers._modbus_frames import TCP_HEADER, rtu_frame
from drivers._sim.events import EventLog
from drivers._sim.lot import LotTurnstile
from drivers._sim.modbus import Faults, ModbusUnit
from drivers._sim.relay import KmTronicBoard, LcusBoard, NumatoBoard, Relays, _modbus_handlers

GOOD_AFTER = 25


class Clock:
    """Time passes only while a line is silent."""

    now = 1000.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class SpoiltLine:
    """Lets a simulated device answer, and spoils what it says."""

    name = "spoilt"
    character_seconds = 11 / 115200

    def __init__(self, clock, brain, spoil):
        self.clock, self.brain, self.spoil = clock, brain, spoil
        self.sent, self.waiting, self.spoiling = [], b"", False

    def write(self, data):
        self.sent.append(data)
        self.brain.receive(data, self.clock.now)
        answer = self.brain.advance(self.clock.now)
        self.waiting += self.spoil(answer) if self.spoiling else answer

    def read(self, size, timeout):
        data, self.waiting = self.waiting[:size], self.waiting[size:]
        if not data:
            self.clock.now += max(timeout, 0.0001)
        return data

    def discard(self):
        self.waiting = b""

    def close(self):
        pass


class TcpBrain:
    """A Modbus unit behind a header instead of a CRC."""

    def __init__(self, unit):
        self.unit = unit
        self.header = b""

    def receive(self, data, now):
        self.header = data[:4]
        self.unit.receive(rtu_frame(data[TCP_HEADER:], data[6]), now)

    def advance(self, now):
        answer = self.unit.advance(now)[:-2]
        return self.header + len(answer).to_bytes(2, "big") + answer if answer else b""


class Spoiler:
    """Noise, flipped bits, cut and joined frames; the same with the same seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.done = Counter()
        self.seen = [b"\x01\x03\x02\x00\x00\xb8\x44"]

    def __call__(self, answer):
        if answer and len(self.seen) < 200:
            self.seen.append(answer)
        how = self.random.choice((self.noise, self.flip, self.cut, self.join))
        self.done[how.__name__] += 1
        return how(answer or self.random.choice(self.seen))

    def noise(self, _):
        return self.random.randbytes(self.random.randrange(1, 80))

    def flip(self, answer):
        spoilt = bytearray(answer)
        for _ in range(self.random.randrange(1, 4)):
            spoilt[self.random.randrange(len(spoilt))] ^= 1 << self.random.randrange(8)
        return bytes(spoilt)

    def cut(self, answer):
        return answer[: self.random.randrange(len(answer))]

    def join(self, answer):
        other = self.random.choice(self.seen)
        return answer[: self.random.randrange(len(answer) + 1)] + other[self.random.randrange(len(other)) :]


def lot_unit():
    lot = LotTurnstile(EventLog(), passage=False, passage_delay=0, passage_seconds=0)
    return ModbusUnit(1, lot.handlers(), EventLog())


def relay_unit():
    return ModbusUnit(1, _modbus_handlers(Relays(8, EventLog())), EventLog())


def board(kind):
    return kind(Relays(2, EventLog()), EventLog(), Faults())


INPUTS = {"passage_input": 1, "rex_input": 2, "door_input": 4}
LOT = {"profile": "lot"}
# kind, address, options, the device, and how an order that releases looks on the wire
PROTOCOLS = {
    "lot rtu": ("modbus_gate", "/dev/x", LOT, lot_unit, lambda sent: sent[1] == 0x10),
    "lot tcp": ("modbus_gate", "tcp://127.0.0.1:502", LOT, lambda: TcpBrain(lot_unit()), lambda sent: sent[7] == 0x10),
    "modbus relay": (
        "modbus_gate", "/dev/x", {"profile": "relay"} | INPUTS, relay_unit,
        lambda sent: sent[1] == 0x05 and sent[2:6] != b"\0" + sent[3:4] + b"\0\0",
    ),
    "lcus": ("relay_gate", "/dev/x", {"model": "lcus"}, lambda: board(LcusBoard), lambda sent: sent[2:3] == b"\x01"),
    "kmtronic": (
        "relay_gate", "/dev/x", {"model": "kmtronic"}, lambda: board(KmTronicBoard), lambda sent: sent[2] == 1,
    ),
    "numato": (
        "relay_gate", "/dev/x", {"model": "numato", "rex_input": 1}, lambda: board(NumatoBoard),
        lambda sent: sent.startswith(b"relay on"),
    ),
}  # fmt: skip


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    for module in ("_modbus", "_relay_boards", "_inputs"):
        monkeypatch.setattr(f"drivers.{module}.time", found)
    return found


@pytest.fixture(params=PROTOCOLS)
def protocol(request):
    return request.param


@pytest.mark.parametrize("frames", [12_000, pytest.param(1_000_000, marks=[pytest.mark.faults])])
def test_no_answer_opens_a_gate_or_breaks_it(protocol, frames, gate, clock, monkeypatch):
    kind, address, options, brain, releases = PROTOCOLS[protocol]
    spoiler = Spoiler(protocol)
    line = SpoiltLine(clock, brain(), spoiler)
    for module in ("_bus", "_serial"):
        monkeypatch.setattr(f"drivers.{module}.open_line", lambda address: line)
    device = gate(kind, address, **options)
    device.open()
    assert device.check()
    del line.sent[:]
    for turn in itertools.count(1):
        line.spoiling = True
        with contextlib.suppress(DeviceError):
            # Reading everything asks more than a poll does.
            device.poll() if turn % 2 else device.check()
        line.spoiling = False
        if turn % GOOD_AFTER == 0:
            began = clock.now
            assert device.check() is not None
            device.poll()
            assert clock.now - began < 1.0
            assert [sent for sent in line.sent if releases(sent)] == []
            del line.sent[:]
            if spoiler.done.total() >= frames // len(PROTOCOLS):
                break
    assert set(spoiler.done) == {"noise", "flip", "cut", "join"}
    # The proof that a release would have been seen.
    line.waiting = b""
    device.release(1, "entry", 1)
    assert [sent for sent in line.sent if releases(sent)] != []
