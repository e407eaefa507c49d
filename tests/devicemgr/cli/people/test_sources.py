"""`source …`: people who follow a table in the drop folder, as an admin and HR meet it."""

import codecs
import json
import os

import openpyxl
import pytest

HEADER = "badge,name,levels"


@pytest.fixture
def put(home):
    """put("badge,name", "1,A") puts the lines into the drop folder as staff.csv; bytes as they are."""

    def write(*lines, name="staff.csv", encoding="utf-8"):
        home.inbox.mkdir(mode=0o700, exist_ok=True)
        data = (
            lines[0] if lines and isinstance(lines[0], bytes) else "".join(f"{x}\r\n" for x in lines).encode(encoding)
        )
        draft = home.inbox / f".{name}.part"
        draft.write_bytes(data)
        draft.replace(home.inbox / name)
        return home.inbox / name

    return write


@pytest.fixture
def source(home, cli):
    """source("sync", "hr", code=0) runs the command and returns its document; the failure's line for code 1."""

    def run(*words, code=0):
        ran = cli("source", *words, "--json")
        assert ran.code == code, ran.out + ran.err
        return ran.error if code == 1 else ran.json

    return run


@pytest.fixture
def levels(entrance, done):
    """Levels staff, warehouse and vault, of which hr grants the second alone."""
    for name in ("warehouse", "vault"):
        done("level", "add", name, "--portal", "main")


@pytest.fixture
def hr(levels, source):
    source("add", "hr", "--file", "staff.csv", "--map", "Warehouse=warehouse")


def changes(document):
    return [(change["change"], change["badge"]) for change in document["changes"]]


def person(done, badge):
    return done("person", "show", badge)


def staff(count, skip=()):
    return [HEADER, *(f"{n},Person {n},Warehouse" for n in range(1, count + 1) if n not in skip)]


def states(done):
    return {found["badge"]: found["suspended"] for found in done("person", "list")}


def kinds(cli):
    return [event["kind"] for event in cli("events", "--json").lines]


def test_people_come_change_leave_and_return_as_the_same_person(hr, put, source, done, cli):
    put(HEADER, "1,Айгүл,Warehouse", "2,Omar,Office")
    plan = source("plan", "hr", code=4)
    assert (plan["applied"], changes(plan), done("person", "list")) == (False, [("add", "1"), ("add", "2")], [])
    assert changes(source("sync", "hr")) == changes(plan)
    assert (person(done, "1")["levels"], person(done, "1")["source"]) == (["warehouse"], "hr")
    assert person(done, "2")["levels"] == []
    assert changes(source("sync", "hr")) == []
    put(HEADER, "2,Omar Haddad,Warehouse")
    assert changes(source("sync", "hr")) == [("suspend", "1"), ("edit", "2")]
    assert states(done) == {"1": True, "2": False}
    identity = done("person", "export", "1")["id"]
    put(HEADER, "1,Айгүл,Warehouse", "2,Omar Haddad,Warehouse")
    assert changes(source("sync", "hr")) == [("resume", "1")]
    assert (states(done)["1"], done("person", "export", "1")["id"]) == (False, identity)
    events = cli("events", "--json").lines
    assert {e["actor"] for e in events if e["person"] and not e["kind"].endswith("exported")} == {"source:hr"}
    run = next(e["detail"] for e in events if e["kind"] == "admin.sync")
    assert (run["source"], run["add"], run["suspend"], len(run["digest"])) == ("hr", 2, 0, 64)
    assert run["by"] == f"uid:{os.getuid()}"
    assert run["seconds"] >= 0


def test_levels_outside_the_map_are_never_touched(hr, put, source, done, cli):
    put(HEADER, "1,A,Warehouse;vault;staff")
    source("sync", "hr")
    assert person(done, "1")["levels"] == ["warehouse"]
    done("level", "grant", "1", "vault")
    put(HEADER, "1,A,Office")
    source("sync", "hr")
    assert person(done, "1")["levels"] == ["vault"]
    put(HEADER, "1,A,")
    assert changes(source("sync", "hr")) == []
    put("badge,name", "1,A")
    assert changes(source("sync", "hr")) == []
    assert person(done, "1")["levels"] == ["vault"]


def test_a_source_without_a_map_grants_nothing(levels, put, source, done):
    source("add", "hr", "--file", "staff.csv")
    done("person", "add", "A", "--badge", "1", "--level", "staff")
    put(HEADER, "1,A,vault", "2,B,vault")
    source("sync", "hr")
    assert (person(done, "1")["levels"], person(done, "2")["levels"]) == (["staff"], [])


def test_what_a_source_keeps_is_changed_there_alone(hr, put, source, done, cli, tmp_path):
    put(f"{HEADER},department", "1,A,Warehouse,IT")
    source("sync", "hr")
    refusals = {
        ("person", "edit", "1", "--name", "B"): "name",
        ("person", "edit", "1", "--department", ""): "department",
        ("person", "edit", "1", "--new-badge", "9"): "badge",
        ("level", "revoke", "1", "warehouse"): "level warehouse",
    }
    for words, what in refusals.items():
        ran = cli(*words)
        assert (ran.code, f"source hr keeps {what} of badge 1" in ran.error) == (1, True), ran.err
        assert "change it there" in ran.error
    done("person", "edit", "1", "--note", "by hand")
    done("level", "grant", "1", "vault")
    done("card", "assign", "1", "80:58400")
    done("person", "suspend", "1")
    source("sync", "hr")
    assert states(done) == {"1": True}, "a suspension by hand stays"
    done("person", "resume", "1")
    table = tmp_path / "other.csv"
    table.write_text("badge,name,note\n1,B,x\n")
    ran = cli("--json", "person", "import", table, "--update")
    assert (ran.code, [row["code"] for row in ran.json["refused"]]) == (4, ["kept_by_source"])
    table.write_text("badge,note\n1,from a table\n")
    assert cli("person", "import", table, "--update").code == 0
    assert person(done, "1")["note"] == "from a table"


def test_a_leaver_is_not_resumed_by_hand_nor_by_another_table(hr, put, source, done, cli, tmp_path):
    put(*staff(3)), source("sync", "hr"), put(*staff(3, skip=[2])), source("sync", "hr")
    assert "source hr keeps the suspension of badge 2" in cli("person", "resume", "2").error
    table = tmp_path / "other.csv"
    table.write_text("badge,name\n2,Person 2\n9,New\n")
    cli("person", "import", table, "--update", "--missing", "suspend")
    assert states(done) == {"1": False, "2": True, "3": False, "9": False}


def test_a_file_of_one_row_is_held_until_an_admin_accepts_that_very_plan(hr, put, source, done, cli):
    put(*staff(30)), source("sync", "hr")
    put(HEADER, "1,Person 1,Warehouse")
    error = source("sync", "hr", code=1)
    digest = source("plan", "hr", code=4)["digest"]
    assert ("29 of 30 people of source hr would lose rights, over 10 at once" in error, digest in error) == (True, True)
    assert not any(states(done).values())
    source("sync", "hr", code=1)
    assert kinds(cli).count("admin.sync_held") == 1
    alarms = {alarm["kind"]: alarm for alarm in json.loads(cli("status", "--json").out)["alarms"]}
    assert alarms["sync_held"]["source"] == "hr"
    assert digest in alarms["sync_held"]["cause"]
    assert cli("status").out.count("sync_held") == 1
    assert source("show", "hr")["held"]["taken_away"] == 29
    put(HEADER, "1,Person 1,Warehouse", "2,Person 2,Warehouse")
    assert "another plan now" in source("sync", "hr", "--accept", digest, code=1)
    assert not any(states(done).values())
    fresh = source("plan", "hr", code=4)["digest"]
    assert len(changes(source("sync", "hr", "--accept", fresh))) == 28
    assert sum(states(done).values()) == 28
    assert source("show", "hr").get("held") is None
    assert "sync_held" not in cli("status").out
    assert "another plan now" in source("sync", "hr", "--accept", fresh, code=1), "an old digest is no blanket"


def test_taking_a_part_of_the_rights_from_many_is_held_too(hr, put, source, done):
    put(f"{HEADER},cards,valid_to", *(f"{n},P,Warehouse,80:{n},2030-01-01" for n in range(1, 21)))
    source("sync", "hr")
    for n in range(1, 21):
        done("level", "grant", str(n), "vault")
    for row in ("{n},P,,80:{n},2030-01-01", "{n},P,Warehouse,,2030-01-01", "{n},P,Warehouse,80:{n},2026-01-01"):
        put(f"{HEADER},cards,valid_to", *(row.format(n=n) for n in range(1, 21)))
        assert "20 of 20 people" in source("sync", "hr", code=1)
    put(f"{HEADER},cards,valid_to", *(f"{n},Q,Warehouse,80:{n},2031-01-01" for n in range(1, 21)))
    assert len(changes(source("sync", "hr"))) == 20


def test_the_site_may_set_its_own_limit(hr, put, source):
    source("edit", "hr", "--most-changes", "0")
    put(*staff(3)), source("sync", "hr")
    put(*staff(2))
    assert "over 0 at once" in source("sync", "hr", code=1)
    source("edit", "hr", "--most-changes", "1")
    assert changes(source("sync", "hr")) == [("suspend", "3")]


@pytest.mark.parametrize("lines", [(), (b"",), (HEADER,), (HEADER, "", ";;"), (b"\x00\x01\x02",), ("name", "A")])
def test_an_empty_or_broken_file_is_a_failed_read_and_no_one_left(hr, put, source, done, cli, lines):
    source("edit", "hr", "--most-changes", "1000")
    put(*staff(3)), source("sync", "hr")
    put(*lines) if lines else put(b"")
    source("sync", "hr", code=1)
    assert states(done) == {"1": False, "2": False, "3": False}
    assert source("show", "hr")["failed"]["cause"]
    assert "sync_failed" in cli("status").out
    put(*staff(3)), source("sync", "hr")
    assert source("show", "hr").get("failed") is None


def test_a_file_that_is_gone_suspends_no_one(hr, put, source, done, cli):
    file = put(*staff(3))
    source("sync", "hr")
    file.unlink()
    assert "there is no file staff.csv in" in source("sync", "hr", code=1)
    assert not any(states(done).values())
    assert kinds(cli)[-1] == "admin.sync_failed"


def test_two_rows_with_one_badge_are_both_refused_and_miss_no_one(hr, put, source, done):
    put(*staff(3)), source("sync", "hr")
    put(HEADER, "1,Person 1,Warehouse", "2,X,Warehouse", "2,Y,Warehouse", "3,Person 3,")
    found = source("sync", "hr", code=4)
    assert [(row["line"], row["code"]) for row in found["refused"]] == [(3, "badge_twice"), (4, "badge_twice")]
    assert changes(found) == [("edit", "3")]
    assert person(done, "2")["name"] == "Person 2"


def test_while_a_row_is_of_no_one_known_no_one_is_missing_and_an_alarm_says_so(hr, put, source, done, cli):
    put(*staff(3)), source("sync", "hr")
    put(HEADER, "1,Person 1,Warehouse", "1.2E+11,Person 2,Warehouse", "3,Person 3,Warehouse")
    assert changes(source("sync", "hr", code=4)) == []
    assert not any(states(done).values())
    assert "sync_unsure" in cli("status").out


def test_a_person_has_one_source(hr, put, source, done):
    source("add", "agency", "--file", "agency.csv")
    put(*staff(3)), source("sync", "hr")
    put("badge,name", "3,Somebody else", "7,Own", name="agency.csv")
    found = source("sync", "agency", code=4)
    assert [(row["badge"], row["code"]) for row in found["refused"]] == [("3", "other_person")]
    assert "kept by source hr" in found["refused"][0]["why"]
    assert (person(done, "3")["name"], person(done, "3")["source"], person(done, "7")["source"]) == (
        "Person 3",
        "hr",
        "agency",
    )
    put("badge,name", "8,Own", name="agency.csv")
    assert changes(source("sync", "agency")) == [("suspend", "7"), ("add", "8")]
    assert not person(done, "1")["suspended"], "hr's people are not the agency's to miss"


def test_the_sites_own_people_are_taken_over_and_others_left_alone(hr, put, source, done):
    done("person", "add", "By Hand", "--badge", "1", "--level", "vault")
    done("person", "add", "Guest", "--badge", "50")
    put(*staff(2))
    found = source("sync", "hr")
    assert {c["badge"]: c["fields"].get("source") for c in found["changes"] if c["change"] == "edit"} == {
        "1": [None, "hr"]
    }
    assert person(done, "1")["levels"] == ["vault", "warehouse"]
    assert (person(done, "50")["suspended"], person(done, "50")["source"]) == (False, None)


def test_an_id_of_the_source_keeps_a_person_through_a_new_badge(hr, put, source, done):
    source("edit", "hr", "--column", "id=Personnel No.")
    put("Personnel No.,badge,name", "E1,1,A", "E2,2,B")
    source("sync", "hr")
    identity = done("person", "export", "1")["id"]
    put("Personnel No.,badge,name", "E1,77,A", "E2,2,B")
    assert changes(source("sync", "hr")) == [("edit", "1")]
    assert done("person", "export", "77")["id"] == identity
    put("Personnel No.,badge,name", "E1,77,A", "E3,2,Someone new")
    found = source("sync", "hr", code=4)
    assert ("is that of id E2" in found["refused"][0]["why"], person(done, "2")["name"]) == (True, "B")
    put("Personnel No.,badge,name", "E1,77,A", "E1,2,B", "E9,9,C")
    assert [row["code"] for row in source("sync", "hr", code=4)["refused"]] == ["other_person", "other_person"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1251"])
def test_a_file_as_spreadsheets_save_it(hr, put, source, done, encoding):
    put("badge;name;levels", "1;Жанна Ахметова;Warehouse", "2;Сергей Иванов;", encoding=encoding)
    found = source("sync", "hr")
    assert [change["name"] for change in found["changes"]] == ["Жанна Ахметова", "Сергей Иванов"]
    assert encoding.removesuffix("-sig") in found["read_as"]


def test_a_workbook_with_formulas_takes_their_values_or_refuses_the_row(levels, put, source, tmp_path):
    source("add", "hr", "--kind", "xlsx", "--file", "staff.xlsx")
    book = openpyxl.Workbook()
    for row in (["badge", "name"], ["1", "Plain"], ["2", "=CONCAT(A1;B1)"]):
        book.active.append(row)
    book.save(tmp_path / "b.xlsx")
    put((tmp_path / "b.xlsx").read_bytes(), name="staff.xlsx")
    found = source("sync", "hr", code=4)
    assert (changes(found), "formula without a value" in found["refused"][0]["why"]) == ([("add", "1")], True)
    put(codecs.BOM_UTF8 + b"badge,name\n1,A\n", name="staff.xlsx")
    assert "is no workbook" in source("sync", "hr", code=1)


def test_who_is_erased_comes_back_as_someone_new(hr, put, source, done, cli):
    put(*staff(2)), source("sync", "hr")
    before = done("person", "export", "2")["id"]
    source("edit", "hr", "--missing", "remove")
    put(*staff(1))
    assert "erase 1 person: Person 2" in source("sync", "hr", code=1), "an admin is asked; the daemon is not"
    assert changes(done("source", "sync", "hr", "--yes")) == [("remove", "2")]
    assert "admin.person_erased" in kinds(cli)
    put(*staff(2))
    assert changes(source("sync", "hr")) == [("add", "2")]
    assert done("person", "export", "2")["id"] != before
    assert person(done, "2")["templates"] == 0


def test_a_removed_source_leaves_its_people_to_the_site(hr, put, source, done, cli):
    put(*staff(2)), source("sync", "hr"), put(*staff(1)), source("sync", "hr")
    assert done("source", "remove", "hr", "--yes")["people"] == 2
    assert states(done) == {"1": False, "2": True}
    assert done("person", "edit", "1", "--name", "Mine")["source"] is None
    done("person", "resume", "2")
    assert cli("events", "--json").lines[-3]["kind"] == "admin.source_removed"


def test_the_site_file_has_sources_both_ways(hr, source, done, cli, tmp_path):
    source("edit", "hr", "--every", "1h", "--column", "badge=Card No.", "--erase-after", "30", "--most-changes", "5")
    file = tmp_path / "site.toml"
    file.write_text(cli("export").out)
    assert "[sources.hr]" in file.read_text()
    assert cli("apply", file, "--plan").code == 0
    assert "source 'hr' maps a group to level 'warehouse'" in cli("level", "remove", "warehouse", "--yes").error
    before = source("show", "hr")
    done("source", "remove", "hr", "--yes")
    planned = cli("apply", file, "--plan", "--json")
    assert (planned.code, [(c["kind"], c["change"]) for c in planned.json["changes"]]) == (4, [("sources", "add")])
    done("apply", file)
    assert source("show", "hr") == before
    file.write_text(file.read_text().replace('every = "1h"', 'every = "2 s"'))
    assert "[sources.hr] in the site's file: every: '2 s' is no interval" in cli("apply", file).error


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--file", "/etc/passwd"], "not a path"),
        (["--file", "../keys/master.csv"], "not a path"),
        (["--file", ".csv"], "no name for a file"),
        (["--file", "staff.xlsx", "--kind", "csv"], "ends in"),
        (["--file", "a.csv", "--every", "1m"], "no interval"),
        (["--file", "a.csv", "--missing", "forget"], "missing"),
        (["--file", "a.csv", "--column", "photo=Photo"], "no field 'photo'"),
        (["--file", "a.csv", "--map", "X=nowhere"], "level 'nowhere'"),
        (["--file", "a.csv", "--map", "X=staff", "--map", "x=vault"], "capitals"),
        (["--file", "a.csv", "--missing", "keep", "--erase-after", "3"], "erase_after_days"),
    ],
)
def test_a_wrong_word_is_refused_in_one_line(levels, source, words, why):
    assert why in source("add", "hr", *words, code=1)
    assert source("list") == []


def test_an_erasure_here_says_that_the_source_brings_them_back(hr, put, source, done, cli):
    put(*staff(2)), source("sync", "hr")
    copy = done("person", "export", "2")
    assert (copy["source"], copy["source_id"], copy.get("missing_since")) == ("hr", "2", None)
    assert "source hr adds this person again" in cli("person", "erase", "2", "--yes").err
    assert changes(source("sync", "hr")) == [("add", "2")]
    put(*staff(1)), source("sync", "hr")
    assert done("person", "export", "2")["missing_since"]
