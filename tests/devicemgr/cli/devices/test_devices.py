"""`device …` and `portal …` as a technician and a guard use them."""

import io
import json
import sqlite3

import pytest

SECRET = "corr3ct-horse"


@pytest.fixture
def camera(home, cli, monkeypatch):
    monkeypatch.setenv("CAMERA_PASSWORD", SECRET)
    ran = cli(
        "device",
        "add",
        "cam",
        "--driver",
        "fake_camera",
        "--address",
        "rtsp://192.0.2.1/a",
        "--username",
        "viewer",
        "--password-env",
        "CAMERA_PASSWORD",
        "--json",
    )
    assert ran.code == 0
    return ran


def test_a_password_is_stored_and_never_shown(camera, cli, home, gate_log):
    assert camera.json["has_password"] is True
    assert cli("device", "test", "cam").code == 0
    assert ("open", "cam", SECRET) in gate_log
    for line in (
        "device show cam",
        "device show cam --json",
        "device list --json",
        "events --json",
        "status --json",
        "device edit cam --address rtsp://192.0.2.2/a --json",
        "doctor --json",
    ):
        ran = cli(*line.split())
        assert SECRET not in ran.out + ran.err + camera.out + camera.err
    database = sqlite3.connect(home.database)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    assert SECRET.encode() not in home.database.read_bytes()


def test_a_password_from_standard_input(home, cli, monkeypatch, gate_log):
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{SECRET}\r\nmore\n"))
    add = ("device", "add", "cam", "--driver", "fake_camera", "--address", "rtsp://192.0.2.1/a", "--password-stdin")
    assert cli(*add).code == 0
    cli("device", "test", "cam")
    assert gate_log[0] == ("open", "cam", SECRET)


def test_passwords_that_are_not_there(home, cli, monkeypatch, done):
    add = ("device", "add", "cam", "--driver", "fake_camera", "--address", "rtsp://192.0.2.1/a")
    monkeypatch.delenv("ABSENT", raising=False)
    assert "ABSENT is not set" in cli(*add, "--password-env", "ABSENT").error
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert "held no password" in cli(*add, "--password-stdin").error
    assert cli(*add, "--password-stdin", "--password-env", "ABSENT").code == 2
    assert cli(*add, "--password", SECRET).code == 2
    assert cli("device", "add", "cam", "--driver", "fake_camera", "--address", "rtsp://u:p@192.0.2.1/a").code == 1
    assert done("device", "list") == []


def test_options_become_what_the_driver_wants(home, done, cli):
    given = ("unit=7", "speed=0.25", "inverted=true", "label=007", "pulse=2", "relays=[1, 2]")
    options = [part for text in given for part in ("--option", text)]
    found = done("device", "add", "gate", "--driver", "fake_gate", "--address", "/dev/x", *options)
    assert found["options"] == {
        "unit": 7,
        "speed": 0.25,
        "inverted": True,
        "label": "007",
        "pulse": 2.0,
        "relays": [1, 2],
    }
    changed = done("device", "edit", "gate", "--option", "pulse=", "--option", "unit=8")
    assert (changed["options"]["unit"], "pulse" in changed["options"]) == (8, False)


def test_options_of_a_real_driver(home, done, cli):
    found = done(
        "device",
        "add",
        "gate",
        "--driver",
        "modbus_gate",
        "--address",
        "tcp://192.0.2.1:4001",
        "--option",
        "profile=relay",
        "--option",
        "unit=255",
        "--option",
        "pulse_seconds=0.5",
        "--option",
        "inputs_inverted=false",
    )
    assert found["options"] == {"profile": "relay", "unit": 255, "pulse_seconds": 0.5, "inputs_inverted": False}
    ran = cli("device", "edit", "gate", "--option", "unit=many")
    assert ran.code == 1
    assert "option unit" in ran.error


def test_a_misspelt_option_is_named_before_the_one_that_is_missing(home, cli):
    add = ("device", "add", "gate", "--driver", "modbus_gate", "--address", "/dev/x")
    assert cli(*add, "--option", "profil=lot").error.startswith("error: there is no option profil; options of modbus")
    assert "option profile must be given" in cli(*add).error


@pytest.mark.parametrize(
    ("option", "code", "words"),
    [("unit", 2, ""), ("unit=x", 1, "option unit"), ("bogus=1", 1, "fake_gate: unit"), ("relays=[1", 1, "JSON")],
)
def test_options_that_can_not_be(home, cli, done, option, code, words):
    ran = cli("device", "add", "gate", "--driver", "fake_gate", "--address", "/dev/x", "--option", option)
    assert ran.code == code
    assert words in ran.err
    assert done("device", "list") == []


def test_drivers_explain_themselves(home, cli, done):
    assert [driver["kind"] for driver in done("device", "drivers")] == ["fake_camera", "fake_gate"]
    assert done("device", "drivers", "fake_gate")["capabilities"] == ["gate"]
    assert "inverted" in cli("device", "drivers", "fake_gate").out
    assert cli("device", "drivers", "nope").code == 1


def test_a_devices_text_can_not_color_the_terminal(entrance, cli):
    ran = cli("device", "test", "gate-1")
    assert ran.code == 0
    assert "\x1b[31m" not in ran.out
    assert "\\x1b" in ran.out


@pytest.mark.parametrize(("address", "code"), [("/dev/gone", 3), ("/dev/refused", 1)])
def test_exit_codes_of_a_device_that_does_not_do(home, cli, done, address, code):
    done("device", "add", "gate", "--driver", "fake_gate", "--address", address)
    done("portal", "add", "main", "--gate", "gate")
    assert cli("device", "test", "gate").code == code
    ran = cli("portal", "open", "main")
    assert ran.code == code
    events = cli("events", "--portal", "main", "--json").lines
    assert [event["kind"] for event in events] == ["admin.portal_open", "portal_unlock_failed"]
    assert events[0]["request"] == events[1]["request"]


def test_a_guard_opens_and_the_record_comes_first(entrance, done, cli, gate_log):
    answer = done("portal", "open", "main", "--direction", "exit")
    assert ("release", 2, "exit", 5.0) in gate_log
    asked, unlocked = cli("events", "--portal", "main", "--json").lines
    assert (asked["kind"], asked["actor"].split(":")[0]) == ("admin.portal_open", "uid")
    assert (unlocked["kind"], unlocked["request"], unlocked["direction"]) == (
        "portal_unlocked",
        answer["request"],
        "exit",
    )
    assert unlocked["seq"] == asked["seq"] + 1


def test_modes(entrance, done, gate_log):
    for command, mode in (("lock", "locked"), ("free", "free"), ("normal", "normal")):
        assert done("portal", command, "main")["mode"] == mode
        assert ("mode", 2, mode) in gate_log
        assert done("portal", "show", "main")["mode"] == mode


def test_a_mode_that_did_not_reach_the_gate_is_said(home, done, cli):
    done("device", "add", "gate", "--driver", "fake_gate", "--address", "/dev/gone")
    done("portal", "add", "main", "--gate", "gate")
    ran = cli("portal", "lock", "main")
    assert ran.code == 0
    assert "was not sent the mode yet" in ran.err
    assert done("portal", "show", "main")["mode"] == "locked"


def test_a_portal_in_json_and_changed(entrance, done, cli):
    portal = done("portal", "show", "main")
    assert {**portal, "state": None} == {
        "name": "main",
        "gate": "gate-1",
        "channel": 2,
        "entry": ["cam-in"],
        "exit": [],
        "fail": "secure",
        "release_seconds": 5.0,
        "mode": "normal",
        "require": "any",
        "liveness": "off",
        "frames": 2,
        "lane_group": "",
        "console_liveness": "require",
        "outside": None,
        "inside": None,
        "egress": False,
        "people": 1,
        "people_within": 10.0,
        "people_exit": False,
        "confirm_by": [],
        "free": None,
        "free_after": [],
        "collects_cards": False,
        "effective_mode": "normal",
        "because": "default",
        "rule": None,
        "state": None,
        "door": None,
    }
    done("device", "add", "cam-2", "--driver", "fake_camera", "--address", "rtsp://192.0.2.3/x")
    changed = done(
        "portal", "edit", "main", "--entry", "cam-2", "--exit", "cam-in", "--fail", "safe", "--gate", "gate-1:3"
    )
    assert (changed["entry"], changed["exit"], changed["fail"], changed["channel"]) == (
        ["cam-2"],
        ["cam-in"],
        "safe",
        3,
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["x", "--gate", "cam-in"], 1),
        (["x", "--gate", "gate-1", "--entry", "gate-1"], 1),
        (["x", "--gate", "gate-1", "--entry", "cam-in"], 1),  # it serves main already
        (["x", "--gate", "gate-1:0"], 1),
        (["x", "--gate", "gate-1:one"], 2),
        (["x", "--gate", "gate-1", "--fail", "never"], 2),
        (["x", "--gate", "gate-1", "--release-seconds", "0"], 1),
        (["x", "--gate", "gate-1", "--release-seconds", "nan"], 2),
        (["X 1", "--gate", "gate-1"], 1),
    ],
)
def test_portals_that_can_not_be(entrance, cli, done, arguments, code):
    before = done("portal", "list")
    ran = cli("portal", "add", *arguments)
    assert ran.code == code
    assert done("portal", "list") == before


def test_two_portals_do_not_share_a_channel(entrance, cli):
    ran = cli("portal", "add", "second", "--gate", "gate-1:2")
    assert ran.code == 1
    assert "main" in ran.error
    assert cli("portal", "add", "second", "--gate", "gate-1:3").code == 0
    assert cli("portal", "edit", "second", "--gate", "gate-1:2").code == 1
    assert cli("portal", "edit", "main", "--gate", "gate-1:2", "--release-seconds", "3").code == 0


def test_the_udev_template_is_printed(home, cli):
    assert "ID_MM_DEVICE_IGNORE" in cli("udev", "rules").out
    assert set(json.loads(cli("udev", "rules", "--json").out)) == {"file", "rules"}


def test_a_portal_that_requires_what_nobody_takes_is_taken_with_a_warning(entrance, cli):
    ran = cli("portal", "edit", "main", "--require", "card+pin", "--json")
    assert ran.code == 0
    (warning,) = ran.json["warnings"]
    assert warning.startswith(
        "no one can pass at main/entry: it requires card+pin, and none of cam-in takes a card and pin"
    )
    assert warning in " ".join(ran.err.split())
    ran = cli("portal", "add", "side", "--gate", "gate-1:3", "--require", "card")
    assert ran.code == 0
    assert "side has no reader or camera yet" in ran.err
    for more in (("--require", "face"), ("--require", "any")):
        assert cli("portal", "edit", "main", *more).err == ""
    assert "warnings" not in cli("portal", "show", "main", "--json").json
