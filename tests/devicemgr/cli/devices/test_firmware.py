"""`device firmware` against simulated devices: sent, installed, back, and its version read; without a daemon."""

import dataclasses
import hashlib
import os

import pytest

from devicemgr.api.routes.devices import firmware
from devicemgr.cli.devices import firmware as client_firmware
from drivers import Catalog
from drivers.hikvision_console import firmware as _hik_firmware
from drivers.sim.dahua.console import SimulatedDahua
from drivers.sim.hikvision.server import PASSWORD, SimulatedHikvision
from drivers.sim.onvif.simulator import SimulatedOnvif

pytestmark = pytest.mark.usefixtures("home", "quick")
NEW = b"SIMULATED V9.9.9\n" + bytes(range(256)) * 700


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(firmware, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(firmware, "STAYED_SECONDS", 0.5)
    monkeypatch.setattr(client_firmware, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(_hik_firmware, "LOOK_S", 0.02)


@pytest.fixture
def parts(parts):
    """The real kinds."""
    return dataclasses.replace(parts, catalog=Catalog())


@pytest.fixture
def add(done, monkeypatch):
    """add(kind, sim, password) adds it as `dev`."""

    def make(kind, sim, password):
        monkeypatch.setenv("DEVICE_PASSWORD", password)
        secret = ("--username", "admin", "--password-env", "DEVICE_PASSWORD")
        done("device", "add", "dev", "--driver", kind, "--address", sim.address, *secret)

    return make


@pytest.fixture
def camera(add):
    with SimulatedOnvif() as sim:
        add("onvif_camera", sim, "admin")
        yield sim


@pytest.fixture
def console(add):
    with SimulatedHikvision() as sim:
        add("hikvision_console", sim, PASSWORD)
        yield sim


@pytest.fixture
def file(tmp_path):
    made = tmp_path / "new.bin"
    made.write_bytes(NEW)
    return made


@pytest.fixture
def rows(cli):
    return lambda: [event["detail"] for event in cli("events", "--kind", "admin.device_firmware", "--json").lines]


def leftovers(home):
    return [entry.name for entry in home.path.iterdir() if entry.name.startswith(".firmware")]


def check_installed(ran, rows, home, before, after):
    digest = hashlib.sha256(NEW).hexdigest()
    assert ran.code == 0, ran.err
    assert (ran.json["before"], ran.json["after"], ran.json["phase"]) == (before, after, "done")
    assert (ran.json["bytes"], ran.json["sha256"]) == (len(NEW), digest)
    assert digest in ran.err
    assert rows() == [
        {"device": "dev", "phase": "begun", "bytes": len(NEW), "sha256": digest, "firmware": before},
        {"device": "dev", "phase": "ended", "outcome": "installed", "sha256": digest, "firmware": after},
    ]
    assert leftovers(home) == []


def test_onvif(camera, cli, rows, home, file):
    left = home.path / ".firmware-left"
    left.touch()
    os.utime(left, (0, 0))
    ran = cli("device", "firmware", "dev", file, "--json", "--yes")
    check_installed(ran, rows, home, "1.0.0", "V9.9.9")
    assert camera.events.all("firmware")[0]["bytes"] == len(NEW)
    assert len(camera.events.all("firmware")) == 1
    assert len(camera.events.all("rebooting")) == 1


def test_hikvision(console, cli, rows, home, file):
    ran = cli("device", "firmware", "dev", file, "--json", "--yes")
    check_installed(ran, rows, home, "V3.2.30 build 260101", "V9.9.9 build 260101")
    assert [event["bytes"] for event in console.events.all("firmware")] == [len(NEW)]
    asked = [event["path"] for event in console.events.all("request")]
    assert asked.index("/ISAPI/System/updateFirmware") < asked.index("/ISAPI/System/upgradeStatus")
    assert asked.index("/ISAPI/System/upgradeStatus") < asked.index("/ISAPI/System/reboot")


@pytest.mark.parametrize(("device", "says"), [("camera", "is no firmware for it"), ("console", "console")])
def test_a_file_that_the_device_will_not_have(device, says, request, cli, rows, home, tmp_path):
    sim = request.getfixturevalue(device)
    wrong = tmp_path / "wrong.bin"
    wrong.write_bytes(b"for another model" * 10)
    ran = cli("device", "firmware", "dev", wrong, "--yes")
    assert ran.code == 1
    assert says in ran.err.splitlines()[-1]
    assert sim.events.all("rebooting") == []
    assert (rows()[-1]["outcome"], len(rows())) == ("failed", 2)
    assert leftovers(home) == []


def test_an_answer_that_is_lost_is_no_failure_when_the_new_version_comes_back(camera, cli, file):
    camera.faults.drop_answers, camera.faults.only = True, "upload"
    ran = cli("device", "firmware", "dev", file, "--json", "--yes")
    assert "drop_answers" in [event["fault"] for event in camera.events.all("injected")]
    assert (ran.code, ran.json["after"]) == (0, "V9.9.9")
    assert len(camera.events.all("firmware")) == 1  # sent once


def test_the_version_of_before_is_told_and_exit_4(camera, cli, rows, tmp_path):
    same = tmp_path / "same.bin"
    same.write_bytes(b"SIMULATED 1.0.0\n")
    ran = cli("device", "firmware", "dev", same, "--yes")
    assert ran.code == 4
    assert "firmware is still 1.0.0" in ran.out
    assert rows()[-1]["outcome"] == "unchanged"


def test_kinds_and_devices_without_it_say_so(camera, cli, done, file, monkeypatch):
    camera.state.takes_firmware = False
    ran = cli("device", "firmware", "dev", file, "--yes")
    assert ran.code == 1
    assert "takes no firmware by ONVIF" in ran.err.splitlines()[-1]
    with SimulatedDahua() as sim:
        monkeypatch.setenv("OTHER", "admin123")
        secret = ("--username", "admin", "--password-env", "OTHER")
        done("device", "add", "face", "--driver", "dahua_console", "--address", sim.address, *secret)
        ran = cli("device", "firmware", "face", file, "--yes")
        assert ran.code == 1
        assert "kind dahua_console takes no firmware from here" in ran.err.splitlines()[-1]


def test_files_that_can_not_be(camera, cli, rows, tmp_path, monkeypatch):
    empty = tmp_path / "empty.bin"
    empty.touch()
    assert "is empty" in cli("device", "firmware", "dev", empty, "--yes").error
    assert "there is no file" in cli("device", "firmware", "dev", tmp_path / "none", "--yes").error
    assert "there is no file" in cli("device", "firmware", "dev", tmp_path, "--yes").error
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(5000))
    monkeypatch.setattr(client_firmware, "MOST_BYTES", 4096)
    assert "larger than" in cli("device", "firmware", "dev", large, "--yes").error
    assert rows() == []
    assert camera.events.all("request") == []


def test_a_file_that_arrives_spoilt_is_not_sent_on(camera, cli, home, file, monkeypatch):
    monkeypatch.setattr(client_firmware, "_measured", lambda opened: (len(NEW), "0" * 64))
    ran = cli("device", "firmware", "dev", file, "--yes")
    assert ran.code == 1
    assert "did not arrive as it was sent" in ran.err.splitlines()[-1]
    assert camera.events.all("firmware") == []
    assert leftovers(home) == []
