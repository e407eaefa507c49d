"""Messages that a console sends by itself: the parts of its stream, and its pushes (httpHosts).

Pushes are not authenticated, so that they only wake the reading of the console's memory. Where it asks by them
(ISAPIListen), a question counts once the memory holds the same event, and the answer is the reply.
"""

import contextlib
import json
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

from devicemgr.domain.device_events import PushRefused
from devicemgr.errors import DeviceBusy, DeviceError, DeviceGarbled, DeviceUnreachable
from drivers.common.http.client import Stream, read_json
from drivers.common.http.multipart import MultipartReader, Part
from drivers.common.http.push_server import PushServer, addresses_of
from drivers.common.http.transport import Answer
from drivers.common.http.xml import read_xml
from drivers.hikvision_console.clock import Clock
from drivers.hikvision_console.events.log import Memory
from drivers.hikvision_console.events.translate import Event, from_stream
from drivers.hikvision_console.isapi import Isapi, items, read_answer, section
from drivers.hikvision_console.own_commands import own_address

_log = logging.getLogger(__name__)

HOSTS = "/ISAPI/Event/notification/httpHosts"
PATH = "/devicemgr"
_REQUEST_S = 5.0
_ASK_S, _VERIFY_PAUSE_S = 16.0, 0.2
_MAX_BODY_BYTES = 1 << 20
_MAX_REFUSAL_BYTES = 4096
_AMID_S, SILENT_S = 5.0, 45.0


class PushListener:
    """A tiny HTTP server on the address that the console sees; it answers 200 and calls `wake`."""

    def __init__(self, console: str, port: int, wake: Callable[[], None], ask: "Ask | None" = None) -> None:
        self.host = own_address(console)
        try:
            self._server = _Server((self.host, port), urlsplit(console).hostname or "", wake, ask)
        except OSError as error:
            raise DeviceBusy(f"port {port} for pushes is taken ({error.strerror}); give another push_port") from error
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, name="console-push", daemon=True)
        self._thread.start()

    def register(self, isapi: Isapi) -> bool:
        """Have the console push here, where it does not yet; whether that had to be set. Some forget it on restart."""
        hosts = isapi.get(HOSTS)
        for host in items(hosts.get("HttpHostNotification") or section(hosts, "HttpHostNotificationList")):
            if (str(host.get("ipAddress")), str(host.get("portNo"))) == (self.host, str(self.port)):
                return False
        fields = {
            "id": "1",
            "url": PATH,
            "protocolType": "HTTP",
            "parameterFormatType": "JSON",
            "addressingFormatType": "ipaddress",
            "ipAddress": self.host,
            "portNo": str(self.port),
            "httpAuthenticationMethod": "none",
        }
        isapi.put_xml(f"{HOSTS}/1", "HttpHostNotification", fields)
        return True

    def refused(self) -> list[PushRefused]:
        """Return the refused pushes that are due to be recorded (PushServer)."""
        return self._server.refused()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(_REQUEST_S)


class _Server(PushServer):
    def __init__(self, address: tuple[str, int], console: str, wake: Callable[[], None], ask: "Ask | None") -> None:
        self.wake, self.ask = wake, ask
        super().__init__(address, _Handler, addresses_of(console), _REQUEST_S if ask is None else _ASK_S)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 1.0

    def do_POST(self) -> None:
        arrived = self.server.arrived(self.request)
        body, ask = self._read_body(), self.server.ask
        self.server.wake()
        answer = ask(body, arrived) if ask is not None and body else None
        reply = json.dumps(answer, ensure_ascii=False).encode() if answer is not None else b""
        self.send_response(200)
        if reply:
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(reply)

    def _read_body(self) -> bytes:
        """Take the body off the line, within bounds; it is looked at only where the console asks by it."""
        length = self.headers.get("Content-Length", "0")
        left = min(int(length), _MAX_BODY_BYTES) if length.isascii() and length.isdigit() else 0
        until, body = time.monotonic() + _REQUEST_S, bytearray()
        with contextlib.suppress(OSError):
            while left > 0 and time.monotonic() < until and (chunk := self.rfile.read1(min(left, 65536))):
                left -= len(chunk)
                body += chunk
        return b"" if left else bytes(body)

    def log_message(self, *args: object) -> None:
        """Log nothing of a push."""


# Gets a push and when it came (CLOCK_MONOTONIC); returns the reply to a question.
Ask = Callable[[bytes, float], dict[str, Any] | None]


class PushedQuestions:
    """Questions whose answer is the reply to their push; any thread.

    A push is not authenticated, and may be a copy or a forgery: it counts only if the console's own memory, read over
    the connection that its password secures, holds the same event.
    """

    def __init__(self, isapi: Isapi | None, stopping: threading.Event) -> None:
        self._isapi, self._stopping = isapi, stopping
        self._lock, self._reading = threading.Lock(), threading.Lock()
        self._waiting: dict[int, queue.SimpleQueue[dict[str, Any]]] = {}

    def answer_to(
        self, event: Event, clock: Clock, arrived: float, seconds: float, ask: Callable[[Event, float], bool]
    ) -> dict[str, Any] | None:
        """Ask, and return the answer; None for what is no question, came before, or gets no answer in time."""
        answer: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        if not self._is_remembered(event, clock, arrived + seconds):
            return None
        with self._lock:
            if event.serial in self._waiting:
                return None
            self._waiting[event.serial] = answer
        try:
            return answer.get(timeout=max(arrived + seconds - time.monotonic(), 0.01)) if ask(event, arrived) else None
        except queue.Empty:
            return None
        finally:
            with self._lock:
                del self._waiting[event.serial]

    def resolve(self, serial: int, answer: dict[str, Any]) -> bool:
        """Hand an answer to the push that waits for it; False where none does."""
        with self._lock:
            waiting = self._waiting.get(serial)
        if waiting is not None:
            waiting.put(answer)
        return waiting is not None

    def _is_remembered(self, event: Event, clock: Clock, until: float) -> bool:
        """Return True if the memory holds the event; it may be written a moment after the push."""
        if self._isapi is None:
            return False
        with self._reading:
            memory = Memory(self._isapi, clock, None, self._stopping.is_set, event.code[0])
            while time.monotonic() < until and not self._stopping.is_set():
                try:
                    if memory.holds(event):
                        return True
                except DeviceError as error:
                    _log.warning("Failed to verify a pushed question: %s", error)
                    return False
                self._stopping.wait(_VERIFY_PAUSE_S)
        return False


def document_of(part: Part) -> dict[str, Any]:
    """Return a part's JSON or XML; an empty one for a picture or nothing."""
    start = part.body.lstrip()[:1]
    if part.picture or not start:
        return {}
    return read_xml(part.body)[1] if start == b"<" else read_json(part.body)


def events_of(body: bytes, clock: Clock) -> list[Event]:
    """Return the access events of a push: JSON alone, or multipart with pictures beside it."""
    try:
        if body.lstrip()[:1] in (b"{", b"<"):
            documents = [document_of(Part({}, body))]
        else:
            documents = [document_of(part) for part in MultipartReader().feed(body)]
    except DeviceGarbled:
        return []
    found = [from_stream(document, clock) for document in documents if document]
    return [event for event in found if event is not None]


def parts_of(stream: Stream) -> Iterator[Part]:
    """Return the parts as they come: whole within 5 s once begun, and one of them every 45 s."""
    reader = MultipartReader()
    whole_at = time.monotonic()
    begun_at: float | None = None

    def until() -> float:
        return whole_at + SILENT_S if begun_at is None else begun_at + _AMID_S

    for chunk in stream.chunks(until):
        for part in reader.feed(chunk):
            whole_at, begun_at = time.monotonic(), None
            yield part
        if reader.ended:
            return
        begun_at = (begun_at or time.monotonic()) if reader.is_amid else None


def refusal_of(stream: Stream) -> DeviceError:
    """Return why a listener is refused, in the console's words."""
    body, until = bytearray(), time.monotonic() + _AMID_S
    with contextlib.suppress(DeviceError):
        for chunk in stream.chunks(lambda: until):
            body += chunk
            if len(body) > _MAX_REFUSAL_BYTES:
                break
    words = f"the console answers HTTP {stream.status} to a listener"
    try:
        read_answer(Answer(stream.status, bytes(body[:_MAX_REFUSAL_BYTES])))
    except DeviceError as error:
        words += f": {error}"
    return DeviceUnreachable(words)
