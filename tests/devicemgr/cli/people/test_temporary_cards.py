"""Temporary cards, cards that replace others, and cards that were found again, as an admin types them."""

from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.access.policy_cache import Rulebook
from devicemgr.store.people import credentials
from devicemgr.store.tables import CredentialRow

USUAL, SPARE, NEW = "80:58400", "1:900", "80:58401"


@pytest.fixture
def two(home, done):
    done("person", "add", "Aigul", "--badge", "7")
    done("person", "add", "Boris", "--badge", "8")
    done("card", "assign", "7", USUAL)


@pytest.fixture
def end_all(site):
    """end_all() lets the end of all temporary cards pass."""

    def run():
        with site.database.write() as session:
            for card in session.query(CredentialRow).filter(CredentialRow.until.is_not(None)):
                card.until = "2020-01-01T10:30:00.000Z"

    return run


def states(done, badge):
    return {card["number"]: card["state"] for card in done("person", "show", badge)["card_states"]}


def facts(done, badge, kind):
    return [e["detail"] for e in done("person", "export", badge)["events"] if e["kind"] == kind]


def test_a_card_until_tonight_stands_in_for_the_usual_one_and_is_returned(two, done, cli):
    ran = cli("card", "assign", "7", SPARE, "--until", "tonight", "--instead-of", "5301280")
    assert ran.code == 0, ran.error
    assert f"card {SPARE} is 7's through" in ran.out
    assert "card 5301280 opens nothing until then" in ran.out
    assert states(done, "7") == {USUAL: "substituted", SPARE: "temporary"}
    shown = cli("person", "show", "7").out
    assert f"{SPARE} stands in for it" in " ".join(shown.split())
    assert "temporary, through" in cli("card", "show", "66436").out
    [assigned] = facts(done, "7", "admin.card_assigned")[1:]
    assert (assigned["before"], assigned["after"]["cards"], assigned["after"]["cards_substituted"]) == (
        {"cards": 1},
        2,
        1,
    )
    assert len(assigned["after"]["card_ends"]) == 1
    ran = cli("card", "return", SPARE)
    assert ran.code == 0, ran.error
    assert f"card {SPARE} of Aigul (badge 7) is returned" in ran.out
    assert f"card {USUAL} opens again" in ran.out
    assert states(done, "7") == {USUAL: "active"}
    [returned] = facts(done, "7", "admin.card_returned")
    assert returned["after"] == {"cards": 1}
    recorded = cli("events", "--json").out
    assert (USUAL in recorded, SPARE in recorded) == (False, False)


def test_ends_are_read_as_people_write_them(two, done, cli):
    later = (datetime.now(UTC) + timedelta(days=2)).date()
    done("card", "assign", "7", SPARE, "--until", str(later))
    assert f"through {later.day} " in cli("card", "list").out
    assert done("card", "assign", "7", SPARE, "--until", "2099-01-01T10:00:00Z")["until"] == "2099-01-01T10:00:00.000Z"
    assert done("card", "assign", "7", SPARE, "--until", "TONIGHT")["state"] == "temporary"
    for wrong in ("2020-01-01", "yesterday", "00:00", ""):
        assert cli("card", "assign", "7", SPARE, "--until", wrong).code == 1, wrong
    assert done("card", "assign", "7", SPARE)["state"] == "active"
    kinds = [e["kind"] for e in done("person", "export", "7")["events"] if e["kind"].startswith("admin.card")]
    assert kinds[1:] == ["admin.card_assigned", *["admin.card_edited"] * 3]


def test_what_stands_in_for_a_card_is_another_with_an_end(two, done, cli):
    assert cli("card", "assign", "7", SPARE, "--instead-of", USUAL).code == 2
    for wrong in (SPARE, "5:5"):
        ran = cli("card", "assign", "7", SPARE, "--until", "tonight", "--instead-of", wrong)
        assert (ran.code, states(done, "7")) == (1, {USUAL: "active"}), ran.error
    ran = cli("card", "return", USUAL)
    assert (ran.code, f"devicemgr card remove 7 {USUAL}" in ran.error) == (1, True)
    assert cli("card", "return", "5:5").code == 1


def test_an_ended_card_is_shown_as_such_and_can_be_given_to_another(two, done, cli, end_all):
    done("card", "assign", "7", SPARE, "--until", "tonight", "--instead-of", USUAL)
    assert cli("card", "assign", "8", SPARE, "--until", "tonight").code == 1
    end_all()
    assert states(done, "7") == {USUAL: "active", SPARE: "ended"}
    assert "ended, was valid until 2020-01-01" in cli("person", "show", "7").out
    done("card", "assign", "8", SPARE, "--until", "tonight")
    assert (states(done, "7"), states(done, "8")) == ({USUAL: "active"}, {SPARE: "temporary"})
    assert facts(done, "7", "admin.card_returned")[0]["cards"] == 1


def test_a_card_is_replaced_in_one_step_and_the_old_one_stays_blocked(two, done, cli, site):
    ran = cli("card", "replace", "5301280", NEW, "--reason", "damaged")
    assert ran.code == 0, ran.error
    assert f"card {NEW} is Aigul (badge 7)'s, in place of card 5301280, which is blocked for good" in ran.out
    assert states(done, "7") == {USUAL: "replaced", NEW: "active"}
    rules = Rulebook(site.database, site.parts.catalog).refresh()
    assert (list(rules.cards), list(rules.blocked_cards)) == ([NEW], [USUAL])
    assert f"{USUAL} (replaced by {NEW}, blocked: damaged)" in " ".join(cli("person", "show", "7").out.split())
    [fact] = facts(done, "7", "admin.card_replaced")
    assert fact == {"cards": 1, "reason": "damaged", "before": {"cards": 1}, "after": {"cards": 2, "cards_blocked": 1}}
    for again in (("unblock", USUAL), ("block", USUAL, "--undo"), ("assign", "7", USUAL)):
        ran = cli("card", *again)
        assert (ran.code, f"devicemgr card remove 7 {USUAL}" in ran.error) == (1, True)
    assert states(done, "7")[USUAL] == "replaced"
    assert cli("card", "replace", USUAL, "80:58402").code == 1
    done("card", "remove", "7", USUAL)
    assert done("card", "assign", "8", USUAL)["state"] == "active"


def test_a_replacement_is_refused_whole(two, done, cli):
    done("card", "assign", "8", "9:9")
    for old, new, why in ((USUAL, "9:9", "is 8's"), (USUAL, "5301280", "one card"), ("5:5", NEW, "no one holds")):
        ran = cli("card", "replace", old, new)
        assert (ran.code, why in ran.error) == (1, True), ran.error
    assert (states(done, "7"), states(done, "8")) == ({USUAL: "active"}, {"9:9": "active"})
    assert cli("card", "replace", USUAL, NEW, "--reason", "eaten").code == 2


def test_a_temporary_card_becomes_the_usual_one_when_that_is_lost_for_good(two, done):
    done("card", "assign", "7", SPARE, "--until", "tonight", "--instead-of", USUAL)
    done("card", "replace", USUAL, SPARE)
    assert states(done, "7") == {USUAL: "replaced", SPARE: "active"}


def test_a_replaced_temporary_card_hands_its_end_to_the_new_one(two, done):
    until = done("card", "assign", "7", SPARE, "--until", "tonight", "--instead-of", USUAL)["until"]
    assert done("card", "replace", SPARE, "1:901")["until"] == until
    assert states(done, "7") == {USUAL: "substituted", SPARE: "replaced", "1:901": "temporary"}
    assert done("card", "return", "1:901")["usual"] == [USUAL]


def test_a_lost_card_that_is_found_opens_again(two, done, cli):
    done("card", "block", USUAL)
    assert states(done, "7") == {USUAL: "blocked"}
    assert "opens again what they may" in cli("card", "unblock", USUAL).out
    ran = cli("card", "unblock", USUAL)
    assert (ran.code, "is not blocked" in ran.error) == (1, True)


def test_a_table_takes_over_ends_and_blocks_and_changes_nothing_again(two, done, cli, tmp_path, site):
    done("card", "assign", "7", SPARE, "--until", "2099-01-01", "--instead-of", USUAL)
    done("card", "block", USUAL)
    for form in ("csv", "xlsx", "json"):
        file = tmp_path / f"people.{form}"
        done("person", "export", file)
        same = cli("--json", "person", "import", file, "--update", "--plan")
        assert (same.code, same.json["unchanged"]) == (0, 2), same.json
    text = (tmp_path / "people.csv").read_text()
    assert f"{USUAL} blocked;{SPARE} until 2099-01-0" in text
    done("card", "remove", "7", USUAL)
    done("card", "return", SPARE)
    done("person", "import", tmp_path / "people.csv", "--update")
    assert states(done, "7") == {USUAL: "blocked", SPARE: "temporary"}


def test_a_table_that_does_not_know_temporary_cards_leaves_them(two, done, cli, tmp_path, site):
    done("card", "assign", "7", SPARE, "--until", "2099-01-01")
    file = tmp_path / "hr.csv"
    file.write_text(f"badge,cards\n7,{USUAL}\n8,3:3 until 2099-05-05\n")
    done("person", "import", file, "--update")
    assert states(done, "7") == {USUAL: "active", SPARE: "temporary"}
    file.write_text("badge,cards\n7,\n8,3:3 until 06.06.2099\n")
    done("person", "import", file, "--update")
    assert (states(done, "7"), states(done, "8")) == ({SPARE: "temporary"}, {"3:3": "temporary"})
    file.write_text("badge,cards\n8,3:3 until never\n")
    assert cli("person", "import", file, "--update").code == 4
    with site.database.read() as session:
        assert credentials.cards_held(session, "3:3")[0].until.startswith("2099-06-0")


@pytest.mark.parametrize("written", ["80:58400", "5301280", "0x50E420", "raw:26:2A1C841", "0005301280 080,58400"])
def test_people_are_found_by_their_card_however_it_is_written(two, done, written):
    assert [row["badge"] for row in done("person", "list", "--q", written)] == ["7"]
    assert done("person", "list", "--q", "80:58401") == []
