"""The HTTP server that a ZKTeco terminal calls: it registers, uploads events, fetches commands, returns results.

The terminal proves itself by its address and its serial number alone; what comes from elsewhere, or under another
number, is refused and recorded. Encryption of the protocol needs a library of the vendor's, so it is not offered:
the answer names protocol 3.0.1, which has none (appendix 13).
Source: ZKTeco, Security PUSH Communication Protocol (September 2021), 4 to 8; Attendance PUSH 2.4 for `options=all`
of firmware that keeps working time.
"""

import contextlib
import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import cast
from urllib.parse import parse_qs, urlsplit

from devicemgr.domain.device_events import PushRefused
from devicemgr.errors import DeviceBusy
from devicemgr.text import safe
from drivers.common.http.push_server import PushServer
from drivers.common.zkteco.records import encode_time
from drivers.zkteco_terminal.uploads import Uploads

MAX_BODY_BYTES = 4 << 20
REQUEST_S = 10.0
# How long the port stays open between two openings: the terminal would wait half a minute after a refused connection.
LINGER_S = 60.0
_ERROR_DELAY_S = 30
_GAPS = 20

_log = logging.getLogger(__name__)


class Listener:
    """Listens for one terminal on one port; `start` and `rest` may follow each other."""

    def __init__(self, port: int, hosts: Sequence[str], serial: str, uploads: Uploads) -> None:
        self.serial, self.uploads = serial, uploads
        self.registry_code = secrets.token_hex(8)
        self.session_id = secrets.token_hex(16)
        self.is_open = False
        self.called_at: float | None = None
        self.registered = False
        self._wanted_port, self._hosts = port, hosts
        self._called = threading.Condition()
        self._gaps: deque[float] = deque(maxlen=_GAPS)
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._end: threading.Timer | None = None
        self._refused: list[PushRefused] = []

    def start(self) -> None:
        """Begin to listen; DeviceBusy when the port is taken."""
        with self._lock:
            if self._end is not None:
                self._end.cancel()
            if self._server is None:
                _let_go_of(self._wanted_port)
                place = ("0.0.0.0", self._wanted_port)  # noqa: S104 - the terminal is another machine
                try:
                    self._server = _Server(place, _Handler, self._hosts, REQUEST_S)
                except OSError as error:
                    raise DeviceBusy(
                        f"port {self._wanted_port} for the terminal is taken ({error.strerror}); give another push_port"
                    ) from error
                self._server.listener = self
                threading.Thread(
                    target=self._server.serve_forever, args=(0.1,), name="zkteco-push", daemon=True
                ).start()
            self.is_open = True

    def rest(self) -> None:
        """Take no more uploads, which the terminal keeps then; end after a while. Never raises."""
        with self._lock:
            self.is_open = False
            if self._server is None:
                return
            if self._end is not None:
                self._end.cancel()
            _resting[self._wanted_port] = self
            self._end = threading.Timer(LINGER_S, self.stop)
            self._end.daemon = True
            self._end.start()

    def stop(self) -> None:
        """End at once, unless it was started again."""
        with self._lock:
            if self.is_open or self._server is None:
                return
            server, self._server = self._server, None
            if self._end is not None:
                self._end.cancel()
            self._refused = server.refused()
            self.called_at = None
            if _resting.get(self._wanted_port) is self:
                del _resting[self._wanted_port]
        server.shutdown()
        server.server_close()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_port if self._server else self._wanted_port

    def refused(self) -> list[PushRefused]:
        """Return what is to be recorded of refused calls now (PushServer)."""
        kept, self._refused = self._refused, []
        return kept + (self._server.refused() if self._server else [])

    def note_call(self) -> None:
        """Note the time of a call from the terminal."""
        with self._called:
            before, self.called_at = self.called_at, time.monotonic()
            self._gaps.append(0.0 if before is None else self.called_at - before)
            self._called.notify_all()

    @property
    def pause_s(self) -> float:
        """Return the longest pause between its latest calls but one, which may have been an outage."""
        with self._called:
            return sorted(self._gaps)[-2] if len(self._gaps) > 1 else 0.0

    def wait_for_call(self, seconds: float, newest: float) -> bool:
        """Wait for a call after the CLOCK_MONOTONIC second `newest`."""
        with self._called:
            return self._called.wait_for(
                lambda: self.called_at is not None and self.called_at >= newest and self.uploads.kind != "", seconds
            )


_resting: dict[int, Listener] = {}


def _let_go_of(port: int) -> None:
    """End a listener that rests on this port for a device that was removed or edited."""
    before = _resting.get(port) if port else None
    if before is not None:
        before.stop()


class _Server(PushServer):
    listener: Listener


class _Handler(BaseHTTPRequestHandler):
    timeout = REQUEST_S
    server_version = "devicemgr"
    sys_version = ""

    def log_message(self, *args: object) -> None:
        """Log nothing of what strangers send."""

    @property
    def _listener(self) -> Listener:
        return cast(_Server, self.server).listener

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isascii() or not length.isdigit() or len(length) > 9 or int(length) > MAX_BODY_BYTES:
            self._send(413, "")
            return
        self._serve(None, int(length))

    def _serve(self, body: bytes | None, length: int = 0) -> None:
        """Answer a call of the terminal; a stranger's body is not even read."""
        parts = urlsplit(self.path)
        query = {name.lower(): values[0] for name, values in parse_qs(parts.query[:2000], max_num_fields=40).items()}
        listener = self._listener
        folder, _, page = parts.path.strip("/").lower().partition("/")
        page = page.removeprefix("iclock/")  # where its server's address was entered with the folder
        if folder != "iclock":
            self._refuse("wrong path", 404)
        elif not secrets.compare_digest(query.get("sn", "").encode(), listener.serial.encode()):
            self._refuse(f"wrong serial number {safe(query.get('sn', ''), 30)}", 406 if page == "registry" else 403)
        else:
            self._answer(page.removesuffix(".aspx"), query, self.rfile.read(length) if body is None else body)
            listener.note_call()

    def _answer(self, page: str, query: dict[str, str], body: bytes) -> None:
        listener = self._listener
        pages: dict[str, Callable[[], str | None]] = {
            "cdata": lambda: self._cdata(query, body),
            "registry": lambda: self._register(body),
            "push": lambda: "\n".join(_settings(listener)),
            "ping": lambda: "OK",
            # Some firmware asks for a key all the same, and goes on without one (SenseFace 3A in the field).
            "exchange": lambda: "OK",
            "getrequest": lambda: listener.uploads.fetch(query) or "OK" if listener.is_open else "OK",
            "devicecmd": lambda: listener.uploads.take_results(body),
            "querydata": lambda: listener.uploads.take_query(query, body),
            "rtdata": _time_line,
        }
        answer = pages[page]() if page in pages else None
        if page not in pages:
            self._send(404, "")
        elif answer is None:
            self._send(503, "")  # it keeps what it has, and sends it again
        else:
            self._send(200, answer)

    def _cdata(self, query: dict[str, str], body: bytes) -> str | None:
        listener = self._listener
        if self.command == "GET":
            return self._greet(query)
        if not listener.is_open:
            return None
        return listener.uploads.take(query, body)

    def _greet(self, query: dict[str, str]) -> str:
        """Answer the first request of a connection: by the protocol's version it is one of two kinds of firmware."""
        listener = self._listener
        major = query.get("pushver", "").partition(".")[0]
        if query.get("devicetype", "").lower() == "att" or (major.isdigit() and int(major) < 3):
            listener.uploads.kind = "attendance"
            return "\r\n".join(_attendance_settings(listener.serial))
        listener.uploads.kind = "access"
        if not listener.registered:
            return "OK"
        return "\n".join(["registry=ok", f"RegistryCode={listener.registry_code}", *_settings(listener)])

    def _register(self, body: bytes) -> str:
        listener = self._listener
        listener.uploads.register(body)
        listener.registered = True
        return f"RegistryCode={listener.registry_code}"

    def _refuse(self, why: str, status: int) -> None:
        cast(_Server, self.server).refuse(why, str(self.client_address[0]))
        self._send(status, "")

    def _send(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain;charset=UTF-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)


def _settings(listener: Listener) -> list[str]:
    """4.5. It asks for commands each second, which is how long an opening may wait."""
    return [
        "ServerVersion=3.0.1", "ServerName=devicemgr", "PushProtVer=3.0.1", f"ErrorDelay={_ERROR_DELAY_S}",
        "RequestDelay=1", "TransTimes=00:00;14:00", "TransInterval=1", "TransTables=User Transaction", "Realtime=1",
        f"SessionID={listener.session_id}", "TimeoutSec=10",
    ]  # fmt: skip


def _attendance_settings(serial: str) -> list[str]:
    return [
        f"GET OPTION FROM: {serial}", "ATTLOGStamp=0", "OPERLOGStamp=0", "ATTPHOTOStamp=0",
        f"ErrorDelay={_ERROR_DELAY_S}", "Delay=1", "TransTimes=00:00;14:00", "TransInterval=1",
        "TransFlag=TransData AttLog OpLog", "Realtime=1", "Encrypt=None",
    ]  # fmt: skip


def _time_line() -> str:
    return f"DateTime={encode_time(datetime.now(UTC), UTC)},ServerTZ={datetime.now().astimezone():%z}"
