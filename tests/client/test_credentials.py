"""`card …` and `pin …`"""

import pytest


@pytest.fixture
def two(home, done):
    done("person", "add", "Aigul", "--badge", "7")
    done("person", "add", "Boris", "--badge", "8")


def test_cards_are_assigned_listed_and_removed(two, done, cli):
    assert done("card", "assign", "7", "0x50E420") == {
        "badge": "7", "number": "5301280", "cards": ["5301280"],
        "formats": ["wiegand26", "wiegand34", "wiegand37", "wiegand37n"],
    }  # fmt: skip
    done("card", "assign", "7", "080/58400")
    assert done("card", "list", "7") == [
        {"number": "5301280", "badge": "7", "name": "Aigul"}, {"number": "80:58400", "badge": "7", "name": "Aigul"},
    ]  # fmt: skip
    assert done("person", "show", "7")["cards"] == ["5301280", "80:58400"]
    assert "80:58400" in cli("card", "list").out
    assert done("card", "remove", "7", "80:58400")["cards"] == ["5301280"]
    assert done("card", "list", "8") == []
    kinds = [event["kind"] for event in done("person", "export", "7")["events"]]
    assert [kind for kind in kinds if "card" in kind] == [
        "admin.card_assigned",
        "admin.card_assigned",
        "admin.card_removed",
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["assign", "8", "5301280"], "is 7's"), (["assign", "9", "1"], "nobody has badge 9"),
        (["assign", "8", "blue"], "is no card number"), (["remove", "8", "5301280"], "has no card 5301280"),
    ],
)  # fmt: skip
def test_what_can_not_be_is_one_line(two, done, cli, arguments, words):
    done("card", "assign", "7", "5301280")
    ran = cli("card", *arguments)
    assert ran.code == 1
    assert words in ran.error
    assert [row["badge"] for row in done("card", "list")] == ["7"]


def test_a_pin_comes_from_a_variable_and_is_never_shown(two, done, cli, monkeypatch):
    monkeypatch.setenv("AIGULS_PIN", "4711")
    assert done("pin", "set", "7", "--pin-env", "AIGULS_PIN") == {"badge": "7", "pin": True}
    assert done("person", "show", "7")["pin"] is True
    assert "4711" not in str(done("person", "export", "7"))
    assert done("pin", "remove", "7") == {"badge": "7", "pin": False}
    monkeypatch.setenv("AIGULS_PIN", "1234")
    ran = cli("pin", "set", "7", "--pin-env", "AIGULS_PIN")
    assert ran.code == 1
    assert "guessed" in ran.error
    assert "1234" not in ran.error


def test_a_number_that_no_card_can_have_is_refused_with_how_far_each_format_goes(two, done, cli):
    ran = cli("card", "assign", "7", "80:999999")
    assert ran.code == 1
    assert "80:999999 fits no card" in ran.error
    assert "wiegand26 255:65535, wiegand34 65535:65535, wiegand37 65535:524287" in ran.error
    assert done("card", "list") == []


@pytest.mark.parametrize(("number", "only"), [("80:99999", "wiegand37"), ("300:5", "wiegand34 or wiegand37")])
def test_a_number_beyond_26_bits_is_taken_with_a_warning(two, cli, number, only):
    ran = cli("card", "assign", "7", number, "--json")
    assert (ran.code, ran.json["formats"]) == (0, only.split(" or "))
    assert f"only readers of {only} cards read it" in " ".join(ran.err.split())
    assert cli("card", "assign", "7", "80:58400").err == ""
