"""OSDP frames: where they begin and end, whose they are and what they are, without a key. No I/O.

53  start          address (reply: +80)     length, low then high, start to check included
control: 03 sequence, 04 CRC in place of a sum, 08 security block: its own length, type, data
code               data, encrypted where the security type is 17 or 18; then a MAC of 4 bytes; then CRC or sum
"""

from binascii import crc_hqx
from collections.abc import Callable
from dataclasses import dataclass

from drivers.common.serial.framing import GARBAGE, MORE, cut

START = 0x53
REPLY = 0x80
# A panel's and reader's default buffer (OSDP 2.2, PDCAP function 10 tells of more).
MAX_BYTES = 256
SMALLEST = 7
_MAC_BYTES = 4
# Every reader takes commands to this address, and answers with it or with its own (OSDP 2.2, 5.9).
CONFIG_UNIT = 0x7F

KEYSET, CHALLENGE, SCRYPT = 0x75, 0x76, 0x77
CARD, FORMATTED_CARD, KEYPAD, CCRYPT, RMAC_I = 0x50, 0x51, 0x53, 0x76, 0x78
PDID = 0x45
# Smart card, biometrics and what a maker adds may hold what identifies a person.
_PERSONAL = frozenset({FORMATTED_CARD, 0x57, 0x58, 0x80, 0x81, 0x82, 0x90, 0xB1})
# Maker, model and version; then the serial number, and the firmware's number.
_BEFORE_SERIAL = 5
_SECRET_COMMANDS = frozenset({KEYSET, CHALLENGE, SCRYPT})
_SECRET_ANSWERS = frozenset({CARD, KEYPAD, CCRYPT, RMAC_I, PDID}) | _PERSONAL
# Responses that belong to one command only; out of turn they are an attack, or an echo.
ONLY_AFTER = {CCRYPT: CHALLENGE, RMAC_I: SCRYPT}


@dataclass(frozen=True, slots=True)
class Frame:
    """A whole frame whose check is right; `data` holds what follows the code, MAC included."""

    raw: bytes
    address: int
    reply: bool
    sequence: int
    security: int | None
    code: int
    data: bytes

    @property
    def signed(self) -> bytes:
        """Return what its MAC covers."""
        return self.raw[: -(2 if self.raw[4] & 0x04 else 1) - _MAC_BYTES]


def check_of(body: bytes, crc: bool) -> bytes:
    """Return the check of `body`: CRC-16 ITU-T from 1D0F, low byte first, or the sum's complement."""
    return crc_hqx(body, 0x1D0F).to_bytes(2, "little") if crc else bytes([-sum(body) & 0xFF])


def parse(raw: bytes) -> Frame | None:
    """Return the frame that `raw` is, without a leading mark (FF); None if it is none."""
    if len(raw) < SMALLEST or raw[0] != START or int.from_bytes(raw[2:4], "little") != len(raw):
        return None
    control = raw[4]
    check = 2 if control & 0x04 else 1
    if check_of(raw[:-check], bool(control & 0x04)) != raw[-check:]:
        return None
    block = raw[5] if control & 0x08 else 0
    security = raw[6] if block >= 2 else None
    body = raw[5 + block : -check]
    if not body:
        return None
    return Frame(raw, raw[1] & 0x7F, bool(raw[1] & REPLY), control & 0x03, security, body[0], body[1:])


def build(
    unit: int,
    sequence: int,
    crc: bool,
    code: int,
    data: bytes = b"",
    block: bytes = b"",
    sign: Callable[[bytes], bytes] | None = None,
) -> bytes:
    """Return a command, without a leading mark; `block` is type and data of a security block, `sign` makes the MAC."""
    body = (bytes([len(block) + 1]) + block if block else b"") + bytes([code]) + data
    size = 5 + len(body) + (_MAC_BYTES if sign else 0) + (2 if crc else 1)
    control = sequence | (0x04 if crc else 0) | (0x08 if block else 0)
    head = bytes([START, unit]) + size.to_bytes(2, "little") + bytes([control]) + body
    signed = head + (sign(head) if sign else b"")
    return signed + check_of(signed, crc)


def blanked(frame: Frame) -> bytes:
    """Return the frame's bytes for a trace, what is secret as zeros, also when it is encrypted.

    Keys, cards, PINs, what two sides show each other to prove that they have the key, and the serial number in a PDID.
    """
    if frame.code not in (_SECRET_ANSWERS if frame.reply else _SECRET_COMMANDS):
        return frame.raw
    check = 2 if frame.raw[4] & 0x04 else 1
    shown = frame.data[:_BEFORE_SERIAL] if frame.reply and frame.code == PDID and frame.security is None else b""
    head = frame.raw[: -len(frame.data) - check] if frame.data else frame.raw[:-check]
    return head + shown + bytes(len(frame.data) - len(shown)) + frame.raw[-check:]


def measure(received: bytes) -> int:
    """Measure for framing.cut: a whole frame whose check is right; one longer than any reader sends is garbage."""
    size = int.from_bytes(received[2:4], "little")
    if received[0] != START or (len(received) >= 4 and not SMALLEST <= size <= MAX_BYTES):
        return GARBAGE
    if len(received) < max(4, size):
        return MORE
    return size if parse(received[:size]) else GARBAGE


class Scanner:
    """Finds frames in what comes; noise is passed over, and a false start does not hold up the frame behind it."""

    def __init__(self) -> None:
        self._received = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames that are whole now."""
        self._received += data
        return [frame for raw in cut(self._received, measure, MAX_BYTES) if (frame := parse(raw))]

    @property
    def is_within(self) -> bool:
        """Return True if a frame may have begun."""
        return bool(self._received)

    def clear(self) -> None:
        """Forget a beginning."""
        self._received.clear()
