"""RULES §9, Visitors: each sentence of it, as guards work with the commands; passages are recorded as a daemon does."""

import json
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.domain.model import Direction
from devicemgr.people import retention
from devicemgr.people.visits import watch
from devicemgr.store.people import people

NOW = datetime.now(UTC)
CARD = "80:58400"


def text(**delta):
    return (NOW + timedelta(**delta)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """made(NAME, home, make) makes a home once and copies it for each test after that."""
    templates = {}

    def run(name, home, make):
        if name in templates:
            shutil.rmtree(home.path)
            shutil.copytree(templates[name], home.path)
            return
        make()
        templates[name] = shutil.copytree(home.path, tmp_path_factory.mktemp(name) / "home")

    return run


@pytest.fixture
def desk(home, done, made):
    """A host, Aigul, who holds `staff`, and a portal `main` that collects cards."""
    made("desk", home, lambda: _furnish(done))


def _furnish(done):
    done("device", "add", "gate-1", "--driver", "fake_gate", "--address", "/dev/gate/a")
    done("portal", "add", "main", "--gate", "gate-1")
    done("level", "add", "staff", "--portal", "main")
    done("portal", "edit", "main", "--collects-cards")
    done("level", "add", "vault", "--portal", "main")
    done("person", "add", "Aigul", "--badge", "1001", "--level", "staff")


@pytest.fixture
def visitor(desk, home, done, made):
    """Ivan is expected for today, with a card."""
    made("visitor", home, lambda: _invite(done))
    return "V-000001"


def _invite(done):
    times = ("--from", text(hours=-1), "--to", text(hours=8))
    done("visitor", "add", "Ivan", "--host", "1001", *times, "--level", "staff", "--card", CARD)


@pytest.fixture
def passes(opened):
    """passes(badge, direction, card=True) records a passage at `main` and lets the daemon's watch look at it."""

    def run(badge, direction, *, card=True, portal="main"):
        with opened() as site:
            with site.database.write() as session:
                where = {"portal": portal, "direction": direction, "request": f"r-{direction}-{card}"}
                about = where | {"person_id": people.get(session, badge).id}
                granted = Fact(Kind.ACCESS_GRANTED, datetime.now(UTC), **about, evidence={"card": True} if card else {})
                site.ledger.append(session, [granted, Fact(Kind.PASSAGE_COMPLETED, datetime.now(UTC), **about)])
            watch.follow(site)
            watch.follow(site)  # nothing is done twice

    return run


def kinds(cli, *wanted):
    lines = [json.loads(line) for line in cli("events", "--json", "--limit", "1000").out.splitlines()]
    return [event["kind"] for event in lines if event["kind"] in wanted]


def set_end(opened, badge, **delta):
    with opened() as site, site.database.write() as session:
        row = people.get(session, badge)
        row.valid_from, row.valid_to = text(days=-2), text(**delta)


def test_a_visitor_gets_a_badge_with_a_number_that_is_never_given_again(desk, done, cli, opened):
    def add():
        return done("visitor", "add", "Ivan", "--host", "1001", "--to", text(hours=1))["badge"]

    assert [add(), add()] == ["V-000001", "V-000002"]
    assert cli("person", "erase", "V-000002", "--yes").code == 0
    assert add() == "V-000003"


def test_what_add_answers_and_records(visitor, done, cli):
    found = done("visitor", "show", visitor)
    assert found == {
        "badge": "V-000001",
        "name": "Ivan",
        "state": "expected",
        "host": "1001",
        "host_name": "Aigul",
        "host_problem": None,
        "valid_from": text(hours=-1),
        "valid_to": text(hours=8),
        "levels": ["staff"],
        "cards": [CARD],
        "escort": False,
        "arrived": None,
        "inside": False,
        "left": None,
        "cancelled": None,
        "ended_by": None,
    }
    person = done("person", "show", visitor)
    assert (person["kind"], person["host"], person["levels"]) == ("visitor", "1001", ["staff"])
    assert kinds(cli, "admin.visit_added") == ["admin.visit_added"]


def test_an_escort_and_a_bare_date_as_the_end(desk, done, cli, tmp_path):
    file = tmp_path / "site.toml"
    file.write_text('[site]\ntimezone = "Asia/Almaty"\n')
    assert cli("apply", file).code == 0
    found = done("visitor", "add", "Ivan", "--host", "1001", "--to", "2036-12-01", "--escort")
    assert (found["escort"], found["valid_to"]) == (True, "2036-12-01T19:00:00.000Z")
    assert done("person", "show", found["badge"])["escort"] is True


@pytest.mark.parametrize(
    ("spoil", "options", "words"),
    [
        ([], ["--host", "1001", "--level", "vault"], "does not hold level 'vault'"),
        ([], ["--host", "9999"], "no person has badge 9999"),
        ([], ["--host", "1001", "--level", "nowhere"], "there is no level 'nowhere'"),
        ([("person", "suspend", "1001")], ["--host", "1001"], "suspended"),
        ([("person", "edit", "1001", "--valid-to", text(days=-1))], ["--host", "1001"], "not valid any more"),
        ([("person", "edit", "1001", "--valid-from", text(days=9))], ["--host", "1001"], "not valid yet"),
        (
            [("level", "edit", "staff", "--no-visitors")],
            ["--host", "1001", "--level", "staff"],
            "not given to visitors",
        ),
        ([("person", "edit", "1001", "--kind", "visitor")], ["--host", "1001"], "is a visitor too"),
        ([("card", "assign", "1001", CARD)], ["--host", "1001", "--card", CARD], "1001"),
        ([], ["--host", "1001", "--to", text(days=-1)], "over already"),
        ([], ["--host", "1001", "--from", text(days=3)], "ends before it begins"),
    ],
)
def test_what_may_not_be_is_refused_with_words_and_changes_nothing(desk, done, cli, spoil, options, words):
    for command in spoil:
        done(*command)
    given = options if "--to" in options else [*options, "--to", text(days=1)]
    ran = cli("visitor", "add", "Ivan", *given)
    assert (ran.code, words in ran.error) == (1, True), ran.error
    assert done("visitor", "list") == []
    assert len(done("person", "list")) == 1


@pytest.mark.parametrize("limits", [["--to", text(days=2)], ["--uses", "3"]])
def test_a_host_gives_a_level_that_they_hold_for_a_time_or_by_the_department(desk, done, limits):
    done("level", "grant", "1001", "vault", *limits)
    found = done("visitor", "add", "Ivan", "--host", "1001", "--to", text(days=1), "--level", "vault")
    assert found["levels"] == ["vault"]
    done("level", "revoke", "1001", "vault")
    done("department", "edit", "Lab", "--level", "vault")
    done("person", "edit", "1001", "--department", "Lab")
    assert done("visitor", "add", "Anna", "--host", "1001", "--to", text(days=1), "--level", "vault")["levels"]


def test_the_states_of_a_visit_by_passages(visitor, done, cli, passes):
    assert done("visitor", "list", "--state", "expected")[0]["badge"] == visitor
    assert done("visitor", "arrive", visitor)["state"] == "arrived"
    passes(visitor, Direction.ENTRY)
    assert done("visitor", "list", "--state", "inside")[0]["badge"] == visitor
    passes(visitor, Direction.EXIT, card=False)  # by face: the card is not back
    assert done("visitor", "show", visitor)["state"] == "arrived"
    passes(visitor, Direction.EXIT)
    found = done("visitor", "show", visitor)
    assert (found["state"], found["ended_by"], found["cards"]) == ("left", "card_returned", [])
    assert found["left"] is not None
    assert kinds(cli, "visit_arrived", "visit_ended") == ["visit_arrived", "visit_ended"]
    done("visitor", "add", "Anna", "--host", "1001", "--to", text(days=1), "--card", CARD)  # the card is free


def test_who_passes_without_the_desk_has_arrived(visitor, done, cli, passes):
    passes(visitor, Direction.ENTRY)
    found = done("visitor", "show", visitor)
    assert (found["state"], found["arrived"] is not None) == ("inside", True)
    assert kinds(cli, "visit_arrived") == ["visit_arrived"]


def test_a_portal_that_collects_no_cards_ends_no_visit(visitor, done, passes):
    done("portal", "edit", "main", "--no-collects-cards")
    passes(visitor, Direction.ENTRY)
    passes(visitor, Direction.EXIT)
    found = done("visitor", "show", visitor)
    assert (found["state"], found["cards"]) == ("arrived", [CARD])
    left = done("visitor", "leave", visitor)
    assert (left["state"], left["ended_by"], left["cards"]) == ("left", "desk", [])
    assert done("person", "show", visitor)["levels"] == []


def test_inside_follows_from_zones_where_the_site_has_them(visitor, done, passes):
    done("zone", "add", "building")
    passes(visitor, Direction.ENTRY)  # a door without zones says nothing
    assert done("visitor", "show", visitor)["state"] == "expected"
    done("portal", "edit", "main", "--outside", "outside", "--inside", "building", "--no-collects-cards")
    passes(visitor, Direction.ENTRY, card=False)
    assert done("visitor", "show", visitor)["state"] == "inside"
    assert [one["badge"] for one in done("zone", "people", "building")["people"]] == [visitor]
    done("visitor", "leave", visitor)
    assert done("zone", "people", "building")["people"] == []


def test_an_overdue_visit_is_an_alarm_that_leaving_ends(visitor, done, cli, opened):
    done("visitor", "arrive", visitor)
    set_end(opened, visitor, hours=-1)
    with opened() as site:
        watch.follow(site)
        watch.follow(site)
    assert done("visitor", "list", "--state", "overdue")[0]["badge"] == visitor
    (alarm,) = done("alarm", "list")
    assert (alarm["id"], alarm["state"], alarm["count"]) == (f"visit_overdue:{visitor}", "active", 1)
    assert kinds(cli, "visit_overdue") == ["visit_overdue"]
    done("visitor", "leave", visitor)
    assert done("alarm", "list")[0]["state"] == "over"
    done("alarm", "ack", alarm["id"])
    assert done("alarm", "list") == []


def test_a_visit_that_is_prolonged_is_not_overdue_any_more(visitor, done, opened):
    done("visitor", "arrive", visitor)
    set_end(opened, visitor, hours=-1)
    with opened() as site:
        watch.follow(site)
    done("person", "edit", visitor, "--valid-to", text(hours=2))
    with opened() as site:
        watch.follow(site)
    assert done("visitor", "show", visitor)["state"] == "arrived"
    assert done("alarm", "list")[0]["state"] == "over"


def test_who_did_not_come_is_no_longer_expected(visitor, done, cli, opened):
    set_end(opened, visitor, hours=-1)
    assert done("visitor", "show", visitor)["state"] == "cancelled"
    with opened() as site:
        watch.follow(site)
    found = done("visitor", "show", visitor)
    assert (found["state"], found["ended_by"], found["cards"]) == ("cancelled", "missed", [])
    assert done("alarm", "list") == []


def test_a_cancelled_visit_keeps_nothing(visitor, done, cli):
    found = done("visitor", "cancel", visitor)
    assert (found["state"], found["cards"], found["cancelled"] is not None) == ("cancelled", [], True)
    assert done("person", "show", visitor)["levels"] == []
    assert kinds(cli, "visit_ended") == ["visit_ended"]


@pytest.mark.parametrize(
    ("before", "command", "words"),
    [
        ([], "leave", "visitor cancel V-000001"),
        (["arrive"], "arrive", "arrived already"),
        (["arrive"], "cancel", "visitor leave V-000001"),
        (["arrive", "leave"], "leave", "left already"),
        (["arrive", "leave"], "arrive", "left already"),
        (["arrive", "leave"], "cancel", "left already"),
        (["cancel"], "arrive", "cancelled"),
        (["cancel"], "cancel", "cancelled"),
    ],
)
def test_commands_in_the_wrong_order_say_what_to_do(visitor, done, cli, before, command, words):
    for each in before:
        done("visitor", each, visitor)
    ran = cli("visitor", command, visitor)
    assert (ran.code, words in ran.error) == (1, True), ran.error


@pytest.mark.parametrize("command", ["show", "arrive", "leave", "cancel"])
def test_who_is_no_visitor_is_not_found(desk, cli, command):
    ran = cli("visitor", command, "1001")
    assert (ran.code, "visitor list" in ran.error) == (1, True)


def test_a_card_is_given_on_arrival(desk, done, cli):
    badge = done("visitor", "add", "Ivan", "--host", "1001", "--to", text(days=1))["badge"]
    ran = cli("visitor", "arrive", badge)
    assert (ran.code, "has no card yet" in ran.err) == (0, True)
    other = done("visitor", "add", "Anna", "--host", "1001", "--to", text(days=1))["badge"]
    assert done("visitor", "arrive", other, "--card", CARD)["cards"] == [CARD]


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (["person", "suspend", "1001"], "suspended"),
        (["person", "edit", "1001", "--valid-to", text(days=-1)], "expired"),
        (["person", "erase", "1001", "--yes"], "erased"),
    ],
)
def test_the_visit_of_a_host_who_is_gone_does_not_go_on_silently(visitor, done, cli, spoil, problem):
    assert cli(*spoil).code == 0
    found = done("visitor", "show", visitor)
    assert (found["host_problem"], found["host"]) == (problem, None if problem == "erased" else "1001")
    ran = cli("visitor", "arrive", visitor)
    assert (ran.code, "can't be let in" in ran.error) == (1, True)
    entry = cli("--json", "access", "try", visitor, "main", "--with", "card").json
    assert (entry["granted"], entry["reason"]) == (False, "no_access_level")
    assert [check["facts"]["host"] for check in entry["checks"] if check["check"] == "no_access_level"] == [problem]
    assert cli("--json", "access", "try", visitor, "main", "--direction", "exit", "--with", "card").json["granted"]


def test_a_visitor_whose_time_is_over_does_not_enter_and_may_leave(visitor, cli, opened):
    set_end(opened, visitor, hours=-1)
    entry = cli("--json", "access", "try", visitor, "main", "--with", "card").json
    assert (entry["granted"], entry["reason"]) == (False, "expired")
    assert cli("--json", "access", "try", visitor, "main", "--direction", "exit", "--with", "card").json["granted"]


def test_a_table_of_staff_neither_suspends_nor_erases_visitors(visitor, done, tmp_path):
    table = tmp_path / "hr.csv"
    table.write_text("badge,name\n1001,Aigul\n")
    for missing in ("suspend", "remove"):
        answer = done("person", "import", table, "--missing", missing, "--yes")
        assert [change["badge"] for change in answer["changes"]] == []
    assert done("person", "show", visitor)["suspended"] is False


def test_visitors_are_erased_some_days_after_they_left_and_events_keep_a_random_id(visitor, done, cli, opened):
    done("visitor", "arrive", visitor)
    person = done("person", "export", visitor)
    assert (person["visit"]["state"], person["visit"]["host"]) == ("arrived", "1001")
    with opened() as site:
        assert retention.run(site, NOW + timedelta(days=400))["visits"] == 0  # who is here stays
    done("visitor", "leave", visitor)
    with opened() as site:
        assert retention.run(site, NOW + timedelta(days=29))["visits"] == 0
        assert retention.run(site, NOW + timedelta(days=31))["visits"] == 1
        with site.database.read() as session:
            assert session.connection().exec_driver_sql("select count(*) from visits").scalar() == 0
    assert done("visitor", "list") == []
    (ended,) = [json.loads(line) for line in cli("events", "--json", "--kind", "visit_ended").out.splitlines()]
    assert ended["person"] is None


def test_the_site_says_how_long_visits_stay(visitor, done, cli, opened, tmp_path):
    file = tmp_path / "site.toml"
    file.write_text("[site]\nvisits_days = 2\n")
    assert cli("apply", file).code == 0
    assert "visits_days = 2" in cli("export").out
    done("visitor", "cancel", visitor)
    with opened() as site:
        assert retention.run(site, NOW + timedelta(days=3))["visits"] == 1


def test_the_site_file_holds_collecting_portals_and_levels_for_staff_alone(desk, done, cli, tmp_path):
    done("level", "edit", "vault", "--no-visitors")
    exported = cli("export").out
    assert "collects_cards = true" in exported
    assert "visitors = false" in exported
    file = tmp_path / "site.toml"
    file.write_text(exported)
    assert cli("apply", file, "--plan").code == 0


def test_the_list_fits_80_columns_and_finds_hosts_and_visitors(visitor, done, cli):
    assert max(map(len, cli("visitor", "list").out.splitlines())) <= 80
    assert [one["badge"] for one in done("visitor", "list", "--q", "aigul")] == [visitor]
    assert done("visitor", "list", "--q", "nobody") == []
    assert cli("visitor", "list", "--state", "lost").code == 2
