"""A port that appears, under whatever number, is tried at once: by a described bus that sends real udev events."""

import json
import queue
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devicemgr.devices import backoff
from devicemgr.devices.supervisor import DeviceState, Listener, Supervisor
from devicemgr.domain.model import DeviceConfig
from devicemgr.errors import DeviceUnreachable
from devicemgr.udev.hotplug import Hotplug

ROOT = Path(__file__).parents[3]
SYSTEM_PYTHON = "/usr/bin/python3"

# The bus, played by the system's Python; it forwards what our own says about its device.
BUS = """
import gi, os, subprocess, sys
gi.require_version("UMockdev", "1.0")
from gi.repository import UMockdev

present, ours, ours_code = sys.argv[1:]
bed = UMockdev.Testbed.new()
child = subprocess.Popen([ours, "-c", ours_code, present], stdout=subprocess.PIPE, text=True)

def heard(word):
    line = child.stdout.readline()
    print(line, end="", flush=True)
    assert word in line, (word, line)

def plug(name):
    open(present, "w").close()
    links = ["DEVNAME", "/dev/" + name, "DEVLINKS", "/dev/serial/by-id/x /dev/gate/arm", "MAJOR", "188", "MINOR", "0"]
    path = bed.add_device("tty", name, None, [], links)
    bed.uevent(path, "add")
    return path

def unplug(path):
    os.unlink(present)
    bed.uevent(path, "remove")
    bed.remove_device(path)

heard("offline")
first = plug("ttyUSB0")
heard("online")
unplug(first)
heard("offline")
second = plug("ttyUSB1")
heard("online")
unplug(second)
heard("offline")
child.kill()
"""

# Our side: a device that is there when the file is, and nothing but a hint that could bring it back in time.
OURS = """
import json, os, sys, threading
from devicemgr.devices import backoff as restarts
from devicemgr.errors import DeviceUnreachable
from devicemgr.udev.hotplug import Hotplug
from devicemgr.domain.model import Capability, DeviceConfig, DeviceInfo
from devicemgr.domain.ports.driver import Driver
from devicemgr.devices.supervisor import Listener, Supervisor

restarts.FIRST_S = restarts.LAST_S = 600.0

class Gate:
    poll_interval = 0.02
    def open(self):
        self.poll()
        return DeviceInfo()
    def poll(self):
        if not os.path.exists(sys.argv[1]):
            raise DeviceUnreachable("no serial port /dev/gate/arm")
        return []
    def close(self):
        pass

class Catalog:
    def get(self, kind):
        return Driver(kind, "A gate", frozenset({Capability.GATE}), None, lambda config: Gate())

def tell(state):
    print(json.dumps(str(state.health)), flush=True)

supervisor = Supervisor(Catalog(), Listener(lambda *_: None, tell))
hotplug = Hotplug(supervisor.hint)
hotplug.start()
assert hotplug.listening.wait(20)
supervisor.set_devices([DeviceConfig("1", "arm", "gate", "serial:/dev/gate/arm?baudrate=9600")])
threading.Event().wait(60)
"""


def _missing() -> str | None:
    tools = [tool for tool in ("umockdev-wrapper", SYSTEM_PYTHON) if shutil.which(tool) is None]
    look = 'import gi; gi.require_version("UMockdev", "1.0"); from gi.repository import UMockdev'
    if tools or subprocess.run([SYSTEM_PYTHON, "-c", look], check=False, capture_output=True).returncode:
        return "umockdev or its bindings are missing: apt-get install umockdev gir1.2-umockdev-1.0 python3-gi"
    return None


def test_a_port_that_returns_under_another_number_is_tried_at_once(tmp_path: Path) -> None:
    if missing := _missing():
        pytest.skip(missing)
    ran = subprocess.run(
        ["umockdev-wrapper", SYSTEM_PYTHON, "-c", BUS, str(tmp_path / "present"), sys.executable, OURS],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert [json.loads(line) for line in ran.stdout.splitlines()] == ["offline", *(["online", "offline"] * 2)], (
        ran.stderr
    )
    assert ran.returncode == 0, ran.stderr


@pytest.fixture
def waiting(catalog: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Supervisor, Any]]:
    """A supervisor whose back-off outlasts the test, and its states."""
    for name in ("FIRST_S", "LAST_S"):
        monkeypatch.setattr(backoff, name, 600.0)
    states: queue.Queue[DeviceState] = queue.Queue()
    catalog.gate.open_error = DeviceUnreachable("no port")
    found = Supervisor(catalog, Listener(lambda *_: None, states.put))
    yield found, states
    found.stop()


@pytest.mark.parametrize("address", ["{0}", "serial:{0}", "serial:{0}?baudrate=9600&parity=N"])
def test_a_hint_wakes_whoever_waits_for_that_path(waiting: Any, catalog: Any, tmp_path: Path, address: str) -> None:
    supervisor, states = waiting
    node, link = tmp_path / "ttyUSB0", tmp_path / "arm"
    node.touch()
    link.symlink_to(node)
    for name, path in (("arm", link), ("other", tmp_path / "other")):
        supervisor.set_devices([DeviceConfig("1", name, "fake_gate", address.format(path))])
        assert str(states.get(timeout=10).health) == "offline"
        catalog.gate.open_error = None
        # Named by what the link leads to, or by itself.
        supervisor.hint({str(node) if name == "arm" else str(path), "/dev/ttyS9"})
        assert str(states.get(timeout=10).health) == "online"
        catalog.gate.open_error = DeviceUnreachable("no port")


def test_a_hint_for_another_path_wakes_nobody(waiting: Any, catalog: Any) -> None:
    supervisor, states = waiting
    configs = [
        DeviceConfig("1", "arm", "fake_gate", "/dev/gate/arm"),
        DeviceConfig("2", "ip", "fake_gate", "tcp://h:1"),
    ]
    supervisor.set_devices(configs)
    assert {str(states.get(timeout=10).health) for _ in configs} == {"offline"}
    before = tries(catalog)
    supervisor.hint({"/dev/gate/armada", "/dev/ttyUSB0", "tcp://h:1"})
    # A command is answered by a worker that still waits, after the hint would have been read.
    for name in ("arm", "ip"):
        with pytest.raises(DeviceUnreachable, match="no port"):
            supervisor.call(name, lambda gate: gate.check(), 10)
    assert tries(catalog) == before


def tries(catalog: Any) -> int:
    """How often the gate was let go of, which follows each try."""
    return int(catalog.gate.closed._value)


def test_without_libudev_there_are_no_hints_and_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyudev", None)
    hotplug = Hotplug(lambda _: None)
    hotplug.start()
    hotplug._thread.join(10)
    assert not hotplug._thread.is_alive()
    assert not hotplug.listening.is_set()
