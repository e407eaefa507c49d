"""The simulated terminal's HTTP: Digest with a fresh nonce each request, lock-out, keep-alive, and the alert stream."""

import contextlib
import hashlib
import hmac
import math
import queue
import re
import secrets
import socket
import threading
import time
from collections import OrderedDict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from devicemgr.errors import DeviceBusy
from drivers.sim.base.events import EventLog, Sink
from drivers.sim.hikvision.documents import alert_json
from drivers.sim.hikvision.pages import PICTURE, Pages
from drivers.sim.hikvision.refusals import Refused, Reply, user_check
from drivers.sim.hikvision.state import Json, Stored, Terminal

USERNAME, PASSWORD = "admin", "sim-pass-1"
_REALM = "DS-SIM0001"
_MAX_WRONG = 5
_LOCK_S = 1800.0
_HEARTBEAT_S = 10.0
_MAX_REPLAYED = 600
_MAX_LISTENERS = 2
_STREAM = "/ISAPI/Event/notification/alertStream"
_HEARTBEAT = b'{"ipAddress":"192.0.2.64","portNo":80,"eventType":"videoloss","eventState":"inactive"}'


class SimulatedHikvision:
    """A terminal on a loopback port; a context manager. Events: unauthorized, locked_out, request, and the state's."""

    def __init__(
        self,
        username: str = USERNAME,
        password: str = PASSWORD,
        port: int = 0,
        *,
        capacity: int = 3000,
        zone_hours: int = 0,
        doors: int = 1,
        on_event: Sink | None = None,
    ) -> None:
        self.events = EventLog(on_event)
        self.terminal = Terminal(self.events, capacity, zone_hours, doors)
        self._credentials = (username, password)
        self._pages = Pages(self.terminal)
        self._nonces: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()
        self._wrong, self._locked_until = 0, 0.0
        self._listening: list[queue.SimpleQueue[bytes | None]] = []
        self._connections: set[socket.socket] = set()
        self.terminal.listeners.append(self._on_event)
        self.terminal.reboot = self._reboot
        self.down_seconds = 1.0
        self._port = port
        self._http: _Server | None = None

    @property
    def address(self) -> str:
        """For a driver."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> "SimulatedHikvision":
        """Plug in; DeviceBusy when the port is taken."""
        try:
            self._http = _Server(("127.0.0.1", self._port), self)
        except (OSError, OverflowError) as error:
            raise DeviceBusy(f"port {self._port} is taken or not allowed; give another one") from error
        self._port = int(self._http.server_address[1])
        threading.Thread(target=self._http.serve_forever, args=(0.05,), name="simulated console", daemon=True).start()
        return self

    def stop(self) -> None:
        """Pull the cable; what it holds stays."""
        if self._http is None:
            return
        self._http.shutdown()
        self._http.server_close()
        self._http = None
        self.drop_connections()

    def _reboot(self) -> None:
        """Away soon, when the answer has left, and back with all that it holds."""

        def go() -> None:
            time.sleep(0.1)
            self.stop()
            self.events.add("rebooting")
            time.sleep(self.down_seconds)
            self.start()
            self.events.add("booted")

        threading.Thread(target=go, name="simulated reboot", daemon=True).start()

    def drop_connections(self) -> None:
        """Cut everybody off."""
        with self._lock:
            for listener in self._listening:
                listener.put(None)
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.events.add("dropped")

    def __enter__(self) -> "SimulatedHikvision":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def challenge(self) -> str:
        """Build a challenge as captured: no algorithm, and a nonce for one request."""
        nonce = secrets.token_urlsafe(24)
        with self._lock:
            self._nonces[nonce] = None
            while len(self._nonces) > 1000:
                self._nonces.popitem(last=False)
        return f'Digest qop="auth", realm="{_REALM}", nonce="{nonce}", stale="false", opaque="", domain="::"'

    def authorizes(self, method: str, header: str) -> bool:
        """Return True for the right password; five wrong ones lock the account."""
        fields = {name: quoted or plain for name, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', header)}
        with self._lock:
            if time.monotonic() < self._locked_until:
                return False
            fresh = self._nonces.pop(fields.get("nonce", ""), self) is None
        username, password = self._credentials
        secret = hashlib.md5(f"{username}:{_REALM}:{password}".encode()).hexdigest()  # noqa: S324 - as the device
        what = hashlib.md5(f"{method}:{fields.get('uri')}".encode()).hexdigest()  # noqa: S324
        parts = (secret, *(fields.get(name, "") for name in ("nonce", "nc", "cnonce", "qop")), what)
        right = hashlib.md5(":".join(parts).encode()).hexdigest()  # noqa: S324
        good = fresh and fields.get("username") == username and hmac.compare_digest(right, fields.get("response", ""))
        with self._lock:
            self._wrong = 0 if good else self._wrong + 1
            if self._wrong >= _MAX_WRONG:
                self._locked_until, self._wrong = time.monotonic() + _LOCK_S, 0
                self.events.add("locked_out")
        return good

    def user_check(self) -> Reply:
        """Build the 401 of this moment: tries left, or for how long the account is locked."""
        with self._lock:
            locked = max(0.0, self._locked_until - time.monotonic())
            return user_check(0 if locked else _MAX_WRONG - self._wrong, math.ceil(locked))

    def lock(self, seconds: float) -> None:
        """Locked as after five wrong passwords, for so long; 0 unlocks it."""
        with self._lock:
            self._locked_until, self._wrong = time.monotonic() + seconds, 0

    def wrong_tries(self, count: int) -> None:
        """Count that many wrong passwords, as if of another client."""
        with self._lock:
            self._wrong = count

    def answer(self, method: str, target: str, body: bytes) -> Reply:
        """Answer a request by its page."""
        return self._pages.answer(method, target, body)

    def keep(self, connection: socket.socket, *, closed: bool = False) -> None:
        """Remember a connection, to cut it."""
        with self._lock:
            (self._connections.discard if closed else self._connections.add)(connection)
        if not closed and self._http is None:
            # Taken just before the cable was pulled.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def listen(self) -> "queue.SimpleQueue[bytes | None]":
        """Subscribe to the parts of the alert stream, replays first; raise Refused for the third listener."""
        if any(part in _STREAM for part in self.terminal.faults.unsupported):
            raise Refused("notSupport")
        pending: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        with self._lock:
            if len(self._listening) >= _MAX_LISTENERS:
                raise Refused("deployExceedMax")
            self._listening.append(pending)
        with self.terminal.lock:
            stored = self.terminal.events[-_MAX_REPLAYED:]
        for event in stored:
            pending.put(_part(alert_json(event, {"currentEvent": False})))
        self.events.add("listener", replayed=len(stored))
        return pending

    def unlisten(self, pending: "queue.SimpleQueue[bytes | None]") -> None:
        """Remove a listener that has disconnected."""
        with self._lock, contextlib.suppress(ValueError):
            self._listening.remove(pending)

    def _on_event(self, event: Stored, extra: Json) -> None:
        if self.terminal.faults.silent_push:
            self.events.add("kept_silent", serial=event.serial)
            return
        part = _part(alert_json(event, extra))
        with self._lock:
            for pending in self._listening:
                pending.put(part + (_picture() if event.minor in (0x4B, 0x4C) else b""))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 32

    def __init__(self, address: tuple[str, int], device: SimulatedHikvision) -> None:
        self.device = device
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore the error of a client that has disconnected."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    timeout = 60.0
    disable_nagle_algorithm = True
    wbufsize = -1

    def handle(self) -> None:
        self.server.device.keep(self.connection)
        try:
            super().handle()
        finally:
            self.server.device.keep(self.connection, closed=True)

    def do_GET(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, *args: object) -> None:
        """Log nothing: the event log has each request."""

    def _serve(self) -> None:
        device = self.server.device
        body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), 4 << 20))
        header = self.headers.get("Authorization", "")
        if not header or not device.authorizes(self.command, header):
            if header:
                device.events.add("unauthorized")
            self._send(device.user_check(), [("WWW-Authenticate", device.challenge())])
            return
        path = self.path.partition("?")[0]
        device.events.add("request", method=self.command, path=path)
        if path == _STREAM and self.command == "GET":
            self._stream()
            return
        reply = device.answer(self.command, self.path, body)
        faults = device.terminal.faults
        is_lost = bool(faults.lose_answer_to) and faults.lose_answer_to in path
        if is_lost:
            faults.lose_answer_to = ""
        if is_lost or faults.drop_answers > 0:
            faults.drop_answers -= not is_lost
            device.events.add("answer_dropped", path=path)
            self.close_connection = True
            return
        self._send(reply)

    def _send(self, reply: Reply, more: list[tuple[str, str]] | None = None) -> None:
        self.send_response(reply.status)
        for name, value in (*(more or ()), ("Content-Type", reply.kind), ("Keep-Alive", "timeout=5, max=99")):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)
        self.wfile.flush()

    def _stream(self) -> None:
        device = self.server.device
        try:
            pending = device.listen()
        except Refused as refused:
            self._send(refused.reply)
            return
        self.close_connection = True
        try:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/mixed; boundary=MIME_boundary")
            self.end_headers()
            self.wfile.write(b"--MIME_boundary\r\n")
            self.wfile.flush()
            self._tell(pending)
        except OSError:
            return
        finally:
            device.unlisten(pending)

    def _tell(self, pending: "queue.SimpleQueue[bytes | None]") -> None:
        while True:
            try:
                part = pending.get(timeout=_HEARTBEAT_S)
            except queue.Empty:
                part = _part(_HEARTBEAT)
            if part is None:
                return
            self.wfile.write(part)
            self.wfile.flush()


def _part(body: bytes) -> bytes:
    """LF and CRLF mixed, as captured."""
    head = b'--MIME_boundary\nContent-Type: application/json; charset="UTF-8"\r\nContent-Length: %d\r\n\r\n'
    return head % len(body) + body + b"\r\n"


def _picture() -> bytes:
    head = (
        b'--MIME_boundary\r\nContent-Disposition: form-data; name="Picture"; filename="Picture.jpg"\r\n'
        b"Content-Type: image/jpeg\r\nContent-Length: %d\r\nContent-ID: pictureImage\r\n\r\n"
    )
    return head % len(PICTURE) + PICTURE + b"\r\n"
