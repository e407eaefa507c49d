"""One RS-485 line and the OSDP readers on it: who may speak.

Each reader in turn has the line for one transmission and its answer: setting up or losing a reader leaves the others'
sessions alone.
"""

import threading
from collections.abc import Callable

from devicemgr.errors import DeviceBusy, DeviceError, DeviceUnreachable
from devicemgr.fair_lock import FairLock
from drivers.common.serial.address import SerialAddress, TcpAddress
from drivers.common.serial.line import Line
from drivers.common.serial.port import open_line

Address = SerialAddress | TcpAddress
Action = Callable[[], bytes]

_lines: dict[str, "SharedLine"] = {}
_pairing: set[tuple[str, int]] = set()
_registry = threading.Lock()


class SharedLine:
    """An open line, counted by the readers on it; a turn is one transmission and its answer."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.turns = FairLock()
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
        """Return what has come within `timeout` seconds; raise DeviceError once the line is lost."""
        return self._guarded(lambda: self._port().read(256, timeout))

    def write(self, data: bytes) -> None:
        """Send a request; what came before is forgotten, because it can't be its answer."""

        def send() -> bytes:
            self._port().discard()
            self._port().write(data)
            return b""

        self._guarded(send)

    def transmission_s(self, count: int) -> float:
        """Return how long so many bytes take on the line."""
        return count * self._port().character_seconds

    def check(self) -> None:
        """Raise why the line is lost, if it is."""
        if self.lost is not None:
            raise self.lost

    def _guarded(self, act: Action) -> bytes:
        self.check()
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
    """Return the open line of `address` for one unit; raise DeviceBusy if another device has the unit, or pairs it."""
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
    """While entered, the unit's running device lets go of it and does not come back."""

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
