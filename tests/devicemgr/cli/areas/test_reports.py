"""`report …` as it is typed."""

import csv
import io
from datetime import UTC, datetime

import openpyxl
import pytest

from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.domain.model import Direction
from devicemgr.store.people import people

NOVEMBER = ("--from", "2026-11-01", "--to", "2026-11-30")


@pytest.fixture
def building(entrance, done, tmp_path):
    done("zone", "add", "building")
    done("portal", "edit", "main", "--outside", "outside", "--inside", "building")
    done("person", "add", "Aigul Serik", "--badge", "7", "--level", "staff")
    done("person", "add", "Dana", "--badge", "8")
    file = tmp_path / "site.toml"
    file.write_text('[site]\nattendance = true\ntimezone = "Asia/Almaty"\n')
    done("apply", str(file))


@pytest.fixture
def passed(building, site):
    """Aigul works a day, and a night from which Dana's exit is missing."""

    def fact(badge, at, direction):
        with site.database.read() as session:
            person = people.get(session, badge).id
        moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
        return Fact(Kind.PASSAGE_COMPLETED, moment, portal="main", direction=direction, person_id=person)

    stays = (("7", "2026-11-26 03:00", "2026-11-26 11:30"), ("7", "2026-11-27 17:00", "2026-11-28 01:00"))
    facts = [fact(badge, at, way) for badge, *times in stays for at, way in zip(times, Direction, strict=True)]
    with site.database.write() as session:
        return site.ledger.append(session, [*facts, fact("8", "2026-11-30 04:00", Direction.ENTRY)])


def test_tables_are_in_the_sites_time_and_name_it(passed, cli):
    ran = cli("report", "hours", *NOVEMBER)
    assert (ran.code, ran.err) == (0, "")
    lines = [line.rstrip() for line in ran.out.splitlines()]
    assert lines[0] == "hours, 2026-11-01 00:00 to 2026-12-01 00:00, times in Asia/Almaty"
    assert [line.split() for line in lines[1:]] == [
        ["badge", "name", "day", "hours", "exceptions"],
        ["7", "Aigul", "Serik", "2026-11-26", "8.50", "–"],
        ["7", "Aigul", "Serik", "2026-11-27", "8.00", "–"],
        ["7", "Aigul", "Serik", "total", "16.50", "–"],
        ["8", "Dana", "2026-11-30", "–", "no_exit"],
        ["8", "Dana", "total", "(1", "day", "without", "hours)", "–", "–"],
    ]
    first_last = cli("report", "first-last", *NOVEMBER, "--person", "7").out
    assert "22:00:00  06:00:00 +1" in first_last
    assert "2026-11-27 22:00:00" in cli("report", "presence", *NOVEMBER).out


def test_without_rows_there_are_headers(building, cli, done):
    for kind in ("presence", "first-last", "hours", "denials", "visitors", "musters"):
        ran = cli("report", kind, "--from", "2020-01-01", "--to", "2020-01-01")
        assert (ran.code, len(ran.out.splitlines())) == (0, 2), ran.out
        assert done("report", kind, "--from", "2020-01-01", "--to", "2020-01-01")["rows"] == []


def test_files_go_by_their_names_and_are_their_owners_alone(passed, cli, done, tmp_path):
    table, book, document = (tmp_path / name for name in ("hours.csv", "hours.xlsx", "hours.json"))
    for file in (table, book, document):
        ran = cli("report", "hours", *NOVEMBER, str(file))
        assert ran.out == f"wrote 3 rows to {file}\n"
        assert file.stat().st_mode & 0o777 == 0o600
    rows = list(csv.DictReader(io.StringIO(table.read_text("utf-8-sig"))))
    assert [(row["badge"], row["day"], row["hours"]) for row in rows][2] == ("7", "total", "16.5")
    assert openpyxl.load_workbook(book).active["D2"].value == 8.5
    assert cli("report", "hours", *NOVEMBER, "--format", "csv").out == table.read_bytes().decode()
    printed = cli("report", "hours", *NOVEMBER, "--format", "json").out
    assert printed == document.read_text()
    assert done("report", "hours", *NOVEMBER)["totals"][0]["hours"] == 16.5
    kept = table.read_bytes()
    assert cli("report", "hours", *NOVEMBER, str(table)).code == 1
    assert table.read_bytes() == kept


def test_what_can_not_be_is_one_line(building, cli):
    for arguments, code, words in (
        (("hours",), 2, "--from"),
        (("hours", *NOVEMBER, "hours.pdf"), 2, ".csv, .xlsx or .json"),
        (("hours", *NOVEMBER, "--format", "pdf"), 2, "pdf"),
        (("hour", *NOVEMBER), 2, "hours"),
        (("musters", *NOVEMBER, "--person", "7"), 2, "--person"),
        (("hours", "--from", "2026-12-01", "--to", "2026-11-01"), 1, "before it begins"),
        (("hours", "--from", "now", "--to", "2026-11-01"), 1, "not a time"),
        (("hours", *NOVEMBER, "--person", "404"), 1, "404"),
        (("hours", *NOVEMBER, "--zone", "moon"), 1, "devicemgr zone list"),
    ):
        ran = cli("report", *arguments)
        assert (ran.code, words in ran.err, "Traceback" in ran.err) == (code, True, False), (arguments, ran.err)


def test_attendance_is_refused_with_how_to_switch_it_on(entrance, cli):
    ran = cli("report", "hours", *NOVEMBER)
    assert (ran.code, ran.out) == (1, "")
    assert "attendance = true" in ran.err
    assert cli("report", "denials", *NOVEMBER).code == 0


def test_what_is_missing_is_warned_of(passed, cli, done, monkeypatch):
    monkeypatch.setattr("devicemgr.store.ledger.spans.first_kept", lambda _: (12, "2026-11-27T17:00:00.000Z"))
    ran = cli("report", "hours", *NOVEMBER)
    assert "events from before 2026-11-27 22:00 (Asia/Almaty) were removed by retention" in ran.err
    done("portal", "edit", "main", "--outside", "", "--inside", "")
    assert "no portal leads to a zone" in cli("report", "hours", *NOVEMBER).err
