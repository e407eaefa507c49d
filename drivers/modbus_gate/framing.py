"""Framing of Modbus PDUs: RTU with a CRC, TCP with a header. pymodbus encodes and checks. No I/O."""

import struct
from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

from pymodbus.framer import FramerRTU

from drivers.common.serial.framing import GARBAGE, MORE, Measure, cut

MAX_RTU_BYTES, MAX_TCP_BYTES = 256, 260
MAX_RECEIVED_BYTES = 512
TCP_HEADER = 7  # transaction, protocol 0, length (two bytes each), unit

Accepts = Callable[[bytes], bool]


class Framing(Protocol):
    """The framing of PDUs, one for all units of a line. `numbers_answers`: none can be taken for another request's."""

    numbers_answers: bool

    def encode(self, pdu: bytes, unit: int) -> bytes:
        """Encode a request for `unit`."""

    def find(self, received: bytearray, unit: int, accepts: Accepts) -> bytes | None:
        """Return the first PDU from `unit` in `received` that `accepts` takes; remove what comes before it."""


Sizes = Mapping[int, int | tuple[int, int]]
"""By function code: the frame's size, or where its count of bytes stands and what to add to that."""

ANSWERS: Sizes = {0x01: (2, 5), 0x02: (2, 5), 0x03: (2, 5), 0x04: (2, 5), 0x05: 8, 0x06: 8, 0x0F: 8, 0x10: 8}
REFUSAL, REFUSAL_SIZE = 0x80, 5
IDENTIFY, IDENTITY_OBJECTS = 0x2B, 7


def measure_rtu(unit: int) -> Measure:
    """Return a measure that finds responses of `unit`; all others are garbage to it."""
    return partial(_rtu_size, unit)


def _rtu_size(unit: int, rest: bytes) -> int:
    if rest[0] != unit:
        return GARBAGE
    size = _claimed_size(rest)
    if size in {MORE, GARBAGE}:
        return size
    if size > MAX_RTU_BYTES:
        return GARBAGE
    if size > len(rest):
        return MORE
    good = FramerRTU.check_CRC(rest[: size - 2], int.from_bytes(rest[size - 2 : size], "big"))
    return size if good else GARBAGE


def _claimed_size(rest: bytes) -> int:
    if len(rest) < 2:
        return MORE
    function = rest[1]
    if function & REFUSAL:
        return REFUSAL_SIZE
    if function == IDENTIFY:
        return _identity_size(rest)
    size = ANSWERS.get(function, GARBAGE)
    if isinstance(size, int):
        return size
    at, more = size
    return rest[at] + more if len(rest) > at else MORE


def _identity_size(rest: bytes) -> int:
    """Measure the objects of an identity, each a number, a length, and so many bytes."""
    at = IDENTITY_OBJECTS + 1
    for _ in range(rest[IDENTITY_OBJECTS] if len(rest) > IDENTITY_OBJECTS else 1):
        if len(rest) < at + 2:
            return MORE if at < MAX_RTU_BYTES else GARBAGE
        at += 2 + rest[at + 1]
    return at + 2


def measure_tcp(rest: bytes) -> int:
    """Measure a whole message by its header."""
    if len(rest) < TCP_HEADER:
        return MORE
    length = int.from_bytes(rest[4:6], "big")
    if rest[2:4] != b"\0\0" or not 2 < length <= MAX_TCP_BYTES - 6:
        return GARBAGE
    return length + 6 if length + 6 <= len(rest) else MORE


def rtu_frame(pdu: bytes, unit: int) -> bytes:
    """Build a whole frame with its CRC."""
    frame = bytes([unit]) + pdu
    return frame + FramerRTU.compute_CRC(frame).to_bytes(2, "big")


class RtuFraming:
    """Modbus RTU: unit, PDU, CRC."""

    numbers_answers = False

    def encode(self, pdu: bytes, unit: int) -> bytes:
        """Encode a request with the unit's number and a CRC."""
        return rtu_frame(pdu, unit)

    def find(self, received: bytearray, unit: int, accepts: Accepts) -> bytes | None:
        """Return the first PDU that `accepts` takes among frames with a right CRC."""
        found = (frame[1:-2] for frame in cut(received, measure_rtu(unit), MAX_RECEIVED_BYTES))
        return next((pdu for pdu in found if accepts(pdu)), None)


class TcpFraming:
    """Modbus TCP: a header with a transaction number in place of the CRC."""

    numbers_answers = True

    def __init__(self) -> None:
        self._transaction = 0

    def encode(self, pdu: bytes, unit: int) -> bytes:
        """Encode a request with the next transaction number in its header."""
        self._transaction = self._transaction % 0xFFFF + 1
        return struct.pack(">HHHB", self._transaction, 0, len(pdu) + 1, unit) + pdu

    def find(self, received: bytearray, unit: int, accepts: Accepts) -> bytes | None:
        """Return the PDU of the answer with this transaction's number; drop late answers to earlier ones."""
        ours = self._transaction.to_bytes(2, "big")
        for frame in cut(received, measure_tcp, MAX_RECEIVED_BYTES, ahead=False):
            pdu = frame[TCP_HEADER:]
            if frame[:2] == ours and frame[6] == unit and accepts(pdu):
                return pdu
        return None
