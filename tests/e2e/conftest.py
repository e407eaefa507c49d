"""An entrance made of processes: the daemon, a video with a real face, a turnstile on a pty, the command."""

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from cli import app, load_parts
from devicemgr.cli.app import run
from devicemgr.cli.context import Session
from devicemgr.cli.demo.simulated_entrance import nasa_portrait
from devicemgr.cli.transport.api_client import Api, daemon_answers
from devicemgr.home import Home
from drivers.sim.camera.camera import Cycle, write_video
from drivers.sim.camera.scene import Scene
from drivers.sim.gates.turnstile import SimulatedTurnstile

PATIENCE = 60.0

RTSP_SERVER = """
import sys, gi
gi.require_version("Gst", "1.0"); gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer, GLib
Gst.init(None)
class Looped(GstRtspServer.RTSPMediaFactory):
    def do_create_element(self, url):
        text = f'multifilesrc location="{sys.argv[1]}" loop=true ! tsdemux ! h264parse config-interval=1'
        return Gst.parse_launch(text + " ! rtph264pay name=pay0 pt=96")
server = GstRtspServer.RTSPServer(); server.set_address("127.0.0.1"); server.set_service("0")
factory = Looped(); factory.set_shared(True)
server.get_mount_points().add_factory("/live", factory); server.attach(None)
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
"""


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    """Poll another process until it says what the test waits for."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)
    return found


class Box:
    """One home, its command and its daemon."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder / "home")
        self.folder = folder
        self.daemon: subprocess.Popen[bytes] | None = None

        self._own: Api | None = None
        self.environment = os.environ | {"DEVICEMGR_HOME": str(self.home.path)}

    def command(self, *arguments: str, code: int = 0) -> Any:
        """Run the command with --json, in a process of its own as a person does; its document."""
        ran = subprocess.run(
            [sys.executable, "-m", "cli", *arguments, "--json"],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ran.returncode == code, ran.stderr + ran.stdout
        return json.loads(ran.stdout) if ran.stdout.strip() else ran.stderr

    def cli(self, *arguments: str, code: int = 0, stdin: str = "") -> Any:
        """The same in this process, which saves a second of loading each time."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
            patch.setenv("DEVICEMGR_HOME", str(self.home.path))
            found = run(app, Session(load_parts), [*arguments, "--json"])
        assert found == code, err.getvalue() + out.getvalue()
        return json.loads(out.getvalue()) if out.getvalue().strip() else err.getvalue()

    def start(self) -> float:
        """Start the daemon; seconds until it says ready."""
        began = time.monotonic()
        with (self.folder / "daemon.log").open("ab") as log:
            self.daemon = subprocess.Popen([sys.executable, "-m", "cli", "run"], env=self.environment, stderr=log)
        wait_for(lambda: daemon_answers(self.home) or self.daemon.poll() is not None, "the daemon's socket")  # type: ignore[union-attr]
        assert self.daemon.poll() is None, self.log()
        api = self.api()
        wait_for(lambda: api.get("/status")["daemon"]["ready"], "readiness")
        return time.monotonic() - began

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.daemon is not None
        self.daemon.terminate()
        code = self.daemon.wait(20)
        self.daemon = None
        return code

    def kill(self) -> None:
        """SIGKILL."""
        assert self.daemon is not None
        self.daemon.kill()
        self.daemon.wait(20)
        self.daemon, self._own = None, None

    def api(self) -> Api:
        """A fresh client on the socket."""
        return Api(self.home, lambda: pytest.fail("the daemon is away"))  # type: ignore[arg-type, return-value]

    def log(self) -> str:
        return (self.folder / "daemon.log").read_text()

    def events(self, **wanted: Any) -> list[dict[str, Any]]:
        self._own = self._own or self.api()
        found: list[dict[str, Any]] = self._own.get("/events", limit=100_000, **wanted)
        return found

    def close(self) -> None:
        """End the daemon."""
        if self.daemon is not None:
            self.kill()

    def wait_for_event(self, kind: str, after: int = 0, **fields: Any) -> dict[str, Any]:
        """The first event of that kind behind `after` with those fields."""

        def found() -> dict[str, Any] | None:
            events = self.events(kind=kind, after=after)
            return next((e for e in events if all(e[name] == value for name, value in fields.items())), None)

        try:
            return wait_for(found, f"{kind} {fields}")  # type: ignore[no-any-return]
        except AssertionError as error:
            seen = [(e["seq"], e["kind"], e["reason"], e["detail"]) for e in self.events(after=after)][-30:]
            raise AssertionError(f"{error}; events: {seen}; log: {self.log()[-2000:]}") from error


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    found = Box(tmp_path)
    found.cli("init")
    yield found
    found.close()


@pytest.fixture
def turnstile(tmp_path: Path) -> Iterator[SimulatedTurnstile]:
    with SimulatedTurnstile(tmp_path / "turnstile", passage_delay=0.1, passage_seconds=0.2) as found:
        yield found


@pytest.fixture(scope="session")
def portrait() -> Path:
    return nasa_portrait()


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds with the face and three without, at 5 frames a second, each of which costs a search for faces."""
    path = tmp_path_factory.mktemp("video") / "face.ts"
    write_video(path, Scene(None), seconds=6.0, fps=5, cycle=Cycle(3.0, 3.0))
    return path


@contextmanager
def _rtsp(video: Path) -> Iterator[str]:
    server = subprocess.Popen(
        ["/usr/bin/python3", "-c", RTSP_SERVER, str(video)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert server.stdout is not None
        port = server.stdout.readline().decode().strip()
        if not port:
            pytest.skip("no RTSP server: install gir1.2-gst-rtsp-server-1.0 and python3-gi")
        yield f"rtsp://127.0.0.1:{port}/live"
    finally:
        server.kill()
        server.communicate()


@pytest.fixture
def rtsp_address(video: Path) -> Iterator[str]:
    with _rtsp(video) as address:
        yield address
