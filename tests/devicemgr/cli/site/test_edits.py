"""Levels and schedules are edited in place, and all portals change their mode at once."""

import json

import pytest

from devicemgr.daemon.offline_runtime import DirectRuntime
from devicemgr.errors import RequestError


@pytest.fixture
def furnished(entrance, done):
    """A second portal; a schedule; the level `night` covers one portal by it."""
    portal = done("portal", "list")[0]
    done("device", "add", "arm-2", "--driver", "fake_gate", "--address", "fake:2")
    done("portal", "add", "yard", "--gate", "arm-2")
    done("schedule", "add", "office", "mon-fri 08:00-18:00", "--timezone", "UTC", "--holiday", "2026-12-16")
    done("level", "add", "night", "--portal", "yard", "--schedule", "office")
    return portal["name"]


def covered(done, level):
    return {p["portal"]: p["schedule"] for p in done("level", "show", level)["portals"]}


def test_a_level_is_edited_while_people_hold_it(furnished, done, cli):
    done("person", "add", "Aigul", "--badge", "7", "--level", "night")
    done("level", "edit", "night", "--portal", "yard", "--portal", furnished)
    assert covered(done, "night") == {"yard": "office", furnished: "office"}
    done("level", "edit", "night", "--schedule", "")
    assert covered(done, "night") == {"yard": None, furnished: None}
    done("level", "edit", "night", "--portal", "yard", "--schedule", "office")
    assert covered(done, "night") == {"yard": "office"}
    assert done("person", "show", "7")["levels"] == ["night"]
    count = len(cli("events", "--kind", "admin.level_edited", "--json").out.splitlines())
    done("level", "edit", "night", "--schedule", "office")  # changes nothing, and records nothing
    assert len(cli("events", "--kind", "admin.level_edited", "--json").out.splitlines()) == count == 3


def test_a_new_portal_of_a_level_with_several_schedules_wants_one_named(furnished, done, cli, agreed, tmp_path):
    file = tmp_path / "site.toml"
    done("level", "add", "mixed", "--portal", "yard", "--portal", furnished)
    file.write_text(cli("export").out.replace('portals = ["main", "yard"]', 'portals = ["main@office", "yard"]'))
    agreed("apply", file)
    assert covered(done, "mixed") == {"main": "office", "yard": None}
    done("portal", "add", "gym", "--gate", "gate-1:1")
    ran = cli("level", "edit", "mixed", "--portal", "gym")
    assert ran.code == 1
    assert "name one for all" in ran.error
    done("level", "edit", "mixed", "--portal", "main")  # what stays keeps its own
    assert covered(done, "mixed") == {"main": "office"}
    ran = cli("level", "edit", "mixed", "--portal", "nowhere")
    assert ran.code == 1
    assert "nowhere" in ran.error


def test_a_schedule_is_edited_in_part(furnished, done, cli):
    found = done("schedule", "edit", "office", "mon-fri 07:00-19:00", "sat 09:00-12:00")
    assert found["windows"] == ["mon-fri 07:00-19:00", "sat 09:00-12:00"]
    assert (found["timezone"], found["holidays"]) == ("UTC", ["2026-12-16"])
    assert done("schedule", "edit", "office", "--timezone", "asia/almaty")["timezone"] == "Asia/Almaty"
    assert done("schedule", "edit", "office", "--no-holidays")["holidays"] == []
    (edited, *_) = [
        json.loads(line) for line in cli("events", "--kind", "admin.schedule_edited", "--json").out.splitlines()
    ]
    assert edited["detail"]["before"]["windows"] == ["mon-fri 08:00-18:00"]
    assert cli("schedule", "edit", "office").code == 2
    assert cli("schedule", "edit", "office", "mon 25:00-26:00").code == 1
    assert cli("schedule", "edit", "nothing", "mon 08:00-09:00").code == 1


def test_all_portals_are_locked_and_one_that_refuses_keeps_none_from_it(furnished, done, cli, monkeypatch):
    assert "yard is locked" in cli("portal", "lock", "--all", "--yes").out
    assert {portal["mode"] for portal in done("portal", "list")} == {"locked"}
    assert [one["ok"] for one in done("portal", "normal", "--all", "--yes")] == [True, True]

    set_mode = DirectRuntime.set_portal_mode

    def refuse_main(self, portal, mode, actor, **more):
        if portal == "main":
            raise RequestError("main is under repair")
        return set_mode(self, portal, mode, actor, **more)

    monkeypatch.setattr(DirectRuntime, "set_portal_mode", refuse_main)
    ran = cli("portal", "lock", "--all", "--yes")
    assert (ran.code, ran.out) == (1, "yard is locked\n")
    assert "main: main is under repair" in ran.err
    assert {portal["name"]: portal["mode"] for portal in done("portal", "list")} == {"main": "normal", "yard": "locked"}
    ran = cli("portal", "free", "--all", "--yes", "--json")
    assert [(one["portal"], one["ok"]) for one in ran.json] == [("main", False), ("yard", True)]


@pytest.mark.parametrize("line", ["portal lock", "portal lock yard --all"])
def test_a_mode_is_for_one_portal_or_for_all(furnished, cli, line):
    assert cli(*line.split()).code == 2
