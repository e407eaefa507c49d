"""An OSDP reader written from the description of OSDP 2.2 (SIA; IEC 60839-11-5), sharing nothing with the driver.

It is strict where real readers are: one sequence number after the other (5.9), a repeated frame is answered as before
and not acted on, a MAC that does not fit ends the session. AES itself is that of `cryptography`, one block at a time.
"""

import time
from collections import Counter
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from drivers.sim.base.ports import PtyPort
from drivers.sim.base.thread import Peer

DEFAULT_KEY = b"0123456789:;<=>?"
# osdp_PDID of a real reader, recorded by OSDP.Net (src/OSDP.Net.Tests/Tracing/PacketDecodingTest.cs):
# 53 80 14 00 06 45 | 00 0E E3 10 10 00 00 74 97 23 06 06 | 1B 88. The IEEE lists the OUI 00-0E-E3.
RECORDED_PDID = bytes.fromhex("000ee3 10 10 00007497 230606")
# Four inputs, two outputs, LED, buzzer, CRC, Secure Channel (7.5, table of osdp_PDCAP).
CAPABILITIES = bytes.fromhex("010104 020102 030101 040101 050101 080100 090100")


def crc(data):
    """CRC-16 of annex C: polynomial 1021, initial value 1D0F, nothing reflected."""
    value = 0x1D0F
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ 0x1021 if value & 0x8000 else value << 1) & 0xFFFF
    return bytes([value & 0xFF, value >> 8])


def encrypt(key, block):
    cipher = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return cipher.update(block) + cipher.finalize()


def decrypt(key, block):
    cipher = Cipher(algorithms.AES(key), modes.ECB()).decryptor()
    return cipher.update(block) + cipher.finalize()


def xor(one, other):
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def pad(data):
    data += b"\x80"
    return data + b"\0" * (-len(data) % 16)


class Keys:
    """Session keys and MACs of annex D."""

    def __init__(self, key, rnd_a):
        derived = [encrypt(key, bytes([1, kind]) + rnd_a[:6] + b"\0" * 8) for kind in (0x82, 0x01, 0x02)]
        self.enc, self.mac1, self.mac2 = derived
        self.last_command = self.last_reply = b"\0" * 16

    def mac(self, message, before):
        padded = pad(message) if len(message) % 16 else message
        for at in range(0, len(padded), 16):
            last = at + 16 == len(padded)
            before = encrypt(self.mac2 if last else self.mac1, xor(padded[at : at + 16], before))
        return before

    def seal(self, data, before):
        sealed, chain = b"", bytes(~b & 255 for b in before)
        for at in range(0, len(padded := pad(data)), 16):
            chain = encrypt(self.enc, xor(padded[at : at + 16], chain))
            sealed += chain
        return sealed

    def unseal(self, data, before):
        clear, chain = b"", bytes(~b & 255 for b in before)
        for at in range(0, len(data), 16):
            clear += xor(decrypt(self.enc, data[at : at + 16]), chain)
            chain = data[at : at + 16]
        return clear.rstrip(b"\0")[:-1]


@dataclass
class Wishes:
    """What goes wrong on the line or in the reader, by command code; `done` counts what did."""

    busy: Counter = field(default_factory=Counter)
    lose_request: Counter = field(default_factory=Counter)
    lose_answer: Counter = field(default_factory=Counter)
    damage: Counter = field(default_factory=Counter)
    nak: dict = field(default_factory=dict)
    answer_after_s: float = 0.0
    needs_poll: bool = False
    only_sums: bool = False
    done: Counter = field(default_factory=Counter)

    def take(self, what, code):
        """Return True if this shall happen to this command now."""
        counted = getattr(self, what)
        if counted[code] <= 0:
            return False
        counted[code] -= 1
        self.done[what] += 1
        return True


class SpecReader:
    """The reader; `frames` are (time, code, bytes) of all commands to it, `acted` those that it carried out."""

    def __init__(self, unit=1, key=None, pdid=RECORDED_PDID, caps=CAPABILITIES):
        self.unit, self.key, self.pdid, self.caps = unit, key, pdid, caps
        self.wishes = Wishes()
        self.frames, self.acted, self.polled = [], [], []
        self.baudrate, self._moves_to = 9600, None
        self._buffer, self._out = b"", []
        self._session = self._opening = None
        self._sequence, self._request, self._answer = None, b"", b""

    def codes(self):
        return [code for _, code, _ in self.frames]

    def sent(self, code):
        return [raw for _, found, raw in self.frames if found == code]

    # What drivers.sim.base.thread.Peer calls.
    def receive(self, data, now):
        self._buffer += data
        while (start := self._buffer.find(b"\x53")) >= 0:
            self._buffer = self._buffer[start:]
            size = int.from_bytes(self._buffer[2:4], "little")
            if len(self._buffer) < 4 or len(self._buffer) < size:
                return
            frame, self._buffer = self._buffer[:size], self._buffer[size:]
            if frame[1] in (self.unit, 0x7F):
                self._take(frame, now)
        self._buffer = b""

    def advance(self, now):
        due = [answer for at, answer in self._out if at <= now]
        self._out = [(at, answer) for at, answer in self._out if at > now]
        return b"".join(due)

    def next_due(self):
        return min((at for at, _ in self._out), default=None)

    def _take(self, frame, now):
        control = frame[4]
        block = frame[5] if control & 8 else 0
        code = frame[5 + block]
        self.frames.append((time.monotonic(), code, frame))
        wishes = self.wishes
        if (wishes.needs_poll and 0x60 not in self.codes()) or wishes.take("lose_request", code):
            return
        check = crc(frame[:-2]) if control & 4 else bytes([-sum(frame[:-1]) & 255])
        is_damaged = frame[-len(check) :] != check or (wishes.only_sums and control & 4)
        if is_damaged or wishes.take("damage", code):
            self._send(self._frame(control & 3, b"\x41\x01"), code)
        elif wishes.take("busy", code):
            self._send(self._frame(0, b"\x79"), code)
        elif control & 3 and frame == self._request:
            wishes.done["repeated"] += 1
            self._send(self._answer, code)
        elif control & 3 and control & 3 != (self._sequence or 0) % 3 + 1:
            self._send(self._frame(control & 3, b"\x41\x04"), code)
        else:
            if not control & 3:
                self._session = self._opening = None
            self._sequence, self._request = control & 3, frame
            self._answer = self._answered(frame, block, code, frame[6 + block : -len(check)])
            self._send(self._answer, code)
            if self._moves_to is not None:
                (self.unit, self.baudrate), self._moves_to = self._moves_to, None

    def _send(self, answer, code):
        if not self.wishes.take("lose_answer", code):
            self._out.append((time.monotonic() + self.wishes.answer_after_s, answer))

    def _frame(self, sequence, body, block=b"", session=None):
        if session is not None and len(body) > 1:
            body = body[:1] + session.seal(body[1:], session.last_command)
        inner = (bytes([len(block) + 1]) + block if block else b"") + body
        check = 1 if self.wishes.only_sums else 2
        size = 5 + len(inner) + (4 if session else 0) + check
        control = sequence | (4 if check == 2 else 0) | (8 if block else 0)
        frame = bytes([0x53, 0x80 | self.unit, size & 255, size >> 8, control]) + inner
        if session is not None:
            session.last_reply = session.mac(frame, session.last_command)
            frame += session.last_reply[:4]
        return frame + (crc(frame) if check == 2 else bytes([-sum(frame) & 255]))

    def _answered(self, frame, block, code, data):
        sequence, kind = frame[4] & 3, frame[6] if block else None
        if code in self.wishes.nak:
            return self._frame(sequence, bytes([0x41, self.wishes.nak[code]]))
        if kind in (0x11, 0x13):
            return self._handshake(sequence, code, data, own=bool(frame[7]))
        session = self._session
        if kind in (0x15, 0x17) and session is not None:
            check = 2 if frame[4] & 4 else 1
            found = session.mac(frame[: -check - 4], session.last_reply)
            if found[:4] != frame[-check - 4 : -check]:
                self._session = None
                return self._frame(sequence, b"\x41\x06")
            sealed = data[:-4]
            data = session.unseal(sealed, session.last_reply) if sealed else b""
            session.last_command = found
        elif kind is not None or (self.key and code not in (0x61, 0x62)):
            return self._frame(sequence, b"\x41\x06")
        body = self._act(code, data)
        if kind is None:
            return self._frame(sequence, body)
        answer = self._frame(sequence, body, bytes([0x18 if len(body) > 1 else 0x16]), session)
        if code == 0x75 and body == b"\x40":
            self._session = None
        return answer

    def _handshake(self, sequence, code, data, own):
        key = self.key if own else DEFAULT_KEY
        if key is None:
            return self._frame(sequence, b"\x41\x06")
        if code == 0x76:
            rnd_b = bytes.fromhex("6162636465666768")
            self._opening = (Keys(key, data), data, rnd_b)
            proof = encrypt(self._opening[0].enc, data + rnd_b)
            body = b"\x76" + self.pdid[:8] + rnd_b + proof
            return self._frame(sequence, body, bytes([0x12, own]))
        if self._opening is None:
            return self._frame(sequence, b"\x41\x06")
        (keys, rnd_a, rnd_b), self._opening = self._opening, None
        if encrypt(keys.enc, rnd_b + rnd_a) != data:
            return self._frame(sequence, b"\x41\x06")
        keys.last_reply = encrypt(keys.mac2, encrypt(keys.mac1, data))
        self._session = keys
        return self._frame(sequence, b"\x78" + keys.last_reply, b"\x14\x01")

    def _act(self, code, data):
        if code not in (0x60, 0x61, 0x62):
            self.acted.append((code, data))
        match code:
            case 0x60:
                return self.polled.pop(0) if self.polled else b"\x40"
            case 0x61:
                return b"\x45" + self.pdid
            case 0x62:
                return b"\x46" + self.caps
            case 0x64:
                return b"\x48\0\0"
            case 0x65:
                return b"\x49\0\0\0\0"
            case 0x68 | 0x69 | 0x6A:
                return b"\x40"
            case 0x6E:
                # 7.13: answered where the reader was; it moves afterwards.
                self._moves_to = data[0], int.from_bytes(data[1:5], "little")
                return b"\x54" + data
            case 0x75:
                self.key = data[2:]
                return b"\x40"
        return b"\x41\x03"


class SpecLine:
    """Spec readers on one pty; a context manager whose `path` is the serial port."""

    def __init__(self, *readers):
        self._readers = readers
        self._port = PtyPort(None)
        self._peer = Peer(self._port, self)

    def __enter__(self):
        self._peer.start()
        self.path = self._port.address
        return self

    def __exit__(self, *_):
        self._peer.stop()

    def do(self, act):
        self._peer.do(act)

    def receive(self, data, now):
        for reader in self._readers:
            reader.receive(data, now)

    def advance(self, now):
        return b"".join(reader.advance(now) for reader in self._readers)

    def next_due(self):
        return min((due for reader in self._readers if (due := reader.next_due()) is not None), default=None)
