"""Built-in readers and scanners of a LOT turnstile: cards and codes shown there, as access points of the device.

Each has a block of registers (lotltd/TurnstileModbusSDK: doc "Описание регистров SDK", TController.GetEnterCard and
GetExitCard): one that says in its high byte whether there is something new and in its low byte how many bytes, and
behind it up to 60 bytes, the first in the high byte of the first register. Reading them takes the mark of newness away.
"""

import logging
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from devicemgr.domain.device_events import CardRead, DeviceFact, GateAlarm
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.rules.cards.formats import MAX_BITS, names_of_number, raw_number
from devicemgr.errors import DeviceError, DeviceRefused
from drivers.common.serial.line import NoAnswer, Patience

if TYPE_CHECKING:
    from drivers.modbus_gate.master import Master

# Access points DEVICE:1 to DEVICE:4: entry, exit, and two more.
READERS = {1: 0x100, 2: 0x200, 3: 0x300, 4: 0x400}
MAX_READER_BYTES = 60
# So many are looked at in one poll, in turn, so that four readers do not slow the arm.
READERS_A_POLL = 2
# What lay there longer unread is not of the person who stands there now.
CURRENT_S = 2.0
# A reader that kept silent is looked for again this often.
ABSENT_S = 60.0
# A scanner ends a code with these; a shorter text may be the bytes of a card.
LINE_END, MIN_TEXT_BYTES = b"\r\n\0 ", 6

_log = logging.getLogger(__name__)


class Readers:
    """For the device's thread. `wanted` is the option `readers`: auto, off, or numbers such as 1,2."""

    def __init__(self, name: str, master: "Master", wanted: str) -> None:
        self._name, self._master = name, master
        self._is_auto = wanted == "auto"
        self._wanted = list(READERS) if self._is_auto else [int(one) for one in wanted.split(",") if one.isdigit()]
        self._present: list[int] = []
        self._refused: dict[int, str] = {}
        self._look_at = 0.0
        self._shown: dict[int, bytes] = {}
        self._read_at: dict[int, float] = {}
        self._misses: dict[int, int] = {}

    @property
    def present(self) -> list[int]:
        """The readers that answer."""
        return sorted(self._present)

    @property
    def complaint(self) -> str | None:
        """What is configured and does not answer."""
        missing = sorted(set(self._wanted) - set(self._present))
        if self._is_auto or not missing:
            return None
        why = next((self._refused[number] for number in missing if number in self._refused), "it keeps silent")
        found = ", ".join(map(str, self.present)) or "none"
        return (
            f"reader {missing[0]} of the turnstile is not there ({why}), readers that answer: {found}; "
            "correct the option readers"
        )

    def open(self) -> None:
        """Find the readers; what lay there before is taken away unread, because no one stands there with it."""
        self._present, self._refused = [], {}
        self._shown.clear()
        self._misses.clear()
        self._look()

    def _look(self) -> None:
        self._look_at = time.monotonic() + ABSENT_S
        for number in [one for one in self._wanted if one not in self._present and one not in self._refused]:
            try:
                self._take(number)
            except NoAnswer:
                continue
            except DeviceRefused as error:
                self._refused[number] = str(error)
                continue
            self._present.append(number)

    def poll(self) -> list[DeviceFact]:
        """Look at the next readers in turn."""
        if time.monotonic() >= self._look_at:
            self._look()
        facts: list[DeviceFact] = []
        for number in self._present[:READERS_A_POLL]:
            self._present.append(self._present.pop(0))
            before = self._read_at.get(number, 0.0)
            try:
                data = self._take(number)
            except (NoAnswer, DeviceRefused) as error:
                # The arm is what counts: a reader that does not answer costs it neither time nor its connection.
                self._missed(number, error)
                break
            self._misses.pop(number, None)
            if data is None:
                continue
            if time.monotonic() - before > CURRENT_S:
                _log.info("%s: what reader %d held is too old to count", self._name, number)
                continue
            facts += facts_of(number, data)
        return facts

    def _missed(self, number: int, error: DeviceError) -> None:
        self._misses[number] = self._misses.get(number, 0) + 1
        if self._misses[number] >= Patience.MISSES:
            _log.warning("%s: reader %d answers no more (%s)", self._name, number, error)
            self._misses.pop(number)
            self._present.remove(number)

    def _take(self, number: int) -> bytes | None:
        """Return what has been shown since the last look; None for nothing, or the same as then."""
        head = self._master.read_register(READERS[number])
        is_new, count = head >> 8, head & 0xFF
        if not is_new or not count:
            self._shown.pop(number, None)
            self._read_at[number] = time.monotonic()
            return None
        data = self._master.read_bytes(READERS[number] + 1, count) if count <= MAX_READER_BYTES else b""
        self._read_at[number] = time.monotonic()
        # Firmware that leaves the mark standing has shown it once.
        before, self._shown[number] = self._shown.get(number), data
        return data if data != before else None


def facts_of(number: int, data: bytes) -> list[DeviceFact]:
    """Return what was shown: a card, or a code that can't be one."""
    if names := names_of(data):
        return [CardRead(number, names)]
    shown = f"reader {number} read {len(data)} bytes that are no card number; a number has up to {MAX_BITS // 8}"
    return [GateAlarm(1, Kind.DEVICE_DEGRADED, shown)]


def names_of(data: bytes) -> tuple[str, ...]:
    """Return every stored number that a card or code answers to: decimal or hex digits as text, or bytes."""
    text = data.rstrip(LINE_END)
    if len(text) >= MIN_TEXT_BYTES and text.isdigit():
        return names_of_number(int(text)) if int(text) < 1 << MAX_BITS else ()
    return tuple(_names_of_bytes(_from_hex(text) or data))


def _from_hex(text: bytes) -> bytes:
    """Return the bytes that hex digits stand for; b"" for what is none."""
    if len(text) < MIN_TEXT_BYTES or len(text) % 2:
        return b""
    try:
        return bytes.fromhex(text.decode("ascii"))
    except ValueError:
        return b""


def _names_of_bytes(data: bytes) -> Iterator[str]:
    value = int.from_bytes(data, "big")
    if value and len(data) * 8 <= MAX_BITS:
        yield from dict.fromkeys([*names_of_number(value), raw_number(len(data) * 8, value)])
