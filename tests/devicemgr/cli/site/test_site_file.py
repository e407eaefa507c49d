"""A site as one file: what export prints, apply puts in force; all or nothing, and nothing the second time."""

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from devicemgr.site import toml_writer

SITE = """
[site]
keep_samples = true

[schedules.office]
windows = ["mon-fri 08:00-18:00"]
timezone = "Asia/Almaty"

[devices.gate-1]
driver = "fake_gate"
address = "/dev/gate/a"
username = "technician"
options = { unit = 3, relays = [1, 2] }

[devices."cam.in"]
driver = "fake_camera"
address = "rtsp://192.0.2.1/x"

[portals.main]
gate = "gate-1"
channel = 2
entry = ["cam.in"]
require = "card+face"

[levels.staff]
portals = ["main@office"]
"""


@pytest.fixture
def file(tmp_path):
    def write(text=SITE):
        path = tmp_path / "site.toml"
        path.write_text(text)
        return path

    return write


@pytest.mark.usefixtures("home")
def test_a_site_is_made_from_a_file_and_the_second_time_nothing_changes(file, cli, done):
    plan = cli("apply", file(), "--plan", "--json")
    assert (plan.code, plan.json["applied"]) == (4, False)
    assert done("device", "list") == []
    assert {(c["kind"], c["name"], c["change"]) for c in plan.json["changes"]} == {
        ("site", "", "edit"),
        ("schedules", "office", "add"),
        ("devices", "gate-1", "add"),
        ("devices", "cam.in", "add"),
        ("portals", "main", "add"),
        ("levels", "staff", "add"),
    }
    made = done("apply", file())
    assert (made["changes"], made["without_password"]) == (plan.json["changes"], ["gate-1"])
    assert done("portal", "show", "main")["require"] == "card+face"
    assert done("device", "show", "gate-1")["options"] == {"unit": 3, "relays": [1, 2]}
    assert done("level", "show", "staff")["portals"] == [{"portal": "main", "schedule": "office"}]
    kinds = [event["kind"] for event in cli("events", "--json").lines]
    assert sorted(kinds) == [
        "admin.device_added",
        "admin.device_added",
        "admin.level_added",
        "admin.portal_added",
        "admin.schedule_added",
        "admin.settings_changed",
    ]
    assert cli("apply", file(), "--plan").code == 0
    assert done("apply", file())["changes"] == []
    assert len(cli("events", "--json").lines) == len(kinds)


@pytest.mark.usefixtures("home")
def test_what_export_prints_is_the_site_again(file, cli, done, tmp_path, monkeypatch):
    done("apply", file())
    text = cli("export").out
    assert tomllib.loads(text) == {**done("export")}
    assert cli("apply", file(text), "--plan").code == 0
    monkeypatch.setenv("DEVICEMGR_HOME", str(tmp_path / "another"))
    done("init")
    done("apply", file(text))
    assert cli("export").out == text


@pytest.mark.usefixtures("home")
def test_what_consoles_prove_is_set_and_exported(file, cli, done):
    done("apply", file())
    assert done("portal", "show", "main")["console_liveness"] == "require"
    done("portal", "edit", "main", "--require", "card+finger", "--console-liveness", "trust")
    text = cli("export").out
    portal = tomllib.loads(text)["portals"]["main"]
    assert (portal["require"], portal["console_liveness"]) == ("card+finger", "trust")
    assert done("apply", file(text.replace("card+finger", "finger+card")))["changes"] == []
    # A file that does not speak of it, as one of 0.1.0, means what a new portal has.
    done("apply", file())
    assert done("portal", "show", "main")["console_liveness"] == "require"
    assert cli("portal", "edit", "main", "--require", "card+voice").code == 2


@pytest.mark.usefixtures("home")
def test_a_password_is_never_in_the_file_and_stays_where_it_is(file, cli, done, monkeypatch, gate_log):
    done("apply", file())
    monkeypatch.setenv("SECRET", "hunter2")
    done("device", "edit", "gate-1", "--password-env", "SECRET")
    assert "hunter2" not in cli("export").out + cli("export", "--json").out
    found = done("apply", file(SITE.replace("unit = 3", "unit = 4")))
    assert [c["fields"] for c in found["changes"]] == [
        {"options": [{"unit": 3, "relays": [1, 2]}, {"unit": 4, "relays": [1, 2]}]}
    ]
    assert found["without_password"] == []
    done("device", "test", "gate-1")
    assert gate_log[0] == ("open", "gate-1", "hunter2")
    assert "belongs" in cli("apply", file('[devices.a]\ndriver="fake_gate"\npassword="x"')).error


@pytest.mark.usefixtures("home")
def test_each_kind_is_changed_in_place(file, done):
    done("apply", file())
    changed = (
        SITE.replace("18:00", "20:00")
        .replace("options = { unit = 3, relays = [1, 2] }", "options = { label = 'b' }")
        .replace("channel = 2", "channel = 1")
        .replace("main@office", "main")
        .replace('username = "technician"', "")
    )
    assert {c["kind"] for c in done("apply", file(changed))["changes"]} == {
        "schedules",
        "devices",
        "portals",
        "levels",
    }
    assert done("schedule", "show", "office")["windows"] == ["mon-fri 08:00-20:00"]
    assert done("device", "show", "gate-1")["options"] == {"label": "b"}
    assert done("portal", "show", "main")["channel"] == 1
    assert done("level", "show", "staff")["portals"] == [{"portal": "main", "schedule": None}]
    assert done("apply", file(changed))["changes"] == []


@pytest.mark.usefixtures("home")
def test_what_the_file_does_not_name_stays_unless_pruned(file, cli, done):
    done("apply", file())
    less = SITE.replace('[levels.staff]\nportals = ["main@office"]', "[levels]")
    kept = cli("apply", file(less), "--plan", "--json")
    assert (kept.code, kept.json["not_in_file"]) == (0, [{"kind": "levels", "name": "staff"}])
    assert done("apply", file("[site]\nkeep_samples = true"))["not_in_file"] == [], "other kinds aren't spoken of"
    assert cli("apply", file(less), "--plan", "--prune").code == 4
    empty = "[levels]\n[portals]\n[devices]\n[schedules]\n"
    assert len(done("apply", file(empty), "--prune", "--yes")["changes"]) == 5
    assert done("device", "list") == done("portal", "list") == done("schedule", "list") == []


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('portals = ["main@office"]', 'portals = ["side"]', "no portal 'side'"),
        ("main@office", "main@night", "no schedule 'night'"),
        ('gate = "gate-1"', 'gate = "cam.in"', "not a gate"),
        ('entry = ["cam.in"]', 'entry = ["gate-9"]', "no device 'gate-9'"),
        ("unit = 3", "unit = 'x'", "option unit"),
        ("unit = 3", "units = 3", "no option units"),
        ("mon-fri 08:00-18:00", "never", "never"),
        ("Asia/Almaty", "Asia/Nowhere", "Asia/Nowhere"),
        ('driver = "fake_gate"', 'driver = "magic"', "no driver kind"),
        ("keep_samples = true", "keep_faces = true", "keep_faces"),
        ("[levels.staff]", "[people.staff]", "people"),
        ("[levels.staff]", "[levels]", "tables"),
        ("channel = 2", "channel = 99", "channel"),
        ("[site]", "[site", "not valid TOML"),
        ("rtsp://192.0.2.1", "rtsp://a:b@192.0.2.1", "without credentials"),
    ],
)
def test_one_fault_and_nothing_is_done(file, cli, done, old, new, words):
    """A plan finds the same faults: it is the same work, rolled back."""
    assert old in SITE
    ran = cli("apply", file(SITE.replace(old, new)))
    assert ran.code == 1
    planned = cli("apply", file(SITE.replace(old, new)), "--plan")
    assert (planned.code, planned.error) == (1, ran.error)
    assert words in ran.error
    assert done("device", "list") == done("level", "list") == done("schedule", "list") == []
    assert cli("events", "--json").lines == []


@pytest.mark.usefixtures("home")
def test_a_device_in_use_is_not_removed_and_neither_is_anything_else(file, cli, done):
    done("apply", file())
    before = cli("export").out
    other = '[devices.other]\ndriver = "fake_gate"\naddress = "/dev/gate/z"\n'
    for plan in (["--plan"], []):
        ran = cli("apply", file(other), "--prune", *plan)
        assert ran.code == 1
        assert "uses device" in ran.error
    assert cli("export").out == before
    another_kind = file(SITE.replace('"fake_camera"', '"fake_gate"'))
    assert "new name" in cli("apply", another_kind, "--plan").error
    assert "new name" in cli("apply", another_kind).error


@pytest.mark.usefixtures("home")
def test_a_plan_says_what_needs_two_admins_and_asks_for_nothing(file, cli, done):
    done("person", "add", "A", "--badge", "1")
    planned = cli("apply", file("[site]\nretention_days = 30\n"), "--plan", "--json")
    assert (planned.code, planned.json["two_admins"]) == (4, ["retention_days 0 to 30"])
    assert "two admins" in cli("apply", file("[site]\nretention_days = 30\n"), "--plan").err
    assert done("operator", "requests") == []
    assert "two admins" in cli("apply", file("[site]\nretention_days = 30\n")).error


@pytest.mark.usefixtures("home")
def test_words_for_people(file, cli):
    assert "+" in cli("apply", file(), "--plan").out
    ran = cli("apply", file())
    assert "schedules office" in ran.out
    assert "--password-stdin" in ran.err
    assert cli("apply", file()).out.startswith("the site is as the file says")
    assert "can't be read" in cli("apply", Path("/nowhere")).error


VALUES = st.recursive(
    st.text() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=8), VALUES, min_size=1, max_size=4))
def test_toml_that_is_written_is_read_again(fields):
    text = toml_writer.document({"site": fields, "devices": {"a.b": fields}}, ["devices"])
    assert tomllib.loads(text) == {"site": fields, "devices": {"a.b": fields}}
    assert json.dumps(tomllib.loads(text)) == json.dumps({"site": fields, "devices": {"a.b": fields}})
