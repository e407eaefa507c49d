"""Cards in a table of people: whose they are, and what their digits mean."""

import pytest


def refused(document):
    return {row["line"]: (row["code"], row["why"]) for row in document["refused"]}


def badges(done):
    return sorted(person["badge"] for person in done("person", "list"))


@pytest.mark.parametrize("cell", ["1.23457E+11", "2026-01-02", "1042.0"])
def test_what_a_spreadsheet_made_of_a_card_is_refused_by_row(home, done, table, imported, cell):
    imported(table("a.csv", "badge,name,cards", f"1,A,80:1;{cell}", "2,B,80:2"), code=4)
    assert badges(done) == ["2"]


def test_a_card_of_someone_else_is_refused_under_any_notation(home, done, table, imported):
    done("person", "add", "A", "--badge", "1"), done("card", "assign", "1", "80:58400")
    found = imported(table("a.csv", "badge,name,cards", "2,B,5301280", "1,A,0x50E420"), "--update", code=4)
    assert "is 1's" in refused(found)[2][1]
    assert found["unchanged"] == 1
    assert badges(done) == ["1"]


SEVERAL = {
    "12345678": ("012345678 (decimal)", "0x12345678 (hex)", "123:45678 (fffnnnnn)"),
    "90019001": ("090019001 (decimal)", "0x90019001 (hex)"),
    "1234567890": (),
    "9876543210": ("09876543210 (decimal)", "0x9876543210 (hex)"),
    "12345678901234": ("012345678901234 (decimal)", "0x12345678901234 (hex)"),
}


@pytest.mark.parametrize(("digits", "ways"), SEVERAL.items())
def test_digits_that_could_be_several_cards_are_refused_with_the_ways_to_write_them(
    home, done, table, imported, digits, ways
):
    file = table("a.csv", "badge,name,cards", f"1,A,{digits}", "2,B,80:2")
    found = imported(file, code=4 if ways else 0)
    assert badges(done) == (["2"] if ways else ["1", "2"])
    if ways:
        assert all(way in refused(found)[2][1] for way in ways), refused(found)
        for way in ways:
            imported(table("b.csv", "badge,name,cards", f"1{way[-3]},A,{way.partition(' ')[0]}"))
        assert len(done("card", "list")) == len(ways) + 1


@pytest.mark.parametrize("cell", ["12345678 until 2099-12-31", "12345678 blocked"])
def test_an_end_or_a_block_behind_the_digits_does_not_hide_them(home, done, table, imported, cell):
    found = imported(table("a.csv", "badge,name,cards", f"1,A,{cell}"), code=4)
    assert "several cards" in refused(found)[2][1]


def test_a_card_that_the_person_holds_is_the_one_that_is_meant(home, done, table, imported):
    imported(table("a.csv", "badge,name,cards", "1,A,123:45678"))
    found = imported(table("b.csv", "badge,name,cards", "1,A,12345678"), "--update")
    assert (found["changes"], found["refused"]) == ([], [])


@pytest.mark.parametrize("form", ["csv", "xlsx", "json"])
def test_an_export_of_such_cards_is_read_back_unchanged(home, done, cli, table, imported, tmp_path, form):
    imported(table("a.csv", "badge,name,cards", "1,A,12345678"), "--as-written")
    assert [card["number"] for card in done("card", "list")] == ["12345678"]
    file = tmp_path / f"out.{form}"
    assert cli("person", "export", file).code == 0
    found = imported(file, "--update", "--plan")
    assert (found["changes"], found["refused"]) == ([], [])
