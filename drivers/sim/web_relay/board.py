"""A relay board with a web server on loopback; timed pulses end by themselves."""

import base64
import hashlib
import re
import secrets
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler
from typing import Self, cast

from devicemgr.errors import InvalidInput
from drivers.sim.base.command import print_line, serve, stop_signals
from drivers.sim.base.events import Event, EventLog, Sink
from drivers.sim.base.faults import Plan, obey
from drivers.sim.base.http_server import WebServer
from drivers.sim.gates.relay_states import Relays
from drivers.sim.web_relay.pages import BASIC, PAGES

TICK_S = 0.02
# `garbage` answers noise, `lost-ack` does a command and hangs up, `silence` hangs up without doing it.
ABLE = ("silence", "garbage", "lost-ack", "busy")
_INPUT = re.compile(r"input ([0-9]{1,2}) (on|off)")
_UNPROTECTED = "/rpc/Shelly.GetDeviceInfo"


class SimulatedWebRelay:
    """A context manager. Events: request, on, off; `password` is that of user admin, or of the relays (Dingtian)."""

    def __init__(
        self,
        model: str,
        relays: int = 2,
        inputs: int = 2,
        password: str = "",
        port: int = 0,
        *,
        on_event: Sink | None = None,
    ) -> None:
        self.model, self.password = model, password
        self.events = EventLog(on_event)
        self.relays = Relays(relays, self.events)
        self.inputs: dict[int, bool | None] = dict.fromkeys(range(1, inputs + 1), False)
        self.plan = Plan(self.events, (*ABLE,))
        self.error: int | None = None
        self.refusal = 401
        self.pulse_times: dict[int, int] = {}
        self.forced_pulse_time = 0
        self.nonce = secrets.token_hex(8)
        self.lock = threading.RLock()
        try:
            self._server = _Server(("127.0.0.1", port), _Handler)
        except OSError as error:
            raise InvalidInput(f"cannot listen on port {port} ({error.strerror}); choose another") from error
        self._server.board = self
        self._stop = threading.Event()

    @property
    def address(self) -> str:
        """Where a driver finds it."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        threading.Thread(target=self._tick, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._server.shutdown()
        self._server.drop_connections()
        self._server.server_close()

    def requests(self, word: str = "") -> list[str]:
        """Return the targets of requests, where it holds `word`."""
        return [str(event["target"]) for event in self.events.all("request") if word in str(event["target"])]

    def obey(self, line: str) -> None:
        """Carry out `input N on|off`, or what faults.obey knows."""
        if found := _INPUT.fullmatch(line.strip()):
            if int(found[1]) not in self.inputs:
                raise InvalidInput(f"there is no input {found[1]}; type input N on, with N from 1")
            self.inputs[int(found[1])] = found[2] == "on"
        else:
            obey(self.plan, line)

    def _tick(self) -> None:
        while not self._stop.wait(TICK_S):
            with self.lock:
                self.relays.tick(time.monotonic())


class _Server(WebServer):
    board: SimulatedWebRelay


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5.0

    def log_message(self, *args: object) -> None:
        """Log nothing: standard output is for events."""

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

    def _answer(self, body: bytes) -> None:
        board = cast(_Server, self.server).board
        board.events.add("request", target=self.path, body=body.decode("ascii", "replace"))
        if challenge := self._challenge(board):
            self._send(401, "text/plain", b"", {"WWW-Authenticate": challenge})
            return
        is_command = body or any(word in self.path for word in ("/FF", "io.cgi", "relay_cgi.cgi", "Power"))
        if board.plan.due("busy"):
            self._send(503, "text/plain", b"busy", {})
        elif is_command and board.plan.due("silence"):
            self.close_connection = True
        else:
            with board.lock:
                status, kind, page = PAGES[board.model](board, self.command, self.path, body)
            if is_command and board.plan.due("lost-ack"):
                self.close_connection = True
                return
            self._send(status, kind, b"\x00\xff\x01" if board.plan.due("garbage") else page, {})

    def _challenge(self, board: SimulatedWebRelay) -> str:
        given = self.headers.get("Authorization", "")
        if not board.password or self.path == _UNPROTECTED:
            return ""
        if board.model in BASIC:
            right = "Basic " + base64.b64encode(f"admin:{board.password}".encode()).decode()
            return "" if given == right else 'Basic realm="relay"'
        if board.model != "shelly" or self._digest_is_right(board, given):
            return ""
        realm = "shellyplus2pm-a8032abe54dc"
        return f'Digest qop="auth", realm="{realm}", nonce="{board.nonce}", algorithm=SHA-256'

    def _digest_is_right(self, board: SimulatedWebRelay, given: str) -> bool:
        reply = dict(re.findall(r'(\w+)="?([^",]*)"?', given.removeprefix("Digest ")))
        if reply.get("username") != "admin" or reply.get("nonce") != board.nonce:
            return False

        def digest(*parts: str) -> str:
            return hashlib.sha256(":".join(parts).encode()).hexdigest()

        secret = digest("admin", reply["realm"], board.password)
        what = digest(self.command, self.path)
        return bool(reply["response"] == digest(secret, board.nonce, reply["nc"], reply["cnonce"], "auth", what))

    def _send(self, status: int, kind: str, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def print_event(event: Event) -> None:
    """Print what is worth a line: requests tell a person nothing."""
    if event["event"] != "request":
        print_line(event)


def run(board: SimulatedWebRelay, faults: Sequence[str]) -> None:
    """Serve until SIGTERM or SIGINT; JSON lines out, the first when ready; lines on standard input inject faults."""
    for fault in faults:
        board.plan.stand(fault)
    with stop_signals() as stop, board:
        print_line({"event": "ready", "kind": "web-relay", "model": board.model, "address": board.address})
        serve(stop, board.obey)
