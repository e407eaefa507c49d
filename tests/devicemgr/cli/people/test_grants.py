"""`level grant --from --to --uses`: RULES, Temporary access, as an admin works with it."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.people import retention, service
from devicemgr.site.unit_of_work import unit_of_work
from devicemgr.store.people import grants, people
from devicemgr.store.people.grants import GrantTerm

NOW = datetime.now(UTC)


def text(days):
    return (NOW + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


@pytest.fixture
def aigul(entrance, done):
    done("person", "add", "Aigul", "--badge", "1001")
    return "1001"


def test_a_grant_with_limits_is_shown_with_them(aigul, done, cli):
    done("level", "grant", aigul, "staff", "--from", text(-1), "--to", text(2), "--uses", "3")
    person = done("person", "show", aigul)
    assert person["levels"] == ["staff"]
    assert person["grants"] == [
        {"level": "staff", "valid_from": text(-1), "valid_to": text(2), "uses": 3, "uses_left": 3, "state": "active"}
    ]
    assert "3 of 3 uses left" in " ".join(cli("person", "show", aigul).out.split())
    (event,) = [json.loads(line) for line in cli("events", "--kind", "admin.level_granted", "--json").out.splitlines()]
    assert (event["detail"]["level"], event["detail"]["uses"]) == ("staff", 3)
    assert event["detail"]["after"]["grants"][0]["valid_to"] == text(2)


def test_a_bare_date_as_an_end_includes_that_day_in_the_zone_of_the_site(aigul, done, cli, tmp_path):
    file = tmp_path / "site.toml"
    file.write_text('[site]\ntimezone = "Asia/Almaty"\n')
    assert cli("apply", file).code == 0
    done("level", "grant", aigul, "staff", "--to", "2036-12-31")
    (grant,) = done("person", "show", aigul)["grants"]
    assert grant["valid_to"] == "2036-12-31T19:00:00.000Z"  # 24:00 in Almaty, UTC+5
    done("level", "grant", aigul, "staff", "--to", "2036-12-31T18:00:00+05:00")
    assert done("person", "show", aigul)["grants"][0]["valid_to"] == "2036-12-31T13:00:00.000Z"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--from", text(2), "--to", text(1)], "ends before it begins"),
        (["--to", text(-1)], "over already"),
        (["--to", "tomorrow"], "tomorrow"),
        (["--uses", "10001"], "uses"),
    ],
)
def test_limits_that_make_no_sense_change_nothing(aigul, done, cli, options, words):
    ran = cli("level", "grant", aigul, "staff", *options)
    assert ran.code == 1
    assert words in ran.error
    assert done("person", "show", aigul)["grants"] == []


def test_limits_do_not_take_away_what_is_held_for_good(aigul, done, cli):
    done("level", "grant", aigul, "staff")
    ran = cli("level", "grant", aigul, "staff", "--to", text(1))
    assert (ran.code, "for good" in ran.error, "level revoke 1001 staff" in ran.error) == (1, True, True)
    done("level", "revoke", aigul, "staff")
    done("level", "grant", aigul, "staff", "--to", text(1))
    done("level", "grant", aigul, "staff")  # and a grant for good takes the limits' place
    person = done("person", "show", aigul)
    assert (person["levels"], person["grants"]) == (["staff"], [])


def test_many_people_get_the_same_limits(aigul, done, cli, tmp_path):
    done("person", "add", "Bert", "--badge", "1002")
    file = tmp_path / "badges"
    file.write_text("1001\n1002\n")
    limits = ("--to", text(1), "--uses", "1")
    assert done("level", "grant", "staff", "--badges", file, *limits) == {"changed": ["1001", "1002"], "unchanged": []}
    assert done("level", "grant", "staff", "--badges", file, *limits) == {"changed": [], "unchanged": ["1001", "1002"]}
    assert [person["grants"][0]["uses_left"] for person in done("person", "list")] == [1, 1]
    assert cli("level", "revoke", "staff", "--badges", file).code == 0
    assert [person["levels"] for person in done("person", "list")] == [[], []]


def store(home_site, badge, **limits):
    with home_site.database.write() as session:
        grants.put(session, people.get(session, badge), "staff", GrantTerm(**limits))


def test_an_expired_grant_is_shown_for_30_days_and_removed_by_the_daily_retention(aigul, done, cli, opened):
    with opened() as site:
        store(site, aigul, valid_to=text(-29))
    person = done("person", "show", aigul)
    assert (person["levels"], person["grants"][0]["state"]) == ([], "expired")
    assert "expired: " in " ".join(cli("person", "show", aigul).out.split())
    assert done("level", "show", "staff")["people"] == []
    assert done("person", "list", "--level", "staff") == []
    with opened() as site:
        assert retention.run(site, NOW)["grants"] == 0
        assert retention.run(site, NOW + timedelta(days=2))["grants"] == 1
    assert done("person", "show", aigul)["grants"] == []


def test_a_level_whose_grants_are_all_over_can_be_removed(aigul, done, cli, opened):
    done("level", "add", "lab", "--portal", "main")
    done("level", "grant", aigul, "lab", "--to", text(1))
    assert cli("level", "remove", "lab", "--yes").code == 1
    with opened() as site, site.database.write() as session:
        people.get(session, aigul).grants[0].valid_to = text(-1)
    assert cli("level", "remove", "lab", "--yes").code == 0


@pytest.mark.parametrize("form", ["csv", "xlsx", "json"])
def test_an_export_and_an_import_neither_lose_nor_multiply_a_grant(aigul, done, cli, tmp_path, form):
    done("level", "grant", aigul, "staff", "--to", text(1), "--uses", "2")
    before = done("person", "show", aigul)["grants"]
    file = tmp_path / f"people.{form}"
    assert cli("person", "export", file).code == 0
    assert done("person", "import", file, "--update")["changes"] == []
    assert done("person", "show", aigul)["grants"] == before
    table = tmp_path / "hr.csv"
    for levels in ("staff", ""):  # a table that names the level, and one that names none
        table.write_text(f"badge,name,levels,escort\n1001,Aigul,{levels},\n")
        done("person", "import", table, "--update")
        assert done("person", "show", aigul)["grants"] == before


def test_a_put_of_a_person_with_the_levels_that_were_read_keeps_the_limits(aigul, done, opened):
    done("level", "grant", aigul, "staff", "--to", text(1))
    read = done("person", "show", aigul)
    for levels, left in ((read["levels"], read["grants"]), ([], [])):
        with opened() as site, unit_of_work(site, "operator:test") as work:
            service.put_person(work, aigul, "Aigul", levels=levels)
        assert done("person", "show", aigul)["grants"] == left


def test_the_escort_is_kept_by_commands_and_tables(aigul, done, cli, tmp_path):
    assert done("person", "show", aigul)["escort"] is False
    done("person", "edit", aigul, "--escort")
    table = tmp_path / "hr.csv"
    table.write_text("badge,name,escort\n1001,Aigul,\n1002,Bert,yes\n")
    done("person", "import", table, "--update")
    assert [person["escort"] for person in done("person", "list")] == [True, True]
    done("person", "edit", aigul, "--no-escort")
    assert done("person", "show", aigul)["escort"] is False
