"""A line that several devices share: opened once, used by one at a time, in fair turns.

Who shares what is known by the line's place, because a port exists once, whichever devices name it.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakSet

from devicemgr.errors import DeviceBusy, DeviceUnreachable
from devicemgr.fair_lock import FairLock
from drivers.common.serial.address import SerialAddress, TcpAddress
from drivers.common.serial.echo import Echo
from drivers.common.serial.line import Line, NoAnswer
from drivers.common.serial.port import open_line
from drivers.common.serial.trace import Trace, TracedLine
from drivers.modbus_gate.framing import Framing


class Bus:
    """One line, its framing, and the devices that use it."""

    def __init__(self, address: SerialAddress | TcpAddress, framing: Framing) -> None:
        self.address = address
        self.framing = framing
        self.trace = Trace()
        self.echo = Echo()
        self.has_answered = False
        self.quiet_from = 0.0
        self._turns = FairLock()
        self._line: Line | None = None
        self._users: dict[object, Line] = {}

    @property
    def shared(self) -> bool:
        """Return True if others wait while one waits for a response."""
        return len(self._users) > 1

    def join(self, user: object) -> None:
        """Use the line from now on, opening it if need be; DeviceError as `open_line` raises it."""
        with self._turns.taken(urgent=True):
            if self._line is None:
                _refuse_other_settings(self)
                self._line = TracedLine(open_line(self.address), self.trace)
            self._users[user] = self._line

    def leave(self, user: object) -> None:
        """Use it no more; the last one closes it; never raises."""
        with self._turns.taken(urgent=True):
            self._users.pop(user, None)
            if self._line not in self._users.values():
                self._drop()

    @contextmanager
    def turn(self, user: object, urgent: bool) -> Iterator[Line]:
        """Take the line for one exchange.

        A line that is lost for one user is lost for all: each finds out at its next turn.
        """
        with self._turns.taken(urgent):
            line = self._users.get(user)
            if line is None:
                raise DeviceUnreachable(f"{self.address} is not open; open it first")
            if line is not self._line:
                raise DeviceUnreachable(f"{self.address} was lost; check the cable")
            try:
                yield line
            except NoAnswer:
                raise
            except DeviceUnreachable:
                self._drop()
                raise

    def _drop(self) -> None:
        line, self._line = self._line, None
        self.echo.forget()
        if line is not None:
            line.close()

    def settings(self) -> str:
        """Describe the settings, for a message about a conflict."""
        address = self.address
        kind = type(self.framing).__name__.removesuffix("Framing").upper()
        if isinstance(address, TcpAddress):
            return f"{kind} frames"
        return f"{address.baudrate} baud 8{address.parity}{address.stopbits}"

    def is_open(self) -> bool:
        """Return True while the line is held."""
        return self._line is not None


_buses: WeakSet[Bus] = WeakSet()
_buses_lock = threading.Lock()


def bus_at(address: SerialAddress | TcpAddress, framing: type[Framing]) -> Bus:
    """Return the shared bus at this address with these settings, without opening it."""
    with _buses_lock:
        for bus in _buses:
            if bus.address == address and type(bus.framing) is framing:
                return bus
        bus = Bus(address, framing())
        _buses.add(bus)
        return bus


def _refuse_other_settings(bus: Bus) -> None:
    with _buses_lock:
        others = [other for other in _buses if str(other.address) == str(bus.address) and other.is_open()]
    if others:
        raise DeviceBusy(
            f"{bus.address} already runs with {others[0].settings()} for another device, not {bus.settings()}; "
            "devices on one line need the same baudrate and parity"
        )
