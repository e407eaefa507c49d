"""Commands and replies of OSDP 2.2 (IEC 60839-11-5) as values: codes, layouts and the meaning of refusals. No I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Commands (OSDP 2.2, annex A).
POLL, ID, CAP, LSTAT, ISTAT, OSTAT = 0x60, 0x61, 0x62, 0x64, 0x65, 0x66
OUT, LED, BUZ, COMSET, KEYSET, CHLNG, SCRYPT = 0x68, 0x69, 0x6A, 0x6E, 0x75, 0x76, 0x77
# Replies (annex B).
ACK, NAK, PDID, PDCAP, LSTATR, ISTATR, OSTATR = 0x40, 0x41, 0x45, 0x46, 0x48, 0x49, 0x4A
RAW, KEYPAD, COM, CCRYPT, RMAC_I, BUSY = 0x50, 0x53, 0x54, 0x76, 0x78, 0x79
# Replies that are named in a complaint, because what they carry is not read here.
REPLY_NAMES = {
    0x4B: "osdp_RSTATR",
    0x51: "osdp_FMT (a card as text)",
    0x57: "osdp_BIOREADR (biometrics)",
    0x58: "osdp_BIOMATCHR (biometrics)",
    0x7A: "osdp_FTSTAT",
    0x80: "osdp_PIVDATAR (smart card)",
    0x81: "osdp_GENAUTHR (smart card)",
    0x82: "osdp_CRAUTHR (smart card)",
    0x83: "osdp_MFGSTATR",
    0x84: "osdp_MFGERRR",
    0x90: "osdp_MFGREP",
    0xB1: "osdp_XRD (smart card)",
}

# Function codes of osdp_PDCAP.
CAP_INPUTS, CAP_OUTPUTS, CAP_LED, CAP_BUZZER, CAP_CHECK, CAP_SECURITY = 1, 2, 4, 5, 8, 9

NAK_CHECK, NAK_LENGTH, NAK_UNKNOWN, NAK_SEQUENCE, NAK_NO_SECURITY, NAK_CONDITIONS, NAK_RECORD = 1, 2, 3, 4, 5, 6, 9
_NAK_WORDS = {
    NAK_CHECK: "it received the frame damaged",
    NAK_LENGTH: "wrong length of the command",
    NAK_UNKNOWN: "it does not know the command",
    NAK_SEQUENCE: "unexpected sequence number",
    NAK_NO_SECURITY: "it does not support this security block",
    NAK_CONDITIONS: "communication security conditions not met",
    7: "it does not support this type of biometrics",
    8: "it does not support this format of biometrics",
    NAK_RECORD: "it can't process the command's contents",
}

# A card has up to 64 bytes here, as a row of keys; more than any format in use has.
_MAX_DATA_BYTES = 64
# Formats of osdp_RAW: bits as they are, and bits with Wiegand parities. Others are not bits.
_BIT_FORMATS = (0, 1)


@dataclass(frozen=True, slots=True)
class Nak:
    """A refusal, with the reason that the reader gives."""

    code: int

    @property
    def words(self) -> str:
        """Return the reason in words, with its number."""
        return f"NAK {self.code}: {_NAK_WORDS.get(self.code, 'a reason of its maker')}"


@dataclass(frozen=True, slots=True)
class Identity:
    """osdp_PDID; `vendor` is the maker's OUI in the order of the IEEE's list."""

    vendor: bytes
    model: int
    version: int
    serial: int
    firmware: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Card:
    """osdp_RAW: `bits` bits, the first in the highest place."""

    bits: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Keys:
    """osdp_KEYPAD: one byte a key."""

    data: bytes


@dataclass(frozen=True, slots=True)
class LocalStatus:
    """osdp_LSTATR."""

    is_tampered: bool
    has_power_failed: bool


@dataclass(frozen=True, slots=True)
class InputStatus:
    """osdp_ISTATR: one number an input."""

    inputs: Sequence[int]


@dataclass(frozen=True, slots=True)
class LineSettings:
    """osdp_COM: the address and speed that the reader uses from now on."""

    unit: int
    baudrate: int


@dataclass(frozen=True, slots=True)
class Unread:
    """A reply that is valid and not read here, or whose contents do not fit its code."""

    code: int

    @property
    def words(self) -> str:
        """Return the reply's code, with its name where it has one."""
        name = REPLY_NAMES.get(self.code, "")
        return f"0x{self.code:02X} {name}".strip()


Event = Card | Keys | LocalStatus | InputStatus | Unread


def parse_event(code: int, data: bytes) -> Event | None:
    """Return what a reply to a poll or to a status command reports; None for one that only acknowledges."""
    match code:
        case 0x40 | 0x4A:
            return None
        case 0x50 if (card := _card(data)) is not None:
            return card
        case 0x53 if len(data) >= 2 and len(data) == 2 + data[1] and data[1] <= _MAX_DATA_BYTES:
            return Keys(data[2:])
        case 0x48 if len(data) == 2:
            return LocalStatus(bool(data[0]), bool(data[1]))
        case 0x49 if data:
            return InputStatus(tuple(data))
    return Unread(code)


def _card(data: bytes) -> Card | None:
    bits = int.from_bytes(data[2:4], "little")
    fits = len(data) >= 4 and (bits + 7) // 8 == len(data) - 4 and 0 < bits <= 8 * _MAX_DATA_BYTES
    return Card(bits, data[4:]) if fits and data[1] in _BIT_FORMATS else None


def parse_identity(data: bytes) -> Identity | None:
    """Return osdp_PDID; None for one that is too short."""
    if len(data) < 12:
        return None
    return Identity(data[:3], data[3], data[4], int.from_bytes(data[5:9], "little"), (data[9], data[10], data[11]))


def parse_capabilities(data: bytes) -> Mapping[int, tuple[int, int]]:
    """Return compliance level and number of items by function code (osdp_PDCAP); a broken end is left out."""
    return {data[at]: (data[at + 1], data[at + 2]) for at in range(0, len(data) - 2, 3)}


def parse_line_settings(data: bytes) -> LineSettings | None:
    """Return osdp_COM; None for one of another length."""
    return LineSettings(data[0] & 0x7F, int.from_bytes(data[1:5], "little")) if len(data) == 5 else None


def output(number: int, control: int, ticks: int) -> bytes:
    """Return the data of osdp_OUT: output from 0, control code, time in 100 ms."""
    return bytes([number, control]) + ticks.to_bytes(2, "little")


def lamp(color: int, on: int, off: int, total: int) -> bytes:
    """Return the data of osdp_LED for a temporary color of LED 0; times in 100 ms. The permanent color stays."""
    return bytes([0, 0, 2, on, off, color, 0]) + total.to_bytes(2, "little") + bytes(5)


def beep(on: int, off: int, times: int) -> bytes:
    """Return the data of osdp_BUZ for the default tone; times in 100 ms."""
    return bytes([0, 2, on, off, times])


def keyset(key: bytes) -> bytes:
    """Return the data of osdp_KEYSET for the base key of the Secure Channel (type 1)."""
    return bytes([1, len(key)]) + key


def comset(unit: int, baudrate: int) -> bytes:
    """Return the data of osdp_COMSET."""
    return bytes([unit]) + baudrate.to_bytes(4, "little")
