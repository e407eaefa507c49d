"""Large tables and workbooks are read in a process of their own, with the same outcome."""

import io
import subprocess

import openpyxl
import pytest

from devicemgr.errors import InvalidInput
from devicemgr.people.sources import table_process
from devicemgr.people.sources.table_process import read_apart
from devicemgr.people.tables.reader import Layout

TEXT = "Card No.;name;id\n1;Айгүл;E1\n2;Omar;\n".encode()
LAYOUT = Layout(columns={"badge": "Card No."})


def workbook(*rows):
    book, file = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(file)
    return file.getvalue()


def test_a_child_gives_the_table_that_this_process_would(monkeypatch):
    here = read_apart(TEXT, "staff.csv", LAYOUT)
    monkeypatch.setattr(table_process, "_MAX_BYTES_HERE", 0)
    assert read_apart(TEXT, "staff.csv", LAYOUT) == here
    assert (here.rows[0].fields["name"], here.fields) == ("Айгүл", ("badge", "name", "id"))


def test_a_workbook_is_never_read_here(monkeypatch):
    started, real = [], subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda *words, **more: started.append(words) or real(*words, **more))
    found = read_apart(workbook(["badge", "name"], ["1", "A"]), "staff.xlsx", Layout())
    assert ([row.fields for row in found.rows], len(started)) == ([{"badge": "1", "name": "A"}], 1)


@pytest.mark.parametrize("case", ["no column", "damaged", "too much memory", "too slow"])
def test_what_can_not_be_read_is_refused_in_one_line(monkeypatch, case):
    data = workbook(["name"], ["A"])
    match case:
        case "damaged":
            data = data[: len(data) // 2]
        case "too slow":
            monkeypatch.setattr(table_process, "_MAX_SECONDS", 0.001)
        case "too much memory":
            killed = subprocess.CompletedProcess([], -9, b"", b"")
            monkeypatch.setattr(subprocess, "run", lambda *_, **__: killed)
    with pytest.raises(InvalidInput) as found:
        read_apart(data, "staff.xlsx", Layout())
    assert str(found.value).startswith("staff.xlsx")
    assert "\n" not in str(found.value)
    if case == "no column":
        assert found.value.hint.code == "pass_column"
