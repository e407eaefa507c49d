"""Ports of simulated devices: a pty behind a stable link, or a listening socket."""

import os
import pty
import socket
import tempfile
import tty
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from devicemgr.errors import InvalidInput
from devicemgr.text import safe
from drivers.common.serial.address import TcpAddress

MAX_READ = 4096


class Port(Protocol):
    """Used by the peer's thread only."""

    address: str

    def plug(self) -> None:
        """Appear."""

    def unplug(self) -> None:
        """Disappear: the other side loses its line."""

    def waits_on(self) -> list[int]:
        """List descriptors that become readable when there is something to do."""

    def read(self) -> bytes:
        """Return what has come; b"" if nothing has."""

    def write(self, data: bytes) -> None:
        """Send; dropped when no peer is connected."""


class PtyPort:
    """A serial port made of a pty; `link`, when given, is a symlink to it that each plug() renews."""

    def __init__(self, link: Path | None) -> None:
        self._link = link
        self._master: int | None = None
        self._slave: int | None = None
        self._device = ""
        self.address = str(link) if link else ""
        if link is not None and link.exists() and not link.is_symlink():
            raise InvalidInput(f"{link} exists and is no symlink; choose another path")

    def plug(self) -> None:
        """Create the pseudo terminal, and point the link at it."""
        # The slave stays open here, or reading the master would fail while no program holds the port.
        self._master, self._slave = self._another_pty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._device = os.ttyname(self._slave)
        if self._link is None:
            self.address = self._device
            return
        try:
            with tempfile.TemporaryDirectory(dir=self._link.parent, prefix=".plug-") as folder:
                fresh = Path(folder) / "link"
                fresh.symlink_to(self._device)
                fresh.replace(self._link)
        except OSError as error:
            self.unplug()
            raise InvalidInput(f"cannot make the link {self._link} ({error.strerror}); choose another path") from error

    def _another_pty(self) -> tuple[int, int]:
        """Open a pseudo terminal other than the unplugged one, as an adapter comes back under another number."""
        first = pty.openpty()
        if os.ttyname(first[1]) != self._device:
            return first
        second = pty.openpty()
        for fd in first:
            os.close(fd)
        return second

    def unplug(self) -> None:
        """Close the pseudo terminal, as a pulled adapter does, and remove the link."""
        for fd in (self._master, self._slave):
            if fd is not None:
                os.close(fd)
        if self._master is not None and self._link is not None:
            with suppress(OSError):
                if str(self._link.readlink()) == self._device:
                    self._link.unlink()
        self._master = self._slave = None

    def waits_on(self) -> list[int]:
        """List the file descriptors to wait on."""
        return [] if self._master is None else [self._master]

    def read(self) -> bytes:
        """Return what has come; b"" if nothing has."""
        if self._master is None:
            return b""
        try:
            return os.read(self._master, MAX_READ)
        except OSError:
            return b""

    def write(self, data: bytes) -> None:
        """Write to the pseudo terminal; drop the bytes while it is unplugged."""
        if self._master is not None:
            with suppress(OSError):
                os.write(self._master, data)


class TcpPort:
    """A serial server: one client at a time, the newest wins."""

    def __init__(self, listen: str) -> None:
        host, _, port = listen.rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
            raise InvalidInput(f"'{safe(listen, 80)}' is not HOST:PORT; write 127.0.0.1:5020 (port 0: any free one)")
        self._host, self._port = host.strip("[]"), int(port)
        self.address = f"tcp://{listen}"
        self._listener: socket.socket | None = None
        self._client: socket.socket | None = None

    def plug(self) -> None:
        """Listen at the address."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        try:
            self._listener = socket.create_server((self._host, self._port), family=family, backlog=1)
        except OSError as error:
            raise InvalidInput(f"cannot listen on {self.address} ({error.strerror}); choose another port") from error
        self._listener.setblocking(False)
        # Kept for the next plug(): a serial server comes back under its port.
        self._port = self._listener.getsockname()[1]
        self.address = str(TcpAddress(self._host, self._port))

    def unplug(self) -> None:
        """Close the connection and stop listening."""
        for held in (self._client, self._listener):
            if held is not None:
                held.close()
        self._client = self._listener = None

    def waits_on(self) -> list[int]:
        """List the file descriptors to wait on: the listener's and the client's."""
        return [held.fileno() for held in (self._listener, self._client) if held is not None]

    def read(self) -> bytes:
        """Accept a waiting client, then return what it has sent; b"" if nothing."""
        self._accept()
        if self._client is None:
            return b""
        try:
            data = self._client.recv(MAX_READ)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._client.close()
            self._client = None
        return data

    def write(self, data: bytes) -> None:
        """Send to the client; drop the bytes without one."""
        if self._client is not None:
            with suppress(OSError):
                self._client.sendall(data)

    def _accept(self) -> None:
        if self._listener is None:
            return
        with suppress(BlockingIOError):
            client, _ = self._listener.accept()
            client.setblocking(False)
            if self._client is not None:
                self._client.close()
            self._client = client
