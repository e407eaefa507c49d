"""HID relay boards (USB id 16c0:05df, "USBRelay1" to "USBRelay8") as a gate, over /dev/hidraw.

Facts: the usbrelay project (libusbrelay.c) and the kernel's Documentation/hid/hidraw.rst. A command is a feature report
without a number: FF relay (on) or FD relay (off), filled up to eight bytes. The state is read as feature report 1: five
characters of serial number, a zero, and in the eighth byte a bit for each relay.
"""

import contextlib
import errno
import fcntl
import os
import re
import struct
from collections.abc import Callable, Sequence

from devicemgr.domain.model import DeviceInfo, JsonValue
from devicemgr.errors import (
    DeviceBusy,
    DeviceError,
    DeviceGarbled,
    DeviceRefused,
    DeviceUnreachable,
    InvalidInput,
    OutcomeUnknown,
)
from devicemgr.text import safe
from drivers.common.relays.device import RelayDevice
from drivers.common.relays.inputs import InputOptions

VENDOR, PRODUCT = 0x16C0, 0x05DF
ON, OFF = 0xFF, 0xFD
MAX_RELAYS = 8
STATE_REPORT, STATE_BYTES, STATE_AT = 1, 8, 7
MAX_NAME_BYTES = 128

_NAME = re.compile(r"USBRelay([1-8])$")
# Ioctl numbers are made of direction, size, the letter H and a number (asm-generic/ioctl.h).
_READ, _WRITE = 2 << 30, 1 << 30

Ioctl = Callable[[int, int, bytearray], int]


def get_info() -> int:
    """Return HIDIOCGRAWINFO: bus (u32), vendor and product (u16)."""
    return _READ | 8 << 16 | ord("H") << 8 | 0x03


def get_name(size: int) -> int:
    """Return HIDIOCGRAWNAME for a buffer of `size`."""
    return _READ | size << 16 | ord("H") << 8 | 0x04


def set_feature(size: int) -> int:
    """Return HIDIOCSFEATURE for a buffer of `size`, the report's number first."""
    return _READ | _WRITE | size << 16 | ord("H") << 8 | 0x06


def get_feature(size: int) -> int:
    """Return HIDIOCGFEATURE for a buffer of `size`, the report's number first."""
    return _READ | _WRITE | size << 16 | ord("H") << 8 | 0x07


def _system_ioctl(fd: int, request: int, buffer: bytearray) -> int:
    return int(fcntl.ioctl(fd, request, buffer, True))


class HidRaw:
    """One open hidraw node; `ioctl` is where a test stands in for the kernel."""

    def __init__(self, path: str, ioctl: Ioctl = _system_ioctl) -> None:
        self._ioctl = ioctl
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError as error:
            raise DeviceUnreachable(f"there is no {path}; check the cable and the udev name") from error
        except PermissionError as error:
            raise DeviceRefused(
                f"{path} may not be opened; give the service access by a udev rule (docs/drivers/relay_gate.md)"
            ) from error
        except OSError as error:
            raise DeviceUnreachable(f"{path} can't be opened ({error.strerror}); plug the board in again") from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._fd)
            raise DeviceBusy(f"{path} is used by another program; stop it first") from error

    def identity(self) -> tuple[int, int, str]:
        """Return vendor, product and the name of the device."""
        info = bytearray(8)
        self._call(get_info(), info)
        _, vendor, product = struct.unpack("=IHH", info)
        name = bytearray(MAX_NAME_BYTES)
        self._call(get_name(MAX_NAME_BYTES), name)
        return vendor, product, name.split(b"\0", 1)[0].decode("ascii", "replace")

    def send(self, report: bytes) -> None:
        """Send a feature report without a number."""
        buffer = bytearray(b"\0" + report)
        self._call(set_feature(len(buffer)), buffer)

    def read(self, number: int, size: int) -> bytes:
        """Return up to `size` bytes of feature report `number`; this device does not repeat the number."""
        buffer = bytearray(size)
        buffer[0] = number
        length = self._call(get_feature(size), buffer)
        return bytes(buffer[: max(0, length)])

    def close(self) -> None:
        """Let go of the node."""
        with contextlib.suppress(OSError):
            os.close(self._fd)

    def _call(self, request: int, buffer: bytearray) -> int:
        try:
            return self._ioctl(self._fd, request, buffer)
        except OSError as error:
            gone = error.errno in {errno.ENODEV, errno.EIO, errno.EPIPE, errno.ETIMEDOUT, errno.EPROTO, errno.ENXIO}
            cause = "was lost or does not answer" if gone else f"refuses the request ({error.strerror})"
            raise DeviceUnreachable(f"the relay board {cause}; check its cable and supply") from error


class HidRelayGate(RelayDevice):
    """One board. It has no timer: pulses end at a poll, at close() or, after a crash, at the next open()."""

    poll_interval = 0.05

    def __init__(
        self, name: str, path: str, options: InputOptions, open_node: Callable[[str], HidRaw] = HidRaw
    ) -> None:
        super().__init__(name, options, self._switch)
        self._path, self._open_node = path, open_node
        self._node: HidRaw | None = None
        self._count = MAX_RELAYS

    def open(self) -> DeviceInfo:
        """Open the HID node, read serial number and number of relays, and set them as their modes want."""
        self.close()
        self._node = node = self._open_node(self._path)
        try:
            serial, model = self._identify(node)
        except DeviceError:
            self.close()
            raise
        self._begin()
        return DeviceInfo(model=model, serial=serial)

    def _identify(self, node: HidRaw) -> tuple[str, str]:
        vendor, product, name = node.identity()
        if (vendor, product) != (VENDOR, PRODUCT):
            raise DeviceRefused(
                f"{self._path} is {vendor:04x}:{product:04x} {safe(name, 60)}, not a relay board "
                f"({VENDOR:04x}:{PRODUCT:04x}); give the board's own node"
            )
        named = _NAME.search(name.strip())
        self._count = int(named[1]) if named else MAX_RELAYS
        wired = [*self._options.all_relays(), *self._options.lamps().values()]
        if max(wired) > self._count:
            raise DeviceRefused(
                f"{safe(name.strip(), 60)} has relays 1 to {self._count}, not {max(wired)}; see channel, relay_entry "
                "and relay_exit (a door with one strike has the same relay in both)"
            )
        return self._state(node)[0], name.strip()

    def _state(self, node: HidRaw) -> tuple[str, int]:
        """Return the board's serial number and a bit for each relay that is on."""
        report = node.read(STATE_REPORT, STATE_BYTES + 1)
        if len(report) < STATE_BYTES or report[STATE_AT] >> self._count:
            raise DeviceGarbled(f"the report of {self._name} is not a relay board's; is it the right device?")
        return report[:5].decode("ascii", "replace"), report[STATE_AT]

    def _read(self) -> dict[str, bool]:
        self._state(self._opened())
        return {}

    def _relays_on(self, relays: Sequence[int]) -> dict[int, bool]:
        bits = self._state(self._opened())[1]
        return {relay: bool(bits >> (relay - 1) & 1) for relay in relays}

    def check(self) -> dict[str, JsonValue]:
        """Read the serial number and the state of each relay."""
        serial, bits = self._state(self._opened())
        relays: dict[str, JsonValue] = {str(n): bool(bits >> (n - 1) & 1) for n in range(1, self._count + 1)}
        return {"model": "usbrelay", "serial": serial, "confirms": True, "relays": relays}

    def close(self) -> None:
        """Release the relays and close the node."""
        if self._node is not None:
            self._bank.let_go()
            self._node.close()
            self._node = None

    def _switch(self, relay: int, on: bool) -> None:
        node = self._opened()
        unknown = f"relay {relay} of {self._name} may or may not be {'on' if on else 'off'}"
        try:
            node.send(bytes([ON if on else OFF, relay, 0, 0, 0, 0, 0, 0]))
            bits = self._state(node)[1]
        except DeviceError as error:
            raise OutcomeUnknown(f"{unknown}: {error}") from error
        if bool(bits >> (relay - 1) & 1) is not on:
            raise DeviceRefused(f"relay {relay} of {self._name} did not switch; check its supply")

    def _opened(self) -> HidRaw:
        if self._node is None:
            raise DeviceUnreachable(f"{self._name} is not open; open it first")
        return self._node


def parse_node(address: str) -> str:
    """Return the path of a hidraw node; InvalidInput for anything else."""
    path = address.removeprefix("hid:")
    if not path.startswith("/") or "\0" in path or "?" in path:
        raise InvalidInput(
            f"'{safe(address, 100)}' is not the node of a HID relay board; write /dev/gate/NAME or /dev/hidraw0"
        )
    return path
