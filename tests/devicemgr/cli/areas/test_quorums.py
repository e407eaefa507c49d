"""The two-person rule and escorts by the commands, the site's file, and `access try`."""

import json

import pytest


@pytest.fixture
def vault(entrance, done):
    """The portal `main` opens for two, one of them a manager."""
    done("level", "add", "managers", "--portal", "main", "--escorts", "--escort-up-to", "3")
    done("portal", "edit", "main", "--people", "2", "--people-within", "12", "--confirm-by", "managers")


def _tried(cli, *words):
    return json.loads(cli("access", "try", *words, "--json").out)


def test_fields_of_the_two_person_rule_go_through_commands_and_the_sites_file(vault, done, cli, agreed, tmp_path):
    shown = done("portal", "show", "main")
    fields = ("people", "people_within", "people_exit", "confirm_by")
    assert [shown[field] for field in fields] == [2, 12.0, False, ["managers"]]
    assert [done("level", "show", "managers")[field] for field in ("escorts", "escort_up_to")] == [True, 3]
    file = tmp_path / "site.toml"
    file.write_text(cli("export").out)
    assert 'confirm_by = ["managers"]' in file.read_text()
    assert "people_exit" not in file.read_text()
    assert cli("apply", file, "--plan").code == 0
    file.write_text(
        file.read_text().replace("people = 2", "people = 3").replace("escort_up_to = 3", "escort_up_to = 4")
    )
    agreed("apply", file)
    assert done("portal", "show", "main")["people"] == 3
    assert done("level", "show", "managers")["escort_up_to"] == 4
    done("portal", "edit", "main", "--people", "1", "--confirm-by", "")
    assert [done("portal", "show", "main")[field] for field in fields] == [1, 12.0, False, []]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("portal", "edit", "main", "--people", "6"), "people: Input should be less than or equal to 5"),
        (
            ("portal", "edit", "main", "--people-within", "0"),
            "people_within: Input should be greater than or equal to 1",
        ),
        (("portal", "edit", "main", "--confirm-by", "bosses"), "portal 'main' is confirmed by level 'bosses'"),
        (
            ("level", "edit", "managers", "--escort-up-to", "11"),
            "escort_up_to: Input should be less than or equal to 10",
        ),
        (("level", "remove", "managers", "--yes"), "portal 'main' is confirmed by level 'managers'"),
    ],
    ids=["people", "within", "confirm", "escorts", "remove"],
)
def test_what_is_refused_says_why(vault, cli, words, error):
    ran = cli(*words)
    assert ran.code == 1
    assert error in ran.error


def test_access_try_says_who_is_missing(vault, done, cli):
    done("person", "add", "Aigul", "--badge", "7", "--level", "managers")
    done("card", "assign", "7", "70")
    done("person", "add", "Vera", "--badge", "8", "--level", "managers", "--hosted-by", "7", "--escort")
    done("card", "assign", "8", "80")
    found = _tried(cli, "7", "main", "--with", "card")
    assert (found["granted"], found["reason"]) == (False, "second_person_required")
    (check,) = [one for one in found["checks"] if one["objected"]]
    wanted = {"people": 2, "present": 1, "within_seconds": 12.0, "confirm_by": ["managers"], "rule": "main"}
    assert check["facts"] == wanted
    assert found["helps"] == ["present together, 2 people within 12 s, one of them of level managers"]
    found = _tried(cli, "8", "main", "--with", "card")
    assert [one["check"] for one in found["checks"] if one["objected"]] == ["escort_required", "second_person_required"]
    assert found["helps"][0] == "come with the host, or with a person whose level escorts"
