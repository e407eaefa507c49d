"""What spreadsheets and programs do to tables: refused by row or read rightly, and never taken for people."""

import io

import openpyxl
import pytest

from devicemgr.people.tables.plan import Policy, make_plan
from devicemgr.people.tables.present import PresentPeople
from devicemgr.people.tables.reader import Layout, parse_table

NO_ONE = PresentPeople(by_badge={}, cards={}, levels=frozenset(), zone=None, managed={})


def read(data):
    return parse_table(data, "a.csv", Layout(), ["badge"])


def refused(data):
    plan = make_plan([row.as_json() for row in read(data).rows], NO_ONE, Policy())
    return {row.line: row.why for row in plan.refused}


def workbook(*rows):
    book, file = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(file)
    return file.getvalue()


DAMAGE = {
    "50%": "percentage",
    "12,5 %": "percentage",
    "0.5": "decimal",
    "0,25": "decimal",
    "1,234": "thousands",
    "1.234.567": "thousands",
    "1'234": "thousands",
    "12 345": "thousands",
    "12\u00a0345": "thousands",
    "12\u202f345": "thousands",
    "12:30:00": "time",
    "1:05:00 PM": "time",
    "TRUE": "logical value",
    "ИСТИНА": "logical value",
    "Falsch": "logical value",
    "nan": "empty cell",
    "NULL": "empty cell",
    "<NA>": "empty cell",
}


@pytest.mark.parametrize("column", ["badge", "cards"])
@pytest.mark.parametrize(("cell", "word"), DAMAGE.items())
def test_a_damaged_number_refuses_its_row(cell, word, column):
    row = f"{cell};A;" if column == "badge" else f"7;A;{cell}"
    found = refused(f"badge;name;cards\n{row}\n8;B;80:1\n".encode())
    assert list(found) == [2]
    assert word in found[2]


@pytest.mark.parametrize("badge", ["1.5", "12-345", "A1", "12:34", "Null-7", "1234.5678"])
def test_a_badge_that_only_resembles_damage_is_taken(badge):
    assert refused(f"badge;name\n{badge};A\n".encode()) == {}


@pytest.mark.parametrize("name", ["Null", "Nan", "Nil Noone"])
def test_a_person_may_be_called_like_nothing(name):
    assert refused(f"badge;name;note\n1;{name};None\n".encode()) == {}
    assert "empty cell" in refused(b"badge;name\n1;nan\n")[2]


def test_a_logical_value_of_a_workbook_is_no_badge_and_says_who_is_suspended():
    data = workbook(["badge", "name", "suspended"], [True, "A", None], ["2", "B", True], ["3", "C", "ЛОЖЬ"])
    assert list(refused(data)) == [2]
    plan = make_plan([row.as_json() for row in read(data).rows], NO_ONE, Policy())
    assert [(change.badge, "suspended" in change.fields) for change in plan.changes] == [("2", True), ("3", False)]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    "names", ["Сергей Иванович Петров;Склад готовой продукции", "Айгүл Сейітқызы;Қойма", "王小明;仓库"]
)
def test_utf_16_without_a_mark_is_found_however_few_letters_are_ascii(encoding, names):
    found = read(f"badge;name;department\r\n1;{names}\r\n2;{names}\r\n".encode(encoding))
    assert found.form.startswith(f"{encoding},")
    assert ";".join([found.rows[1].fields["name"], found.rows[1].fields["department"]]) == names


def test_a_filled_column_without_a_header_is_said():
    assert read(b"badge,name,,department,,\n1,Ann,Lee,x,,\n").ignored == ("C (no header)",)
    assert read(workbook(["badge", "name", None], [1, "Ann", "Lee"])).ignored == ("C (no header)",)


def test_a_workbook_without_the_columns_is_called_a_table():
    with pytest.raises(Exception, match="the table has no column badge"):
        read(workbook(["Staff of 2026"], ["badge"]))
