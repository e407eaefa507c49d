"""Connections of the HTTP transport: every wait ends at a deadline, and a pinned certificate is checked first."""

import contextlib
import hashlib
import hmac
import io
import select
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from devicemgr.errors import DeviceRefused, DeviceUnreachable
from drivers.common.http.tls import OTHER_CERTIFICATE, handshake_failure

NO_CONNECTION = "no connection to the device; check its address, power and network"


class Deadline:
    """When every wait ends: `until`, in seconds of CLOCK_MONOTONIC."""

    def __init__(self) -> None:
        self.until = 0.0

    def left(self) -> float:
        """Return the seconds until then; never 0, which would make a socket non-blocking."""
        return max(self.until - time.monotonic(), 1e-3)

    def is_over(self) -> bool:
        """Return True once the deadline has passed."""
        return time.monotonic() >= self.until

    def require_time(self) -> None:
        """Raise TimeoutError once the deadline has passed."""
        if self.is_over():
            raise TimeoutError("the deadline has passed")


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port of a server."""

    is_secure: bool
    host: str
    port: int


def origin_of(url: str) -> Origin:
    """Return the scheme, host and port of a URL that has been checked."""
    parts = urlsplit(url)
    is_secure = parts.scheme == "https"
    return Origin(is_secure, parts.hostname or "", parts.port or (443 if is_secure else 80))


class Connection:
    """One connection, as http.client wants it: every wait ends at the deadline, however slowly bytes trickle in."""

    def __init__(self, line: socket.socket, origin: Origin, deadline: Deadline) -> None:
        self._line, self.origin, self._deadline = line, origin, deadline
        self.has_ended = False  # the peer has closed its side
        self.reader = _Reader(_Incoming(self))

    def makefile(self, _: str) -> "_Reader":
        """Return what http.client reads an answer from."""
        return self.reader

    def send(self, data: bytes) -> None:
        """Send all of it before the deadline."""
        rest = memoryview(data)
        while rest:
            self._deadline.require_time()
            self._line.settimeout(self._deadline.left())
            rest = rest[self._line.send(rest) :]

    def receive_into(self, buffer: Any) -> int:
        """Wait for the next bytes; 0 when the peer has closed its side."""
        self._deadline.require_time()
        self._line.settimeout(self._deadline.left())
        count = self._line.recv_into(buffer)
        self.has_ended = count == 0
        return count

    def is_quiet(self) -> bool:
        """Return True if nothing came after the last answer, which a next one could begin with, and no end."""
        if self.reader.has_more():
            return False
        poll = select.poll()
        try:
            poll.register(self._line, select.POLLIN)
        except (OSError, ValueError):
            return False
        return not poll.poll(0)

    def shut_down(self) -> None:
        """End every wait on it; from any thread."""
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of it."""
        with contextlib.suppress(OSError):
            self._line.close()


class _Incoming(io.RawIOBase):
    """The bytes of a connection, unbuffered."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.is_paused = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        return None if self.is_paused else self._connection.receive_into(buffer)


class _Reader(io.BufferedReader):
    """Reads one answer after another; http.client closes it after each, and what it has read ahead must not be lost."""

    def __init__(self, incoming: _Incoming) -> None:
        super().__init__(incoming, 65_536)
        self._incoming = incoming

    def close(self) -> None:
        """Do nothing: the connection ends, not its reader."""

    def has_more(self) -> bool:
        """Return True if bytes were read ahead, without waiting for others."""
        self._incoming.is_paused = True
        try:
            return bool(self.peek())
        finally:
            self._incoming.is_paused = False


def connect(
    origin: Origin, deadline: Deadline, context: ssl.SSLContext | None, fingerprint: bytes | None, longest_s: float
) -> Connection:
    """Connect within `longest_s` and the deadline, with TLS in a context; DeviceError says that nothing was sent."""
    line = _connected(origin, deadline, longest_s)
    if context is None:
        return Connection(line, origin, deadline)
    line.settimeout(deadline.left())
    try:
        secured = context.wrap_socket(line, server_hostname=origin.host)
    except (OSError, ValueError) as error:
        line.close()
        raise handshake_failure(error) from error
    if fingerprint is not None:
        shown = secured.getpeercert(binary_form=True) or b""
        if not hmac.compare_digest(hashlib.sha256(shown).digest(), fingerprint):
            secured.close()
            raise DeviceRefused(OTHER_CERTIFICATE)
    return Connection(secured, origin, deadline)


def _connected(origin: Origin, deadline: Deadline, longest_s: float) -> socket.socket:
    """Try each address of the host; the time is shared among them."""
    until = min(deadline.until, time.monotonic() + longest_s)
    failure: Exception | None = None
    try:
        found = socket.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
        for number, (family, kind, protocol, _, address) in enumerate(found):
            try:
                return _opened(family, kind, protocol, address, (until - time.monotonic()) / (len(found) - number))
            except OSError as error:
                failure = error
    except (OSError, UnicodeError) as error:  # a name that cannot be resolved, or is none
        failure = error
    raise DeviceUnreachable(NO_CONNECTION) from failure


def _opened(family: int, kind: int, protocol: int, address: Any, seconds: float) -> socket.socket:
    line = socket.socket(family, kind, protocol)
    try:
        line.settimeout(max(seconds, 1e-3))
        line.connect(address)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        line.close()
        raise
    return line


@contextlib.contextmanager
def closing_on_error(connection: Connection) -> Iterator[None]:
    """Close the connection when an error passes."""
    try:
        yield
    except BaseException:
        connection.close()
        raise
