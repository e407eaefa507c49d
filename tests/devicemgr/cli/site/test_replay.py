"""`apply --plan --replay`: who of those who came would lose or gain by a file."""

from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.domain.ledger_events import Fact, Kind, Reason
from devicemgr.domain.model import Direction
from devicemgr.operations.history import replays
from devicemgr.store.people import people

# A weekday at 17:30 UTC, within the last 30 days.
LATE = (datetime.now(UTC) - timedelta(days=7)).replace(hour=17, minute=30, second=0, microsecond=0)
LATE -= timedelta(days=max(0, LATE.weekday() - 4))


@pytest.fixture
def came(site, done, entrance):
    """Aigul came at noon and late, Boris at noon and was refused at night, Chingiz never came; the file ends at 17."""
    done("schedule", "add", "office", "mon-fri 08:00-18:00", "--timezone", "UTC")
    done("level", "edit", "staff", "--schedule", "office")
    for badge, name in (("7", "Aigul"), ("8", "Boris"), ("9", "Chingiz")):
        done("person", "add", name, "--badge", badge, "--level", "staff")
    with site.database.write() as session:
        aigul, boris = (people.get(session, badge).id for badge in "78")
        noon, night = LATE.replace(hour=12), LATE.replace(hour=22)
        where = {"portal": "main", "direction": Direction.ENTRY, "evidence": {"card": True}}
        facts = [
            Fact(Kind.ACCESS_GRANTED, noon, person_id=aigul, request="r1", **where),
            Fact(Kind.ACCESS_GRANTED, LATE, person_id=aigul, request="r2", **where),
            Fact(Kind.ACCESS_GRANTED, noon, person_id=boris, request="r3", **where),
            Fact(Kind.ACCESS_DENIED, night, person_id=boris, reason=Reason.OUTSIDE_SCHEDULE, request="r4", **where),
            Fact(Kind.ACCESS_DENIED, noon, reason=Reason.UNKNOWN_FACE, request="r5", **where),
        ]
        return [entry.seq for entry in site.ledger.append(session, facts)]


@pytest.fixture
def file(tmp_path):
    def write(windows: str, more: str = ""):
        path = tmp_path / "site.toml"
        path.write_text(f'[schedules.office]\ntimezone = "UTC"\nwindows = ["{windows}"]\n{more}')
        return path

    return write


def test_who_loses_is_listed_with_the_first_example_and_exit_code_4(came, cli, file):
    ran = cli("apply", file("mon-fri 08:00-17:00"), "--plan", "--replay", "30d", "--json")
    assert ran.code == 4
    found = ran.json["replay"]
    assert ran.json["applied"] is False
    (loss,) = found["losses"]
    assert loss == {
        "badge": "7",
        "name": "Aigul",
        "count": 1,
        "portals": ["main"],
        "hours": ["17:00-18:00"],
        "reasons": ["outside_schedule"],
        "first": came[1],
    }
    assert found["totals"]["losses"] == {"requests": 1, "people": 1, "portals": {"main": 1}}
    assert (found["requests"], found["people"], found["gains"], found["needs_more"]) == (4, 2, [], [])
    assert found["never_came"] == [{"level": "staff", "people": 1}]
    shown = cli("apply", file("mon-fri 08:00-17:00"), "--plan", "--replay", "30d", "--people")
    assert shown.code == 4
    assert "1 request of 1 person would be refused that are granted now: main 1" in shown.out
    assert "7 Aigul" in shown.out
    assert "1 person of level staff never came: nothing is said of them" in shown.out
    without = cli("apply", file("mon-fri 08:00-17:00"), "--plan", "--replay", "30d")
    assert "Aigul" not in without.out
    assert "--people lists whose requests these are" in without.out


def test_gains_alone_end_with_exit_code_0_though_the_file_changes_something(came, cli, file):
    ran = cli("apply", file("mon-sun 00:00-24:00"), "--plan", "--replay", "30d", "--json")
    assert (ran.code, len(ran.json["changes"])) == (0, 1)
    (gain,) = ran.json["replay"]["gains"]
    assert (gain["badge"], gain["reasons"], gain["first"]) == ("8", ["outside_schedule"], came[3])
    assert cli("apply", file("mon-sun 00:00-24:00"), "--plan").code == 4
    assert cli("schedule", "show", "office", "--json").json["windows"] == ["mon-fri 08:00-18:00"]


def test_a_pin_that_no_one_has_shown_is_listed_as_asked_for(came, cli, file):
    portal = '[portals.main]\ngate = "gate-1"\nchannel = 2\nentry = ["cam-in"]\nrequire = "card+pin"\n'
    ran = cli("apply", file("mon-fri 08:00-18:00", portal), "--plan", "--replay", "30d", "--json")
    assert ran.code == 0
    assert [one["reasons"] for one in ran.json["replay"]["needs_more"]] == [["would be asked for PIN"]] * 2
    shown = cli("apply", file("mon-fri 08:00-18:00", portal), "--plan", "--replay", "30d", "--people").out
    assert "asked for PIN" in shown


def test_levels_of_a_department_are_planned_too(came, cli, done, tmp_path):
    done("person", "edit", "9", "--department", "Kitchen")
    done("level", "revoke", "8", "staff")
    done("person", "edit", "8", "--department", "Kitchen")
    path = tmp_path / "site.toml"
    path.write_text('[departments.Kitchen]\nlevels = ["staff"]\n')
    ran = cli("apply", path, "--plan", "--replay", "30d", "--json")
    assert ran.code == 0
    assert [(one["badge"], one["count"]) for one in ran.json["replay"]["gains"]] == [("8", 1)]


def test_a_window_leaves_out_what_was_before(came, cli, file):
    ran = cli("apply", file("mon-fri 08:00-17:00"), "--plan", "--replay", "12h", "--json")
    assert (ran.code, ran.json["replay"]["requests"]) == (0, 0)


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--replay", "30d"), 2, "give --plan too"),
        (("--plan", "--people"), 2, "goes with --replay"),
        (("--plan", "--replay", "30"), 1, "such as 30d"),
        (("--plan", "--replay", "0d"), 1, "such as 30d"),
        (("--plan", "--replay", "9999d"), 1, "up to 366d"),
        (("--plan", "--replay", "x" * 50), 1, "replay"),
    ],
)
def test_what_makes_no_sense_is_refused(entrance, cli, file, options, code, words):
    ran = cli("apply", file("mon-fri 08:00-17:00"), *options)
    assert (ran.code, words in ran.err) == (code, True), ran.err
    assert "Traceback" not in ran.err


def test_one_replay_runs_at_a_time(came, cli, file):
    with replays._alone():
        ran = cli("apply", file("mon-fri 08:00-17:00"), "--plan", "--replay", "30d")
    assert ran.code == 1
    assert "another replay is running" in ran.err
    assert cli("apply", file("mon-fri 08:00-17:00"), "--plan", "--replay", "30d").code == 4


def test_a_replay_that_takes_too_long_is_given_up(came, cli, file, monkeypatch):
    monkeypatch.setattr(replays, "MAX_REPLAY_S", -1.0)
    monkeypatch.setattr(replays, "_DECISIONS_A_TURN", 1)
    ran = cli("apply", file("mon-fri 08:00-17:00"), "--plan", "--replay", "30d")
    assert ran.code == 1
    assert "give a shorter window" in ran.err
