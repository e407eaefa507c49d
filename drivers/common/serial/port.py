"""Byte lines to devices: a serial port, or a serial server on TCP. Every call ends within its deadline.

What pyserial raises when, and why `flush` is never called: DEVICE_FACTS, Serial lines in an unattended daemon.
"""

import errno
import os
import re
import select
import socket
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import serial

from devicemgr.errors import DeviceBusy, DeviceError, DeviceRefused, DeviceUnreachable
from devicemgr.text import safe
from drivers.common.serial.address import SerialAddress, TcpAddress
from drivers.common.serial.line import Line, WriteStalled

WRITE_S = 1.0
CONNECT_S = 3.0

# The first bytes of a connection that are kept, to see words among them.
MAX_NOTICE_BYTES = 200
# Telnet begins with IAC and WILL, WONT, DO or DONT (RFC 854).
_TELNET = re.compile(rb"\xff[\xfb-\xfe]", re.DOTALL)
_WORDS = re.compile(rb"[\r\n]*[A-Za-z][ -~\r\n\t]{7,}")

_PORT_ERRORS = (serial.SerialException, OSError, termios.error, ValueError)
_BUSY = {errno.EAGAIN, errno.EBUSY}
_FORBIDDEN = {errno.EACCES, errno.EPERM}
_MISSING = {errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.EIO}


def open_line(address: SerialAddress | TcpAddress) -> Line:
    """Open for this process alone; DeviceUnreachable, DeviceBusy or DeviceRefused with what to do."""
    return SerialLine(address) if isinstance(address, SerialAddress) else TcpLine(address)


class SerialLine:
    """A serial port, locked against other programs, with DTR and RTS low and kept so on closing."""

    def __init__(self, address: SerialAddress) -> None:
        self.name = safe(address.path, 200)
        self.character_seconds = 11 / address.baudrate
        self._failed = False
        self._port = serial.Serial()
        try:
            self._configure(address)
            self._port.open()
            _clear_hangup(self._port.fileno())
        except _PORT_ERRORS as error:
            self.close()
            raise _why_not_open(self.name, error) from error

    def _configure(self, address: SerialAddress) -> None:
        port = self._port
        port.port, port.baudrate = address.path, address.baudrate
        port.parity, port.stopbits = address.parity, address.stopbits
        # Set before open(): Linux would raise both lines, and boards wired to them would switch.
        port.dtr = port.rts = False
        port.exclusive = True
        # Waiting is done by select in read(): changing pyserial's timeout would reconfigure the port each time.
        port.timeout, port.write_timeout = 0, WRITE_S

    def read(self, size: int, timeout: float) -> bytes:
        """Wait up to `timeout` seconds for data, then read up to `size` bytes; b"" if none came."""
        with self._translated():
            ready, _, _ = select.select([self._port.fileno()], [], [], max(timeout, 0))
            return self._port.read(size) if ready else b""

    def write(self, data: bytes) -> None:
        """Write all bytes; raise DeviceUnreachable if the port does not take them in time."""
        with self._translated():
            self._port.write(data)

    def says(self) -> str:
        """Return "": a serial port has no notices."""
        return ""

    def discard(self) -> None:
        """Drop the bytes received but not yet read."""
        with self._translated():
            self._port.reset_input_buffer()

    def close(self) -> None:
        """Close the port.

        A port that has failed also drops what it has not sent.
        """
        if self._failed:
            # Or the kernel waits up to 30 s for a dead adapter to take what was written.
            with suppress(*_PORT_ERRORS):
                self._port.reset_output_buffer()
        with suppress(*_PORT_ERRORS):
            self._port.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except serial.SerialTimeoutException as error:
            self._failed = True
            raise WriteStalled(
                f"serial port {self.name} takes no bytes; check the adapter and its flow control"
            ) from error
        except _PORT_ERRORS as error:
            self._failed = True
            raise DeviceUnreachable(f"lost serial port {self.name} ({_cause(error)}); check the cable") from error


class TcpLine:
    """A plain socket to a serial server (RS-485 to Ethernet)."""

    character_seconds = 0.0

    def __init__(self, address: TcpAddress) -> None:
        self.name = safe(str(address), 200)
        self._first = b""
        try:
            self._socket = socket.create_connection((address.host, address.port), CONNECT_S)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
                if hasattr(socket, option):
                    self._socket.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
        except (OSError, ValueError) as error:
            raise DeviceUnreachable(
                f"no connection to {self.name} ({_cause(error)}); check its address and that no other program holds it"
            ) from error

    def read(self, size: int, timeout: float) -> bytes:
        """Wait up to `timeout` seconds for data, then read up to `size` bytes; b"" if none came."""
        with self._translated():
            self._socket.settimeout(max(timeout, 0))
            try:
                data = self._socket.recv(size)
            except (TimeoutError, BlockingIOError):
                return b""
        if not data:
            raise DeviceUnreachable(f"{self.name} closed the connection{self.says()}; check the serial server")
        self._first += data[: MAX_NOTICE_BYTES - len(self._first)]
        return data

    def says(self) -> str:
        """Return the server's greeting or its reason to hang up, as ser2net sends it; leave out telnet commands."""
        if _TELNET.match(self._first):
            return " (it speaks telnet: set its port to raw)"
        words = _WORDS.match(self._first)
        return f' (it says "{safe(words[0].decode("ascii").strip(), 120)}")' if words else ""

    def write(self, data: bytes) -> None:
        """Send all bytes; raise DeviceUnreachable if the peer does not take them in time."""
        with self._translated():
            self._socket.settimeout(WRITE_S)
            self._socket.sendall(data)

    def discard(self) -> None:
        """Read and drop what has been received so far."""
        # Bounded: a server that babbles without end must not hold the caller here.
        for _ in range(64):
            if not self.read(4096, 0):
                return

    def close(self) -> None:
        """Close the connection."""
        with suppress(OSError):
            self._socket.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            raise WriteStalled(f"{self.name} takes no bytes; check the serial server") from error
        except (OSError, ValueError) as error:
            with suppress(OSError):  # what it said before it hung up may not have been read yet
                self._socket.settimeout(0)
                self._first += self._socket.recv(MAX_NOTICE_BYTES - len(self._first)) if not self._first else b""
            raise DeviceUnreachable(
                f"lost {self.name} ({_cause(error)}){self.says()}; check the serial server"
            ) from error


def _clear_hangup(fd: int) -> None:
    attributes = termios.tcgetattr(fd)
    attributes[2] &= ~termios.HUPCL
    termios.tcsetattr(fd, termios.TCSANOW, attributes)


def _why_not_open(name: str, error: BaseException) -> DeviceError:
    code = _code(error)
    if code in _BUSY:
        return DeviceBusy(
            f"serial port {name} is in use; stop the other program (`fuser {name}` shows it), or give the other "
            "device of this site that holds it an address of its own"
        )
    if code in _FORBIDDEN:
        return DeviceRefused(
            f"no permission for serial port {name}; add this user to its group: usermod -aG dialout USER"
        )
    if code in _MISSING:
        return DeviceUnreachable(f"no serial port {name}; check the cable, or see which ports there are: ls /dev/gate")
    return DeviceUnreachable(f"{name} does not open as a serial port ({_cause(error)}); check the address")


def _code(error: BaseException) -> int | None:
    """Return the errno, which pyserial drops from some of its exceptions but leaves in their context."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno is not None:
            return seen.errno
        if isinstance(seen, termios.error) and isinstance(seen.args[0], int):  # no OSError: its errno is in a tuple
            return seen.args[0]
        seen = seen.__context__
    return None


def _cause(error: BaseException) -> str:
    code = _code(error)
    text = os.strerror(code) if code is not None and code > 0 else str(error) or type(error).__name__
    return safe(text.replace("\n", " "), 120)
