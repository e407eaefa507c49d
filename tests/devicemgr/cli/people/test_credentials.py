"""`card …` and `pin …`"""

import io

import pytest

from devicemgr.store.people import credentials, people
from devicemgr.store.tables import CredentialRow
from drivers import Catalog


@pytest.fixture
def two(home, done):
    done("person", "add", "Aigul", "--badge", "7")
    done("person", "add", "Boris", "--badge", "8")


def test_cards_are_assigned_listed_and_removed(two, done, cli):
    usual = {"badge": "7", "name": "Aigul", "state": "active", "until": None, "blocked": None, "substitute": None}
    assert done("card", "assign", "7", "0x50E420") == {
        **usual,
        "number": "5301280",
        "cards": ["5301280"],
        "formats": ["wiegand26", "wiegand34", "wiegand37", "wiegand37n"],
    }
    done("card", "assign", "7", "080/58400")
    assert done("card", "list", "7") == [
        {"number": "5301280", **usual},
        {"number": "80:58400", **usual},
    ]
    assert done("person", "show", "7")["cards"] == ["5301280", "80:58400"]
    assert "80:58400" in cli("card", "list").out
    removed = done("card", "remove", "7", "80:58400")
    assert removed["cards"] == []
    assert removed["removed"] == [{"number": "5301280", "badge": "7"}, {"number": "80:58400", "badge": "7"}]
    assert done("card", "list", "8") == []
    kinds = [event["kind"] for event in done("person", "export", "7")["events"]]
    assert [kind for kind in kinds if "card" in kind] == [
        "admin.card_assigned",
        "admin.card_assigned",
        "admin.card_removed",
    ]


NOTATIONS = ["80:58400", "5301280", "0x50E420", "raw:26:2A1C841", "0x2A1C841", "0005301280 080,58400"]


@pytest.mark.parametrize("first", NOTATIONS)
def test_one_card_is_one_persons_however_it_is_written(two, done, cli, first):
    done("card", "assign", "7", first)
    for other in NOTATIONS:
        ran = cli("card", "assign", "8", other)
        assert (ran.code, "is 7's" in ran.error, "devicemgr card remove 7" in ran.error) == (1, True, True)
    for other in ("80:58401", "123:45678", "8058400"):
        done("card", "assign", "8", other)
    assert cli("card", "remove", "8", "raw:26:2A1C841").code == 1
    assert done("card", "remove", "7", "raw:26:2A1C841")["cards"] == []
    assert {row["badge"] for row in done("card", "list")} == {"8"}


def test_a_uid_in_either_byte_order_is_one_card(two, done, cli):
    done("card", "assign", "7", "04:A2:B3:C4")
    for other in ("C4 B3 A2 04", "raw:32:C4B3A204", str(0xC4B3A204), "04a2b3c4"):
        assert "is 7's" in cli("card", "assign", "8", other).error
    done("card", "remove", "7", "C4B3A204")
    assert done("card", "list") == []


def old_card(site, badge, number):
    """What version 0.1.0 let be assigned: a card that another person has under another notation."""
    with site.database.write() as session:
        row = people.get(session, badge)
        session.add(CredentialRow(id=f"old-{badge}", person_id=row.id, kind="card", value=number, created="x"))


def shared_alarms(cli):
    return [alarm for alarm in cli("status", "--json").json["alarms"] if alarm["kind"] == "card_shared"]


def test_a_card_that_two_have_is_an_alarm_and_goes_whole(two, site, done, cli):
    done("card", "assign", "7", "5301280")
    assert shared_alarms(cli) == []
    old_card(site, "8", "80:58400")
    (alarm,) = shared_alarms(cli)
    assert "card 5301280 of 7 and card 80:58400 of 8" in alarm["cause"]
    (check,) = [c for c in cli("doctor", "--json").json["checks"] if c["check"] == "cards"]
    assert (check["ok"], check["fix"]) == (False, "devicemgr card remove 7 5301280")
    ran = cli("card", "remove", "8", "80:58400")
    assert (ran.code, "opens nothing any more" in ran.out) == (0, True)
    assert "card 5301280 of 7 was the same card, and is removed too" in " ".join(ran.err.split())
    assert done("card", "list") == []
    for badge in ("7", "8"):
        kinds = [event["kind"] for event in done("person", "export", badge)["events"]]
        assert "admin.card_removed" in kinds
    assert shared_alarms(cli) == []
    (check,) = [c for c in cli("doctor", "--json").json["checks"] if c["check"] == "cards"]
    assert check["ok"] is True


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["assign", "8", "5301280"], "is 7's"),
        (["assign", "9", "1"], "no person has badge 9"),
        (["assign", "8", "blue"], "is no card number"),
        (["remove", "8", "5301280", "--yes"], "has no card 5301280"),
    ],
)
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
    assert "too easy to guess" in ran.error
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


def test_digits_with_several_meanings_are_refused_with_the_choices(two, done, cli):
    # From public bug reports on lists of hex UIDs: one in 43 of four bytes is all decimal digits.
    ran = cli("card", "assign", "7", "90535856")
    assert ran.code == 1
    assert "--as decimal (card 90535856), --as hex (card 2421381206)" in ran.error
    ran = cli("card", "assign", "7", "12345678")
    assert (ran.code, "--as fffnnnnn (card 123:45678)" in ran.error) == (1, True)
    assert done("card", "list") == []
    assert done("card", "assign", "7", "90535856", "--as", "hex")["number"] == "2421381206"
    assert done("card", "assign", "8", "12345678", "--as", "fffnnnnn")["number"] == "123:45678"
    assert done("card", "show", "90535856")["badge"] == "7"
    assert done("card", "remove", "7", "90535856")["cards"] == []
    assert cli("card", "assign", "7", "12345678", "--as", "blue").code == 1
    for plain in ("5301280", "0012345678", "0x90535857"):
        done("card", "assign", "7", plain)


def test_a_terminal_is_asked_which_card_is_meant(two, done, cli, monkeypatch):
    terminal = io.StringIO("9\n2\n")
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdin", terminal)
    ran = cli("card", "assign", "7", "90535856")
    assert (ran.code, "card 2421381206 is 7's" in ran.out) == (0, True)


@pytest.mark.parametrize(
    ("number", "form", "stored"),
    [
        ("365:288652", "35", "raw:35:62DA8CF18"),
        ("80:58400", "wiegand26", "80:58400"),
        ("1000:5", "34", "raw:34:007D0000B"),
        ("80:58400", "37", "raw:37:000501C840"),
        ("5301280", "37n", "raw:37:0000A1C840"),
        ("04:AF:68:DA:C8:5A:80", "56", "raw:56:04AF68DAC85A80"),
        ("04AF68DA", "hex", "78604506"),
    ],
)
def test_a_format_is_named(two, done, number, form, stored):
    assert done("card", "assign", "7", number, "--as", form)["number"] == stored


@pytest.mark.parametrize(
    ("number", "form"),
    [("300:5", "26"), ("5:5", "37n"), ("0", "35"), ("4096:1", "35"), ("zz", "hex"), ("99999999", "fffnnnnn")],
)
def test_a_number_that_the_named_format_can_not_have_is_refused(two, done, cli, number, form):
    ran = cli("card", "assign", "7", number, "--as", form)
    assert (ran.code, done("card", "list")) == (1, [])
    assert ran.error.startswith("error: ")


def test_a_card_is_shown_under_all_its_notations(two, done, cli):
    done("card", "assign", "7", "80:58400")
    for written in [*NOTATIONS, "080/58400", "08058400"]:
        found = done("card", "show", written)
        assert (found["badge"], found["name"], found["held_as"]) == ("7", "Aigul", ["80:58400"])
    written = {row["text"] for row in found["notations"]}
    assert {"80:58400", "5301280", "0x50E420", "raw:26:2A1C841", "0005301280 080,58400", "08058400"} <= written
    assert {"00:50:E4:20", "20:E4:50:00"} <= written
    assert done("card", "show", "80:58401")["badge"] is None
    out = cli("card", "show", "80:58400").out
    assert "Aigul (badge 7)" in out
    assert "0005301280 080,58400" in out


def test_a_blocked_card_stays_its_holders_until_it_is_assigned_again(two, done, cli):
    done("card", "assign", "7", "80:58400")
    done("card", "assign", "7", "5301280")
    ran = cli("card", "block", "raw:26:2A1C841", "--reason", "lost on the bus")
    assert (ran.code, "of Aigul (badge 7) is blocked" in ran.out) == (0, True)
    assert [row["blocked"]["reason"] for row in done("card", "list")] == ["lost on the bus"] * 2
    assert "blocked: lost on the bus" in cli("card", "list").out
    assert "blocked since" in cli("card", "show", "5301280").out
    assert "is 7's" in cli("card", "assign", "8", "80:58400").error
    done("card", "assign", "7", "44156993", "--as", "decimal")
    assert [row["blocked"] for row in done("card", "list")] == [None] * 3
    done("card", "block", "80:58400")
    done("card", "block", "5301280", "--undo")
    assert "is not blocked" in cli("card", "block", "5301280", "--undo").error
    assert "no one holds card 9" in cli("card", "block", "9").error
    events = done("person", "export", "7")["events"]
    kinds = [event["kind"] for event in events if "block" in event["kind"]]
    assert kinds == ["admin.card_blocked", "admin.card_unblocked"] * 2
    assert "bus" not in str(events)
    assert done("card", "remove", "7", "80:58400")["cards"] == []


def test_another_notation_of_a_blocked_card_is_blocked_too(two, done, site):
    done("card", "assign", "7", "80:58400")
    done("card", "block", "80:58400")
    with site.database.write() as session:
        assert credentials.assign_card(session, people.get(session, "7"), "5301280")
    assert [bool(row["blocked"]) for row in done("card", "list")] == [True, True]


def test_a_number_that_no_configured_reader_can_read_is_warned_of(two, done, cli, parts, monkeypatch):
    monkeypatch.setattr(type(parts.catalog), "get", lambda _, kind: Catalog().get(kind))
    controller = ["--address", "udp://127.0.0.1:1", "--option", "controller=405419896"]
    done("device", "add", "rd", "--driver", "uhppote_controller", *controller)
    ran = cli("card", "assign", "7", "04:AF:68:DA:C8:5A:80")
    assert ran.code == 0
    assert "none of the configured readers (rd) can read card" in " ".join(ran.err.split())
    assert cli("card", "assign", "7", "80:58400").err == ""
    assert [row["reads"] for row in done("card", "show", "80:58400")["readers"]] == [True]


@pytest.mark.parametrize(
    "arguments",
    [[], ["80:58400", "--at", "rd"], ["--at", "rd", "--as", "hex"], ["--at", "rd:x"], ["--at", ":1"], ["--at", "rd:0"]],
)
def test_a_card_is_named_by_its_number_or_by_the_reader_where_it_is_shown(two, cli, arguments):
    assert cli("card", "assign", "7", *arguments).code == 2


def test_a_card_can_not_be_shown_without_a_daemon_or_where_no_card_is_read(two, cli, done, parts, monkeypatch):
    done("device", "add", "gate", "--driver", "fake_gate", "--address", "x")
    assert "reads no cards" in cli("card", "assign", "7", "--at", "gate").err
    monkeypatch.setattr(type(parts.catalog), "get", lambda _, kind: Catalog().get(kind))
    done("device", "add", "rd", "--driver", "osdp_reader", "--address", "tcp://127.0.0.1:1", "--option", "unit=1")
    ran = cli("card", "assign", "7", "--at", "rd:2")
    assert (ran.code, "no daemon runs" in ran.err) == (3, True)
    assert cli("card", "assign", "7", "--at", "other").code == 1
