"""One RS-485 line and the OSDP readers on it: who may speak, and what each reader's protocol engine sees of it.

libosdp can't add a reader to a running control panel, so each reader has a panel of its own, and this file gives
each in turn the line for one whole exchange: setting up or losing a reader leaves the others' sessions alone.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from devicemgr.errors import DeviceBusy, DeviceError, DeviceUnreachable
from drivers.common.serial.address import SerialAddress, TcpAddress
from drivers.common.serial.fair_lock import Turns
from drivers.common.serial.line import Line
from drivers.common.serial.port import open_line
from drivers.common.serial.trace import Trace
from drivers.osdp_reader.frames import ONLY_AFTER, OUT, START, Frame, Scanner, blanked, is_plausible, parse

# A reader must answer within 200 ms (OSDP 2.2); the rest is for serial servers.
REPLY_S = 0.25

Address = SerialAddress | TcpAddress
Action = Callable[[], bytes]

_lines: dict[str, "SharedLine"] = {}
_pairing: set[tuple[str, int]] = set()
_registry = threading.Lock()


class SharedLine:
    """An open line, counted by the readers on it; a turn is one exchange."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.turns = Turns()
        self.units: set[int] = set()
        self.lost: DeviceError | None = None
        self._line: Line | None = None

    def open(self) -> None:
        """Open the port unless it is open; raises DeviceError."""
        with self.turns.taken(urgent=True):
            if self._line is None:
                self._guarded(self._open)

    def _open(self) -> bytes:
        self._line = open_line(self.address)
        return b""

    def read(self, timeout: float) -> bytes:
        """What has come; raises DeviceError once the line is lost."""
        return self._guarded(lambda: self._port().read(256, timeout))

    def write(self, data: bytes) -> None:
        """Send a request; what came before is forgotten, because it can't be its answer."""

        def send() -> bytes:
            self._port().discard()
            self._port().write(data)
            return b""

        self._guarded(send)

    def _guarded(self, act: Action) -> bytes:
        if self.lost is not None:
            raise self.lost
        try:
            return act()
        except DeviceError as error:
            # Closed at once: the port is locked, and the next to open it must not find it taken by us.
            self.lost = error
            self.close()
            raise

    def _port(self) -> Line:
        if self._line is None:
            raise DeviceUnreachable(f"the line {self.address} is not open")
        return self._line

    def close(self) -> None:
        """Let go of the port; never raises."""
        line, self._line = self._line, None
        if line is not None:
            line.close()


def attach(address: Address, unit: int, name: str, *, pairing: bool = False) -> SharedLine:
    """The open line of `address` for one unit; DeviceBusy when that unit is another device's or is being paired."""
    key = str(address)
    with _registry:
        if not pairing and (key, unit) in _pairing:
            raise DeviceBusy(f"{name} is being paired; it comes back by itself afterwards")
        line = _lines.get(key)
        if line is None or line.lost is not None:
            line = _lines[key] = SharedLine(address)
        if line.address != address:
            raise DeviceBusy(f"{address} is open at another speed or parity; give all readers on it the same address")
        if unit in line.units:
            raise DeviceBusy(f"unit {unit} at {address} is in use; is another device set up with the same unit?")
        line.units.add(unit)
    try:
        line.open()
    except DeviceError:
        detach(line, unit)
        raise
    return line


def detach(line: SharedLine, unit: int) -> None:
    """Leave; the last one closes the port."""
    with _registry:
        line.units.discard(unit)
        if not line.units:
            line.close()
            if _lines.get(str(line.address)) is line:
                del _lines[str(line.address)]


class Pairing:
    """While entered, the unit's running device lets go of it and stays away."""

    def __init__(self, address: Address, unit: int) -> None:
        self._key = (str(address), unit)

    def __enter__(self) -> None:
        with _registry:
            if self._key in _pairing:
                raise DeviceBusy(f"unit {self._key[1]} at {self._key[0]} is being paired already; wait for its end")
            _pairing.add(self._key)

    def __exit__(self, *_: object) -> None:
        with _registry:
            _pairing.discard(self._key)


def is_pairing(address: Address, unit: int) -> bool:
    """Return True if this unit is being paired now."""
    return (str(address), unit) in _pairing


class Wire:
    """libosdp's channel for one unit. `read` and `write` never raise; libosdp gets whole frames of its unit only.

    An output command leaves once for each `allow_output`: libosdp repeats what is not answered, and a release must
    not be repeated.
    """

    id = 0

    def __init__(self, line: SharedLine, unit: int, trace: Trace) -> None:
        self._line: SharedLine | None = line
        self._trace = trace
        self._unit = unit
        self._scanner = Scanner()
        self._frames = b""
        self._requested_at: float | None = None
        self._outputs = 0
        self.received_at = time.monotonic()
        self.noise = False
        self.requested = 0
        self._output_left = False
        self.sent: set[int] = set()
        self.received: list[Frame] = []

    def allow_output(self) -> None:
        """Let exactly one output command pass from now on."""
        self._outputs, self._output_left = 1, False

    def forbid_output(self) -> bool:
        """Let none pass any more; True when the allowed one has left."""
        self._outputs = 0
        return self._output_left

    def write(self, data: bytes) -> int:
        """Send a frame of libosdp's."""
        frame = parse(bytes(data).lstrip(b"\xff"))
        code = frame.code if frame else 0
        if self._line is None:
            return len(data)
        if code == OUT:
            if self._outputs < 1:
                return len(data)
            self._outputs, self._output_left = self._outputs - 1, True
        self.sent.add(code)
        self.requested = code
        self._scanner.clear()
        self._frames = b""
        self._requested_at = time.monotonic()
        if frame is not None:
            self._trace.add("tx", blanked(frame))
        with suppress(DeviceError):
            self._line.write(bytes(data))
        return len(data)

    def read(self, size: int) -> bytes:
        """What libosdp may see by now."""
        given, self._frames = self._frames[:size], self._frames[size:]
        return given

    def flush(self) -> None:
        """What was written is on its way already."""

    def settle(self) -> bool:
        """Wait a little for the response; return True while it is worth waiting on. Raises DeviceError."""
        if self._line is None or self._requested_at is None:
            return False
        left = self._requested_at + REPLY_S - time.monotonic()
        if left <= 0:
            self._requested_at = None
            return False
        data = self._line.read(left)
        self.noise = self.noise or bool(data)
        frames = self._scanner.feed(data)
        if data and not frames and START not in data:
            # Not a piece of a frame, which might hold a PIN in clear.
            self._trace.add("rx", data)
        for frame in frames:
            self._trace.add("rx", blanked(frame))
            if self._requested_at is not None and self._answers(frame):
                self._requested_at = None
                self._frames = frame.raw
                self.received_at = time.monotonic()
                self.received = [*self.received[-15:], frame]
        return self._requested_at is not None

    def _answers(self, frame: Frame) -> bool:
        ours = frame.reply and frame.address == self._unit
        return ours and ONLY_AFTER.get(frame.code, self.requested) == self.requested and is_plausible(frame)

    def check(self) -> None:
        """Raise why the line is lost, if it is."""
        if self._line is None:
            raise DeviceUnreachable("the line is closed")
        if self._line.lost is not None:
            raise self._line.lost

    def detach(self) -> None:
        """libosdp may keep this object a little longer; it leads nowhere then."""
        self._line = None
