"""`device discover` as a technician uses it, over the socket and in process."""

import dataclasses

import pytest

from devicemgr.domain.ports.driver import Found
from devicemgr.provisioning import discovery

SEEN = [
    Found("fake_camera", "http://192.0.2.1", "Model [red]X", note="known one"),
    Found("fake_camera", "http://192.0.2.7", "Y", "S7", "door"),
]


class Asked(list):
    """The calls, and what they find."""

    def __init__(self):
        super().__init__()
        self.answer = SEEN.copy()


@pytest.fixture
def asked(parts, monkeypatch):
    """What the fake camera's `discover` was asked; it finds SEEN."""
    calls = Asked()
    monkeypatch.setattr(discovery, "usb_serial_ports", lambda: [])
    real = parts.catalog.get

    def get(kind):
        driver = real(kind)
        if kind != "fake_camera":
            return driver
        return dataclasses.replace(driver, discover=lambda *given: (calls.append(given), calls.answer)[1])

    monkeypatch.setattr(parts.catalog, "get", get)
    return calls


@pytest.fixture(params=["in process", "by the daemon"])
def way(request):
    if request.param == "by the daemon":
        request.getfixturevalue("server")


@pytest.fixture
def server(app, home):
    from devicemgr.api.server import ApiServer

    running = ApiServer(app, home.socket)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def app(site):
    import os

    from devicemgr.api.app import create_app
    from devicemgr.api.context import Context
    from devicemgr.daemon.offline_runtime import DirectRuntime

    return create_app(Context(site, DirectRuntime(site), os.getuid()))


def test_what_is_found_known_and_how_to_add(home, done, cli, asked, way):
    done("device", "add", "cam", "--driver", "fake_camera", "--address", "rtsp://192.0.2.1/a")
    known, new = done("device", "discover", "--seconds", "0.3", "--host", "192.0.2.0/30")
    assert (known["known"], known["add"]) == ("cam", None)
    assert (new["known"], new["add"]) == (
        None,
        "devicemgr device add NAME --driver fake_camera --address http://192.0.2.7",
    )
    assert asked == [(0.3, ("192.0.2.1", "192.0.2.2"))]
    ran = cli("device", "discover", "--kind", "fake_camera")
    assert ran.code == 0
    assert "Model [red]X" in ran.out
    assert "devicemgr device add NAME --driver fake_camera --address http://192.0.2.7" in ran.out.splitlines()


def test_nothing_found_is_no_failure_and_says_what_to_check(home, cli, asked, monkeypatch):
    asked.answer.clear()
    ran = cli("device", "discover")
    assert ran.code == 0
    assert "check that devices have power" in ran.out
    assert cli("device", "discover", "--json").json == []


def test_what_cannot_be_asked(home, cli, asked):
    assert "these can: fake_camera, serial" in cli("device", "discover", "--kind", "fake_gate").err
    ran = cli("device", "discover", "--host", "10.0.0.0/8")
    assert ran.code != 0
    assert "1024" in ran.err
    assert cli("device", "discover", "--seconds", "61").code == 2
    assert asked == []


def test_a_bar_goes_away_with_what_failed_under_it(home, cli, asked):
    assert "1024" in cli("device", "discover", "--host", "10.0.0.0/8").error
