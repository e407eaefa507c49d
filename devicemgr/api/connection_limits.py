"""Bounds on the connections to the API's TCP port: how many at once and of one address, and how long each may take.

Everything here runs on the thread of the server's event loop.
"""

import asyncio
import errno
import logging
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from devicemgr.security.rate_limit import network_of

log = logging.getLogger(__name__)

# Each connection costs the daemon a descriptor, and its devices need theirs.
MAX_CONNECTIONS = 256
MAX_PER_ADDRESS = 64
# Connections that were ended keep their descriptors until the loop comes to them.
MAX_LEAVING = 64

MAX_HANDSHAKE_S = 10.0
MAX_HEADERS_S = 10.0
MAX_BODY_S = 30.0
MIN_BODY_BYTES_PER_S = 16 * 1024
"""A body may take MAX_BODY_S and what it needs at this rate: firmware over a slow line, and no byte a second."""
MAX_UNWANTED_BODY_S = 5.0
"""For the rest of a body after the answer; a caller that is cut off at once does not read why it was refused."""
MAX_UNREAD_ANSWER_S = 30.0
WATCH_S = 1.0


@dataclass(slots=True, eq=False)
class Connection:
    """One accepted connection; `end` cuts it.

    `waits` is False only while one whole request is being answered to a caller who reads.
    """

    address: str
    end: Callable[[], None]
    waits: bool = True
    is_greeted: bool = False


class ConnectionLimits:
    """The connections of one listener; where there are enough, the oldest one that waits for its caller gives way."""

    def __init__(self) -> None:
        self._open: dict[int, Connection] = {}
        self._leaving: set[Connection] = set()

    def admit(self, line: "CountedSocket", address: str) -> bool:
        """Count a connection that was just accepted; False when it has to be closed again."""
        if not self._make_room(address):
            return False
        found = Connection(address, lambda: _shut_down(line))
        line.connection, line.limits = found, self
        self._open[line.fileno()] = found
        asyncio.get_running_loop().call_later(MAX_HANDSHAKE_S, self._require_greeted, found)
        return True

    def is_busy(self) -> bool:
        """Return True while many connections that were ended are not closed yet."""
        return len(self._leaving) >= MAX_LEAVING

    def greeted(self, fd: int, end: Callable[[], None]) -> Connection:
        """Return the connection of a descriptor, which has come through its TLS handshake if there is one."""
        found = self._open.get(fd) or Connection("", end)
        found.end, found.is_greeted = end, True
        return found

    def forget(self, found: Connection) -> None:
        """Its descriptor is closed."""
        self._leaving.discard(found)
        self._open = {fd: other for fd, other in self._open.items() if other is not found}

    def _make_room(self, address: str) -> bool:
        own = [found for found in self._open.values() if found.address == address]
        if len(own) >= MAX_PER_ADDRESS:
            rivals: Sequence[Connection] = own
        elif len(self._open) >= MAX_CONNECTIONS:
            rivals = self._of_busiest(more_than=len(own) + 1)
        else:
            return True
        oldest = next((found for found in rivals if found.waits), None)
        if oldest is not None:
            self._dismiss(oldest)
        return oldest is not None

    def _of_busiest(self, more_than: int) -> list[Connection]:
        """Return the connections of the address that has the most, if it has more than so many."""
        ((address, count),) = Counter(found.address for found in self._open.values()).most_common(1)
        return [found for found in self._open.values() if found.address == address] if count > more_than else []

    def _dismiss(self, found: Connection) -> None:
        log.debug("Closing a connection from %s to make room", found.address)
        self.forget(found)
        self._leaving.add(found)
        found.end()

    def _require_greeted(self, found: Connection) -> None:
        if not found.is_greeted and found in self._open.values():
            self._dismiss(found)


class CountedSocket(socket.socket):
    """An accepted connection, which tells its limits when it is closed."""

    connection: Connection | None = None
    limits: ConnectionLimits | None = None

    def close(self) -> None:
        """Close the descriptor."""
        super().close()
        if self.limits is not None and self.connection is not None:
            self.limits.forget(self.connection)
            self.limits = None


class LimitedListener(socket.socket):
    """A listening socket whose `accept` counts connections, also those that are still in their TLS handshake.

    asyncio's selector loop calls `accept` of the very socket that it is given.
    """

    limits: ConnectionLimits

    def accept(self) -> tuple[socket.socket, Any]:
        """Return the next connection that there is room for; BlockingIOError when there is none."""
        while True:
            if self.limits.is_busy():  # the loop closes some, and accepts again in its next round
                raise BlockingIOError(errno.EAGAIN, "connections are being closed")
            plain, address = super().accept()
            line = CountedSocket(fileno=plain.detach())
            if self.limits.admit(line, network_of(address[0])):
                return line, address
            line.close()


def limited(listener: socket.socket) -> LimitedListener:
    """Return the listener with limits; the given one must not be used any more."""
    found = LimitedListener(fileno=listener.detach())
    found.limits = ConnectionLimits()
    return found


class NetworkProtocol(H11Protocol):
    """HTTP/1.1 from anybody: a request must come, and an answer be taken, within a time."""

    def __init__(self, limits: ConnectionLimits, **given: Any) -> None:
        super().__init__(**given)
        self._limits = limits
        self._connection: Connection | None = None
        self._watch_timer: asyncio.TimerHandle | None = None
        self._owes = True
        self._owed_since = self._answered_at = 0.0
        self._received = 0
        self._unread_since: float | None = None
        self._closing_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to watch it."""
        super().connection_made(transport)
        self._connection = self._limits.greeted(transport.get_extra_info("socket").fileno(), transport.abort)
        self._owed_since = self.loop.time()
        self._watch_timer = self.loop.call_later(WATCH_S, self._watch)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop watching."""
        if self._watch_timer is not None:
            self._watch_timer.cancel()
            self._watch_timer = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what comes."""
        self._received += len(data)
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Expect the next request."""
        self._answered_at = self.loop.time()
        super().on_response_complete()
        self._look()

    def pause_writing(self) -> None:
        """Note since when the caller does not read."""
        super().pause_writing()
        self._unread_since = self.loop.time()
        self._look()

    def resume_writing(self) -> None:
        """Let the caller read again."""
        super().resume_writing()
        self._unread_since = None
        self._look()

    def _look(self) -> None:
        """Keep whether the caller owes bytes of a request, and since when, or reads no answer."""
        owes = self.conn.their_state in (h11.IDLE, h11.SEND_BODY)
        if owes != self._owes:
            self._owes = owes
            self._owed_since, self._received = self.loop.time(), 0
        if self._connection is not None:
            # Reading is paused for a caller that sends requests ahead of the answers, as no browser does.
            self._connection.waits = owes or self.flow.read_paused or self._unread_since is not None

    def _watch(self) -> None:
        now = self.loop.time()
        if late := self._is_late(now):
            log.debug("Closing a connection from %s: %s", self.client, late)
            self.transport.abort()
            return
        self._watch_timer = self.loop.call_later(WATCH_S, self._watch)

    def _is_late(self, now: float) -> str:
        """Return what takes too long, or nothing."""
        if self.transport.is_closing():
            self._closing_since = self._closing_since or now
            return "its last answer is not read" if now - self._closing_since > MAX_UNREAD_ANSWER_S else ""
        if self._unread_since is not None and now - self._unread_since > MAX_UNREAD_ANSWER_S:
            return "an answer is not read"
        state = self.conn.their_state
        if state is h11.IDLE:
            return "no request came" if now - self._owed_since > MAX_HEADERS_S else ""
        if state is not h11.SEND_BODY:
            return ""
        if self.cycle.response_complete:
            return "a body goes on after its answer" if now - self._answered_at > MAX_UNWANTED_BODY_S else ""
        if self.flow.read_paused:
            self._owed_since = now  # the handler is slower than its caller
        allowed_s = MAX_BODY_S + self._received / MIN_BODY_BYTES_PER_S
        return "its body comes too slowly" if now - self._owed_since > allowed_s else ""


def _shut_down(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
