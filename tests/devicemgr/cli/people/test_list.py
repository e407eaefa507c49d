"""`person list`: filters, natural order, and cards in place of a table that a narrow terminal would cut."""

import pytest


@pytest.fixture
def staff(entrance, done):
    done("person", "add", "Aigul Serikkyzy", "--badge", "A10", "--level", "staff", "--valid-to", "2090-12-31")
    done("person", "add", "Berik", "--badge", "A9", "--valid-from", "2090-01-01")
    done("person", "add", "Dana", "--badge", "A100", "--valid-to", "2020-01-01")
    done("person", "add", "Erlan", "--badge", "B1")
    done("person", "suspend", "B1")


def badges(ran):
    return [line.split()[0] for line in ran.out.splitlines()[1:]]


def test_badges_are_sorted_as_people_count(staff, cli):
    ran = cli("person", "list")
    assert badges(ran) == ["A9", "A10", "A100", "B1"]
    states = {line.split()[0]: line for line in ran.out.splitlines()[1:]}
    assert "not yet" in states["A9"]
    assert "active" in states["A10"]
    assert "expired" in states["A100"]
    assert "suspended" in states["B1"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--q", "erik"], ["A9", "A10"]),
        (["--level", "staff"], ["A10"]),
        (["--state", "suspended"], ["B1"]),
        (["--state", "not-yet"], ["A9"]),
        (["--state", "expired"], ["A100"]),
        (["--without-face", "--q", "A1"], ["A10", "A100"]),
    ],
)
def test_the_options_choose(staff, cli, done, options, found):
    assert badges(cli("person", "list", *options)) == found
    assert {person["badge"] for person in done("person", "list", *options)} == set(found)


def test_no_one_who_fits_is_said_in_a_line(staff, cli):
    assert cli("person", "list", "--q", "nothing like it").out == "no one is so\n"


def test_a_narrow_terminal_gets_a_card_each(staff, cli, done, monkeypatch):
    long = "A very long name that takes more than half of a narrow terminal, and is not cut"
    done("person", "add", long, "--badge", "C-123456789", "--level", "staff")
    monkeypatch.setattr("devicemgr.cli.output._width", lambda: 80)
    lines = cli("person", "list").out.splitlines()
    assert "A9" in lines  # its badge alone, as a heading
    assert any(line.split(None, 1) == ["name", long] for line in lines)
    monkeypatch.setattr("devicemgr.cli.output._width", lambda: 200)
    assert cli("person", "list").out.splitlines()[0].split()[:2] == ["badge", "name"]
