"""`device inventory`: who the devices say they are, and whose firmware has known vulnerabilities."""

import dataclasses

import pytest

from devicemgr.provisioning.firmware_advisories import FILE
from drivers import Catalog
from drivers.sim.dahua.console import SimulatedDahua
from drivers.sim.onvif.simulator import SimulatedOnvif

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def parts(parts):
    """The real kinds."""
    return dataclasses.replace(parts, catalog=Catalog())


@pytest.fixture
def camera(done, monkeypatch):
    monkeypatch.setenv("DEVICE_PASSWORD", "admin")
    with SimulatedOnvif() as sim:
        sim.state.manufacturer, sim.state.model, sim.state.serial = "HIKVISION", "DS-2CD2346G2-IU", "S1"
        sim.state.firmware = "V5.5.800 build 210628"
        secret = ("--username", "admin", "--password-env", "DEVICE_PASSWORD")
        done("device", "add", "cam", "--driver", "onvif_camera", "--address", sim.address, *secret)
        yield sim


def test_each_device_is_a_row_also_one_that_does_not_answer(camera, cli, done, monkeypatch):
    monkeypatch.setenv("CONSOLE_PASSWORD", "admin123")
    secret = ("--username", "admin", "--password-env", "CONSOLE_PASSWORD")
    with SimulatedDahua() as console:
        done("device", "add", "face", "--driver", "dahua_console", "--address", console.address, *secret)
        done("device", "add", "gone", "--driver", "relay_gate", "--address", "/dev/gate/x", "--option", "model=lcus")
        ran = cli("device", "inventory", "--json")
    assert ran.code == 0, ran.err
    rows = {row["name"]: row for row in ran.json}
    assert list(rows) == ["cam", "face", "gone"]
    told = ("kind", "manufacturer", "model", "firmware", "serial", "vulnerable", "error")
    assert [rows["cam"][field] for field in told] == [
        "onvif_camera",
        "HIKVISION",
        "DS-2CD2346G2-IU",
        "V5.5.800 build 210628",
        "S1",
        [],
        None,
    ]
    assert rows["face"]["firmware"] == "1.000.0000000.9.R,build:2024-03-01"
    assert rows["cam"]["read_at"].endswith("Z")
    assert (rows["gone"]["model"], rows["gone"]["read_at"]) == (None, None)
    assert "/dev/gate/x" in rows["gone"]["error"]


def test_known_holes_are_named_with_what_they_are_and_exit_4(camera, cli):
    camera.state.firmware = "V5.5.800 build 210401"
    ran = cli("device", "inventory")
    assert ran.code == 4
    assert "vulnerable (CVE-2021-36260)" in ran.out
    assert "CVE-2021-36260: anyone who reaches its web page can run commands" in ran.out
    assert "just now" in ran.out
    camera.state.firmware = "V5.5.800"
    ran = cli("device", "inventory")
    assert (ran.code, "perhaps (CVE-2021-36260)" in ran.out) == (0, True)


def test_a_bad_list_in_the_home_is_one_line(camera, cli, home):
    (home.path / FILE).write_text("[[vulnerable]]\ncve = 1\n")
    ran = cli("device", "inventory")
    assert ran.code == 1
    assert f"{home.path / FILE}: vulnerable.0.cve" in ran.err.splitlines()[-1]


def test_no_devices_yet(cli, done):
    assert done("device", "inventory") == []
    assert "device add" in cli("device", "inventory").out
