"""Whatever a line says, nothing is released by it, nothing breaks, and the next good answer is taken within a second.

A million spoilt answers are for `make faults`.
"""

import contextlib
import itertools
import random
import time
from collections import Counter

import pytest

from devicemgr.domain.device_events import CardRead
from devicemgr.domain.model import DeviceConfig
from devicemgr.errors import DeviceError
from drivers.modbus_gate.framing import TCP_HEADER, rtu_frame
from drivers.osdp_reader import builder
from drivers.osdp_reader.frames import START, Scanner, check_of
from drivers.sim.base.events import EventLog
from drivers.sim.gates.lot_turnstile import LotTurnstile
from drivers.sim.gates.modbus_unit import Faults, ModbusUnit
from drivers.sim.gates.relay_boards import KmTronicBoard, LcusBoard, NumatoBoard, _modbus_handlers
from drivers.sim.gates.relay_states import Relays
from drivers.sim.osdp.readers import ReaderUnit

GOOD_AFTER = 25
WAYS = {"noise", "flip", "cut", "join"}


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

    def says(self):
        return ""

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
    """Noise, flipped bits, cut and joined frames; the same with the same seed.

    `busy` makes of an answer the one that says "not now", where a protocol has one; then that is in the mix too.
    """

    def __init__(self, seed, busy=None):
        self.random = random.Random(seed)
        self._busy = busy
        self.ways = [self.noise, self.flip, self.cut, self.join] + ([self.busy] if busy else [])
        self.done = Counter()
        self.seen = [b"\x01\x03\x02\x00\x00\xb8\x44"]

    def __call__(self, answer):
        if answer and len(self.seen) < 200:
            self.seen.append(answer)
        how = self.random.choice(self.ways)
        self.done[how.__name__] += 1
        return how(answer or self.random.choice(self.seen))

    def busy(self, answer):
        return self._busy(answer)

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


def rtu_busy(answer):
    """Exception 6, server busy (Modbus application protocol, 7), to the request of this answer."""
    return rtu_frame(bytes([answer[1] | 0x80, 6]), answer[0])


def tcp_busy(answer):
    return answer[:4] + b"\0\3" + answer[6:7] + bytes([answer[7:8].ljust(1, b"\3")[0] | 0x80, 6])


BUSY = {"lot rtu": rtu_busy, "lot tcp": tcp_busy, "modbus relay": rtu_busy, "modbus registers": rtu_busy}


def osdp_busy(answer):
    """osdp_BUSY (0x79) of the same reader, with sequence number 0 and no secure block (OSDP 2.2, reply BUSY)."""
    frame = answer[answer.index(START) :]
    uses_crc = bool(frame[4] & 4)
    size = 6 + (2 if uses_crc else 1)
    body = frame[:2] + size.to_bytes(2, "little") + bytes([4 if uses_crc else 0, 0x79])
    return body + check_of(body, uses_crc)


def register_unit():
    """A board whose relays are registers (Erriez/R421A08-rs485-8ch-relay-board): 1 on, 2 off, 6 on for so long."""
    on = dict.fromkeys(range(1, 9), 0)

    def write(pdu, _):
        on[pdu[2]] = int(pdu[3] != 2)
        return pdu

    return ModbusUnit(1, {0x03: lambda pdu, _: bytes([3, 2, 0, on[pdu[2]]]), 0x06: write}, EventLog())


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
        "modbus_gate",
        "/dev/x",
        {"profile": "relay"} | INPUTS,
        relay_unit,
        lambda sent: sent[1] == 0x05 and sent[2:6] != b"\0" + sent[3:4] + b"\0\0",
    ),
    "modbus registers": (
        "modbus_gate",
        "/dev/x",
        {"profile": "relay", "flavor": "eletechsup"},
        register_unit,
        lambda sent: sent[1] == 0x06 and sent[4] != 2,
    ),
    "lcus": ("relay_gate", "/dev/x", {"model": "lcus"}, lambda: board(LcusBoard), lambda sent: sent[2:3] == b"\x01"),
    "kmtronic": (
        "relay_gate",
        "/dev/x",
        {"model": "kmtronic"},
        lambda: board(KmTronicBoard),
        lambda sent: sent[2] == 1,
    ),
    "numato": (
        "relay_gate",
        "/dev/x",
        {"model": "numato", "rex_input": 1},
        lambda: board(NumatoBoard),
        lambda sent: sent.startswith(b"relay on"),
    ),
}


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    for module in ("modbus_gate.master", "relay_gate.boards", "common.relays.inputs"):
        monkeypatch.setattr(f"drivers.{module}.time", found)
    return found


@pytest.fixture(params=PROTOCOLS)
def protocol(request):
    return request.param


# Both ways of OSDP, and answers and pushed events of UHPPOTE, have tests of their own below.
ALL = len(PROTOCOLS) + 4
spoilt = pytest.mark.parametrize("frames", [12_000, pytest.param(1_000_000, marks=[pytest.mark.faults])])


@spoilt
def test_no_answer_opens_a_gate_or_breaks_it(protocol, frames, gate, clock, monkeypatch):
    kind, address, options, brain, releases = PROTOCOLS[protocol]
    spoiler = Spoiler(protocol, BUSY.get(protocol))
    line = SpoiltLine(clock, brain(), spoiler)
    for module in ("modbus_gate.bus", "relay_gate.device"):
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
            if spoiler.done.total() >= -(-frames // ALL):
                break
    assert set(spoiler.done) == WAYS | ({"busy"} if protocol in BUSY else set())
    # The proof that a release would have been seen.
    line.waiting = b""
    device.release(1, "entry", 1)
    assert [sent for sent in line.sent if releases(sent)] != []


class OsdpLine:
    """A reader (libosdp's PD role) on a line that says many spoilt frames before each answer, or a false one for it.

    `heard` counts the spoilt frames that were read; `false` answers whose check is right: an older one said again, or
    bits flipped and the check made right again.
    """

    name = "spoilt"
    character_seconds = 11 / 9600

    def __init__(self, key, spoiler, burst):
        self.burst = burst
        self.log = EventLog()
        self.unit = ReaderUnit(1, key, self.log)
        self.spoiler, self.spoiling, self.waiting = spoiler, False, []
        self.heard = self.false = self.busy = 0

    def write(self, data):
        self.unit.receive(data)
        answer = self.unit.advance()
        self.waiting = [answer]
        if answer and self.spoiling:
            if self.spoiler.random.random() < 0.3:
                self.false += 1
                random = self.spoiler.random
                self.waiting = [random.choice([self.seal(answer), random.choice(self.spoiler.seen)])]
            elif self.spoiler.random.random() < 0.1:
                self.busy += 1
                self.waiting = [osdp_busy(answer)]
            self.waiting[:0] = [self.spoil(answer) for _ in range(self.burst)]

    def spoil(self, answer):
        """What is whole by accident ends the exchange, and nobody reads what comes after it."""
        while Scanner().feed(found := self.spoiler(answer)):
            pass
        return found

    def seal(self, answer):
        """Bits flipped in a frame of this reader's, and its length and check put right."""
        frame = answer[answer.index(START) :]
        size = 2 if frame[4] & 4 else 1
        body = bytearray(frame[:-size])
        for _ in range(self.spoiler.random.randrange(1, 4)):
            body[self.spoiler.random.randrange(5, len(body))] ^= 1 << self.spoiler.random.randrange(8)
        return bytes(body) + check_of(bytes(body), bool(frame[4] & 4))

    def read(self, size, timeout):
        if not self.waiting:
            time.sleep(min(timeout, 0.001))
            return b""
        self.heard += len(self.waiting) > 1
        return self.waiting.pop(0)

    def discard(self):
        self.waiting = []

    def close(self):
        pass

    def releases(self):
        return [event for event in self.log.all("output") if event["control_code"] not in (1, 3)]


KEY = bytes.fromhex("8f3a10c7be5520d94417fa6e02b3c85d")


# 26 bits whose parities hold: facility 80, number 58400.
GOOD_CARD = ((1 << 25 | 80 << 17 | 58400 << 1 | 1) << 6).to_bytes(4, "big")


def bring_up(device, card):
    """Poll, opening when it is lost, until `card` is told; how long that took."""
    began = time.monotonic()
    while time.monotonic() - began < 10:
        try:
            facts = device.poll()
        except DeviceError:
            device.close()
            with contextlib.suppress(DeviceError):
                device.open()
                card()
            continue
        if any(isinstance(fact, CardRead) and "80:58400" in fact.names for fact in facts):
            return time.monotonic() - began
        time.sleep(0.002)
    raise AssertionError("a good frame is not served any more")


@spoilt
@pytest.mark.parametrize("secure", ["on", "off"])
def test_no_answer_of_an_osdp_reader_opens_its_lock_or_breaks_it(secure, frames, monkeypatch):
    key = KEY if secure == "on" else None
    line = OsdpLine(key, Spoiler(secure), 20 if frames < 100_000 else 200)
    monkeypatch.setattr("drivers.osdp_reader.line.open_line", lambda address: line)
    monkeypatch.setattr("drivers.osdp_reader.session.STALE_S", 0.0)
    options = {"unit": 1, "secure": secure}
    password = KEY.hex() if key else None
    device = builder.build(DeviceConfig("1", "reader", "osdp_reader", "/dev/x", None, password, options))
    device.open()
    slowest = 0.0
    for turn in itertools.count(1):
        line.spoiling = True
        try:
            device.poll()
        except DeviceError:
            device.close()
            line.spoiling = turn % 2 == 0  # half of the sessions begin well, so that there is one to spoil
            with contextlib.suppress(DeviceError):
                device.open()
        line.spoiling = False
        enough = line.heard >= -(-frames // ALL)
        if turn % 400 == 0 or enough:
            show = lambda: line.unit.card(GOOD_CARD, 26)  # noqa: E731
            show()
            slowest = max(slowest, bring_up(device, show))
            assert line.releases() == []
        if enough:
            break
        time.sleep(0.005)
    print(f"{line.heard} frames, {line.false} false ones, good again after {slowest:.2f} s at most")
    assert set(line.spoiler.done) == WAYS
    assert line.false >= line.heard // line.burst // 10
    assert line.busy
    assert line.busy > 0
    device.release(1, "entry", 1)
    assert line.releases() != []
    device.close()
