"""Levels and suspensions of many people at once, by a file of badges or by department: all or none."""

import io
import json
import sys

import pytest


@pytest.fixture
def staff(entrance, done):
    """Four people, two of them in the kitchen, with no level but Dana's."""
    for badge, department in (("1", "Kitchen"), ("2", "Kitchen"), ("3", "Office"), ("4", "")):
        done("person", "add", f"P{badge}", "--badge", badge, *(["--department", department] if department else []))
    done("level", "grant", "3", "staff")


def levels(done):
    return {person["badge"]: person["levels"] for person in done("person", "list")}


def test_a_level_for_a_file_of_badges_and_for_a_department(staff, done, cli, tmp_path):
    file = tmp_path / "badges.csv"
    file.write_bytes('\ufeffbadge;name\r\n1;P1\r\n\r\n# leavers\r\n"3";P3\r\n1\r\n'.encode())
    found = done("level", "grant", "staff", "--badges", file)
    assert found == {"changed": ["1"], "unchanged": ["3"]}
    assert levels(done) == {"1": ["staff"], "2": [], "3": ["staff"], "4": []}
    assert done("level", "grant", "staff", "--department", "Kitchen") == {"changed": ["2"], "unchanged": ["1"]}
    assert "taken from 2 people" in cli("level", "revoke", "staff", "--department", "Kitchen").out
    assert levels(done) == {"1": [], "2": [], "3": ["staff"], "4": []}
    lines = cli("events", "--kind", "admin.level_revoked", "--json").out.splitlines()
    assert [json.loads(line)["person"] for line in lines] == ["1", "2"]


def test_an_unknown_badge_leaves_all_as_they_were(staff, done, cli, tmp_path):
    file = tmp_path / "badges"
    file.write_text("1\n77\n88\n")
    for command in (("level", "grant", "staff", "--badges", file), ("person", "suspend", "--file", file)):
        ran = cli(*command)
        assert ran.code == 1
        assert "77, 88" in ran.error
    assert levels(done)["1"] == []
    assert not any(person["suspended"] for person in done("person", "list"))


def test_suspensions_by_a_file_from_standard_input(staff, done, cli, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"1\n4\n")))
    assert done("person", "suspend", "--file", "-") == {"changed": ["1", "4"], "unchanged": []}
    assert [p["badge"] for p in done("person", "list") if p["suspended"]] == ["1", "4"]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"1\n2\n")))
    assert "resumed 1 person (1 already so)" in cli("person", "resume", "--file", "-").out


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("level grant 1", 2, "--badges"),
        ("level grant 1 staff --department Kitchen", 2, "only the level"),
        ("level grant staff --department Nowhere", 1, "Nowhere"),
        ("level grant none --department Kitchen", 1, "none"),
        ("person suspend", 2, "--file"),
        ("person suspend 1 --file x", 2, "either"),
        ("person suspend --file /nowhere/badges", 1, "/nowhere/badges"),
        ("level grant staff --badges /dev/null", 1, "one a line"),
    ],
)
def test_what_is_left_open_is_refused_in_one_line(staff, cli, line, code, words):
    ran = cli(*line.split())
    assert ran.code == code
    assert words in ran.err
