"""The HTTP server under a console's pushes: for that console alone, a few at once, and each for a while only."""

import contextlib
import select
import socket
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from devicemgr.domain.device_events import PushRefused
from devicemgr.ledger.refusals import Tally

_MAX_CONNECTIONS = 4
# The server looks every half second at the latest whether one knocks: a longer gap means that it stood still.
_STOOD_STILL_S = 1.0


class PushServer(ThreadingHTTPServer):
    """Strangers are refused before they have a thread; a push has `seconds` in all, however slowly it trickles."""

    daemon_threads = True
    block_on_close = False

    def __init__(
        self, place: tuple[str, int], handler: type[BaseHTTPRequestHandler], hosts: Sequence[str], seconds: float
    ) -> None:
        self._hosts, self._seconds = frozenset(hosts), seconds
        self._slots = threading.BoundedSemaphore(_MAX_CONNECTIONS)
        self._none_waited_at = time.monotonic()
        self._arrivals: dict[int, float] = {}
        self._refused, self._counting = Tally(), threading.Lock()
        super().__init__(place, handler)

    def service_actions(self) -> None:
        """Between two connections: note when none waited."""
        now, knocks = time.monotonic(), select.poll()
        knocks.register(self.socket, select.POLLIN)
        if not knocks.poll(0):
            self._none_waited_at = now

    def get_request(self) -> tuple[Any, Any]:
        """Take the next connection, and note when it came.

        One that came while this process stood still has waited unseen: it counts from when none waited for certain.
        """
        now = time.monotonic()
        request, client_address = super().get_request()
        stood_still = now - self._none_waited_at > _STOOD_STILL_S
        self._arrivals[id(request)] = self._none_waited_at if stood_still else now
        return request, client_address

    def arrived(self, request: object) -> float:
        """Return the CLOCK_MONOTONIC second by which a connection had been accepted; now for an unknown one."""
        return self._arrivals.get(id(request), time.monotonic())

    def shutdown_request(self, request: Any) -> None:
        """Hang up."""
        self._arrivals.pop(id(request), None)
        super().shutdown_request(request)

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002
        """Return True for a connection from the console's own address."""
        if knows(self._hosts, str(client_address[0])):
            return True
        self.refuse("wrong address", str(client_address[0]))
        return False

    def refuse(self, why: str, address: str) -> None:
        """Count a push that was not taken."""
        with self._counting:
            self._refused.add(why, address)

    def refused(self) -> list[PushRefused]:
        """Return the refused pushes that are due to be recorded: at once after the first one, then once a window."""
        with self._counting:
            detail = self._refused.take(time.monotonic())
        return [PushRefused(detail)] if detail is not None else []

    def process_request(self, request: Any, client_address: Any) -> None:
        """Handle a request in one more thread, if there are not too many."""
        if not self._slots.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Handle a request, and cut its connection unless the whole of it arrives in time."""
        limit = threading.Timer(self._seconds, _cut, [request])
        limit.daemon = True
        limit.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            limit.cancel()
            self._slots.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore a peer that disconnects in the middle of a request."""


def knows(hosts: frozenset[str], host: str) -> bool:
    """Return True if `host` is among these addresses, also as an IPv4 address mapped to IPv6."""
    return host in hosts or host.removeprefix("::ffff:") in hosts


def addresses_of(host: str) -> list[str]:
    """Return the IP addresses of a console; its name unchanged where it can't be resolved."""
    try:
        return sorted({str(found[4][0]) for found in socket.getaddrinfo(host, None)}) if host else []
    except OSError:
        return [host]


def _cut(held: object) -> None:
    with contextlib.suppress(OSError):
        cast(socket.socket, held).shutdown(socket.SHUT_RDWR)
