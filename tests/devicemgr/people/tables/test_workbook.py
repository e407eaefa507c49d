"""Workbooks that were made to harm: refused before the library sees them, in one line."""

import io
import zipfile
from collections.abc import Callable

import openpyxl
import pytest

from devicemgr.errors import InvalidInput
from devicemgr.people.tables.formats import workbook
from devicemgr.people.tables.reader import Layout, parse_table

Change = Callable[[str, bytes], bytes]


def made(rows: int = 1) -> bytes:
    book = openpyxl.Workbook()
    book.active.append(["badge", "name"])
    for number in range(rows):
        book.active.append([f"{number:04}", "A"])
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def changed(change: Change, **more: bytes) -> bytes:
    """A workbook, each part as `change` makes it, with some parts more."""
    data = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(made())) as old, zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
        for name, content in more.items():
            new.writestr(name, content)
    return data.getvalue()


def with_document_type(encoding: str) -> Change:
    def change(name: str, content: bytes) -> bytes:
        if not name.endswith("sheet1.xml"):
            return content
        text = content.decode().partition("?>")[2] or content.decode()
        entity = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        return f'<?xml version="1.0" encoding="{encoding}"?>{" " * 65_530}{entity}{text}'.encode(encoding)

    return change


HOSTILE = {
    "an external entity": (lambda: changed(with_document_type("utf-8")), "document type"),
    "an external entity in UTF-16": (lambda: changed(with_document_type("utf-16")), "document type"),
    "a bomb": (lambda: changed(lambda _, content: content, bomb=b"\0" * 30_000_000), "fill memory"),
    "no workbook": (lambda: changed(lambda name, c: c).replace(b"xl/workbook.xml", b"xl/workbooq.xml"), "no workbook"),
    "cut off": (lambda: made()[:900], "damaged"),
    "not what it seems": (lambda: changed(lambda name, c: b"<a/>" if name.endswith("sheet1.xml") else c), "empty"),
    "no XML": (lambda: changed(lambda name, c: b"\0" if name.endswith("sheet1.xml") else c), "damaged"),
}


@pytest.mark.parametrize(("make", "words"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_workbook_is_refused_in_one_line(make: Callable[[], bytes], words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as refused:
        parse_table(make(), "a.xlsx", Layout(), ("badge",))
    assert "\n" not in str(refused.value)


def test_many_parts_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "_MAX_ENTRIES", 5)
    with pytest.raises(InvalidInput, match="too large"):
        parse_table(made(), "a.xlsx", Layout(), ("badge",))


def test_more_rows_than_the_bound_are_refused() -> None:
    with pytest.raises(InvalidInput, match="more than 10 rows"):
        workbook.parse(made(rows=30), 10)


def test_a_sheet_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(InvalidInput, match="no sheet 'HR'; it has: Sheet"):
        parse_table(made(), "a.xlsx", Layout(sheet="HR"), ("badge",))
    assert len(parse_table(made(), "a.xlsx", Layout(sheet="Sheet"), ("badge",)).rows) == 1
