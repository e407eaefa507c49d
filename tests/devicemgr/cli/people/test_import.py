"""`enroll import`: many people, some of them with faults, twice."""

from shutil import make_archive
from unicodedata import normalize

import pytest

from devicemgr.people.imports.photos import PhotoImport


@pytest.fixture
def folder(tmp_path, photo):
    for name, says in {
        "in/1_Айгүл_Б.jpg": "face:a",
        "in/2.png": "face:b",
        "in/3_Omar/one.jpg": "face:c:1",
        "in/3_Omar/two.jpeg": "face:c:2",
        "in/4_Dana.jpg": "bad:blurred",
        "in/5_Twin.jpg": "face:a:9",
        "in/notes.txt": "hello",
        "in/.hidden.jpg": "face:h",
    }.items():
        photo(name, says)
    return tmp_path / "in"


def test_a_folder_is_enrolled_and_the_rest_is_told_why(home, cli, done, folder):
    ran = cli("enroll", "import", folder, "--consent", "forms-2026", "--workers", "1", "--json")
    assert ran.code == 4
    assert {key: ran.json[key] for key in ("enrolled", "skipped", "created")} == {
        "enrolled": 3,
        "skipped": 0,
        "created": 5,
    }
    failed = {row["badge"]: row for row in ran.json["failed"]}
    assert failed["4"]["reasons"] == ["blurred"]
    assert failed["4"]["file"].endswith("4_Dana.jpg")
    assert (failed["5"]["reasons"], failed["5"]["duplicate_of"]) == (["duplicate_of"], "1")
    people = {person["badge"]: person for person in done("person", "list")}
    assert [people[badge]["name"] for badge in "123"] == ["Айгүл Б", "2", "Omar"]
    assert [people[badge]["templates"] for badge in "12345"] == [1, 1, 2, 0, 0]
    assert "notes.txt is no photo" in ran.err
    assert "1 person with the badge as name" in ran.err


def test_the_second_run_goes_on_where_the_first_stopped(home, cli, folder, photo):
    cli("enroll", "import", folder, "--consent", "forms")
    photo("in/4_Dana.jpg", "face:d")
    (folder / "5_Twin.jpg").unlink()
    ran = cli("enroll", "import", folder, "--consent", "forms", "--json")
    assert ran.code == 0
    assert ran.json == {"enrolled": 1, "skipped": 3, "failed": [], "created": 0}
    assert cli("enroll", "import", folder, "--consent", "forms").out.strip() == "0 enrolled, 4 skipped, 0 failed"


def test_words_end_with_who_failed_and_the_numbers(home, cli, folder):
    ran = cli("enroll", "import", folder, "--consent", "forms")
    assert "Who failed, and why" in ran.out
    assert "hold still" in ran.out
    assert ran.out.strip().splitlines()[-1].startswith("3 enrolled, 0 skipped, 2 failed")


def test_words_say_why_a_row_or_a_level_is_refused(home, cli, photo, tmp_path):
    photo("a.jpg", "face:a")
    table = tmp_path / "people.csv"
    table.write_text("badge,name,photo,level\n1,A,a.jpg,nosuch\n,B,a.jpg,\n3,C,gone.jpg,\n")
    ran = cli("enroll", "import", table, "--consent", "forms")
    assert ran.code == 4
    told = " ".join(ran.out.split())
    for why in ("there is no level 'nosuch'", "it has no badge", "there is no file"):
        assert why in told


def test_a_table_brings_names_levels_and_validity(entrance, cli, done, photo, tmp_path):
    photo("photos/a.jpg", "face:a:1"), photo("photos/b.jpg", "face:a:2"), photo("c.jpg", "face:c")
    table = tmp_path / "people.csv"
    rows = [
        "Badge;Name;Photo;Levels;Valid_To",
        '1;Айгүл;"photos/a.jpg; photos/b.jpg";staff;2027-01-01',
        f"2;Ерлан;{tmp_path}/c.jpg;;",
        "3;Nobody;absent.jpg;;",
        "4;Wrong level;c.jpg;nope;",
        "5;Wrong day;c.jpg;;tomorrow",
        "2;Another;c.jpg;;",
    ]
    table.write_text("\ufeff" + "\r\n".join(rows), encoding="utf-8")
    ran = cli("enroll", "import", table, "--consent", "forms", "--json")
    assert ran.code == 4
    assert ran.json["enrolled"] == 1
    assert ran.json["created"] == 1
    person = done("person", "show", "1")
    assert (person["name"], person["levels"], person["templates"]) == ("Айгүл", ["staff"], 2)
    assert person["valid_to"] is not None
    why = {(row["badge"], row["file"].rpartition("/")[2]): row["why"] for row in ran.json["failed"]}
    assert "two names" in why["2", "line 3"]
    assert "two names" in why["2", "line 7"]
    assert "no file" in why["3", "absent.jpg"]
    assert "there is no level 'nope'" in why["4", "c.jpg"]
    assert "is not a time" in why["5", "c.jpg"]


def test_people_who_exist_keep_their_name(home, cli, done, photo, tmp_path):
    done("person", "add", "Aigul", "--badge", "1")
    photo("in/1_Gulya.jpg", "face:a")
    ran = cli("enroll", "import", tmp_path / "in", "--consent", "f", "--json")
    assert (ran.code, ran.json["created"]) == (0, 0)
    assert "1 is Aigul here, Gulya in the import" in ran.err
    assert done("person", "show", "1")["name"] == "Aigul"


def test_more_photos_than_a_person_may_have(home, cli, done, photo, tmp_path):
    for number in range(11):
        photo(f"in/1_A/{number}.jpg", f"face:a:{number}")
    ran = cli("enroll", "import", tmp_path / "in", "--consent", "f", "--json")
    assert (ran.code, ran.json["failed"][0]["reasons"]) == (4, ["too_many_photos"])
    assert done("person", "list") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("badge,photo\n1,a.jpg\n", "no column name; its columns are: badge, photo"),
        ("", "the table is empty"),
        ("badge,name,photo\n", "no one is in"),
        ('badge,name,photo\n1,"A,a.jpg\n', "check its quotes"),
        ("badge,name,photo,badge\n", "two columns badge"),
    ],
)
def test_a_table_that_can_not_be_read_is_one_line(home, cli, tmp_path, text, words):
    table = tmp_path / "people.csv"
    table.write_text(text)
    ran = cli("enroll", "import", table, "--consent", "f")
    assert ran.code == 1
    assert words in ran.error


@pytest.mark.parametrize("encoding", ["utf-16", "cp1251"])
def test_a_table_in_another_encoding_is_read(home, cli, done, photo, tmp_path, encoding):
    photo("a.jpg", "face:a")
    table = tmp_path / "people.csv"
    table.write_bytes("badge;name;photo\r\n1;Иван Петров;a.jpg\r\n".encode(encoding))
    assert cli("enroll", "import", table, "--consent", "f").code == 0
    assert done("person", "show", "1")["name"] == "Иван Петров"


def test_sources_that_are_neither_folder_nor_table(home, cli, tmp_path):
    (tmp_path / "empty").mkdir()
    for source, words in (("absent", "cannot read"), ("empty", "no one is in"), ("home/devicemgr.db", "UTF-8")):
        ran = cli("enroll", "import", tmp_path / source, "--consent", "f")
        assert ran.code == 1
        assert words in ran.error


def test_an_interruption_keeps_what_is_done_and_says_how_to_go_on(home, cli, done, folder, monkeypatch):
    real = PhotoImport.enroll

    def interrupted(self, entry):
        real(self, entry)
        if entry.badge == "2":
            raise KeyboardInterrupt

    monkeypatch.setattr(PhotoImport, "enroll", interrupted)
    ran = cli("enroll", "import", folder, "--consent", "f", "--workers", "1")
    assert ran.code == 1
    assert "run the same command again" in ran.err.splitlines()[-1]
    monkeypatch.undo()
    again = cli("--home", home.path, "enroll", "import", folder, "--consent", "f", "--json")
    assert again.json["skipped"] >= 2
    assert again.json["enrolled"] + again.json["skipped"] == 3


def test_storage_that_fails_stops_the_import_instead_of_blaming_each_person(home, cli, folder, monkeypatch):
    from devicemgr.errors import StorageFailed
    from devicemgr.people import face_enrollment

    def full(*_, **__):
        raise StorageFailed("nothing could be stored (database or disk is full); free space")

    monkeypatch.setattr(face_enrollment, "enroll", full)
    ran = cli("enroll", "import", folder, "--consent", "f", "--workers", "1")
    assert ran.code == 1
    assert "disk is full" in ran.err.splitlines()[-1]
    assert "enrolled" not in ran.out


def test_levels_and_an_end_for_everyone_and_a_warning_for_those_without(entrance, cli, done, photo, tmp_path):
    photo("in/1_A.jpg", "face:a")
    ran = cli("enroll", "import", tmp_path / "in", "--consent", "f")
    assert (ran.code, "1 person holds no level and can't pass anywhere: 1" in ran.err) == (0, True)
    photo("in/2_B.jpg", "face:b")
    ran = cli("enroll", "import", tmp_path / "in", "--consent", "f", "--level", "staff", "--valid-to", "2030-01-01")
    assert "1 (levels, valid_to)" in ran.err
    people = {person["badge"]: person for person in done("person", "list")}
    assert [people[badge]["levels"] for badge in "12"] == [[], ["staff"]]
    assert [bool(people[badge]["valid_to"]) for badge in "12"] == [False, True]
    cli("enroll", "import", tmp_path / "in", "--consent", "f", "--level", "staff", "--update")
    assert done("person", "show", "1")["levels"] == ["staff"]


def test_changed_rows_of_people_who_are_here_are_said_and_taken_with_update(entrance, cli, done, photo, tmp_path):
    photo("a.jpg", "face:a")
    table = tmp_path / "people.csv"
    table.write_text("badge,name,photo,level,valid_to\n1,A,a.jpg,,\n")
    assert cli("enroll", "import", table, "--consent", "f").code == 0
    table.write_text("badge,name,photo,level,valid_to\n1,Anna,a.jpg,staff,2030-01-01T00:00:00Z\n")
    ran = cli("enroll", "import", table, "--consent", "f", "--json")
    assert (ran.code, ran.json["differing"]) == (0, ["1 (levels, valid_to)"])
    assert done("person", "show", "1")["levels"] == []
    assert cli("enroll", "import", table, "--consent", "f", "--update", "--json").json["updated"] == 1
    found = done("person", "show", "1")
    assert (found["name"], found["levels"], found["valid_to"]) == ("Anna", ["staff"], "2030-01-01T00:00:00.000Z")


def test_what_a_spreadsheet_mangled_is_no_person(home, cli, done, photo, tmp_path):
    photo("a.jpg", "face:a")
    table = tmp_path / "people.csv"
    table.write_text("sep=;\r\nbadge;name;photo\r\n1.23457E+11;Colin;a.jpg\r\n")
    ran = cli("enroll", "import", table, "--consent", "f", "--json")
    assert (ran.code, "rounded" in ran.json["failed"][0]["why"]) == (4, True)
    assert done("person", "list") == []


def test_photos_are_found_as_windows_and_macos_name_them(home, cli, done, photo, tmp_path):
    photo("photos/a.jpg", "face:a"), photo(normalize("NFD", "Майя Йорданова.jpg"), "face:b"), photo("C.JPG", "face:c")
    table = tmp_path / "people.csv"
    table.write_text("badge,name,photo\n1,A,photos\\a.jpg\n2,B,Майя Йорданова.jpg\n3,C,c.jpg\n4,D,C:\\x\\a.jpg\n")
    ran = cli("enroll", "import", table, "--consent", "f", "--json")
    assert (ran.json["enrolled"], "another computer" in ran.json["failed"][0]["why"]) == (3, True)


@pytest.mark.parametrize("is_archive", [False, True])
def test_photos_of_every_kind_that_can_be_read_are_enrolled(home, cli, photo, tmp_path, is_archive):
    for number, suffix in enumerate(("jfif", "HEIC", "heif", "HIF", "avif", "JPG", "WebP"), 1):
        photo(f"in/{number}_A.{suffix}", f"face:{number}")
    source = make_archive(str(tmp_path / "in"), "zip", tmp_path / "in") if is_archive else tmp_path / "in"
    ran = cli("enroll", "import", source, "--consent", "f", "--json")
    assert (ran.code, ran.json["enrolled"]) == (0, 7)


def test_a_photo_of_a_kind_that_can_not_be_read_is_on_the_list(home, cli, done, photo, tmp_path):
    photo("in/1_A.jfif", "face:a"), photo("in/2_B.TIFF", "face:b"), photo("in/3_C.dng", "face:c")
    ran = cli("enroll", "import", tmp_path / "in", "--consent", "f", "--json")
    assert (ran.code, ran.json["enrolled"]) == (4, 1)
    assert [(row["badge"], "save it as JPEG" in row["why"]) for row in ran.json["failed"]] == [("2", True), ("3", True)]


@pytest.mark.parametrize("is_archive", [False, True])
def test_someone_who_has_files_and_no_photo_is_on_the_list(home, cli, photo, tmp_path, is_archive):
    photo("in/1_A.jpg", "face:a"), photo("in/1_A.txt", "note"), photo("in/2_B.pdf", "x"), photo("in/3_C/scan.docx", "x")
    photo("in/notes.txt", "x")
    source = make_archive(str(tmp_path / "in"), "zip", tmp_path / "in") if is_archive else tmp_path / "in"
    ran = cli("enroll", "import", source, "--consent", "f", "--json")
    assert (ran.code, ran.json["enrolled"]) == (4, 1)
    assert [(row["badge"], "save one as JPEG" in row["why"]) for row in ran.json["failed"]] == [
        ("2", True),
        ("3", True),
    ]


def test_an_archive_as_macos_and_windows_pack_it(home, cli, done, photo, tmp_path):
    """A folder around everything, beside it what the Finder adds, and in it what the Explorer does."""
    for name in ("pack/staff/1_A.jpg", "pack/staff/2_B.HEIC", "pack/staff/3_C/one.jfif"):
        photo(name, f"face:{name}")
    for name in (
        "pack/__MACOSX/staff/._1_A.jpg",
        "pack/staff/._2_B.HEIC",
        "pack/staff/.DS_Store",
        "pack/staff/Thumbs.db",
        "pack/Thumbs.db",
    ):
        photo(name, "x")
    photo("pack/staff/3_C/Thumbs.db", "x"), photo("pack/staff/4_D/Thumbs.db", "x")
    ran = cli(
        "enroll", "import", make_archive(str(tmp_path / "in"), "zip", tmp_path / "pack"), "--consent", "f", "--json"
    )
    assert (ran.code, ran.json["enrolled"], [person["badge"] for person in done("person", "list")]) == (
        4,
        3,
        ["1", "2", "3"],
    )
    assert [(row["badge"], row["advice"]) for row in ran.json["failed"]] == [("4", "put one into it")]


@pytest.mark.parametrize("is_archive", [False, True])
def test_no_one_is_left_out_in_silence(home, cli, done, photo, tmp_path, is_archive):
    """Deep folders, empty ones, photos of a department: each person is on the list, with what to do."""
    for name in ("1_A.jpg", "2_B/phone/one.jpg", "2_B/phone/two.jpg", "Sales/3_C.jpg", "Sales/4_D.jpg"):
        photo(f"in/{name}", f"face:{name}")
    photo("in/Sales/2026/5_E.jpg", "face:e"), photo("in/10 42.jpg", "face:f"), photo("in/7 Omar Haddad.jpg", "face:g")
    photo("in/1_A.txt", "x"), photo("in/8_H/.DS_Store", "x"), photo("in/notes/readme.txt", "x")
    (tmp_path / "in" / "9_I").mkdir()
    source = make_archive(str(tmp_path / "in"), "zip", tmp_path / "in") if is_archive else tmp_path / "in"
    ran = cli("enroll", "import", source, "--consent", "f", "--json")
    assert (ran.code, ran.json["enrolled"]) == (4, 2)
    assert {person["badge"]: person["name"] for person in done("person", "list")} == {"1": "A", "7": "Omar Haddad"}
    failed = {row["badge"]: row["advice"] for row in ran.json["failed"]}
    assert set(failed) == {"2", "3", "4", "5", "8", "9", "10 42"}
    assert all(failed.values())
    assert ("move it" in failed["2"], "by itself" in failed["3"], failed["9"]) == (True, True, "put one into it")


def test_refused_photos_have_words_and_advice(home, cli, photo, tmp_path):
    photo("in/1_A.jpg", "bad:face_at_edge")
    (row,) = cli("enroll", "import", tmp_path / "in", "--consent", "f", "--json").json["failed"]
    assert row["advice"] == "take the whole head, with some room around it"
    assert row["why"].endswith(row["advice"])


def test_the_one_photo_of_a_person_that_is_a_link_to_elsewhere_is_on_the_list(home, cli, photo, tmp_path):
    photo("in/1_A.jpg", "face:a"), photo("out/2_B.jpg", "face:b")
    (tmp_path / "in" / "2_B.jpg").symlink_to(tmp_path / "out" / "2_B.jpg")
    ran = cli("enroll", "import", tmp_path / "in", "--consent", "f", "--json")
    assert (ran.code, [row["badge"] for row in ran.json["failed"]]) == (4, ["2"])
