"""A simulated camera: MJPEG over HTTP to several clients, with stretches with a face and stretches without."""

import base64
import hmac
import io
import json
import math
import re
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast

from PIL import Image

from devicemgr.domain.model import JsonValue
from devicemgr.errors import DeviceBusy, InvalidInput
from drivers.common.http.digest import authorization, read_challenges
from drivers.sim.camera.scene import FaceBox, Rendering, Scene

Listener = Callable[[dict[str, JsonValue]], None]
_MAX_CLIENTS = 16
_CLIENT_TIMEOUT = 5.0
_BOUNDARY = "picture"
_FIELD = re.compile(r'(\w+)="?([^",]*)"?')


@dataclass(frozen=True, slots=True)
class Cycle:
    """Seconds with the face and without, for ever, beginning without."""

    present: float = 4.0
    absent: float = 3.0

    def __post_init__(self) -> None:
        if not (0 <= self.absent < 1e6 and 0 < self.present < 1e6):
            raise InvalidInput("the stretches must last longer than nothing")

    def render(self, scene: Scene, seconds: float) -> Rendering:
        """Render the picture `seconds` after the start."""
        number, place = divmod(seconds, self.present + self.absent)
        if place < self.absent:
            return scene.empty()
        return scene.with_face(int(number), place - self.absent, self.absent + self.present - place)


class SimulatedCamera:
    """The camera as an object, for tests and `run`; a manual one (`cycle=None`) shows a face on show()."""

    def __init__(
        self,
        scene: Scene,
        cycle: Cycle | None = None,
        port: int = 0,
        fps: float = 10.0,
        credentials: tuple[str, str] | None = None,
        listener: Listener | None = None,
    ) -> None:
        if not 0 < fps <= 60:
            raise InvalidInput("the frame rate must be from 1 to 60")
        self._scene, self._cycle, self._fps = scene, cycle, fps
        self._listener = listener or (lambda _: None)
        self._credentials = credentials
        self._digest = f'Digest realm="camera", nonce="{secrets.token_hex(16)}", qop="auth"'
        self._picture = threading.Condition()
        self._jpeg, self._serial = b"", 0
        self._stopping = threading.Event()
        self._clients = threading.BoundedSemaphore(_MAX_CLIENTS)
        self._shown_since: float | None = None
        self._visits = 0
        self._face = "absent"
        self._threads: list[threading.Thread] = []
        try:
            self._http = _Server(port, self)
        except (OSError, OverflowError) as error:
            raise DeviceBusy(f"port {port} is taken or not allowed; give another one") from error

    @property
    def url(self) -> str:
        """Where the stream is, without credentials."""
        return f"http://127.0.0.1:{self._http.server_port}/stream"

    def start(self) -> "SimulatedCamera":
        """Begin to serve; tells its listener `listening` first."""
        self._listener({"event": "listening", "url": self.url})
        serve = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._threads = [serve, threading.Thread(target=self._produce, daemon=True)]
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """End the stream and every client's connection."""
        self._stopping.set()
        with self._picture:
            self._picture.notify_all()
        if self._threads:
            self._http.shutdown()
        self._http.server_close()
        for thread in self._threads:
            thread.join()

    def show(self) -> None:
        """Let the face stand there from the next picture on."""
        self._visits += 1
        self._shown_since = time.monotonic() - 1.0  # it is already in place

    def hide(self) -> None:
        """Show the empty scene from the next picture on."""
        self._shown_since = None

    @property
    def challenges(self) -> tuple[str, ...]:
        """The ways to log in that it offers, Digest first, as many cameras do."""
        return self._digest, 'Basic realm="camera"'

    def admits(self, method: str, target: str, header: str | None) -> bool:
        """Return True if a request's Authorization header is right: Digest or Basic."""
        if self._credentials is None:
            return True
        header = header or ""
        if header.startswith("Basic "):
            expected = "Basic " + base64.b64encode(":".join(self._credentials).encode()).decode()
            return hmac.compare_digest(header.encode(), expected.encode())
        given, challenge = dict(_FIELD.findall(header)), read_challenges([self._digest])
        if challenge is None or given.get("nonce") != challenge.nonce or given.get("uri") != target:
            return False
        count = int(given.get("nc", "0"), 16)
        right = authorization(challenge, *self._credentials, method, target, given.get("cnonce"), count=count)
        return hmac.compare_digest(dict(_FIELD.findall(right))["response"], given.get("response", ""))

    def enter(self) -> bool:
        """Take one of the client slots; False when the camera is full."""
        return self._clients.acquire(blocking=False)

    def leave(self) -> None:
        """Give the slot back."""
        self._clients.release()

    def picture_after(self, serial: int) -> tuple[int, bytes]:
        """Wait for a picture newer than number `serial`; return its number and JPEG, (0, b"") when the camera stops."""
        with self._picture:
            self._picture.wait_for(lambda: self._serial > serial or self._stopping.is_set())
            return (0, b"") if self._stopping.is_set() else (self._serial, self._jpeg)

    def _produce(self) -> None:
        began = time.monotonic()
        number = 0
        while not self._stopping.wait(max(0.0, began + number / self._fps - time.monotonic())):
            rendering = self._render(number / self._fps)
            jpeg = encode_jpeg(rendering)
            self._tell(rendering.face)
            with self._picture:
                self._jpeg, self._serial = jpeg, self._serial + 1
                self._picture.notify_all()
            number = max(number + 1, math.floor((time.monotonic() - began) * self._fps))

    def _render(self, seconds: float) -> Rendering:
        if self._cycle is not None:
            return self._cycle.render(self._scene, seconds)
        since = self._shown_since
        return self._scene.empty() if since is None else self._scene.with_face(self._visits, time.monotonic() - since)

    def _tell(self, face: str) -> None:
        """Report a face as appeared when it is whole, as left with the first picture without all of it."""
        if face == "full" and self._face != "full":
            self._listener({"event": "face_appeared", "monotonic": time.monotonic()})
        elif self._face == "full" and face != "full":
            self._listener({"event": "face_left", "monotonic": time.monotonic()})
        self._face = face


class _Server(ThreadingHTTPServer):
    """An HTTP server that knows its camera."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int, camera: SimulatedCamera) -> None:
        self.camera = camera
        super().__init__(("127.0.0.1", port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    timeout = _CLIENT_TIMEOUT
    disable_nagle_algorithm = True
    server_version = "SimulatedCamera"

    def log_message(self, *args: object) -> None:
        """Log nothing: standard output is for events."""

    @property
    def _camera(self) -> SimulatedCamera:
        return cast(_Server, self.server).camera

    def do_GET(self) -> None:
        camera = self._camera
        if not camera.admits("GET", self.path, self.headers.get("Authorization")):
            self._answer(401, [("WWW-Authenticate", way) for way in camera.challenges] + [("Content-Length", "0")])
        elif self.path not in ("/stream", "/snapshot.jpg"):
            self._answer(404, [("Content-Length", "0")])
        elif not camera.enter():
            self._answer(503, [("Content-Length", "0")])
        else:
            try:
                self._stream() if self.path == "/stream" else self._snapshot()
            except OSError:
                self.close_connection = True  # the client went away
            finally:
                camera.leave()

    def _stream(self) -> None:
        self._answer(200, [("Content-Type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}")])
        serial, jpeg = self._camera.picture_after(0)
        while serial:
            head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            self.wfile.write(head.encode() + jpeg + b"\r\n")
            serial, jpeg = self._camera.picture_after(serial)

    def _snapshot(self) -> None:
        _, jpeg = self._camera.picture_after(0)
        self._answer(200, [("Content-Type", "image/jpeg"), ("Content-Length", str(len(jpeg)))])
        self.wfile.write(jpeg)

    def _answer(self, status: int, headers: list[tuple[str, str]]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()


def encode_jpeg(rendering: Rendering) -> bytes:
    """Encode a rendered picture as a JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(rendering.pixels).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def run(
    photo: Path | None = None,
    port: int = 0,
    fps: float = 10.0,
    size: tuple[int, int] = (640, 480),
    cycle: Cycle = Cycle(),
    seed: int = 1,
    face: FaceBox | None = None,
    credentials: tuple[str, str] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; events as JSON lines on standard output. For the main thread."""
    stop = threading.Event()
    camera = SimulatedCamera(Scene(photo, face, size, seed), cycle, port, fps, credentials, _print_event)
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        camera.start()
        stop.wait()
    finally:
        camera.stop()
        for number, handler in before.items():
            signal.signal(number, handler)


def write_video(
    path: Path,
    scene: Scene,
    seconds: float,
    fps: int = 10,
    cycle: Cycle = Cycle(),
) -> None:
    """Write the same pictures to an H.264 file (.mp4), for tests and the bench."""
    import av  # noqa: PLC0415  the server does without it

    with av.open(str(path), "w") as container:
        options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "23", "g": str(fps)}
        stream = container.add_stream("libx264", rate=Fraction(fps), options=options)
        stream.width, stream.height = scene.size
        stream.pix_fmt = "yuv420p"
        for number in range(round(seconds * fps)):
            pixels = cycle.render(scene, number / fps).pixels
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())


def make_video(path: Path, size: tuple[int, int], seconds: float, present: float) -> None:
    """Write an H.264 file at 10 pictures a second, with the portrait in it for a share `present` of the time."""
    cycle = Cycle(seconds * present, seconds * (1 - present)) if present else Cycle(1.0, seconds + 1.0)
    write_video(path, Scene(None, size=size), seconds, 10, cycle)


def _print_event(event: dict[str, JsonValue]) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()
