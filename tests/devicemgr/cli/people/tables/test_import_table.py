"""`person import` and `person export`: tables both ways, as an admin types them."""

import io
import json
import unicodedata

import openpyxl
import pytest

HEADER = "badge,name,department,levels,cards,valid_to"


def changes(document):
    return [(change["change"], change["badge"]) for change in document["changes"]]


def refused(document):
    return {row["line"]: (row["code"], row["why"]) for row in document["refused"]}


def badges(done):
    return sorted(person["badge"] for person in done("person", "list"))


def test_people_come_with_levels_cards_and_dates_and_without_photos(entrance, done, table, imported):
    file = table("a.csv", HEADER, "1,Айгүл,Қойма,staff,80:58400;5301281,2030-01-01T00:00:00Z", "2,Omar,,,,")
    assert imported(file, "--plan", code=4)["applied"] is False
    assert done("person", "list") == []
    assert changes(imported(file)) == [("add", "1"), ("add", "2")]
    found = done("person", "show", "1")
    assert {name: found[name] for name in ("name", "department", "levels", "valid_to", "templates", "consent")} == {
        "name": "Айгүл",
        "department": "Қойма",
        "levels": ["staff"],
        "valid_to": "2030-01-01T00:00:00.000Z",
        "templates": 0,
        "consent": None,
    }
    assert sorted(found["cards"]) == ["5301281", "80:58400"]


def test_the_same_table_again_changes_nothing_and_records_nothing(entrance, cli, table, imported):
    file = table("a.csv", HEADER, "1,Айгүл,Қойма,staff,80:58400,2030-01-01", "2,Omar,,,,")
    imported(file)
    before = cli("events", "--json").lines
    for options in ((), ("--plan",), ("--update",), ("--update", "--missing", "suspend", "--plan")):
        assert changes(imported(file, *options)) == []
    assert cli("events", "--json").lines == before


def test_each_addition_is_in_the_record_with_its_rights(entrance, cli, table, imported):
    imported(table("a.csv", HEADER, "1,A,,staff,80:58400,2030-01-01T00:00:00Z"))
    events = {event["kind"]: event for event in cli("events", "--json").lines}
    after = events["admin.person_added"]["detail"]["after"]
    assert (after["levels"], after["cards"], after["valid_to"]) == (["staff"], 1, "2030-01-01T00:00:00.000Z")
    assert events["admin.people_imported"]["detail"]["add"] == 1


def test_other_values_are_not_taken_in_silence(entrance, done, cli, table, imported):
    imported(table("a.csv", HEADER, "1,A,IT,staff,,", "2,B,,,,"))
    changed = table("b.csv", HEADER, "1,A,Office,,80:1,2030-01-01", "2,B,,,,")
    found = imported(changed, code=4)
    code, why = refused(found)[2]
    assert (code, "cards, department, levels, valid_to" in why) == ("differs", True)
    assert "--update" in found["refused"][0]["advice"]
    assert done("person", "show", "1")["department"] == "IT"
    plan = imported(changed, "--update", "--plan", code=4)
    assert plan["changes"][0]["fields"]["levels"] == [["staff"], []]
    words = cli("person", "import", changed, "--update", "--plan").out
    assert "levels: −staff" in words
    assert "department: IT → Office" in words
    assert changes(imported(changed, "--update")) == [("edit", "1")]
    found = done("person", "show", "1")
    assert (found["department"], found["levels"], found["cards"]) == ("Office", [], ["80:1"])
    edits = [e for e in cli("events", "--json").lines if e["kind"] == "admin.level_revoked"]
    assert [(e["detail"]["before"], e["detail"]["after"]) for e in edits] == [({"levels": ["staff"]}, {"levels": []})]


def test_a_column_that_is_not_there_changes_nothing(entrance, done, table, imported):
    imported(table("a.csv", HEADER, "1,A,IT,staff,80:1,2030-01-01"))
    assert changes(imported(table("b.csv", "badge,name", "1,A"), "--update")) == []
    imported(table("c.csv", "badge,phone", "1,112"), "--update")
    found = done("person", "show", "1")
    assert (found["phone"], found["department"], found["levels"], found["cards"]) == ("112", "IT", ["staff"], ["80:1"])


def test_a_host_may_be_in_a_later_row(home, done, table, imported):
    imported(table("a.csv", "badge,name,kind,host", "1,Guest,visitor,2", "2,Host,,"))
    found = done("person", "show", "1")
    assert (found["kind"], found["host"]) == ("visitor", "2")
    assert "host" in refused(imported(table("b.csv", "badge,name,host", "3,C,9"), code=4))[2][1]


@pytest.mark.parametrize("form", ["csv", "xlsx", "json"])
def test_an_export_imports_with_no_change(entrance, done, cli, tmp_path, table, imported, form):
    done("person", "add", "=SUM(A1)", "--badge", "0042", "--level", "staff", "--phone", "+7 701 123", "--note", "'t")
    done("person", "add", '\'t Hooft; "Gerard"', "--badge", "7", "--hosted-by", "0042", "--valid-to", "2030-01-01")
    done("person", "add", "Әйгерім, Қ.", "--badge", "Б-8", "--kind", "visitor", "--email", "a@b.kz")
    done("card", "assign", "7", "80:58400"), done("card", "assign", "7", "raw:32:DEADBEEF")
    done("person", "suspend", "7")
    file = tmp_path / f"all.{form}"
    done("person", "export", file)
    assert file.stat().st_mode & 0o777 == 0o600
    found = imported(file, "--plan", "--update", "--missing", "remove")
    assert (changes(found), found["refused"], found["unchanged"]) == ([], [], 3)
    before = done("person", "list")
    for badge in badges(done):
        done("person", "erase", badge, "--yes")
    assert len(imported(file, "--as-written")["changes"]) == 3
    for person in before:
        again = done("person", "show", person["badge"])
        assert {k: v for k, v in again.items() if k != "created"} == {k: v for k, v in person.items() if k != "created"}


def test_an_export_is_no_formula_to_a_spreadsheet(home, done, cli, tmp_path):
    done("person", "add", "=cmd|' /C calc'!A0", "--badge", "1", "--phone", "+7 701", "--note", "@x")
    cells = cli("person", "export", "--format", "csv").out.splitlines()[1].split(",")
    assert [cell for cell in cells if cell.lstrip('"')[:1] in ("=", "+", "@", "-")] == []
    done("person", "export", tmp_path / "a.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx").active
    assert [cell.data_type for row in sheet for cell in row if cell.value and cell.data_type != "s"] == []


def test_a_thousand_people_go_out_and_come_in_again(entrance, done, table, imported, tmp_path):
    rows = [f"{n:05},Person {n},Dept {n % 40},{'staff' if n % 2 else ''},{n % 200}:{n},2030-01-01" for n in range(1000)]
    assert len(imported(table("a.csv", HEADER, *rows))["changes"]) == 1000
    done("person", "export", tmp_path / "b.xlsx")
    found = imported(tmp_path / "b.xlsx", "--plan", "--update", "--missing", "suspend")
    assert (found["changes"], found["refused"], found["unchanged"]) == ([], [], 1000)


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_ten_thousand_people_go_out_and_come_in_again(entrance, done, table, imported, tmp_path):
    rows = [f"{n:06},Person {n},Dept {n % 90},staff,{n},2030-01-01" for n in range(1, 10_001)]
    assert len(imported(table("a.csv", HEADER, *rows))["changes"]) == 10_000
    for form in ("csv", "xlsx", "json"):
        done("person", "export", tmp_path / f"b.{form}")
        found = imported(tmp_path / f"b.{form}", "--plan", "--update", "--missing", "remove")
        assert (found["changes"], found["refused"], found["unchanged"]) == ([], [], 10_000)


def test_who_is_missing_is_suspended_and_resumed_when_back(home, done, table, imported):
    both = table("a.csv", "badge,name", "1,A", "2,B")
    imported(both)
    one = table("b.csv", "badge,name", "1,A")
    assert changes(imported(one, "--update", "--missing", "suspend")) == [("suspend", "2")]
    assert done("person", "show", "2")["suspended"] is True
    assert changes(imported(one, "--update", "--missing", "suspend")) == []
    assert changes(imported(both, "--update", "--missing", "suspend")) == [("resume", "2")]
    assert done("person", "show", "2")["suspended"] is False


def test_a_suspension_by_hand_outlasts_the_tables(home, done, table, imported):
    both, one = table("a.csv", "badge,name", "1,A", "2,B"), table("b.csv", "badge,name", "1,A")
    imported(both)
    imported(one, "--missing", "suspend")
    done("person", "suspend", "2")
    done("person", "suspend", "1")
    assert changes(imported(both, "--update")) == []
    assert [done("person", "show", badge)["suspended"] for badge in "12"] == [True, True]


def test_missing_people_are_removed_only_with_a_yes(home, done, cli, table, imported):
    imported(table("a.csv", "badge,name", "1,A", "2,B"))
    one = table("b.csv", "badge,name", "1,A")
    ran = cli("person", "import", one, "--missing", "remove")
    assert (ran.code, badges(done)) == (1, ["1", "2"])
    assert "B (badge 2)" in ran.err
    assert changes(imported(one, "--missing", "remove", "--yes")) == [("remove", "2")]
    assert badges(done) == ["1"]


def test_a_table_that_would_suspend_many_is_held(home, done, cli, table, imported):
    imported(table("a.csv", "badge,name", *(f"{n},Person" for n in range(100, 120))))
    one = table("b.csv", "badge,name", "100,Person")
    ran = cli("person", "import", one, "--missing", "suspend")
    assert ran.code == 1
    assert "19 of 20 people would lose rights, over 10 at once; nothing was changed" in ran.error
    assert not any(person["suspended"] for person in done("person", "list"))
    digest = imported(one, "--missing", "suspend", "--plan", code=4)["digest"]
    assert f"--accept {digest}" in ran.error
    assert cli("person", "import", one, "--missing", "suspend", "--accept", "123456789abc").code == 1
    assert len(imported(one, "--missing", "suspend", "--accept", digest)["changes"]) == 19


def test_levels_taken_from_many_are_held_too(entrance, done, cli, table, imported):
    imported(table("a.csv", "badge,name,levels", *(f"{n},Person,staff" for n in range(100, 120))))
    emptied = table("b.csv", "badge,name,levels", *(f"{n},Person," for n in range(100, 120)))
    assert cli("person", "import", emptied, "--update").code == 1
    assert all(person["levels"] == ["staff"] for person in done("person", "list"))


@pytest.mark.parametrize(("column", "held", "less"), [("cards", "{n};9{n}", "{n}"), ("valid_to", "", "2030-01-01")])
def test_a_part_of_the_rights_taken_from_many_is_held_too(home, cli, table, imported, column, held, less):
    numbers = range(100, 120)
    imported(table("a.csv", f"badge,name,{column}", *(f"{n},Person,{held.format(n=n)}" for n in numbers)))
    lessened = table("b.csv", f"badge,{column}", *(f"{n},{less.format(n=n)}" for n in numbers))
    ran = cli("person", "import", lessened, "--update")
    assert (ran.code, "20 of 20 people would lose rights" in ran.error) == (1, True)
    assert imported(lessened, "--update", "--plan", code=4)["taken_away"] == 20


def test_a_table_without_rows_does_not_say_that_everyone_left(home, done, cli, table, imported):
    imported(table("a.csv", "badge,name", "1,A"))
    for options in ((), ("--missing", "suspend"), ("--missing", "remove", "--yes")):
        ran = cli("person", "import", table("b.csv", "badge,name"), *options)
        assert (ran.code, "no rows" in ran.error) == (1, True)
    assert badges(done) == ["1"]


def test_no_one_is_missing_while_a_badge_can_not_be_read(home, done, table, imported):
    imported(table("a.csv", "badge,name", "0041,A", "0042,B"))
    mangled = table("b.csv", "badge,name", "0041,A", "42,B")
    found = imported(mangled, "--missing", "suspend", code=4)
    assert changes(found) == []
    assert "it is not certain who is missing" in found["unsure"]
    assert refused(found)[3][0] == "lost_zeros"


MANGLED = {
    "1.23457E+11": "rounded",
    "1,23457E+11": "rounded",
    "1E+05": "rounded",
    "2026-01-02": "date",
    "01.02.2026": "date",
    "1/2/26": "date",
    "02.янв": "date",
    "2-Jan": "date",
    "1042.0": "decimal",
    "1234567890123450000": "cut off digits",
    '"=""0042"""': "formula",
    "=A1+1": "formula",
    "#N/A": "error of the spreadsheet",
    "########": "error of the spreadsheet",
}


@pytest.mark.parametrize(("cell", "word"), MANGLED.items())
def test_what_a_spreadsheet_made_of_a_badge_is_refused_by_row(home, done, table, imported, cell, word):
    separator = ";" if "," in cell else ","
    rows = [separator.join(row) for row in (("badge", "name"), (cell, "A"), ("77", "B"))]
    found = imported(table("a.csv", *rows), code=4)
    assert word in refused(found)[2][1]
    assert badges(done) == ["77"]


def test_zeros_that_a_spreadsheet_dropped_are_noticed_by_the_others(home, done, table, imported):
    found = imported(table("a.csv", "badge,name", "0041,A", "42,B", "1043,C"), code=4)
    assert list(refused(found)) == [3]
    assert badges(done) == ["0041", "1043"]
    imported(table("a.csv", "badge,name", "42,B"), "--as-written")
    assert badges(done) == ["0041", "1043", "42"]


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1251", "cp866", "koi8-r"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_encoding_is_found_and_shown(home, done, cli, table, imported, encoding):
    file = table("a.csv", "badge;name;department", "1;Иван Петров;Склад", "2;Мария Йорданова;Отдел", encoding=encoding)
    found = imported(file)
    assert found["table"]["read_as"].startswith(encoding.removesuffix("-sig") + ",")
    assert [person["name"] for person in done("person", "list")] == ["Иван Петров", "Мария Йорданова"]


def test_an_encoding_that_is_not_certain_is_refused_and_can_be_named(home, done, cli, table, imported):
    file = table("a.csv", "badge;name", "1;Josè Иван", encoding="utf-8")
    file.write_bytes("badge;name\n1;Жұлдыз Әлі\n".encode("kz1048"))
    ran = cli("person", "import", file)
    if ran.code == 0:  # taken for another code page: then that is said
        assert "check the names" in ran.err
        done("person", "erase", "1", "--yes")
    imported(file, "--encoding", "kz1048")
    assert done("person", "show", "1")["name"] == "Жұлдыз Әлі"


FORMS = {
    "sep": ["sep=;", "badge;name;levels", "1;A;staff"],
    "sep quoted": ['"sep=;"', "badge;name;levels", "1;A;staff"],
    "tabs": ["badge\tname\tlevels", "1\tA\tstaff"],
    "semicolons": ['badge;"name";levels', '1;"A";staff'],
    "commas in quotes": ['badge,name,levels,"note; any; thing"', "1,A,staff,x"],
    "aliases": ["Badge Number,Full Name,Access Levels", "1,A,staff"],
}


@pytest.mark.parametrize("lines", FORMS.values(), ids=FORMS)
def test_separators_and_headers_as_they_come(entrance, done, table, imported, lines):
    imported(table("a.csv", *lines))
    assert (done("person", "show", "1")["name"], done("person", "show", "1")["levels"]) == ("A", ["staff"])


def test_a_column_of_another_name_is_named_and_unknown_ones_are_said(home, done, cli, table):
    file = table("a.csv", "Пропуск;ФИО;Город", "1;Айгүл;Алматы")
    assert "no column badge" in cli("person", "import", file).error
    ran = cli("person", "import", file, "--column", "badge=Пропуск", "--column", "name=фио")
    assert (ran.code, "Город" in ran.err) == (0, True)
    assert done("person", "show", "1")["name"] == "Айгүл"
    assert "no column" in cli("person", "import", file, "--column", "badge=Карта").error


def test_what_can_not_be_seen_in_a_name_is_dropped(home, done, table, imported):
    decomposed = unicodedata.normalize("NFD", "Майя Йорданова")
    imported(table("a.csv", "badge,name,phone", f"1,\u200f{decomposed}\u00ad,\u202a+7 701\u202c", "\ufeff2,\ufeffB,"))
    assert [person["name"] for person in done("person", "list")] == ["Майя Йорданова", "B"]
    assert done("person", "show", "1")["phone"] == "+7 701"


def test_one_badge_or_one_card_in_two_rows_refuses_both(home, done, table, imported):
    rows = ["1,A,", "1,B,", "2,C,80:58400", "3,D,5301280", "4,E,"]
    found = imported(table("a.csv", "badge,name,cards", *rows), code=4)
    assert {line: code for line, (code, _) in refused(found).items()} == {
        2: "badge_twice",
        3: "badge_twice",
        4: "invalid",
        5: "invalid",
    }
    assert badges(done) == ["4"]


BAD_ROWS = {
    "1,,,,,": "no name",
    ",A,,,,": "no badge",
    "1 2,A,,,,": "is not a badge number",
    "1,A,,nope,,": "no level 'nope'",
    "1,A,,,abc!,": "no card number",
    "1,A,,,,tomorrow": "is not a time",
    "1,A\u202eB,,,,": "control characters",
    "1,A,,,,2030-01-01,more": "more cells than the header",
}


@pytest.mark.parametrize(("row", "words"), BAD_ROWS.items())
def test_a_row_at_fault_is_listed_and_the_others_are_taken(entrance, done, cli, table, imported, row, words):
    file = table("a.csv", HEADER, row, "7,Good,,,,")
    found = imported(file, code=4)
    assert words in refused(found)[2][1]
    assert found["refused"][0]["advice"]
    assert badges(done) == ["7"]
    assert cli("person", "import", file).code == 4


def workbook(*rows, zeros=False):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    if zeros:
        book.active["A2"].number_format = "0000"
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def test_a_workbook_gives_numbers_and_zeros_as_they_are_shown(home, done, table, imported):
    imported(table("a.xlsx", workbook(["badge", "name", "employee id"], [42, "A", 7.0], [1042, "B", None], zeros=True)))
    assert badges(done) == ["0042", "1042"]
    assert done("person", "show", "0042")["employee_id"] == "7"


def test_a_formula_without_a_value_is_refused_by_row(home, done, table, imported):
    found = imported(table("a.xlsx", workbook(["badge", "name"], [1, "=B3"], [2, "B"])), code=4)
    assert "formula without a value" in refused(found)[2][1]
    assert badges(done) == ["2"]


HOSTILE = {
    "damaged": lambda data: data[:200] + b"\0" * 300 + data[500:],
    "cut": lambda data: data[: len(data) // 2],
    "no workbook": lambda _: b"PK\x03\x04" + b"\0" * 50,
    "old format": lambda _: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
}


@pytest.mark.parametrize("spoil", HOSTILE.values(), ids=HOSTILE)
def test_a_workbook_that_can_not_be_read_is_one_line(home, cli, table, spoil):
    ran = cli("person", "import", table("a.xlsx", spoil(workbook(["badge", "name"], [1, "A"]))))
    assert (ran.code, len(ran.error.splitlines())) == (1, 1)


def test_a_json_that_is_no_list_of_people_is_one_line(home, cli, table):
    for text in ("[1]", "[", '[{"badge": {}}]'):
        assert cli("person", "import", table("a.json", text.encode())).code in (1, 4)


def test_words_are_json_with_json(home, cli, table):
    ran = cli("--json", "person", "import", table("a.csv", "badge,name", "1,A"), "--plan")
    assert json.loads(ran.out)["changes"][0]["fields"] == {"name": [None, "A"]}


def test_rows_that_were_not_taken_are_named_by_their_line_on_a_narrow_terminal(home, cli, table, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    ran = cli("person", "import", table("a.csv", "badge,name", "1,A", "50%,B"))
    assert "line 3" in ran.out.splitlines()
