"""`device reboot` and `device snapshot` against simulated devices of each kind; without a daemon."""

import dataclasses
import io
import os
import stat
import threading

import pytest
import typer
from PIL import Image

from devicemgr.cli.devices import maintenance, wait_online
from drivers import Catalog
from drivers.sim.dahua.console import SimulatedDahua
from drivers.sim.hikvision.server import PASSWORD, SimulatedHikvision
from drivers.sim.onvif.simulator import DOOR, SimulatedOnvif

pytestmark = pytest.mark.usefixtures("home", "quick")
WEB = ("onvif_camera", "onvif_door", "hikvision_console", "dahua_console")


@pytest.fixture
def quick(monkeypatch):
    """Devices are looked for often, and are away for longer than a look takes on a busy box."""
    monkeypatch.setattr(wait_online, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(SimulatedOnvif.reboot, "__defaults__", (1.5,))


@pytest.fixture
def parts(parts):
    """The real kinds."""
    return dataclasses.replace(parts, catalog=Catalog())


@pytest.fixture
def device(done, monkeypatch):
    """device(kind) plugs a simulated one in and adds it as `dev`."""
    plugged = []

    def add(kind):
        made, password = {
            "onvif_camera": (SimulatedOnvif, "admin"),
            "onvif_door": (lambda: SimulatedOnvif(DOOR), "admin"),
            "hikvision_console": (SimulatedHikvision, PASSWORD),
            "dahua_console": (SimulatedDahua, "admin123"),
        }[kind]
        sim = made()
        plugged.append(sim)
        sim.__enter__()
        monkeypatch.setenv("DEVICE_PASSWORD", password)
        done(
            "device",
            "add",
            "dev",
            "--driver",
            kind,
            "--address",
            sim.address,
            "--username",
            "admin",
            "--password-env",
            "DEVICE_PASSWORD",
        )
        return sim

    yield add
    for sim in plugged:
        sim.__exit__(None, None, None)


@pytest.fixture
def rows(cli):
    """rows(kind) are the details of what the record says of it."""
    return lambda kind: [event["detail"] for event in cli("events", "--kind", kind, "--json").lines]


@pytest.mark.parametrize("kind", WEB)
def test_a_device_restarts_and_its_return_is_seen(device, done, rows, kind):
    sim = device(kind)
    found = done("device", "reboot", "dev", "--yes")
    assert (found["outcome"], found["was_away"]) == ("confirmed", True)
    assert len(sim.events.all("rebooting")) == 1
    assert sim.events.wait_for("booted")["monotonic"] > sim.events.all("rebooting")[0]["monotonic"]
    assert found["firmware"]
    told = rows("admin.device_rebooted")
    assert told == [{"device": "dev", "phase": "begun"}, {"device": "dev", "phase": "ended", "outcome": "confirmed"}]


def test_a_device_that_hangs_up_before_it_answers_is_waited_for_all_the_same(device, cli, rows):
    sim = device("hikvision_console")
    answers = sim.answer

    def hang_up_on_reboot(method, target, body):
        if target.startswith("/ISAPI/System/reboot"):
            sim.terminal.faults.drop_answers = 5  # its reading threads ask at the same time
        return answers(method, target, body)

    sim.answer = hang_up_on_reboot
    ran = cli("device", "reboot", "dev", "--yes")
    assert ran.code == 0, ran.err
    assert sim.events.all("answer_dropped")
    assert "hung up before it answered" in ran.err
    assert "is back after" in ran.out
    assert rows("admin.device_rebooted")[-1]["outcome"] == "unknown"


def test_a_device_that_never_went_away_is_not_called_back(device, cli, monkeypatch):
    sim = device("dahua_console")
    monkeypatch.setattr(sim, "reboot", lambda: sim.events.add("ignored"))
    monkeypatch.setattr(wait_online, "STAYED_SECONDS", 0.5)
    ran = cli("device", "reboot", "dev", "--yes")
    assert sim.events.all("ignored")
    assert "never seen away" in ran.out


def test_a_device_that_stays_away_ends_the_wait(device, cli, monkeypatch):
    sim = device("dahua_console")
    sim.down_seconds = 60.0
    monkeypatch.setattr(maintenance, "REBOOT_SECONDS", 1.0)
    ran = cli("device", "reboot", "dev", "--yes")
    assert (ran.code, len(sim.events.all("rebooting"))) == (3, 1)
    assert "not back after 1 s; look at its power" in ran.err


def test_a_password_that_is_refused_after_the_restart_ends_the_wait(device, cli):
    sim = device("onvif_camera")

    def forget_the_password():
        sim.events.wait_for("rebooting")
        sim.state.users["admin"].password = "factory"

    watcher = threading.Thread(target=forget_the_password)
    watcher.start()
    ran = cli("device", "reboot", "dev", "--yes")
    watcher.join()
    assert ran.code == 1
    assert "password" in ran.err.splitlines()[-1]
    assert len([event for event in sim.events.all("refused") if event["operation"] == "GetDeviceInformation"]) <= 2


def test_kinds_that_cannot_be_rebooted_or_seen_say_so(done, cli):
    done("device", "add", "relay", "--driver", "relay_gate", "--address", "/dev/gate/x", "--option", "model=lcus")
    for words in (("reboot", "--yes"), ("snapshot", "x.jpg")):
        ran = cli("device", words[0], "relay", *words[1:])
        assert ran.code == 1
        assert "kind relay_gate" in ran.error
    assert "cannot be rebooted from here" in cli("device", "reboot", "relay", "--yes").error
    assert cli("device", "reboot", "nobody", "--yes").code == 1


@pytest.mark.parametrize("kind", ["onvif_camera", "hikvision_console", "dahua_console"])
def test_one_picture_in_a_file_of_its_owners(device, done, cli, rows, tmp_path, kind):
    device(kind)
    file = tmp_path / "view.jpg"
    found = done("device", "snapshot", "dev", file)
    picture = file.read_bytes()
    assert picture[:2] == b"\xff\xd8"
    assert found == {"name": "dev", "file": str(file), "bytes": len(picture)}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert rows("admin.device_snapshot_taken") == [{"device": "dev"}]
    assert [entry.name for entry in tmp_path.iterdir() if "view" in entry.name] == ["view.jpg"]
    assert picture.hex() not in str(cli("events", "--json").out)


def test_a_stream_gives_one_decoded_frame(done, tmp_path):
    from drivers.sim.camera.camera import make_video

    video = tmp_path / "v.mp4"
    make_video(video, (320, 240), 1.0, 0.0)
    done("device", "add", "cam", "--driver", "rtsp_camera", "--address", f"file:{video}")
    done("device", "snapshot", "cam", tmp_path / "one.jpg")
    with Image.open(tmp_path / "one.jpg") as picture:
        assert (picture.format, picture.size) == ("JPEG", (320, 240))


def test_a_file_that_is_there_is_not_written_over(device, cli, rows, tmp_path):
    sim = device("dahua_console")
    file = tmp_path / "mine.jpg"
    file.write_text("mine")
    ran = cli("device", "snapshot", "dev", file)
    assert ran.code == 1
    assert "--force" in ran.error
    assert file.read_text() == "mine"
    # The device was not even asked.
    assert not [event for event in sim.events.all("request") if "snapshot" in event["target"]]
    assert cli("device", "snapshot", "dev", file, "--force").code == 0
    assert file.read_bytes()[:2] == b"\xff\xd8"
    assert cli("device", "snapshot", "dev", tmp_path / "nowhere" / "x.jpg").code == 1
    assert len(rows("admin.device_snapshot_taken")) == 1


def test_a_picture_goes_to_a_pipe_and_never_to_a_terminal(device, cli, monkeypatch):
    device("dahua_console")
    heard = io.BytesIO()

    class Output(io.TextIOWrapper):
        terminal = False

        def isatty(self):
            return self.terminal

    out = Output(heard)
    monkeypatch.setattr("sys.stdout", out)
    assert cli("device", "snapshot", "dev", "-").code == 0
    assert heard.getvalue()[:2] == b"\xff\xd8"
    assert cli("device", "snapshot", "dev", "-", "--json").code == 2
    Output.terminal = True
    heard.seek(0)
    heard.truncate()
    assert cli("device", "snapshot", "dev", "-").code == 1
    assert heard.getvalue() == b""


def test_an_answer_that_is_no_picture_is_refused(device, cli, rows, tmp_path, monkeypatch):
    device("hikvision_console")
    monkeypatch.setattr("drivers.sim.hikvision.pages.PICTURE", b"\xff\xd8 half")
    ran = cli("device", "snapshot", "dev", tmp_path / "x.jpg")
    assert ran.code == 3
    assert "no JPEG" in ran.error
    assert not os.path.exists(tmp_path / "x.jpg")
    assert rows("admin.device_snapshot_taken") == []


def test_whoever_is_asked_is_told_which_portals_stand_still(device, done, cli, monkeypatch):
    sim = device("onvif_door")
    done("portal", "add", "main", "--gate", "dev:2", "--entry", "dev")
    asked = []

    def no(question, **_):
        asked.append(question)
        raise typer.Abort

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("typer.confirm", no)
    assert cli("device", "reboot", "dev").code == 1
    assert asked == ["Restart dev? main will not work until it is back, a minute or two."]
    assert sim.events.all("rebooting") == []
