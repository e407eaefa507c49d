"""The HTTP server of a simulated ONVIF device: SOAP, snapshot, stream, and the faults of the wire."""

import contextlib
import gzip
import socket
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from drivers.sim.base.http_server import WebServer
from drivers.sim.onvif import faults as wrong
from drivers.sim.onvif.auth import PRE_AUTH, REALM
from drivers.sim.onvif.pictures import Pictures
from drivers.sim.onvif.soap import Request, SoapFault, envelope, read_request
from drivers.sim.onvif.state import State

if TYPE_CHECKING:
    from drivers.sim.onvif.simulator import SimulatedOnvif

_MAX_BODY_BYTES = 1_000_000
_BOUNDARY = "picture"
_DRIP_S = 1.0
# What a firmware file for it begins with; the version follows, then a line's end.
FIRMWARE = b"SIMULATED "
NOT_AUTHORIZED = SoapFault("Sender not Authorized", "ter:NotAuthorized")


class Server(WebServer):
    """Waits for connections without waking up in between: two hundred of these rest on one box."""

    def __init__(self, place: tuple[str, int], device: "SimulatedOnvif", tls: ssl.SSLContext | None) -> None:
        self.device = device
        self.pictures = Pictures(device)
        self._tls = tls
        self._stopping = False
        super().__init__(place, Handler)
        self._thread = threading.Thread(target=self._run, name=f"onvif-{self.server_address[1]}", daemon=True)

    def start(self) -> None:
        """Serve in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """End, with every connection."""
        self._stopping = True
        if self._thread.is_alive():
            with contextlib.suppress(OSError):
                socket.create_connection(self.server_address[:2], timeout=1).close()  # type: ignore[arg-type]
            self._thread.join(5)
        self.drop_connections()
        self.server_close()

    def get_request(self) -> tuple[Any, Any]:
        """Return the next connection; with TLS the handshake is left to its own thread."""
        held, place = super().get_request()
        if self._tls is not None:
            self._open.discard(held)
            held = self._tls.wrap_socket(held, server_side=True, do_handshake_on_connect=False)
            self._open.add(held)
        return held, place

    def _run(self) -> None:
        while not self._stopping:
            self.handle_request()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "SimulatedOnvif"
    timeout = 90
    disable_nagle_algorithm = True

    def log_message(self, *args: object) -> None:
        """Log nothing: standard output is for events."""

    @property
    def _device(self) -> "SimulatedOnvif":
        return cast(Server, self.server).device

    def do_POST(self) -> None:
        """Read a bounded body and answer a SOAP request."""
        length = int(self.headers.get("Content-Length", "0"))
        if not 0 < length <= _MAX_BODY_BYTES:
            self._send(413, b"")
            return
        body = self.rfile.read(length)
        device = self._device
        if device.down.is_set():
            self._hang_up("down", "")
            return
        if urlsplit(self.path).path == "/upload":
            self._take_firmware(body)
            return
        try:
            request = read_request(body)
        except SoapFault as fault:
            self._send(fault.status, envelope(fault.body()))
            return
        device.events.add("request", operation=request.name, path=self.path)
        if device.faults.drop and device.faults.hits(request.name):
            self._hang_up("drop", request.name)
            return
        answered = self._answer(request)
        if answered is not None:
            self._deliver(request, *answered)

    def _take_firmware(self, body: bytes) -> None:
        device = self._device
        if not self._may_look("upload"):
            return
        device.events.add("firmware", bytes=len(body))
        if not body.startswith(FIRMWARE):
            self._send(415, b"")
            return

        def install(state: State) -> None:
            state.firmware = body[len(FIRMWARE) :].split(b"\n", 1)[0].decode()
            device.reboot()

        if device.faults.drop_answers and device.faults.hits("upload"):
            self._hang_up("drop_answers", "upload")
        else:
            self._send(200, b"")
        device.after(0.1, install)

    def _answer(self, request: Request) -> tuple[int, bytes] | None:
        user = self._admitted(request)
        if user is None:
            return None
        try:
            return 200, envelope(self._device.perform(request, urlsplit(self.path).path, user), _addressing(request))
        except SoapFault as fault:
            return fault.status, envelope(fault.body())

    def _admitted(self, request: Request) -> str | None:
        """Return the user's name, "" for a call that needs none; None when the refusal is sent already."""
        device = self._device
        free = request.name in PRE_AUTH
        locked = device.faults.locked_out and device.faults.hits(request.name)
        if request.name == "GetSystemDateAndTime" and device.faults.clock_needs_password:
            free = False
        if device.auth == "none" or (free and request.security is None):
            return ""
        why = "no token"
        if device.auth in ("token", "both"):
            user, why = device.doorkeeper.token(request, device.state.users, device.now())
            if user and not locked:
                return user
        header = self.headers.get("Authorization", "")
        if device.auth in ("digest", "both") and (device.auth == "digest" or header):
            user, why = device.doorkeeper.digest("POST", header, device.state.users)
            if user and not locked:
                return user
        if free and device.auth == "digest":
            return ""
        device.events.add("refused", operation=request.name, why=why)
        if device.auth == "digest":
            stale = why == "stale nonce"
            self._send(401, b"", **{"WWW-Authenticate": device.doorkeeper.challenge(stale=stale)})
        else:
            self._send(400, envelope(NOT_AUTHORIZED.body()))
        return None

    def _deliver(self, request: Request, status: int, body: bytes) -> None:
        faults = self._device.faults
        if faults.loses(request.name):
            self._hang_up("lose_answer", request.name)
        elif not faults.hits(request.name):
            self._send(status, body)
        elif faults.drop_answers:
            self._hang_up("drop_answers", request.name)
        elif faults.slow:
            self._injected("slow", request.name)
            self._drip(body)
        elif faults.malformed:
            self._injected(f"malformed {faults.malformed}", request.name)
            self._send(200, wrong.malformed_body(faults.malformed, body))
        elif faults.hostile:
            self._injected(f"hostile {faults.hostile}", request.name)
            self._attack(body)
        else:
            self._send(status, body)

    def _attack(self, body: bytes) -> None:
        kind, target = self._device.faults.hostile, self._device.faults.hostile_target
        if kind == "redirect":
            self._send(307, b"", Location=target or f"{self._device.address}/elsewhere")
        elif kind == "gzip":
            self._send(200, gzip.compress(b" " * 10_000_000), **{"Content-Encoding": "gzip"})
        elif kind == "huge":
            self.send_response(200)
            self.send_header("Content-Type", "application/soap+xml; charset=utf-8")
            self.end_headers()
            self.close_connection = True
            for block in wrong.huge_body():
                self.wfile.write(block)
        else:
            self._send(200, wrong.hostile_body(kind, body, target))

    def _drip(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for at in range(len(body)):
            self.wfile.write(body[at : at + 1])
            time.sleep(_DRIP_S)

    def _injected(self, fault: str, operation: str) -> None:
        self._device.events.add("injected", fault=fault, operation=operation)

    def _hang_up(self, fault: str, operation: str) -> None:
        self._injected(fault, operation)
        self.close_connection = True

    def do_GET(self) -> None:
        """Serve the video stream or the snapshot, by the device's login."""
        device = self._device
        if device.down.is_set():
            self._hang_up("down", "")
            return
        path = urlsplit(self.path).path
        if path == "/stream":
            self._stream()
        elif path == "/upload":
            if self._may_look("upload"):
                self._send(405, b"")
        elif path != "/snapshot.jpg":
            self._send(404, b"")
        elif self._may_look():
            device.events.add("snapshot")
            self._send(200, cast(Server, self.server).pictures.jpeg(time.monotonic()), "image/jpeg")

    def _may_look(self, what: str = "snapshot") -> bool:
        device = self._device
        header = self.headers.get("Authorization", "")
        if device.snapshot_auth == "none":
            return True
        if device.snapshot_auth == "basic":
            if device.doorkeeper.basic(header, device.state.users):
                return True
            challenge = f'Basic realm="{REALM}"'
        else:
            user, why = device.doorkeeper.digest(self.command, header, device.state.users)
            if user:
                return True
            challenge = device.doorkeeper.challenge(stale=why == "stale nonce")
        device.events.add("refused", operation=what, why="no password")
        self._send(401, b"", **{"WWW-Authenticate": challenge})
        return False

    def _stream(self) -> None:
        device, pictures = self._device, cast(Server, self.server).pictures
        device.events.add("streaming")
        self.send_response(200)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
        self.end_headers()
        self.close_connection = True
        while not device.down.is_set():
            if not device.faults.stream_stalls:
                jpeg = pictures.jpeg(time.monotonic())
                head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(head.encode() + jpeg + b"\r\n")
            time.sleep(1 / pictures.fps)

    def _send(
        self, status: int, body: bytes, kind: str = "application/soap+xml; charset=utf-8", **headers: str
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _addressing(request: Request) -> str:
    """Relate an answer to its question, where that was addressed (WS-Addressing 1.0)."""
    if "MessageID" not in request.headers:
        return ""
    action = escape(request.headers.get("Action", "") + "Response")
    return f"<wsa:Action>{action}</wsa:Action><wsa:RelatesTo>{escape(request.headers['MessageID'])}</wsa:RelatesTo>"
