"""`muster …` as a guard types it, and the list on paper."""

import csv
import io
from datetime import UTC, datetime

import pytest

from devicemgr.cli.areas import muster_sheet
from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.domain.model import Direction
from devicemgr.store.people import people


@pytest.fixture
def inside(home, site, cli):
    """Anna and =Berik<b> are in the building."""
    for command in (
        ("zone", "add", "building"),
        ("zone", "add", "lab", "--parent", "building"),
        ("device", "add", "gate-1", "--driver", "fake_gate", "--address", "/dev/gate"),
        ("portal", "add", "main", "--gate", "gate-1", "--outside", "outside", "--inside", "building"),
        ("person", "add", "Anna", "--badge", "1"),
        ("person", "add", "=Berik<b>", "--badge", "2"),
    ):
        assert cli(*command).code == 0, command
    with site.database.write() as session:
        for badge in "12":
            where = {"portal": "main", "direction": Direction.ENTRY, "person_id": people.get(session, badge).id}
            site.ledger.append(session, [Fact(Kind.PASSAGE_COMPLETED, datetime.now(UTC), **where)])


@pytest.mark.usefixtures("inside")
def test_a_guard_starts_marks_shows_and_ends(cli, done):
    started = cli("muster", "start", "--zone", "building")
    assert "2 people are on the list" in started.out
    found = done("muster", "show")
    assert {name: found[name] for name in ("state", "zone", "unnamed", "safe", "out", "not_here")} == {
        "state": "running",
        "zone": "building",
        "unnamed": 0,
        "safe": [],
        "out": [],
        "not_here": [],
    }
    assert [one["badge"] for one in found["missing"]] == ["1", "2"]
    assert "1 is marked as safe" in cli("muster", "mark", "1", "--safe").out
    assert "1 missing" in cli("muster", "mark", "1", "--not-here", "--reason", "at home").out
    shown = cli("muster", "show").out
    assert "1 missing, 1 safe, 0 out, 0 not here" in shown
    assert "not here" in shown
    assert "(at home)" in shown
    assert "1 is no longer marked by you; " in cli("muster", "mark", "1", "--missing").out
    assert "2 missing, 0 safe, 0 out, 0 not here" in cli("muster", "show").out
    assert "1 is marked as safe" in cli("muster", "mark", "1", "--safe").out
    ended = cli("muster", "end", "--zone", "building")
    assert "ended muster building-" in ended.out
    assert done("muster", "show")["state"] == "ended"
    (listed,) = done("muster", "list")
    assert listed["totals"] == {"missing": 1, "safe": 1, "out": 0, "not_here": 0}
    assert cli("muster", "list").out.count("building-") == 1


@pytest.mark.usefixtures("inside")
def test_what_makes_no_sense_is_said_in_one_line(cli):
    assert (cli("muster", "show").code, "there was no muster yet" in cli("muster", "show").err) == (1, True)
    assert "no muster runs" in cli("muster", "end").err
    assert cli("muster", "mark", "1").code == 2
    assert cli("muster", "mark", "1", "--safe", "--not-here").code == 2
    assert cli("muster", "mark", "1", "--safe", "--missing").code == 2
    assert cli("muster", "mark", "1", "--not-here").code == 2
    assert cli("muster", "start", "--drill", "--on-fire").code == 2
    assert "there is no zone 'attic'" in cli("muster", "start", "--zone", "attic").err
    cli("muster", "start")
    cli("muster", "start", "--zone", "building")
    assert "several musters run: " in cli("muster", "show").err
    assert "no muster of zone 'lab' runs" in cli("muster", "mark", "1", "--safe", "--zone", "lab").err
    assert cli("muster", "start", "--zone", "building").code == 1


@pytest.mark.usefixtures("inside")
def test_the_whole_site_is_mustered_and_unnamed_people_are_told_apart(cli, done, site):
    with site.database.write() as session:
        fact = Fact(Kind.PASSAGE_COMPLETED, datetime.now(UTC), portal="main", direction=Direction.ENTRY)
        site.ledger.append(session, [fact])
    assert "1 unnamed are inside" in cli("muster", "start").out
    found = done("muster", "show")
    assert (found["zone"], found["unnamed"], len(found["missing"])) == (None, 1, 2)


@pytest.mark.usefixtures("inside")
def test_arming_for_a_fire_starts_nothing_now(cli, done):
    assert "from now on" in cli("muster", "start", "--on-fire", "--zone", "building").out
    assert done("muster", "list") == []
    assert "a fire input begins a muster of: zone building" in cli("muster", "list").err
    assert "any more" in cli("muster", "end", "--on-fire", "--zone", "building").out
    assert "a fire input" not in cli("muster", "list").err


@pytest.mark.usefixtures("inside")
def test_the_list_is_printed_with_names_made_safe(cli, tmp_path):
    cli("muster", "start", "--zone", "building")
    page = cli("muster", "print").out
    assert page.startswith("<!doctype html>")
    assert "=Berik&lt;b&gt;" in page
    assert "<b>" not in page
    assert not any(word in page for word in ("http:", "https:", "src=", "<script"))
    table = cli("muster", "print", "--format", "csv").out
    rows = list(csv.reader(io.StringIO(table)))
    assert rows[0] == ["state", "zone", "badge", "name", "since", "note"]
    assert [row[:4] for row in rows[1:]] == [
        ["missing", "building", "1", "Anna"],
        ["missing", "building", "2", "'=Berik<b>"],
    ]
    file = tmp_path / "list.csv"
    assert "wrote muster building-" in cli("muster", "print", str(file)).out
    assert (file.read_bytes().decode(), file.stat().st_mode & 0o777) == (table, 0o600)


@pytest.mark.parametrize(
    ("unnamed", "words"), [(2, "2 unnamed are inside"), (-3, "3 of these have left unnamed"), (0, None)]
)
def test_unnamed_people_in_words(unnamed, words):
    found = {"unnamed": unnamed, "unnamed_out": 0, "unnamed_in": 0}
    assert muster_sheet.unnamed_words(found).get("unnamed") == words
