"""Reading a folder or a table: pure, so any input may come."""

import string
from unicodedata import normalize

import pytest
from hypothesis import given, strategies as st

from devicemgr.errors import InvalidInput
from devicemgr.people.imports.roster.reader import read_roster, split_folder_name, split_name
from devicemgr.people.tables.columns import FIELDS
from devicemgr.people.tables.reader import Layout, parse_table

# Without what is dropped or refused on purpose: invisible characters, formulas, marks of text, errors.
CELL = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Cf"), blacklist_characters="='#"), max_size=20)
COLUMNS = ("badge", "name", "photo")


def parse(text):
    return parse_table(text.encode(), "a.csv", Layout("utf-8"), COLUMNS, (*FIELDS, "photo")).rows


@pytest.mark.parametrize(
    ("stem", "badge", "name"),
    [
        ("17", "17", None),
        ("17_Айгүл", "17", "Айгүл"),
        ("17_Anna_Maria_Schmidt", "17", "Anna Maria Schmidt"),
        ("17_Anna_2", "17", "Anna"),
        ("17_Anna (2)", "17", "Anna"),
        ("17_3", "17", None),
        ("17 Anna Maria", "17", "Anna Maria"),
        ("17 Anna 2", "17", "Anna"),
        (" 17 _ Anna ", "17", "Anna"),
        ("17 (2)", "17", None),
        ("A-9_محمد", "A-9", "محمد"),
        ("17_И\u0306", "17", "Й"),
    ],
)
def test_badge_and_name_of_a_file(stem, badge, name):
    assert split_name(stem) == (badge, name)


@pytest.mark.parametrize(
    "stem", ["", "_Anna", "EMP_001", "a b_Anna", "17_An\u202ena", "-17", "10 42", "10 42_Anna", "EMP 001"]
)
def test_doubtful_file_names_are_refused(stem):
    with pytest.raises(InvalidInput):
        split_name(stem)


@pytest.mark.parametrize(
    ("folder_name", "found"),
    [("EMP_001", ("EMP_001", None)), ("E17_Omar_Haddad", ("E17", "Omar Haddad")), ("1044", ("1044", None))],
)
def test_badge_and_name_of_a_persons_folder(folder_name, found):
    assert split_folder_name(folder_name) == found


@given(st.text(max_size=60))
def test_any_file_name_is_either_read_or_refused(stem):
    try:
        badge, name = split_name(stem)
    except InvalidInput:
        return
    assert badge
    assert name is None or (name == name.strip() and name)


@given(st.text(max_size=300))
def test_any_text_is_either_a_table_or_refused_in_one_line(text):
    try:
        rows = parse(text)
    except InvalidInput as error:
        said = str(error)
    else:
        said = "; ".join(row.fault or "" for row in rows)
    assert "\n" not in said


@given(
    st.lists(st.tuples(CELL, CELL, CELL), max_size=8),
    st.sampled_from([",", ";"]),
    st.permutations(["badge", "name", "photo"]),
    st.booleans(),
)
def test_what_a_spreadsheet_writes_comes_back(rows, delimiter, order, shout):
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow([name.upper() if shout else name for name in order])
    for row in rows:
        cells = dict(zip(("badge", "name", "photo"), row, strict=True))
        writer.writerow([cells[name] for name in order])
    found = parse(out.getvalue())
    wanted = [row for row in rows if any(cell.strip() for cell in row)]
    assert [row.fields["name"] for row in found] == [normalize("NFC", name).strip() for _, name, _ in wanted]
    for row, (badge, _, photo) in zip(found, wanted, strict=True):
        parts = (part.strip() for part in normalize("NFC", photo).split(";"))
        assert row.several("photo") == tuple(dict.fromkeys(part for part in parts if part))
        assert (row.fault == "it has no badge") == (not badge.strip())


def test_lines_are_counted_as_an_editor_does():
    rows = parse('badge,name,photo\n\n1,"A\nB",a.jpg\n2,C,\n')
    assert [(row.line, row.fault) for row in rows] == [(4, None), (5, None)]


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    (tmp_path / "outside.jpg").write_text("x")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.jpg").write_text("x")
    return root


def test_links_out_of_the_folder_are_left_aside(folder):
    (folder / "1_A.jpg").write_text("x")
    (folder / "2_B.jpg").symlink_to(folder.parent / "outside.jpg")
    (folder / "3_C").symlink_to(folder.parent / "elsewhere")
    (folder / "4_D.jpg").symlink_to(folder / "1_A.jpg")
    (folder / "5_E.jpg").symlink_to(folder / "5_E.jpg")
    found = read_roster(folder)
    assert [entry.badge for entry in found.entries] == ["1", "4"]
    assert len([note for note in found.skipped if "links" in note]) == 3


def test_a_folder_a_person_and_what_is_left_aside(folder):
    (folder / "1_A").mkdir()
    for name in ("b.JPG", "a.webp", ".DS_Store", "list.xlsx"):
        (folder / "1_A" / name).write_text("x")
    (folder / "1_A" / "deeper").mkdir()
    (folder / ".git").mkdir()
    found = read_roster(folder)
    assert [[file.name for file in entry.files] for entry in found.entries] == [["a.webp", "b.JPG"]]
    assert len(found.skipped) == 4


def test_one_badge_with_two_names_is_a_fault(folder):
    for name in ("1_Anna.jpg", "1_Olga.jpg", "2_Omar.jpg", "2_Omar_2.jpg", "EMP_001.jpg"):
        (folder / name).write_text("x")
    found = read_roster(folder)
    assert [(entry.badge, len(entry.files)) for entry in found.entries] == [("2", 2)]
    assert ["Anna, Olga" in found.faults[1].why, "EMP_001" in found.faults[0].why] == [True, True]


def test_the_same_badge_twice_in_a_table(folder):
    table = folder / "people.csv"
    table.write_text("badge,name,photo\n1,A,a.jpg\n1,A,b.jpg\n,B,c.jpg\n2,C,d.jpg,extra\n")
    found = read_roster(table)
    assert [(entry.badge, entry.files) for entry in found.entries] == [("1", (folder / "a.jpg",))]
    assert [fault.source for fault in found.faults] == ["line 4", "line 5", "line 3"]


def test_slug_characters_of_badges():
    for character in string.punctuation:
        if character not in ".:+-_":
            with pytest.raises(InvalidInput):
                split_name(f"1{character}2")
