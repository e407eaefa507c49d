"""A simulated HID relay board that stands behind the kernel's hidraw calls (usbrelay project, hidraw.rst)."""

import errno
import struct

from drivers.sim.base.events import EventLog
from drivers.sim.gates.relay_states import Relays

GET_INFO, GET_NAME, SET_FEATURE, GET_FEATURE = 0x03, 0x04, 0x06, 0x07


class SimulatedHidRelay:
    """`ioctl` answers as hidraw does for a board of `count` relays; `stuck` relays are in `relays.stuck`."""

    def __init__(self, count: int = 2, serial: str = "BITFT", ids: tuple[int, int] = (0x16C0, 0x05DF)) -> None:
        self.events = EventLog()
        self.relays = Relays(count, self.events)
        self.is_unplugged = False
        self.loses_answers = False
        self._name = f"www.dcttech.com USBRelay{count}".encode()
        self._serial, self._ids = serial.encode(), ids

    def ioctl(self, _fd: int, request: int, buffer: bytearray) -> int:
        """Carry out one request on `buffer`; OSError as the kernel raises it."""
        number, size = request & 0xFF, request >> 16 & 0x3FFF
        if size != len(buffer) or request >> 8 & 0xFF != ord("H"):
            raise OSError(errno.EINVAL, "Invalid argument")
        if self.is_unplugged:
            raise OSError(errno.ENODEV, "No such device")
        self.events.add("ioctl", number=number, bytes=bytes(buffer).hex(" ") if number == SET_FEATURE else "")
        if number == GET_INFO:
            buffer[:] = struct.pack("=IHH", 3, *self._ids)
            return size
        if number == GET_NAME:
            buffer[: len(self._name) + 1] = self._name + b"\0"
            return len(self._name) + 1
        return self._feature(number, buffer)

    def _feature(self, number: int, buffer: bytearray) -> int:
        if number == SET_FEATURE:
            command, relay = buffer[1], buffer[2]
            if command in (0xFF, 0xFD):
                self.relays.switch(relay, command == 0xFF)
            if command in (0xFE, 0xFC):
                for each in self.relays.on:
                    self.relays.switch(each, command == 0xFE)
            return len(buffer)
        if number != GET_FEATURE:
            raise OSError(errno.EINVAL, "Invalid argument")
        if self.loses_answers:
            raise OSError(errno.ETIMEDOUT, "Connection timed out")
        bits = sum(1 << (relay - 1) for relay, on in self.relays.on.items() if on)
        buffer[:8] = self._serial[:5] + b"\0\0" + bytes([bits])
        return 8
