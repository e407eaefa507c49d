"""Pushes of a Dahua (Intelbras) terminal; in online mode each is a question that waits for its answer.

The terminal POSTs multipart/mixed with part `info` before each picture; the answer to the same request is
`{"message":…,"code":"200","auth":"true"|"false"}` (clients of the vendor's API). A push bears no password. It counts
only from the terminal's own address and to a path that was made up here and given to the terminal under its password;
without that it is not even read. Pictures are counted and let go of.
"""

import contextlib
import hmac
import json
import logging
import queue
import secrets
import threading
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TypeVar, cast

from devicemgr.domain.device_events import PushRefused
from devicemgr.errors import DeviceBusy, DeviceError, DeviceGarbled, DeviceRefused, OutcomeUnknown
from devicemgr.text import safe
from drivers.common.http.multipart import MultipartReader
from drivers.common.http.push_server import PushServer, knows
from drivers.dahua_console.parsing import StreamEvent, read_push

MAX_BODY_BYTES = 4 << 20
_WHOLE_S = 10.0
_MAX_WAITING = 500
_WORDS = 60

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass
class Question:
    """A person stands there now; `arrived` and `read` are the CLOCK_MONOTONIC seconds of the push and of its end."""

    serial: int
    event: StreamEvent
    arrived: float
    read: float
    words: str = ""
    granted: bool = False
    answered: threading.Event = field(default_factory=threading.Event, repr=False)
    left: threading.Event = field(default_factory=threading.Event, repr=False)
    sent: bool = False


class PushListener:
    """Listens on one port for one terminal; `asks` makes its pushes questions, otherwise they are hints."""

    def __init__(self, port: int, hosts: Sequence[str], *, asks: bool, seconds: float) -> None:
        self._port, self.asks, self.seconds = port, asks, seconds
        self._allowed = frozenset(hosts)
        self.path = "/" + secrets.token_urlsafe(24)
        self._open: dict[int, Question] = {}
        self._fresh: queue.Queue[Question] = queue.Queue(_MAX_WAITING)
        self._hints: queue.Queue[StreamEvent] = queue.Queue(_MAX_WAITING)
        self._serials = int(time.time() * 1000)
        self._lock = threading.Lock()
        self._server: _Server | None = None

    def start(self) -> None:
        """Begin to listen; DeviceBusy when the port is taken."""
        if self._server is not None:
            return
        try:
            self._server = _Server(("0.0.0.0", self._port), self, self._allowed)  # noqa: S104 - the terminal is another machine
        except OSError as error:
            raise DeviceBusy(f"port {self._port} for the terminal's pushes is taken; give another push_port") from error
        threading.Thread(target=self._server.serve_forever, args=(0.2,), name="pushes", daemon=True).start()

    def stop(self) -> None:
        """End; open questions are answered no. Never raises."""
        server, self._server = self._server, None
        if server is None:
            return
        for question in list(self._open.values()):
            question.answered.set()
        server.shutdown()
        server.server_close()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_port if self._server else self._port

    def questions(self) -> list[Question]:
        """Return the new questions."""
        return _drain(self._fresh)

    def hints(self) -> list[StreamEvent]:
        """Return the events pushed since; they are looked up in the terminal's memory, never believed."""
        return _drain(self._hints)

    def refused(self) -> list[PushRefused]:
        """Return the refused pushes that are due to be recorded (PushServer)."""
        return self._server.refused() if self._server else []

    def answer(self, serial: int, granted: bool, words: str) -> None:
        """Once; DeviceRefused when no question waits any more, OutcomeUnknown when the terminal hung up before."""
        with self._lock:
            question = self._open.pop(serial, None)
        if question is None or question.answered.is_set():
            raise DeviceRefused("the terminal does not wait for this answer any more; it has decided by itself")
        question.granted, question.words = granted, words
        question.answered.set()
        if not question.left.wait(2.0) or not question.sent:
            raise OutcomeUnknown("the terminal hung up before it surely had its answer; look at the terminal")

    def admits(self, host: str, path: str) -> bool:
        """Return True for a push from the terminal to the path that only it knows."""
        known = hmac.compare_digest(path.partition("?")[0].encode(), self.path.encode())
        return known and knows(self._allowed, host)

    def take(self, body: bytes, encoding: str, arrived: float | None = None) -> Question | None:
        """Take a pushed body: return a question to wait for, or None for what needs no answer.

        `arrived` is the CLOCK_MONOTONIC second by which its connection had come.
        """
        read = time.monotonic()
        events = read_body(body, encoding)
        access = [event for event in events if event.code == "AccessControl"]
        for event in events if not self.asks else [event for event in events if event not in access]:
            with contextlib.suppress(queue.Full):
                self._hints.put_nowait(event)
        if not self.asks or not access:
            return None
        with self._lock:
            self._serials += 1
            question = Question(self._serials, access[0], read if arrived is None else min(arrived, read), read)
            self._open[question.serial] = question
        try:
            self._fresh.put_nowait(question)
        except queue.Full:
            question.answered.set()
        return question

    def forget(self, question: Question) -> None:
        """Remove a question that is answered, or that no terminal waits for any more."""
        with self._lock:
            self._open.pop(question.serial, None)


def read_body(body: bytes, encoding: str) -> list[StreamEvent]:
    """Parse the events of a push, each once though `info` stands before each picture; raise DeviceGarbled otherwise."""
    plain = inflated(body, encoding)
    if plain.lstrip()[:1] == b"{":
        return read_push(plain)
    events: list[StreamEvent] = []
    seen = set()
    for part in MultipartReader(MAX_BODY_BYTES).feed(plain):
        if part.picture or part.body.lstrip()[:1] != b"{":
            continue
        if part.body not in seen:
            seen.add(part.body)
            events += read_push(part.body)
    if not events:
        raise DeviceGarbled("a push without events")
    return events


def inflated(body: bytes, encoding: str) -> bytes:
    """Inflate `body` if it is deflated, whether declared or not; bounded."""
    if encoding.lower() not in ("deflate", "gzip") and body.lstrip()[:1] in (b"-", b"{"):
        return body
    for bits in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):
        machine = zlib.decompressobj(bits)
        try:
            plain = machine.decompress(body, MAX_BODY_BYTES + 1)
        except zlib.error:
            continue
        if len(plain) > MAX_BODY_BYTES:
            raise DeviceGarbled("a push that unpacks to too much")
        return plain
    raise DeviceGarbled("a push that can't be unpacked")


def _drain(held: "queue.Queue[T]") -> list[T]:
    found: list[T] = []
    with contextlib.suppress(queue.Empty):
        while len(found) < _MAX_WAITING:
            found.append(held.get_nowait())
    return found


class _Server(PushServer):
    def __init__(self, place: tuple[str, int], listener: PushListener, hosts: frozenset[str]) -> None:
        self.listener = listener
        super().__init__(place, _Handler, sorted(hosts), _WHOLE_S + listener.seconds)


class _Handler(BaseHTTPRequestHandler):
    timeout = _WHOLE_S
    server_version = "devicemgr"
    sys_version = ""

    def log_message(self, *args: object) -> None:
        """Log nothing: strangers could fill the log with their requests."""

    @property
    def _listener(self) -> PushListener:
        return cast(_Server, self.server).listener

    def do_GET(self) -> None:
        """Answer the terminal's check of whether this server is up."""
        self._send(200 if self._admitted() else 404, b"OK")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not self._admitted():
            self._send(404, b"")
        elif not length.isascii() or not length.isdigit() or len(length) > 9 or int(length) > MAX_BODY_BYTES:
            self._send(413, b"")
        else:
            self._hear(self.rfile.read(int(length)))

    def _hear(self, body: bytes) -> None:
        listener = self._listener
        try:
            arrived = cast(_Server, self.server).arrived(self.request)
            question = listener.take(body, self.headers.get("Content-Encoding", ""), arrived)
        except DeviceError as error:
            # Anything but 200 would be sent again for ever; what happened stands in the terminal's memory.
            _log.warning("a push can't be read: %s", safe(str(error)))
            question = None
        if question is None:
            self._reply(False, "")
            return
        question.answered.wait(max(0.1, listener.seconds - 0.5))
        listener.forget(question)
        question.answered.set()
        try:
            self._reply(question.granted, question.words)
            question.sent = True
        finally:
            question.left.set()

    def _admitted(self) -> bool:
        admitted = self._listener.admits(str(self.client_address[0]), self.path)
        if not admitted:
            cast(_Server, self.server).refuse("wrong path", str(self.client_address[0]))
        return admitted

    def _reply(self, granted: bool, words: str) -> None:
        event = {"message": words[:_WORDS], "code": "200", "auth": "true" if granted else "false"}
        self._send(200, json.dumps(event, ensure_ascii=False).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str = "text/plain") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
