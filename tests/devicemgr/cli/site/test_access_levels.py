"""`level …`, `schedule …` and what refers to what."""

import pytest

from devicemgr.clock.local_zone import local_zone


def test_a_schedule_says_back_what_it_understood(home, done, cli):
    found = done(
        "schedule",
        "add",
        "office",
        "Mon-Fri 8:00-18:00",
        "sat 09:00-12:00",
        "--timezone",
        "asia/almaty",
        "--holiday",
        "2026-12-16",
        "--holiday",
        "2026-12-16",
    )
    assert found == {
        "name": "office",
        "timezone": "Asia/Almaty",
        "windows": ["mon-fri 08:00-18:00", "sat 09:00-12:00"],
        "holidays": ["2026-12-16"],
    }
    assert done("schedule", "list") == [found]
    assert done("schedule", "show", "office") == found
    assert "mon-fri 08:00-18:00; sat" in cli("schedule", "list").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["office", "someday 08:00-18:00"], "cannot be used"),
        (["office", "mon 25:00-26:00"], "is not a time of day"),
        (["office", "mon 08:00-18:00", "--timezone", "Asia/Almaata"], "did you mean"),
        (["office", "mon 08:00-18:00", "--holiday", "16.12.2026"], "is not a date"),
        (["Office Hours", "mon 08:00-18:00"], "is not a short name"),
        (["../etc", "mon 08:00-18:00"], "is not a short name"),
    ],
)
def test_a_schedule_that_can_not_be_is_one_line(home, cli, done, arguments, words):
    ran = cli("schedule", "add", *arguments)
    assert ran.code == 1
    assert words in ran.error
    assert done("schedule", "list") == []


def test_the_zone_of_this_box(tmp_path):
    assert local_zone({"TZ": ":Europe/Berlin"}, tmp_path) == "Europe/Berlin"
    (tmp_path / "localtime").symlink_to("/usr/share/zoneinfo/Asia/Almaty")
    assert local_zone({"TZ": "EST5EDT,M3.2.0"}, tmp_path) == "Asia/Almaty"
    (tmp_path / "timezone").write_text("Asia/Qyzylorda\n")
    assert local_zone({}, tmp_path) == "Asia/Qyzylorda"
    assert local_zone({}, tmp_path / "nothing") == "UTC"


def test_levels_are_granted_and_revoked(entrance, done):
    done("person", "add", "Aigul", "--badge", "7")
    assert done("level", "grant", "7", "staff")["levels"] == ["staff"]
    assert done("level", "grant", "7", "staff")["levels"] == ["staff"]
    assert done("level", "show", "staff") == {
        "name": "staff",
        "portals": [{"portal": "main", "schedule": None}],
        "waives": [],
        "escorts": False,
        "escort_up_to": 5,
        "visitors": True,
        "people": ["7"],
        "departments": [],
    }
    assert done("level", "revoke", "7", "staff")["levels"] == []
    kinds = [event["kind"] for event in done("person", "export", "7")["events"]]
    assert kinds.count("admin.level_granted") == 1


def test_what_is_in_use_is_not_removed(entrance, done, cli):
    done("schedule", "add", "office", "mon-fri 08:00-18:00", "--timezone", "UTC")
    done("level", "add", "day", "--portal", "main", "--schedule", "office")
    done("person", "add", "Aigul", "--badge", "7", "--level", "day")
    refusals = {
        ("schedule", "office"): "level 'day' uses schedule 'office'; `devicemgr level remove day` first",
        ("level", "day"): "level 'day' is held by 1 person",
        ("portal", "main"): "level 'day' covers portal 'main'; `devicemgr level remove day` first",
        ("device", "gate-1"): "portal 'main' uses device 'gate-1'",
        ("device", "cam-in"): "portal 'main' uses device 'cam-in'",
    }
    for (what, name), words in refusals.items():
        ran = cli(what, "remove", name, "--yes")
        assert ran.code == 1
        assert words in ran.error
    done("level", "revoke", "7", "day")
    for what, name in (
        ("level", "day"),
        ("level", "staff"),
        ("schedule", "office"),
        ("portal", "main"),
        ("device", "gate-1"),
        ("device", "cam-in"),
    ):
        gone = done(what, "remove", name, "--yes")
        assert (gone["name"], gone["removed"]) == (name, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("level", "add", "x", "--portal", "nope"),
        ("level", "add", "x", "--portal", "main", "--schedule", "nope"),
        ("level", "grant", "99", "staff"),
        ("level", "show", "nope"),
        ("schedule", "show", "nope"),
        ("portal", "add", "x", "--gate", "nope"),
        ("portal", "add", "x", "--gate", "gate-1", "--entry", "nope"),
        ("portal", "open", "nope"),
        ("device", "test", "nope"),
        ("device", "add", "x", "--driver", "nope", "--address", "/dev/x"),
    ],
)
def test_names_that_are_not_there(entrance, cli, done, arguments):
    before = [done("level", "list"), done("portal", "list"), [device["name"] for device in done("device", "list")]]
    ran = cli(*arguments)
    assert ran.code == 1
    assert "devicemgr " in ran.error
    assert before == [
        done("level", "list"),
        done("portal", "list"),
        [device["name"] for device in done("device", "list")],
    ]


def test_names_are_taken_once(entrance, cli):
    for arguments in (
        ("level", "add", "staff", "--portal", "main"),
        ("portal", "add", "main", "--gate", "gate-1"),
        ("device", "add", "gate-1", "--driver", "fake_gate", "--address", "/dev/x"),
    ):
        ran = cli(*arguments)
        assert ran.code == 1
        assert "exists" in ran.error
