"""The HTTP server of a simulated terminal: digest, one request a connection, streams, and the faults of the wire."""

import contextlib
import json
import queue
import threading
import time
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote, urlsplit

from drivers.sim.base.http_server import WebServer
from drivers.sim.dahua.memory import BadRequest
from drivers.sim.dahua.streams import BOUNDARY, HEARTBEAT, News, event_body, snap_parts, text_part

if TYPE_CHECKING:
    from drivers.sim.dahua.console import SimulatedDahua

_MAX_BODY_BYTES = 4_000_000
_MAX_CONNECTIONS = 20
_DRIP_S = 1.0
_ERROR = b"Error\r\nBad Request!\r\n"
_BLOCK = b" " * 65_536


class Server(WebServer):
    """Counts its connections; the next `stop` ends them all."""

    def __init__(self, place: tuple[str, int], console: "SimulatedDahua") -> None:
        self.console = console
        self.ended = threading.Event()
        self.most_open = 0
        super().__init__(place, Handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="simulated dahua", daemon=True)

    def start(self) -> None:
        """Serve in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """End, with every connection."""
        self.ended.set()
        self.shutdown()
        self._thread.join(5)
        self.drop_connections()
        self.server_close()

    @property
    def connections(self) -> int:
        """Open now."""
        return len(self._open)

    def get_request(self) -> tuple[Any, Any]:
        """Accept the next connection, and note the largest number open at once."""
        found = super().get_request()
        self.most_open = max(self.most_open, len(self._open))
        return found


class Handler(BaseHTTPRequestHandler):
    """One connection, closed after its answer."""

    protocol_version = "HTTP/1.1"
    server_version = "SimulatedDahua"
    timeout = 30
    disable_nagle_algorithm = True

    def log_message(self, *args: object) -> None:
        """Log nothing: standard output is for events."""

    @property
    def _console(self) -> "SimulatedDahua":
        return cast(Server, self.server).console

    def do_GET(self) -> None:
        """Answer a GET."""
        self._serve(b"")

    def do_POST(self) -> None:
        """Read a bounded body and answer a POST."""
        length = int(self.headers.get("Content-Length", "0"))
        if not 0 <= length <= _MAX_BODY_BYTES:
            self._send(413, b"")
            return
        self._serve(self.rfile.read(length))

    def _serve(self, body: bytes) -> None:
        self.close_connection = True
        console, what = self._console, urlsplit(self.path).path.rpartition("/")[2] + self._action()
        if console.faults.take("silent", what):
            cast(Server, self.server).ended.wait(self.timeout)
            return
        if console.down.is_set() or console.faults.take("hang_up", what) or not self._admitted(what):
            return
        console.events.add("request", target=self.path)
        if self._attacked(what):
            return
        query = dict(pair for pair in self._pairs() if pair[0])
        if "action=attach" in self.path:
            self._stream(snap="snapManager" in self.path, seconds=float(query.get("heartbeat", "60")))
            return
        try:
            if console.faults.take("refuse", what):
                raise BadRequest("injected")
            answer = console.cgis.answer(self._cgi(), query, body)
        except BadRequest as error:
            console.events.add("bad_request", request=what, why=str(error))
            self._send(400, _ERROR)
            return
        if console.faults.take("lost", what):
            return
        if isinstance(answer, bytes):
            self._deliver(what, answer, "image/jpeg")
        elif isinstance(answer, str):
            self._deliver(what, answer.encode(), "text/plain;charset=utf-8")
        else:
            self._deliver(what, json.dumps(answer, ensure_ascii=False).encode(), "application/json")

    def _admitted(self, what: str) -> bool:
        console = self._console
        crowded = cast(Server, self.server).connections > _MAX_CONNECTIONS
        if console.faults.take("storm", what) or console.faults.take("busy", what) or crowded:
            console.events.add("refused", request=what, why="too many connections")
        else:
            header = self.headers.get("Authorization", "")
            why = console.doorkeeper.why_not(self.command, self.path, header)
            if not why:
                return True
            console.events.add("refused", request=what, why=why)
        self._send(401, _ERROR, **{"WWW-Authenticate": console.doorkeeper.challenge()})
        return False

    def _attacked(self, what: str) -> bool:
        """Return True if one of the hostile answers has been given."""
        faults = self._console.faults
        if faults.take("garbage", what):
            self.wfile.write(bytes(range(256)) * 4)
        elif faults.take("redirect", what):
            self._send(302, b"", Location=f"{self._console.address}/elsewhere")
        elif faults.take("header", what):
            self._pour(b"HTTP/1.1 200 OK\r\nX-Long: ")
        elif faults.take("endless", what):
            self._pour(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n")
        elif faults.take("deep", what):
            self._send(200, b'{"Info":' * 100_000, "application/json")
        else:
            return False
        return True

    def _pour(self, head: bytes) -> None:
        with contextlib.suppress(OSError):
            self.wfile.write(head)
            while not cast(Server, self.server).ended.is_set():
                self.wfile.write(_BLOCK)

    def _deliver(self, what: str, body: bytes, kind: str) -> None:
        faults = self._console.faults
        if faults.take("partial", what):
            self._head(200, len(body) + 20, kind)
            self.wfile.write(body[: len(body) // 2])
        elif faults.take("drip", what):
            self._head(200, len(body), kind)
            self._drip(body)
        else:
            self._send(200, body, kind)

    def _drip(self, body: bytes) -> None:
        with contextlib.suppress(OSError):
            for at in range(len(body)):
                self.wfile.write(body[at : at + 1])
                if cast(Server, self.server).ended.wait(_DRIP_S):
                    return

    def _stream(self, *, snap: bool, seconds: float) -> None:
        console = self._console
        news = console.streams.join()
        console.events.add("attached", snap=snap)
        self.send_response(200)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            self._tell_all(news, snap=snap, seconds=seconds)
        except OSError:
            pass
        finally:
            console.streams.leave(news)
            console.events.add("detached", snap=snap)

    def _tell_all(self, news: "queue.Queue[News | None]", *, snap: bool, seconds: float) -> None:
        due = time.monotonic() + seconds
        while not cast(Server, self.server).ended.is_set():
            try:
                fields = news.get(timeout=max(0.0, min(due - time.monotonic(), 1.0)))
            except queue.Empty:
                if time.monotonic() >= due:
                    self.wfile.write(HEARTBEAT)
                    due = time.monotonic() + seconds
                continue
            if fields is None or not self._tell(fields, snap=snap):
                return

    def _tell(self, news: News, *, snap: bool) -> bool:
        faults = self._console.faults
        if faults.take("stream_endless", news.code):
            self._pour(b"--" + BOUNDARY.encode() + b"\r\nContent-Type: text/plain\r\n\r\nCode=AccessControl;data={")
            return False
        body = event_body(news)
        part = snap_parts(news) if snap else text_part(body, mixed=faults.take("stream_mixed", news.code))
        if faults.take("stream_cut", news.code):
            self.wfile.write(part[: len(part) // 2])
            return False
        if faults.take("stream_partial", news.code):
            part = text_part(body[: len(body) // 2])
        self.wfile.write(part)
        return True

    def _cgi(self) -> str:
        path = urlsplit(self.path).path
        return path.removeprefix("/cgi-bin/").removesuffix(".cgi") if path.startswith("/cgi-bin/") else ""

    def _action(self) -> str:
        return "?" + next((value for name, value in self._pairs() if name == "action"), "")

    def _pairs(self) -> list[tuple[str, str]]:
        # A plus is a plus here: terminals know only %20 for a space.
        split = (pair.partition("=") for pair in urlsplit(self.path).query.split("&"))
        return [(unquote(name), unquote(value)) for name, _, value in split]

    def _head(self, status: int, length: int, kind: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.send_header("Connection", "close")
        self.end_headers()

    def _send(self, status: int, body: bytes, kind: str = "text/plain", **headers: str) -> None:
        self._head(status, len(body), kind, **headers)
        self.wfile.write(body)
