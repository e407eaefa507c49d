"""A ZIP archive as the source of an import: hostile ones are refused whole, and nothing is unpacked to a disk."""

import io
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest

from devicemgr.errors import InvalidInput
from devicemgr.people.imports.roster import archive as roster_zip
from devicemgr.people.imports.roster.reader import read_roster


def packed(path: Path, entries: dict[str, bytes], **more: Any) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return path


def special(path: Path, name: str, data: bytes = b"x", mode: int = 0, flags: int = 0) -> Path:
    """One good photo and one entry that is not like that."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("1_Anna.jpg", b"face:a")
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        archive.writestr(info, data)
    if flags:
        raw = bytearray(path.read_bytes())
        at = raw.rindex(b"PK\x01\x02") + 8
        raw[at : at + 2] = struct.pack("<H", flags)
        path.write_bytes(raw)
    return path


def test_photos_and_folders_as_in_a_folder(home: Any, cli: Any, done: Any, tmp_path: Path) -> None:
    archive = packed(
        tmp_path / "p.ZIP",
        {
            "1_Айгүл.jpg": b"face:a",
            "2_Omar/one.jpg": b"face:b:1",
            "2_Omar/two.jpg": b"face:b:2",
            "notes.txt": b"hi",
            "3_Dana.jpg": b"bad:blurred",
        },
    )
    before = set(tmp_path.rglob("*"))
    ran = cli("enroll", "import", archive, "--consent", "forms", "--json")
    assert (ran.code, ran.json["enrolled"], ran.json["created"]) == (4, 2, 3)
    assert [row["file"].rpartition("/")[2] for row in ran.json["failed"]] == ["3_Dana.jpg"]
    assert "notes.txt is no photo" in ran.err
    people = {person["badge"]: (person["name"], person["templates"]) for person in done("person", "list")}
    assert people == {"1": ("Айгүл", 1), "2": ("Omar", 2), "3": ("Dana", 0)}
    fresh = {path for path in set(tmp_path.rglob("*")) - before if path.suffix == ".jpg"}
    assert fresh == set(), "nothing was unpacked"


def test_a_table_in_the_archive_names_its_photos(home: Any, cli: Any, done: Any, tmp_path: Path) -> None:
    table = "badge,name,photo\n7,Anna,photos/a.jpg\n8,Omar,absent.jpg\n9,Dana,../../etc/passwd\n"
    archive = packed(tmp_path / "p.zip", {"people.csv": table.encode(), "photos/a.jpg": b"face:a"})
    ran = cli("enroll", "import", archive, "--consent", "forms", "--json")
    assert (ran.code, ran.json["enrolled"]) == (4, 1)
    assert {row["badge"] for row in ran.json["failed"]} == {"8", "9"}
    assert [person["name"] for person in done("person", "list")] == ["Anna"]


LINK = stat.S_IFLNK | 0o777


@pytest.mark.parametrize(
    ("name", "more", "says"),
    [
        ("../2_Omar.jpg", {}, "leads out"),
        ("/etc/2_Omar.jpg", {}, "leads out"),
        ("a/../../2_Omar.jpg", {}, "leads out"),
        ("..\\2_Omar.jpg", {}, "leads out"),
        ("C:2_Omar.jpg", {}, "leads out"),
        ("2_Omar.jpg", {"mode": LINK, "data": b"/etc/shadow"}, "a link"),
        ("2_Omar.jpg", {"mode": stat.S_IFIFO | 0o600}, "a link or a device"),
        ("2_Om\u202ear.jpg", {}, "no plain name"),
        ("2_Om\x1b[2Jar.jpg", {}, "no plain name"),
        ("a//2_Omar.jpg", {}, "no plain name"),
        ("2_" + "x" * 500 + ".jpg", {}, "no plain name"),
        ("1_ANNA.jpg", {}, "twice"),
        ("2_Omar.jpg", {"flags": 1}, "has a password"),
    ],
)
def test_one_bad_entry_refuses_the_whole_archive(
    home: Any, cli: Any, done: Any, tmp_path: Path, name: str, more: dict[str, Any], says: str
) -> None:
    ran = cli("enroll", "import", special(tmp_path / "p.zip", name, **more), "--consent", "f")
    assert ran.code == 1
    assert says in ran.error
    assert ran.error.isprintable()
    assert done("person", "list") == []


def test_bombs_are_refused_by_the_list_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unpacked(*_: Any, **__: Any) -> None:
        raise AssertionError("an entry was opened")

    for entries, says in (
        ({"1_A.jpg": b"\0" * 19_000_000}, "made to fill memory"),
        ({"1_A.jpg": bytes(21 * 1024**2)}, "more than 20 MB"),
    ):
        archive = packed(tmp_path / "bomb.zip", entries)
        with monkeypatch.context() as patch:
            patch.setattr(zipfile.ZipFile, "open", unpacked)
            with pytest.raises(InvalidInput, match=says):
                read_roster(archive)
    many = packed(tmp_path / "many.zip", {f"{n}_A.jpg": b"face:a" for n in range(30)})
    with monkeypatch.context() as patch:
        patch.setattr(roster_zip, "MOST_ENTRIES", 20)
        with pytest.raises(InvalidInput, match="more than 20 entries"):
            read_roster(many)
    with monkeypatch.context() as patch:
        patch.setattr(roster_zip, "MOST_BYTES", 100)
        with pytest.raises(InvalidInput, match="would unpack to more"):
            read_roster(many)


def test_entries_that_share_their_bytes_are_a_bomb(tmp_path: Path) -> None:
    archive = packed(tmp_path / "p.zip", {"1_A.jpg": b"face:a" * 100, "2_B.jpg": b"face:b" * 100})
    raw = bytearray(archive.read_bytes())
    second = raw.rindex(b"PK\x01\x02")
    raw[second + 42 : second + 46] = struct.pack("<I", 5)  # the second entry now lies inside the first
    archive.write_bytes(raw)
    with pytest.raises(InvalidInput, match="overlaps"):
        read_roster(archive)


def test_an_entry_larger_than_the_list_says_or_spoilt_is_its_own_fault(tmp_path: Path) -> None:
    archive = packed(tmp_path / "p.zip", {"1_A.jpg": b"face:a" + bytes(range(256)) * 40})
    raw = archive.read_bytes()
    at = raw.index(b"1_A.jpg") + 40
    spoilt = tmp_path / "spoilt.zip"
    spoilt.write_bytes(raw[:at] + bytes(20) + raw[at + 20 :])
    (entry,) = read_roster(spoilt).entries
    with pytest.raises(InvalidInput, match="pack the archive again"):
        entry.files[0].read()


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_archive_or_empty_is_one_line(home: Any, cli: Any, tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "p.zip"
    file.write_bytes(data)
    ran = cli("enroll", "import", file, "--consent", "f")
    assert ran.code == 1
    assert "not a complete ZIP" in ran.error or "no one is in" in ran.error


def test_an_archive_within_an_archive_is_no_photo(home: Any, cli: Any, tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("2_Omar.jpg", b"face:b")
    ran = cli("enroll", "import", packed(tmp_path / "p.zip", {"x.zip": inner.getvalue()}), "--consent", "f")
    assert ran.code == 1
    assert "no one is in" in ran.err


class Unmarked(zipfile.ZipInfo):
    """An entry whose name is in a code page, as Explorer of older Windows writes it."""

    code_page = "cp866"

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:
        return self.filename.encode(self.code_page), self.flag_bits & ~0x800


def unmarked(tmp_path: Path, name: str, code_page: str, extra: bytes = b"") -> Path:
    entry = Unmarked(name)
    entry.code_page, entry.extra = code_page, extra
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(entry, b"face:a")
    return tmp_path / "a.zip"


@pytest.mark.parametrize(("name", "code_page"), [("1_Иван Петров.jpg", "cp866"), ("1_王小明.jpg", "gbk")])
def test_names_of_a_code_page_are_refused_until_it_is_named(
    home: Any, cli: Any, done: Any, tmp_path: Path, name: str, code_page: str
) -> None:
    source = unmarked(tmp_path, name, code_page)
    ran = cli("enroll", "import", source, "--consent", "f")
    assert (ran.code, f"{code_page} for '{name}'" in ran.error) == (1, True)
    assert done("person", "list") == []
    assert cli("enroll", "import", source, "--consent", "f", "--zip-encoding", code_page).code == 0
    assert done("person", "show", "1")["name"] == name[2:-4]


def test_the_unicode_field_of_an_entry_names_it(home: Any, cli: Any, done: Any, tmp_path: Path) -> None:
    """Info-ZIP and 7-Zip write it (APPNOTE 4.6.9); it counts only for the name whose checksum it has."""
    name = "1_Иван Петров.jpg"
    for crc, code in ((zlib.crc32(name.encode("cp866")), 0), (7, 1)):
        field = struct.pack("<BI", 1, crc) + name.encode()
        source = unmarked(tmp_path, name, "cp866", struct.pack("<HH", 0x7075, len(field)) + field)
        assert cli("enroll", "import", source, "--consent", "f").code == code
    assert done("person", "show", "1")["name"] == "Иван Петров"


def test_names_in_utf_8_need_no_flag(home: Any, cli: Any, done: Any, tmp_path: Path) -> None:
    source = unmarked(tmp_path, "1_Майя Йорданова.jpg", "utf-8")
    assert cli("enroll", "import", source, "--consent", "f").code == 0
    assert done("person", "show", "1")["name"] == "Майя Йорданова"


def test_folders_with_the_separator_of_windows(home: Any, cli: Any, done: Any, tmp_path: Path) -> None:
    back = zipfile.ZipInfo("x")
    back.filename = "photos\\7001_Ann.jpg"
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(back, b"face:a")
    assert cli("enroll", "import", tmp_path / "a.zip", "--consent", "f").code == 0
    assert done("person", "show", "7001")["name"] == "Ann"
