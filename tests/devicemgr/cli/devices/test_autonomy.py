"""`device show` says which rules a device keeps when it decides alone, and `doctor` warns; by the real kinds."""

import dataclasses
import json

import pytest

import drivers
from devicemgr.domain.ports.autonomy import DeviceRule

CONSOLES = {
    "hikvision": ("hikvision_console", "http://127.0.0.1:9", {"decide": "console"}),
    "dahua": ("dahua_console", "http://127.0.0.1:9", {}),
    "uhppote": ("uhppote_controller", "udp://127.0.0.1:9", {"controller": "423187757"}),
}


@pytest.fixture
def parts(parts):
    return dataclasses.replace(parts, catalog=drivers.Catalog())


def add(done, name, **more):
    kind, address, options = CONSOLES[name]
    given = [("--option", f"{key}={value}") for key, value in (options | more).items()]
    done("device", "add", name, "--driver", kind, "--address", address, *[part for pair in given for part in pair])


@pytest.fixture
def hall(site, done):
    """Three doors into a hall of two people, one of each vendor, under a schedule."""
    done("zone", "add", "hall", "--anti-passback", "hard", "--max", "2")
    done("schedule", "add", "day", "mon-sun 06:00-20:00")
    for name in CONSOLES:
        add(done, name)
        done("portal", "add", f"{name}-door", "--gate", name, "--outside", "outside", "--inside", "hall")
    portals = [part for name in CONSOLES for part in ("--portal", f"{name}-door")]
    done("level", "add", "staff", *portals, "--schedule", "day")


@pytest.mark.parametrize(
    ("name", "keeps", "cannot_keep"),
    [
        ("hikvision", ["schedules"], ["anti_passback", "occupancy"]),
        ("dahua", ["schedules"], ["anti_passback", "occupancy"]),
        ("uhppote", ["schedules"], ["anti_passback", "occupancy"]),
    ],
)
def test_a_device_that_decides_alone_says_which_rules_it_keeps(hall, done, cli, name, keeps, cannot_keep):
    found = done("device", "show", name)
    assert (found["decides_alone"], found["keeps"], found["cannot_keep"]) == (True, keeps, cannot_keep)
    words = " ".join(cli("device", "show", name).out.split())
    assert ", ".join(cannot_keep) in words
    assert max(map(len, cli("device", "show", name).out.splitlines())) <= 80


def test_a_device_that_asks_here_keeps_nothing_and_is_silent_about_it(hall, done, cli):
    done("device", "edit", "hikvision", "--option", "decide=host")
    found = done("device", "show", "hikvision")
    assert (found["decides_alone"], found["keeps"], found["cannot_keep"]) == (False, [], [])
    assert "alone" not in cli("device", "show", "hikvision").out
    done("device", "edit", "hikvision", "--option", "when_server_down=open")
    assert done("device", "show", "hikvision")["cannot_keep"] == ["anti_passback", "occupancy"]


def test_doctor_names_a_zone_that_depends_on_a_device_that_decides_alone(hall, done, cli):
    def alone():
        (found,) = [one for one in cli("doctor", "--json").json["checks"] if one["check"] == "devices alone"]
        return found

    found = alone()
    assert not found["ok"]
    assert found["detail"].startswith("dahua decides alone and can't keep anti_passback of zone hall")
    done("zone", "edit", "hall", "--anti-passback", "soft")
    assert "can't keep occupancy of zone hall" in alone()["detail"]
    done("zone", "edit", "hall", "--max", "0")
    assert alone()["ok"]


def test_every_kind_that_opens_by_itself_says_so():
    catalog = drivers.Catalog()
    known = {kind for kind in catalog.kinds() if catalog.get(kind).autonomy is not None}
    assert known == {
        "dahua_console",
        "hikvision_console",
        "ironlogic_controller",
        "onvif_door",
        "uhppote_controller",
        "zkteco_controller",
        "zkteco_terminal",
    }


def test_the_names_of_the_rules_are_in_the_page_of_the_rules(docs_of_rules):
    assert [rule for rule in DeviceRule if f"`{rule}`" not in docs_of_rules] == []


@pytest.fixture
def docs_of_rules():
    with open("docs/rules.md", encoding="utf-8") as page:
        return page.read()


def test_a_schedule_that_the_firmware_refused_is_one_it_cannot_keep():
    from devicemgr.devices.sync_run import Run
    from devicemgr.domain.desired_state import Desired
    from devicemgr.sync.weekly_hours import note

    run = Run()
    note(run, "dahua", Desired(by_clock=frozenset({"day"})), {"dm-1": "no weekly hours"})
    assert run.refused_rules == {DeviceRule.SCHEDULES}
    assert json.dumps(run.notes)
