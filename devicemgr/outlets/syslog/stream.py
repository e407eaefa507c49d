"""A connection to a receiver that never answers: what was written on it, and how much of that has surely arrived.

A write that succeeds only fills a buffer of this computer, and so does the next one: a receiver that is killed loses
what its own computer had taken for it. So a message counts as arrived once the other computer has acknowledged all its
bytes, and the connection has stood for SETTLE_S after that write.
"""

import fcntl
import select
import socket
import ssl
import struct
import termios
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from devicemgr.outgoing.connection import Place, connected, left_until

SETTLE_S = 2.0
# Bytes that the other computer does not acknowledge for this long end the connection (tcp(7), TCP_USER_TIMEOUT).
_UNACKNOWLEDGED_MS = 15_000


@dataclass(frozen=True, slots=True)
class _Written:
    first: int
    at: float
    through: int
    """How many bytes had been written when it was."""


class Stream:
    """One connection; `close` on any thread, all else on one."""

    def __init__(self, ticks: Callable[[], float] = time.monotonic) -> None:
        self._ticks = ticks
        self._lock = threading.Lock()
        self._line: socket.socket | None = None
        self._is_closed = self._is_busy = False
        self._written = 0
        self._held: deque[_Written] = deque()

    @property
    def is_open(self) -> bool:
        """Return True while there is a connection."""
        return self._line is not None

    @property
    def holds(self) -> bool:
        """Return True while something that was written may not have arrived."""
        return bool(self._held)

    def open(self, place: Place, deadline: float, *, is_here: bool) -> None:
        """Connect; raises as `outgoing.connection.connected`."""
        with self._in_use():
            line = connected(place, deadline, is_here=is_here, began=self._keep)
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_MS)

    def write(self, data: bytes, first: int, deadline: float) -> None:
        """Write what begins with the event of seq `first`; OSError, or TimeoutError at the deadline."""
        with self._in_use() as line:
            if line is None:
                raise OSError("there is no connection")
            line.settimeout(left_until(deadline))
            line.sendall(data)
            self._written += len(data)
            self._held.append(_Written(first, self._ticks(), self._written))

    def settle(self) -> int | None:
        """Return the seq of the first event that may not have arrived, None when all have; OSError if it has ended."""
        with self._in_use() as line:
            if line is None:
                return None
            self._read(line)
            # TLS sends more bytes than are written, so at least those of the last events are counted as not arrived.
            acknowledged = self._written - _unacknowledged(line)
            before = self._ticks() - SETTLE_S
            while self._held and self._held[0].at <= before and self._held[0].through <= acknowledged:
                self._held.popleft()
            return self._held[0].first if self._held else None

    def drop(self) -> None:
        """End the connection, and forget what was written on it."""
        self._held.clear()
        self._written = 0
        with self._lock:
            line, self._line = self._line, None
        if line is not None:
            line.close()

    def close(self) -> None:
        """End what is under way, for good; any thread."""
        with self._lock:
            self._is_closed = True
            if self._line is not None:
                # Wakes a thread that waits for the receiver.
                with suppress(OSError):
                    self._line.shutdown(socket.SHUT_RDWR)
            is_idle = not self._is_busy
        if is_idle:
            self.drop()

    @contextmanager
    def _in_use(self) -> Iterator[socket.socket | None]:
        """Hold the connection; one that is closed in between is let go at the end."""
        with self._lock:
            if self._is_closed:
                raise OSError("the outlet is closed")
            self._is_busy, line = True, self._line
        try:
            yield line
        finally:
            with self._lock:
                self._is_busy, is_closed = False, self._is_closed
            if is_closed:
                self.drop()

    def _keep(self, line: socket.socket) -> None:
        with self._lock:
            if self._is_closed:
                raise OSError("the outlet is closed")
            self._line = line

    def _read(self, line: socket.socket) -> None:
        """Throw away what the receiver sends, which means nothing; OSError when it has ended the connection."""
        line.settimeout(0.0)
        with suppress(BlockingIOError, ssl.SSLWantReadError):
            while select.select([line], [], [], 0)[0] or getattr(line, "pending", int)():
                if not line.recv(4096):
                    raise OSError("it has ended the connection")


def _unacknowledged(line: socket.socket) -> int:
    """Return how many bytes of a TCP connection the other computer has not acknowledged (tcp(7), SIOCOUTQ)."""
    found = fcntl.ioctl(line, termios.TIOCOUTQ, b"\0" * 4)
    return int(struct.unpack("i", found)[0])
