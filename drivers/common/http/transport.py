"""The HTTP below every login at a device: bounded in time and bytes, and an answer is whole or an error.

http.client reads the answers, since it takes what small web servers send: a field without a colon, a length that is no
number, spaces where none belong (docs/adr/0025). What it takes for an answer although the device hung up within it, a
head or a body that ends early, is an answer that was lost.
"""

import http.client
import math
import re
import ssl
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from devicemgr.errors import DeviceGarbled, DeviceRefused, DeviceUnreachable
from drivers.common.http.sockets import Connection, Deadline, Origin, closing_on_error, connect, origin_of
from drivers.common.http.tls import handshake_failure, tls_context

if TYPE_CHECKING:
    from drivers.common.http.upload import Upload

Headers = Sequence[tuple[str, str]]
REDIRECTED = "the device redirects to another address, which is not followed; use its final address"
SLOW = "the device does not answer in time; check its network and load"
LOST = "the device was lost; check its power and cable"
NO_HTTP = "the device's answer is no HTTP that can be read; is the address right?"
_KEEP_S = 2.0
_PIECE_BYTES = 65_536
_FOLD = re.compile(r"[\r\n]+[ \t]*")
_UNSENDABLE = re.compile(r"[\x00-\x20\x7f-\U0010ffff]")


class AnswerLost(DeviceUnreachable):
    """The request may have reached the device, and no whole answer came."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: its status, its `body` as it was sent, and its WWW-Authenticate headers."""

    status: int
    body: bytes = field(repr=False)
    challenges: tuple[str, ...] = field(default=(), repr=False, compare=False)


class Reply:
    """An answer whose head has come, with its WWW-Authenticate `challenges`; its body is read once."""

    def __init__(self, parsed: http.client.HTTPResponse, connection: Connection, transport: "HttpTransport") -> None:
        self.status = parsed.status
        self.challenges = _fields(parsed, "WWW-Authenticate")
        self._parsed, self._connection, self._transport = parsed, connection, transport
        self._left = None if parsed.chunked else parsed.length
        self._is_whole = False

    def header(self, name: str) -> str:
        """Return the first field of this name; "" if there is none."""
        return next(iter(_fields(self._parsed, name)), "")

    def read(self, limit: int, too_long: str = "") -> bytes:
        """Read the body to its end; raise DeviceGarbled, with `too_long`, beyond the limit."""
        body = bytearray()
        for piece in self.pieces():
            body += piece
            if len(body) > limit:
                words = f"the device's answer is longer than {limit} bytes; is this the right device?"
                raise DeviceGarbled(too_long or words)
        return bytes(body)

    def pieces(self) -> Iterator[bytes]:
        """Yield the body as it comes; raise AnswerLost where it ends early."""
        with self._transport.translated(self._connection):
            while piece := self._next():
                yield piece
            self._is_whole = True

    def close(self) -> None:
        """Keep the connection for the next request after a whole answer; else close it."""
        self._parsed.close()
        if self._is_whole and not self._parsed.will_close:
            self._transport.keep(self._connection)
        else:
            self._connection.close()

    def _next(self) -> bytes:
        if self._parsed.chunked:
            return self._parsed.read1(_PIECE_BYTES)
        if self._left is None:
            return self._connection.reader.read1(_PIECE_BYTES)
        piece = self._connection.reader.read1(min(_PIECE_BYTES, self._left)) if self._left else b""
        if self._left and not piece:
            raise http.client.IncompleteRead(b"", self._left)
        self._left -= len(piece)
        return piece


class HttpTransport:
    """Requests to one device; for one thread, but for cut(). `deadline` bounds all waits of what is under way.

    With `keeps_connection`, one connection is kept for 2 s after an answer. Errors before a request has left are
    DeviceUnreachable or DeviceRefused, and after that AnswerLost or DeviceGarbled.
    """

    def __init__(
        self,
        context: ssl.SSLContext | None = None,
        fingerprint: bytes | None = None,
        *,
        keeps_connection: bool = False,
        max_connect_s: float = math.inf,
    ) -> None:
        self.deadline = Deadline()
        self._context, self._fingerprint = context, fingerprint
        self._keeps_connection, self._max_connect_s = keeps_connection, max_connect_s
        self._connections: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._kept: tuple[Connection, float] | None = None

    def open(self, method: str, url: str, headers: Headers, body: "bytes | Upload" = b"") -> Reply:
        """Send one request, once, and return its answer as soon as its head has come; the caller closes it."""
        connection = self._connection(origin_of(url))
        with closing_on_error(connection), self.translated(connection):
            # A device may answer, and hang up, before it has read a whole file.
            with suppress(BrokenPipeError, ConnectionResetError):
                self._send(connection, _head(method, url, headers, self._keeps_connection), body)
            return Reply(_read_head(connection, method), connection, self)

    def keep(self, connection: Connection) -> None:
        """Keep a connection for the next request, where that is wanted; a device may not say that it closes it."""
        if not self._keeps_connection:
            connection.close()
            return
        if self._kept is not None:
            self._kept[0].close()
        self._kept = connection, time.monotonic() + _KEEP_S

    def cut(self) -> None:
        """End every wait now; from any thread."""
        self.deadline.until = 0.0
        for connection in list(self._connections):
            connection.shut_down()

    def close(self) -> None:
        """Let go of the connections."""
        self._kept = None
        for connection in list(self._connections):
            connection.close()

    @contextmanager
    def translated(self, connection: Connection) -> Iterator[None]:
        """Translate what goes wrong after a request may have left."""
        try:
            yield
        except TimeoutError as error:
            raise AnswerLost(SLOW) from error
        except ssl.SSLError as error:
            if "CERTIFICATE_REQUIRED" in (error.reason or ""):  # said only after the handshake, by TLS 1.3
                raise handshake_failure(error) from error
            raise AnswerLost(LOST) from error
        except OSError as error:
            raise AnswerLost(SLOW if self.deadline.is_over() else LOST) from error
        except (http.client.HTTPException, ValueError, OverflowError) as error:
            if connection.has_ended:
                raise AnswerLost(LOST) from error
            raise DeviceGarbled(NO_HTTP) from error

    def _connection(self, origin: Origin) -> Connection:
        """Take the kept connection where it leads there and nothing came on it since; else make one."""
        kept, self._kept = self._kept, None
        if kept is not None:
            connection, until = kept
            if connection.origin == origin and time.monotonic() < until and connection.is_quiet():
                return connection
            connection.close()
        if origin.is_secure and self._context is None:
            self._context = tls_context(None, "")
        context = self._context if origin.is_secure else None
        made = connect(origin, self.deadline, context, self._fingerprint, self._max_connect_s)
        self._connections.add(made)
        return made

    @staticmethod
    def _send(connection: Connection, head: bytes, body: "bytes | Upload") -> None:
        if isinstance(body, bytes):
            connection.send(head + body)
            return
        connection.send(head)
        for piece in body:
            connection.send(piece)


def _head(method: str, url: str, headers: Headers, keeps_connection: bool) -> bytes:
    """Write the request's head; DeviceRefused for what would begin another line (a device names URLs and realms)."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    fields = [("Host", parts.netloc.rpartition("@")[2]), *headers]
    if not keeps_connection:
        fields.append(("Connection", "close"))
    if _UNSENDABLE.search(target) or any("\r" in value or "\n" in value for _, value in fields):
        raise DeviceRefused("the device names an address or a login that is none; update its firmware")
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields), "", ""]
    return "\r\n".join(lines).encode("utf-8")


def _fields(parsed: http.client.HTTPResponse, name: str) -> tuple[str, ...]:
    """Return the fields of a name, each on one line; http.client reads UTF-8 as Latin-1 and leaves folds in."""
    found = parsed.headers.get_all(name) or []
    texts = (str(value).encode("latin-1", "replace").decode("utf-8", "replace") for value in found)
    return tuple(_FOLD.sub(" ", text).strip() for text in texts)


def _read_head(connection: Connection, method: str) -> http.client.HTTPResponse:
    """Read the head of the final answer; IncompleteRead where the device hung up within it."""
    while True:
        parsed = http.client.HTTPResponse(connection, method=method)  # type: ignore[arg-type]
        try:
            _begin(parsed, connection)
        except BaseException:
            parsed.close()  # left to the collector, it would complain of a reader that was collected before it
            raise
        if not 100 <= parsed.status < 200:
            return parsed
        parsed.close()


def _begin(parsed: http.client.HTTPResponse, connection: Connection) -> None:
    parsed.begin()
    if connection.has_ended:
        raise http.client.IncompleteRead(b"")
    lengths = {length.strip() for length in parsed.headers.get_all("Content-Length") or []}
    if len(lengths) > 1 and not parsed.chunked:
        raise http.client.HTTPException("two lengths")
