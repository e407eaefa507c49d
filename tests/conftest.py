"""A site in a temporary home for the tests of store, API and command: real database and gallery, fakes at the edges."""

import dataclasses
import inspect
import ipaddress
import json
import logging
import os
import shutil
import signal
import socket
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel, ConfigDict

from devicemgr.cli import app as frame
from devicemgr.cli.context import Session
from devicemgr.domain.model import Capability, DeviceInfo
from devicemgr.domain.ports.device import Delivery
from devicemgr.domain.ports.driver import Driver
from devicemgr.domain.ports.recognition import Box, FaceCrop, PhotoAnalysis
from devicemgr.errors import DeviceRefused, DeviceUnreachable, NotFound
from devicemgr.home import Home
from devicemgr.site import site as sites
from enrollment.matching.gallery import build_gallery
from enrollment.models.encoder import MODEL
from enrollment.workers.service import FaceService

ROOT = Path(__file__).resolve().parents[1]
CONTRACT = {ROOT / "tests" / "contract" / name for name in ("test_driver.py", "test_rules.py")}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that hold one installed driver to the contract (docs/driver-guide.md)."""
    group = parser.getgroup("devicemgr", "one driver against the contract")
    group.addoption("--driver", metavar="KIND", help="run the driver contract alone, on this installed kind")
    group.addoption("--driver-address", metavar="ADDRESS", help="an address in the driver's form where nothing answers")
    group.addoption("--driver-option", metavar="NAME=VALUE", action="append", default=[], help="a required option")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out all but the contract when --driver names a kind."""
    alone = config.getoption("--driver") and collection_path.is_file() and collection_path.suffix == ".py"
    return True if alone and collection_path not in CONTRACT else None


@pytest.fixture(scope="session", autouse=True)
def only_loopback() -> Iterator[None]:
    """No test talks to another machine, not even to a name server."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _held(getattr(socket.socket, name)))
        yield


def _held(real: Callable[..., Any]) -> Callable[..., Any]:
    def connect(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_here(str(address[0])):
            raise AssertionError(f"a test connects to {address}")
        return real(self, address)

    return connect


def _is_here(host: str) -> bool:
    return host == "localhost" or ipaddress.ip_address(host).is_loopback


@pytest.fixture(autouse=True)
def log_handlers() -> Iterator[None]:
    """A daemon that a test runs in this process sets up its log; its handlers end with the test."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    for handler in root.handlers[:]:
        if handler not in before:
            root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture(scope="session", autouse=True)
def one_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The face network is converted once for all workers and what they start, and not into the user's own cache."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "cache"
    folder.mkdir(mode=0o700, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEVICEMGR_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session", autouse=True)
def small_spill() -> Iterator[None]:
    """Hundreds of homes with 64 MB each would be much; daemons in processes of their own have the whole of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("devicemgr.ledger.spill_file.SIZE", 4 * 1024 * 1024)
        yield


class FakeAnalyzer:
    """Reads what a photo says: b"face:WHO:N" shows WHO, "lookalike:WHO" WHO's twin, "bad:reason,reason" is unfit."""

    model = MODEL

    def analyze(self, photo: bytes, *, keep: bool = False) -> PhotoAnalysis:
        what, _, rest = photo.decode("utf-8", "replace").partition(":")
        if what == "bad":
            return PhotoAnalysis(tuple(rest.split(",")))
        if what != "face":
            return PhotoAnalysis(("unreadable_image",))
        who, _, number = rest.partition(":")
        vector = _noise(who) + 0.1 * _noise(f"{who}|{number}")
        unit = (vector / np.linalg.norm(vector)).astype(np.float32)
        crop = FaceCrop(b"crop:" + photo, Box(10, 110, 110, 10)) if keep else None
        return PhotoAnalysis((), Box(10, 110, 110, 10), 100, 3.5, 0.5, 1.0, -2.0, 0.5, unit, crop)

    def glance(self, photo: bytes) -> PhotoAnalysis:
        return self.analyze(photo)

    def embed(self, crop: FaceCrop) -> Any:
        return self.analyze(crop.jpeg.removeprefix(b"crop:")).embedding


def _noise(text: str) -> np.ndarray:
    return np.random.default_rng(zlib.crc32(text.encode())).normal(size=128)


class FakeOptions(BaseModel):
    """One option of each type that a driver may want."""

    model_config = ConfigDict(extra="forbid")
    unit: int = 1
    speed: float = 1.0
    inverted: bool = False
    label: str = ""
    pulse: float | None = None
    relays: list[int] = []


class FakeDevice:
    """A gate and camera in one; `log` is what it was told; an address that ends in a word misbehaves that way."""

    poll_interval = 1.0
    senses_passage = False

    def __init__(self, config: Any, log: list[tuple[Any, ...]]) -> None:
        self._config = config
        self._log = log

    def open(self) -> DeviceInfo:
        if self._config.address.endswith("gone"):
            raise DeviceUnreachable("no answer from the gate; check its cable")
        if self._config.address.endswith("refused"):
            raise DeviceRefused("the password is wrong; give another with --password-stdin")
        self._log.append(("open", self._config.name, self._config.password))
        return DeviceInfo()

    def poll(self) -> list[Any]:
        return []

    def check(self) -> dict[str, Any]:
        return {"unit": self._config.options.get("unit", 1), "says": "\x1b[31mred\x1b[0m"}

    def release(self, channel: int, direction: Any, seconds: float) -> Delivery:
        self._log.append(("release", channel, str(direction), seconds))
        return Delivery.CONFIRMED

    def set_mode(self, channel: int, mode: Any) -> Delivery:
        self._log.append(("mode", channel, str(mode)))
        return Delivery.CONFIRMED

    def close(self) -> None:
        self._log.append(("close",))


class FakeCatalog:
    """Kinds fake_gate and fake_camera, beside the real ones, which are loaded only when asked for."""

    def __init__(self, log: list[tuple[Any, ...]]) -> None:
        self._log = log

    def kinds(self) -> list[str]:
        return ["fake_camera", "fake_gate"]

    def get(self, kind: str) -> Driver:
        if kind == "modbus_gate":
            from drivers import Catalog

            return Catalog().get(kind)
        if kind not in self.kinds():
            raise NotFound(f"no driver kind '{kind}'; `devicemgr device drivers` lists them")
        able = Capability.GATE if kind == "fake_gate" else Capability.CAMERA
        build = lambda config: FakeDevice(config, self._log)  # noqa: E731
        return Driver(kind, f"A fake {able}", frozenset({able}), FakeOptions, build)


@dataclasses.dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on standard output."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """A document a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self) -> str:
        """The one line on standard error."""
        (line,) = self.err.splitlines()
        assert line.startswith("error: ")
        return line


@pytest.fixture
def gate_log() -> list[tuple[Any, ...]]:
    """What fake devices were told, in order."""
    return []


@pytest.fixture
def parts(gate_log: list[tuple[Any, ...]]) -> sites.Parts:
    return sites.Parts(
        catalog=FakeCatalog(gate_log),
        faces=FaceService(FakeAnalyzer()),
        build_gallery=build_gallery,
        model=MODEL,
        encoder="none:none",
        opener="none:none",
        udev_template=ROOT / "udev" / "70-devicemgr.rules.in",
    )


@pytest.fixture(scope="session")
def _fresh_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrated once; each test gets a copy."""
    found = Home(tmp_path_factory.mktemp("fresh") / "home")
    sites.initialize(found)
    return found.path


@pytest.fixture
def home(tmp_path: Path, _fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An initialized home, which DEVICEMGR_HOME names."""
    found = Home(shutil.copytree(_fresh_home, tmp_path / "home"))
    monkeypatch.setenv("DEVICEMGR_HOME", str(found.path))
    return found


@pytest.fixture
def site(home: Home, parts: sites.Parts) -> Iterator[sites.Site]:
    opened = sites.open_site(home, parts)
    yield opened
    opened.close()


@pytest.fixture
def cli(parts: sites.Parts, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """cli("person", "list") runs the command in this process."""
    monkeypatch.delenv("COLUMNS", raising=False)  # pytest-xdist sets it for its workers
    from cli import app

    # Whatever else the composition root hands over is not for these tests.
    loaders: dict[str, Any] = {name: None for name in inspect.signature(Session).parameters if name.startswith("load_")}

    def run(*arguments: str | Path) -> Ran:
        capsys.readouterr()
        session = Session(**loaders | {"load_parts": lambda: parts})
        code = frame.run(app, session, [str(argument) for argument in arguments])
        return Ran(code, *capsys.readouterr())

    return run


@pytest.fixture
def done(cli: Callable[..., Ran]) -> Callable[..., Any]:
    """done("person", "list") gives the JSON of a command that must succeed."""

    def run(*arguments: str | Path) -> Any:
        ran = cli(*arguments, "--json")
        assert ran.code == 0, ran.err
        return ran.json

    return run


@pytest.fixture
def agreed(home: Home, cli: Callable[..., Ran], done: Callable[..., Any]) -> Callable[..., Any]:
    """agreed("apply", file) is `done` for a command that may need a second admin: one agrees, and it runs again."""

    def run(*arguments: str | Path) -> Any:
        ran = cli(*arguments, "--json")
        if ran.code == 0:
            return ran.json
        with sqlite3.connect(home.database) as raw:
            raw.execute("UPDATE approvals SET approved_by = 'operator:second' WHERE used IS NULL")
        raw.close()
        return done(*arguments)

    return run


@pytest.fixture
def photo(tmp_path: Path) -> Callable[[str, str], Path]:
    """photo("a.jpg", "face:aigul:1") makes a file that the fake analyzer reads."""

    def make(name: str, says: str) -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(says)
        return file

    return make


@pytest.fixture
def entrance(home: Home, done: Callable[..., Any]) -> None:
    """A portal `main` with gate and camera, and a level `staff` that covers it."""
    done("device", "add", "gate-1", "--driver", "fake_gate", "--address", "/dev/gate/a")
    done("device", "add", "cam-in", "--driver", "fake_camera", "--address", "rtsp://192.0.2.1/x")
    done("portal", "add", "main", "--gate", "gate-1:2", "--entry", "cam-in")
    done("level", "add", "staff", "--portal", "main")


def pytest_configure() -> None:
    """A shell's background job ignores Ctrl-C, and so would every command that the tests start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _at_most(item: pytest.Item) -> float:
    mark = item.get_closest_marker("timeout")
    return float(mark.args[0]) if mark else 120.0


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long fault runs are for `make faults`; what may last longest starts first, so that it is not alone at the end."""
    items.sort(key=_at_most, reverse=True)
    if "faults" not in (config.option.markexpr or ""):
        for item in items:
            if "faults" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="long; `make faults` runs it"))
