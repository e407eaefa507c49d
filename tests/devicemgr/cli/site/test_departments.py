"""`department …`: levels that follow from a department, as an admin types them."""

import json

import pytest

from devicemgr.access.policy_cache import Rulebook

LEVELS = ("kitchen", "yard", "office")


@pytest.fixture
def site_of_two(entrance, done):
    """Levels, and Aigul in the kitchen with the office of her own; Boris is in no department."""
    for level in LEVELS:
        done("level", "add", level, "--portal", "main")
    done("person", "add", "Aigul", "--badge", "7", "--department", "Kitchen", "--level", "office")
    done("person", "add", "Boris", "--badge", "8")


def levels(done, badge):
    person = done("person", "show", badge)
    return person["levels"], person["department_levels"]


def facts(done, badge, kind):
    return [e["detail"] for e in done("person", "export", badge)["events"] if e["kind"] == kind]


def test_a_departments_levels_are_its_peoples_until_they_move(site_of_two, done, cli, site):
    ran = cli("department", "edit", "Kitchen", "--level", "kitchen", "--level", "yard")
    assert (ran.code, ran.out) == (0, "department Kitchen: kitchen, yard; 1 person: +kitchen +yard\n")
    assert levels(done, "7") == (["office"], ["kitchen", "yard"])
    shown = " ".join(cli("person", "show", "7").out.split())
    assert "kitchen (by department Kitchen), office, yard (by department Kitchen)" in shown
    assert [row["badge"] for row in done("person", "list", "--level", "kitchen")] == ["7"]
    assert "kitchen, office, yard" in cli("person", "list").out
    assert (done("level", "show", "yard")["people"], done("level", "show", "yard")["departments"]) == (
        ["7"],
        ["Kitchen"],
    )
    [change] = facts(done, "7", "admin.department_levels_changed")
    assert change == {"before": {"department_levels": []}, "after": {"department_levels": ["kitchen", "yard"]}}
    done("person", "edit", "8", "--department", " Kitchen ")
    assert levels(done, "8") == ([], ["kitchen", "yard"])
    done("person", "edit", "7", "--department", "")
    assert levels(done, "7") == (["office"], [])
    edited = facts(done, "7", "admin.person_edited")[-1]
    assert edited == {"changed": ["department"], "before": {"department_levels": ["kitchen", "yard"]}, "after": {}}


def test_the_rules_see_the_levels_of_a_department_at_once(site_of_two, done, site):
    rules = Rulebook(site.database, site.parts.catalog)
    done("department", "edit", "Kitchen", "--level", "kitchen")
    seen = {person.badge: person.levels for person in rules.refresh().people.values()}
    assert (seen["7"], seen["8"]) == ({"office", "kitchen"}, frozenset())
    done("person", "edit", "7", "--department", "Bakery")
    seen = {person.badge: person.levels for person in rules.refresh().people.values()}
    assert seen["7"] == {"office"}


def test_levels_by_department_are_not_revoked_of_one_person(site_of_two, done, cli):
    done("department", "edit", "Kitchen", "--level", "kitchen", "--level", "office")
    for revoked in (("7", "kitchen"), ("kitchen", "--department", "Kitchen")):
        ran = cli("level", "revoke", *revoked)
        assert (ran.code, "devicemgr department edit Kitchen" in ran.error) == (1, True)
    assert "office (by department Kitchen)" in cli("level", "revoke", "7", "office").out
    ran = cli("level", "remove", "office", "--yes")
    assert (ran.code, "department 'Kitchen' has level 'office'" in ran.error) == (1, True)
    done("department", "edit", "Kitchen", "--no-levels")
    done("level", "remove", "office", "--yes")


def test_a_department_is_renamed_with_its_people_and_removed_without(site_of_two, done, cli):
    done("department", "edit", "Kitchen", "--level", "kitchen")
    done("person", "edit", "8", "--department", "Küche / Ost")
    assert cli("department", "rename", "Kitchen", "Küche / Ost").code == 1
    ran = cli("department", "rename", "Kitchen", "Canteen")
    assert ran.out == "department Kitchen is Canteen now: 1 person, kitchen\n"
    assert levels(done, "7") == (["office"], ["kitchen"])
    ran = cli("department", "remove", "Canteen", "--yes")
    assert (ran.code, "1 person is in department 'Canteen'" in ran.error) == (1, True)
    assert "devicemgr department edit Canteen --no-levels" in ran.error
    assert done("department", "show", "Küche / Ost") == {
        "name": "Küche / Ost",
        "levels": [],
        "people": 1,
        "badges": ["8"],
    }
    done("person", "edit", "7", "--department", "")
    done("department", "remove", "Canteen", "--yes")
    assert [row["name"] for row in done("department", "list")] == ["Küche / Ost"]
    assert cli("department", "show", "Canteen").code == 1


def test_a_typo_is_told_from_a_department(site_of_two, cli):
    ran = cli("department", "edit", "kitchn", "--level", "kitchen")
    assert (ran.code, "is it 'Kitchen'?" in ran.err) == (0, True)
    assert cli("department", "edit", "Kitchen", "--level", "nowhere").code == 1
    assert cli("department", "edit", "Kitchen").code == 2
    assert cli("department", "edit", "  ", "--level", "kitchen").code == 1


def test_a_table_that_moves_people_shows_their_levels_and_counts_who_loses_one(site_of_two, done, cli, tmp_path):
    done("department", "edit", "Kitchen", "--level", "kitchen")
    done("department", "edit", "Yard", "--level", "yard")
    file = tmp_path / "people.csv"
    file.write_text("badge,name,department\n7,Aigul,Yard\n9,New,Kitchen\n")
    ran = cli("--json", "person", "import", file, "--update", "--plan")
    moved, added = ran.json["changes"]
    assert moved["fields"]["department_levels"] == [["kitchen"], ["yard"]]
    assert (added["fields"]["department_levels"], ran.json["taken_away"]) == ([[], ["kitchen"]], 1)
    assert "levels by department: +yard −kitchen" in " ".join(
        cli("person", "import", file, "--update", "--plan").out.split()
    )
    done("person", "import", file, "--update")
    assert (levels(done, "7"), levels(done, "9")) == ((["office"], ["yard"]), ([], ["kitchen"]))
    file.write_text("badge,department\n9,\n")
    assert cli("--json", "person", "import", file, "--update", "--plan").json["taken_away"] == 1
    done("person", "export", tmp_path / "all.csv")
    assert done("person", "import", tmp_path / "all.csv", "--update")["unchanged"] == 3


def test_the_sites_file_has_departments_that_carry_levels(site_of_two, done, cli, tmp_path):
    assert "departments" not in cli("export").out
    done("department", "edit", "Küche / Ost", "--level", "kitchen")
    file = tmp_path / "site.toml"
    file.write_text(cli("export").out)
    assert cli("apply", file, "--plan").code == 0
    done("department", "edit", "Küche / Ost", "--no-levels")
    assert cli("apply", file, "--plan").code == 4
    done("apply", file)
    assert done("department", "list")[1]["levels"] == ["kitchen"]
    wrong = file.read_text().replace('"kitchen"]', '"nowhere"]')
    file.write_text(wrong)
    assert cli("apply", file).code == 1
    file.write_text("[departments]\n")
    removed = json.loads(cli("apply", file, "--prune", "--json", "--yes").out)
    assert [(c["kind"], c["change"]) for c in removed["changes"]] == [("departments", "remove")]
    assert [row["levels"] for row in done("department", "list")] == [[]]
