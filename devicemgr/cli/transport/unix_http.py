"""HTTP over a Unix socket with the standard library: httpx takes longer to import than most commands take to run."""

import http.client
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from devicemgr.errors import DaemonUnreachable
from devicemgr.home import socket_address

HOST = "devicemgr"


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `target` is path and query, a body that is a file has its length among the headers."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes | BinaryIO | None
    timeout: float | None


class _Body(Protocol):
    def read(self, amount: int = ..., /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Response:
    """A response whose body is still to be read."""

    status: int
    body: _Body

    @property
    def is_success(self) -> bool:
        """Return whether the status is one of the 200s."""
        return 200 <= self.status < 300

    def read(self, amount: int = -1) -> bytes:
        """Return the next bytes of the body: all of it, or at most `amount`; empty at its end."""
        if amount < 0:
            return self.body.read()
        chunk = self.body.read(amount)
        # http.client takes a connection that ends early for the end of the body where an amount is given.
        if not chunk and getattr(self.body, "length", None):
            raise http.client.IncompleteRead(b"")
        return chunk


class UnixTransport:
    """Sends each request on a connection of its own, so that threads can share it."""

    def __init__(self, place: Path) -> None:
        self._place = place

    @contextmanager
    def send(self, request: Request) -> Iterator[Response]:
        """Send `request`, and give the response while its connection is open; DaemonUnreachable without one."""
        with exchange(_Connection(self._place, request.timeout), request) as response:
            yield response


@contextmanager
def exchange(connection: http.client.HTTPConnection, request: Request) -> Iterator[Response]:
    """Send `request`, and give the response until `connection` is closed at the end.

    Raises DaemonUnreachable when the daemon does not answer in time or breaks off, and OSError without a connection.
    """
    try:
        received = _receive(connection, request)
        yield Response(received.status, received)
    except TimeoutError as error:
        raise DaemonUnreachable("the daemon did not answer in time; see its log") from error
    except (ConnectionError, http.client.HTTPException) as error:
        raise DaemonUnreachable(f"the connection to the daemon broke ({error}); is it still running?") from error
    finally:
        connection.close()


def _receive(connection: http.client.HTTPConnection, request: Request) -> http.client.HTTPResponse:
    if connection.sock is None:
        connection.connect()
    headers = {"Accept": "application/json", "Connection": "close"} | request.headers
    # A daemon that refuses a body closes before the end of it, and its response says why.
    with suppress(BrokenPipeError, ConnectionResetError):
        connection.request(request.method, request.target, request.body, headers)
    return connection.getresponse()


class _Connection(http.client.HTTPConnection):
    def __init__(self, place: Path, timeout: float | None) -> None:
        super().__init__(HOST, timeout=timeout)
        self._place = place
        self._wait = timeout

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self._wait)
        try:
            self.sock.connect(socket_address(self._place))
        except TimeoutError:
            raise
        except OSError as error:
            raise ConnectionError(error.strerror) from error
