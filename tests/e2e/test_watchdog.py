"""A real daemon whose dispatcher, ledger writer or gate path stands still: systemd hears no more that it lives."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

# Each part's thread stays inside here while the file of its name exists, and says so.
FAULTS = """
import os, time
from devicemgr.access import pipeline as access
from devicemgr.daemon import dispatcher, service as daemon
from devicemgr.devices import supervisor
from devicemgr.ledger import writer as ledger
daemon._STALLED_S = 2.0

def held(name, real):
    def call(*given, **more):
        while os.path.exists(os.path.join({folder!r}, "stick-" + name)):
            open(os.path.join({folder!r}, "stuck-" + name), "a").close()
            time.sleep(0.05)
        return real(*given, **more)
    return call

dispatcher.Dispatcher._handle = held("dispatcher", dispatcher.Dispatcher._handle)
ledger.Ledger._write = held("ledger", ledger.Ledger._write)
supervisor.DeviceWorker.watch = held("gates", supervisor.DeviceWorker.watch)
"""


class Systemd:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(0.1)
        self.heard: list[str] = []

    def listen(self, seconds: float) -> list[str]:
        """What comes within that time."""
        found: list[str] = []
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                found.append(self._socket.recv(100).decode())
            except TimeoutError:
                continue
        self.heard += found
        return found

    def wait_for(self, word: str, seconds: float = 30.0) -> None:
        until = time.monotonic() + seconds
        while word not in self.listen(0.2):
            assert time.monotonic() < until, f"{word} never came"

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    found = Systemd(tmp_path / "notify")
    yield found
    found.close()


def test_the_watchdog_is_fed_only_while_dispatcher_ledger_and_gate_path_go_on(
    box: Any, turnstile: Any, systemd: Systemd, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(FAULTS.format(folder=str(tmp_path)))
    box.cli("device", "add", "arm", "--driver", "modbus_gate", "--address", turnstile.path, "--option", "profile=lot")
    box.environment |= {"NOTIFY_SOCKET": str(tmp_path / "notify"), "PYTHONPATH": str(tmp_path)}
    box.start()
    systemd.wait_for("READY=1")
    systemd.wait_for("WATCHDOG=1")
    for part in ("dispatcher", "ledger", "gates"):
        stick = tmp_path / f"stick-{part}"
        stick.touch()
        _until(lambda part=part: f"no progress in {part}:" in box.log(), f"{part} stands still")
        assert (tmp_path / f"stuck-{part}").exists(), "the fault has happened"
        systemd.listen(0.5)  # what was said before
        assert systemd.listen(2.5) == [], part
        stick.unlink()
        systemd.wait_for("WATCHDOG=1")
    assert os.path.exists(box.home.socket)
    assert box.stop() == 0
    assert "STOPPING=1" in systemd.heard + systemd.listen(0.5)


def _until(condition: Any, what: str) -> None:
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.1)
