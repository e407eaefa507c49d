"""A file of badges as people have it: a list, or a table of any kind; what a spreadsheet mangled is refused."""

import io

import openpyxl
import pytest

from devicemgr.cli.people.roster.badge_file import read_badges
from devicemgr.errors import InvalidInput


def workbook(*rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


FILES = {
    "a list": b"0042\n# left\n\n7\n",
    "a list with a mark": "\ufeff0042\r\n7\r\n".encode(),
    "a header": b"badges\n0042\n7\n",
    "a table without a header": b"0042;Anna\n7;Omar\n",
    "a table": "name;badge\nАнна;0042\nОмар;7\n".encode("cp1251"),
    "sep and tabs": "sep=\t\nbadge\tname\n0042\tA\n7\tB\n".encode("utf-16"),
    "a workbook": workbook(["Name", "Badge"], ["A", "0042"], ["B", 7]),
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_badges_of_a_file(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    assert read_badges(tmp_path / "file") == ["0042", "7"]


@pytest.mark.parametrize("cell", ["1.2E+11", "2026-01-02", '"=""0042"""', "1042.0"])
def test_a_mangled_badge_refuses_the_file_with_its_line(tmp_path, cell):
    (tmp_path / "file").write_text(f"badge\n7\n{cell}\n")
    with pytest.raises(InvalidInput, match="line 3"):
        read_badges(tmp_path / "file")


@pytest.mark.parametrize("content", [b"", b"badge\n", b"\x00\xff\xfe", b"# all\n"])
def test_a_file_without_badges_is_one_line(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(InvalidInput) as refused:
        read_badges(tmp_path / "file")
    assert "\n" not in str(refused.value)
