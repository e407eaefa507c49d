"""A relay on loopback between FFmpeg and one camera: it logs in, so FFmpeg never has the password.

FFmpeg (8.0) answers the last WWW-Authenticate header it reads, Basic included, knows no Digest with SHA-256, and
reports few of a camera's statuses. The relay reads the statuses itself, follows no redirect and verifies certificates.

The port on loopback serves one connection, which must show a random token in its first line, as other users of this
computer can reach it too.
"""

import contextlib
import logging
import re
import secrets
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from devicemgr.domain.model import VideoSource
from devicemgr.errors import DeviceBusy, DeviceError, DeviceGarbled, DeviceRefused, DeviceUnreachable
from devicemgr.text import safe
from drivers.common.http.tls import tls_context
from drivers.common.video.stream_login import StreamLogin
from drivers.common.video.urls import UNTRUSTED, endpoint

log = logging.getLogger(__name__)

NO_CONNECTION = "no connection to the camera; check its address, power and network"
SILENT = "the camera sends nothing; check its power and network"
REDIRECTED = "the camera redirects to another address, which is not followed; use its final address"
MAX_HEAD_BYTES, MAX_BODY_BYTES = 65_536, 1_000_000
CHUNK = 65_536
_ACCEPT_S = 15.0
# A camera that is busy gets its request again, for this part of the time for opening.
BUSY_STATUSES = frozenset({429, 503})
BUSY_PAUSE_S, BUSY_SHARE = 0.3, 0.8
_MAX_PENDING = 8
_HEAD_END = re.compile(rb"\r?\n\r?\n")


class StreamBusy(DeviceUnreachable):
    """The camera has no room for another stream now, which may end in a moment."""


STATUSES: Mapping[int, DeviceError] = {
    403: DeviceRefused("the camera does not let this user watch; give the user the right to live video"),
    404: DeviceRefused("the camera has no stream at this path; check the address"),
    453: DeviceBusy("too many programs watch this camera; end one, or raise its limit of streams"),
    454: DeviceUnreachable("the camera has forgotten the stream; it is opened again"),
    461: DeviceRefused("the camera does not send video over TCP; set the option transport=udp"),
    503: StreamBusy("the camera is too busy for another stream; it is tried again"),
}


@dataclass
class Head:
    """Start line and header lines of one message; values may repeat."""

    start: str
    fields: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def parse(cls, data: bytes) -> "Head":
        """Return the head; latin-1, so that every byte comes out as it came in."""
        lines = [line.removesuffix("\r") for line in data.decode("latin-1").split("\n")]
        pairs = [line.partition(":") for line in lines[1:] if ":" in line]
        return cls(lines[0], [(name.strip(), value.strip()) for name, _, value in pairs])

    def values(self, name: str) -> list[str]:
        """Return all values of a header."""
        return [value for key, value in self.fields if key.lower() == name]

    def value(self, name: str) -> str:
        """Return the first value of a header, or ""."""
        return next(iter(self.values(name)), "")

    @property
    def length(self) -> int:
        """Return the length of the body in bytes; raise DeviceGarbled above the bound."""
        text = self.value("content-length")
        size = int(text) if text.isascii() and text.isdigit() else 0
        if size > MAX_BODY_BYTES:
            raise DeviceGarbled("the camera's description of its stream is too long; is this a camera?")
        return size

    @property
    def status(self) -> int:
        """Return the status of a response, or 0."""
        words = self.start.split(None, 2)
        return int(words[1]) if len(words) > 1 and words[1].isascii() and words[1].isdigit() else 0

    @property
    def reason(self) -> str:
        """Return the words behind the status of a response."""
        return "".join(self.start.split(None, 2)[2:])

    def without(self, *names: str) -> "Head":
        """Return a copy that lacks these headers."""
        return Head(self.start, [pair for pair in self.fields if pair[0].lower() not in names])

    def encode(self) -> bytes:
        """Return the bytes, with the empty line that ends them."""
        lines = [self.start, *(f"{name}: {value}" for name, value in self.fields)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def split_head(buffer: bytearray) -> bytes | None:
    """Take a whole head, up to its empty line, from the buffer; None while it is not whole."""
    found = _HEAD_END.search(buffer)
    if found is None:
        if len(buffer) > MAX_HEAD_BYTES:
            raise DeviceGarbled("the camera's answer has no end; is this a camera?")
        return None
    head = bytes(buffer[: found.start()])
    del buffer[: found.end()]
    return head


def refusal_of(status: int, reason: str = "") -> DeviceError | None:
    """Return the error that a status stands for, None for one that lets the stream go on; `reason` is the camera's."""
    if 300 <= status < 400:
        return DeviceGarbled(REDIRECTED)
    if status in STATUSES:
        return type(STATUSES[status])(str(STATUSES[status]))
    if status >= 500:
        return DeviceUnreachable("the camera reports an error of its own; restart it")
    if status >= 400:
        words = f"{status} {safe(reason, 60)}".strip()
        return DeviceRefused(f"the camera refuses the stream (status {words}); check the address")
    return None


class StreamRelay:
    """One relay; its subclasses know HTTP and RTSP. `refusal` is why the camera gives no stream, once it is known.

    `url` is the address for FFmpeg. Connecting happens in the constructor: DeviceUnreachable, or DeviceRefused for a
    certificate that is not trusted.
    """

    url: str

    def __init__(self, source: VideoSource, timeout_s: float) -> None:
        place = endpoint(source.url)
        assert place is not None, "only network addresses go through a relay"
        self._place, self._timeout_s = place, timeout_s
        self._busy_until = time.monotonic() + BUSY_SHARE * timeout_s
        self.base, self._tls = _base_of(source)
        allow_basic = source.options.get("allow_basic") is True
        self.login = StreamLogin(source.username, source.password, allow_basic=allow_basic)
        self.refusal: DeviceError | None = None
        self._lock, self._is_closed = threading.Lock(), False
        self.camera = self.connect_camera()
        self.player: socket.socket | None = None
        family = self.camera.family if self.camera.family == socket.AF_INET6 else socket.AF_INET
        loopback = "::1" if family == socket.AF_INET6 else "127.0.0.1"
        self._listener = socket.create_server((loopback, 0), family=family, backlog=_MAX_PENDING)
        self._token = secrets.token_hex(16)
        port = self._listener.getsockname()[1]
        self.authority = f"[{loopback}]:{port}" if ":" in loopback else f"{loopback}:{port}"
        self._thread = threading.Thread(target=self._run, name="stream-relay", daemon=True)
        self._thread.start()

    @property
    def prefix(self) -> str:
        """Return the path under which FFmpeg finds the camera here."""
        return f"/{self._token}"

    def connect_camera(self) -> socket.socket:
        """Return a connection to the camera, secured where the address says so."""
        try:
            plain = socket.create_connection(self._place, timeout=self._timeout_s)
        except OSError as error:
            raise DeviceUnreachable(NO_CONNECTION) from error
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is None:
            return plain
        try:
            return self._tls.wrap_socket(plain, server_hostname=self._place[0])
        except TimeoutError as error:
            plain.close()
            raise DeviceUnreachable(SILENT) from error
        except (ssl.SSLError, OSError) as error:
            plain.close()
            raise DeviceRefused(UNTRUSTED) from error

    def outwaits(self, status: int) -> bool:
        """Return True, after a pause, if the camera is busy and there is time to send the request again."""
        if status not in BUSY_STATUSES or time.monotonic() + BUSY_PAUSE_S > self._busy_until:
            return False
        time.sleep(BUSY_PAUSE_S)
        return True

    def close(self) -> None:
        """End both connections; from any thread."""
        with self._lock:
            self._is_closed = True
            for end in (self._listener, self.camera, self.player):
                if end is not None:
                    with contextlib.suppress(OSError):
                        # Not SSLSocket.shutdown, which drops the TLS state under the thread that reads.
                        socket.socket.shutdown(end, socket.SHUT_RDWR)

    def serve(self, player: socket.socket, first: bytes) -> None:
        """Carry one connection to its end; `first` is what it has sent so far."""
        raise NotImplementedError

    def replace_camera(self) -> None:
        """Connect to the camera again: many end the connection after a 401 answer."""
        self.camera.close()
        fresh = self.connect_camera()
        with self._lock:
            self.camera = fresh
            if self._is_closed:
                raise DeviceUnreachable("the stream is closed; open it again")

    def pump(
        self, player: socket.socket, on_player: Callable[[bytes], None], on_camera: Callable[[bytes], None]
    ) -> None:
        """Hand over what either side sends, until one of them ends."""
        while True:
            has_more = isinstance(self.camera, ssl.SSLSocket) and self.camera.pending() > 0
            ready = [self.camera] if has_more else select.select([self.camera, player], [], [])[0]
            for end in ready:
                data = end.recv(CHUNK)
                if not data:
                    return
                (on_camera if end is self.camera else on_player)(data)

    def _run(self) -> None:
        try:
            taken = self._accept()
            if taken is not None:
                player, first = taken
                with self._lock:
                    self.player = player
                self.serve(player, first)
        except DeviceError as error:
            self.refusal = self.refusal or error
        except (OSError, ValueError) as error:  # ValueError: select on a socket that was closed
            log.debug("stream relay ended: %s", type(error).__name__)
        finally:
            self.close()
            for end in (self._listener, self.camera, self.player):
                if end is not None:
                    end.close()

    def _accept(self) -> tuple[socket.socket, bytes] | None:
        """Return the connection that shows the token, with what it sent; None when none came."""
        pending: dict[socket.socket, bytearray] = {}
        until = time.monotonic() + _ACCEPT_S
        try:
            while (left := until - time.monotonic()) > 0 and not self._is_closed:
                for end in select.select([self._listener, *pending], [], [], left)[0]:
                    if end is self._listener:
                        self._take_pending(pending)
                    elif self._shows_token(end, pending):
                        return end, bytes(pending.pop(end))
            return None
        finally:
            for end in pending:
                end.close()

    def _take_pending(self, pending: dict[socket.socket, bytearray]) -> None:
        connection, _ = self._listener.accept()
        if len(pending) >= _MAX_PENDING:
            connection.close()
        else:
            pending[connection] = bytearray()

    def _shows_token(self, end: socket.socket, pending: dict[socket.socket, bytearray]) -> bool:
        """Read on; drop a connection that ends, or whose first line lacks the token."""
        data = end.recv(CHUNK)
        pending[end] += data
        line, is_whole, _ = pending[end].partition(b"\n")
        if is_whole and self.prefix.encode() in line:
            return True
        if not data or is_whole or len(line) > MAX_HEAD_BYTES:
            del pending[end]
            end.close()
        return False


def _base_of(source: VideoSource) -> tuple[str, ssl.SSLContext | None]:
    """Return scheme and host of the camera's own address, and how its certificate is verified."""
    parts = urlsplit(source.url)
    scheme = parts.scheme.lower()
    certificates = str(source.options.get("tls_ca") or "")
    secure = tls_context(None, certificates) if scheme in ("rtsps", "https") else None
    return f"{scheme}://{parts.netloc.rpartition('@')[2]}", secure


class HttpRelay(StreamRelay):
    """Relay of an HTTP stream (MJPEG): one request, logged in, then bytes."""

    def __init__(self, source: VideoSource, timeout_s: float) -> None:
        self._path = source.url.split("#", 1)[0].partition("://")[2].partition("/")[2]
        super().__init__(source, timeout_s)
        self.url = f"http://{self.authority}{self.prefix}/{self._path}"

    def serve(self, player: socket.socket, first: bytes) -> None:
        """Ask the camera as FFmpeg asks here, and answer with what it sends once it has let us in."""
        head = Head.parse(_read_head(player, bytearray(first)))
        words = head.start.split(" ")
        if len(words) != 3:
            return
        method, target = words[0], words[1].removeprefix(self.prefix) or "/"
        request = head.without("host", "authorization", "connection")
        request.start = f"{method} {target} HTTP/1.1"
        request.fields = [("Host", self.base.partition("://")[2]), *request.fields, ("Connection", "close")]
        head, rest = self._logged_in(request, method, target)
        self.refusal = self.refusal or refusal_of(head.status, head.reason)
        player.sendall(head.without("www-authenticate", "location", "set-cookie").encode() + rest)
        if self.refusal is None:
            self.camera.settimeout(None)
            self.pump(player, lambda _: None, player.sendall)

    def _logged_in(self, request: Head, method: str, target: str) -> tuple[Head, bytes]:
        """Return the camera's answer, and what came of its body, after at most two tries to log in."""
        refusals = 0
        while True:
            sent = Head(request.start, list(request.fields))
            if header := self.login.authorization(method, target):
                sent.fields.append(("Authorization", header))
            self.camera.sendall(sent.encode())
            buffer = bytearray()
            head = Head.parse(_read_head(self.camera, buffer))
            if self.outwaits(head.status):
                self.replace_camera()
                continue
            if head.status != 401:
                return head, bytes(buffer)
            refusals += 1
            try:
                self.login.take_challenge(head.values("www-authenticate"), refusals)
            except DeviceError as error:
                self.refusal = error
                return Head(head.start, [("Content-Length", "0")]), b""
            self.replace_camera()


def _read_head(end: socket.socket, buffer: bytearray) -> bytes:
    """Return the first head that comes; what follows it stays in the buffer."""
    while (head := split_head(buffer)) is None:
        data = end.recv(CHUNK)
        if not data:
            raise DeviceUnreachable("the camera ended the connection; is it restarting?")
        buffer += data
    return head
