"""The common part of simulated HTTP servers: they know their connections, and can cut them all."""

import contextlib
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class WebServer(ThreadingHTTPServer):
    """A thread a connection; clients that go away are no news."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, place: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(place, handler)

    def drop_connections(self) -> None:
        """Cut every client off."""
        for held in list(self._open):
            with contextlib.suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)

    def get_request(self) -> tuple[Any, Any]:
        """Accept the next connection, and keep it to be closed with the server."""
        held, place = super().get_request()
        self._open.add(held)
        return held, place

    def shutdown_request(self, request: Any) -> None:
        """Close one."""
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore errors: standard output is for events."""
