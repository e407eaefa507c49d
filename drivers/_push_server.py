"""The HTTP server under a console's pushes: for that console alone, a few at once, and each for a while only."""

import contextlib
import socket
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

_MOST_AT_ONCE = 4


class PushServer(ThreadingHTTPServer):
    """Strangers are hung up on before they have a thread; a push has `seconds` in all, however slowly it trickles."""

    daemon_threads = True
    block_on_close = False

    def __init__(
        self, place: tuple[str, int], handler: type[BaseHTTPRequestHandler], hosts: Sequence[str], seconds: float
    ) -> None:
        self._hosts, self._seconds = frozenset(hosts), seconds
        self._slots = threading.BoundedSemaphore(_MOST_AT_ONCE)
        super().__init__(place, handler)

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002
        """Whether it comes from the console's own address."""
        return knows(self._hosts, str(client_address[0]))

    def process_request(self, request: Any, client_address: Any) -> None:
        """One more thread, if there are not too many."""
        if not self._slots.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """The whole request has to come within its time."""
        limit = threading.Timer(self._seconds, _cut, [request])
        limit.daemon = True
        limit.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            limit.cancel()
            self._slots.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever goes away in the middle is no news."""


def knows(hosts: frozenset[str], host: str) -> bool:
    """Whether `host` is among these addresses, also where IPv4 comes by way of IPv6."""
    return host in hosts or host.removeprefix("::ffff:") in hosts


def addresses_of(host: str) -> list[str]:
    """The addresses of a console; the name itself where it can't be looked up."""
    try:
        return sorted({str(found[4][0]) for found in socket.getaddrinfo(host, None)}) if host else []
    except OSError:
        return [host]


def _cut(held: object) -> None:
    with contextlib.suppress(OSError):
        cast(socket.socket, held).shutdown(socket.SHUT_RDWR)
