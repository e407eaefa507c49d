"""Department, contact, employee number, host, kind and note of a person: kept, shown, exported, backed up, erased."""

import json

import pytest

DETAILS = {
    "kind": "contractor",
    "department": "Қойма",
    "employee_id": "E-0042",
    "email": "aigul@example.com",
    "phone": "+7 701 123 45 67",
    "note": "works at night",
    "host": "1",
}


def option(name):
    return "--hosted-by" if name == "host" else f"--{name.replace('_', '-')}"


@pytest.fixture
def guest(home, done):
    """Badge 2 with every detail; badge 1 is the host."""
    done("person", "add", "Host", "--badge", "1")
    options = [word for name, value in DETAILS.items() for word in (option(name), value)]
    return done("person", "add", "Aigul", "--badge", "2", *options)


def details(person):
    return {name: person[name] for name in DETAILS}


def test_details_come_back_as_given(guest, done, cli):
    assert details(guest) == DETAILS
    assert details(done("person", "show", "2")) == DETAILS
    shown = cli("person", "show", "2").out
    assert all(value in shown for value in DETAILS.values())


def test_someone_without_details_is_staff(home, done):
    assert details(done("person", "add", "A", "--badge", "1")) == dict.fromkeys(DETAILS) | {"kind": "staff"}


def test_an_edit_changes_what_it_names_and_an_empty_value_removes(guest, done, cli):
    found = done("person", "edit", "2", "--phone", "", "--hosted-by", "", "--department", "Office", "--kind", "")
    assert details(found) == DETAILS | {"phone": None, "host": None, "department": "Office", "kind": "staff"}
    (event,) = [e for e in cli("events", "--json").lines if e["kind"] == "admin.person_edited"]
    assert event["detail"]["changed"] == ["department", "host", "kind", "phone"]


def test_the_record_has_no_word_of_them(guest, cli, home):
    text = "".join(json.dumps(event, ensure_ascii=False) for event in cli("events", "--json").lines)
    assert not [value for name, value in DETAILS.items() if name not in ("kind", "host") and value in text]


@pytest.mark.parametrize(
    ("given", "value", "words"),
    [
        ("--email", "aigul", "is not an e-mail address"),
        ("--email", "a b@example.com", "is not an e-mail address"),
        ("--phone", "call me", "is not a phone number"),
        ("--kind", "boss", "use staff, contractor, visitor"),
        ("--hosted-by", "9", "add the host first"),
        ("--hosted-by", "2", "their own host"),
        ("--department", "x" * 201, "over 200 characters"),
        ("--note", "x" * 1001, "over 1000 characters"),
    ],
)
def test_a_wrong_detail_is_refused_and_nothing_changes(guest, done, cli, given, value, words):
    ran = cli("person", "edit", "2", "--name", "Other", given, value)
    assert (ran.code, words in ran.error) == (1, True)
    assert done("person", "show", "2")["name"] == "Aigul"


def test_what_a_phone_book_adds_unseen_is_dropped(home, done):
    """Windows puts U+202A before a number that is copied from its contacts; messengers leave U+200F and U+FEFF."""
    found = done("person", "add", "\ufeffАйгүл\u00ad Б\u200f.", "--badge", "1", "--phone", "\u202a+7 701 1234567\u202c")
    assert (found["name"], found["phone"]) == ("Айгүл Б.", "+7 701 1234567")


def test_the_copy_for_the_person_has_them_and_whose_host_they_are(guest, done):
    assert details(done("person", "export", "2")) == DETAILS
    assert done("person", "export", "1")["host_of"] == ["2"]


def test_erasing_a_host_leaves_the_guest_without_one(guest, done, cli):
    done("person", "erase", "1", "--yes")
    assert done("person", "show", "2")["host"] is None
    assert cli("doctor").code in (0, 4)


def test_nothing_of_them_is_left_in_the_files(guest, done, home):
    kept = [value for name, value in DETAILS.items() if name not in ("kind", "host")]
    before = b"".join(file.read_bytes() for file in home.path.rglob("*") if file.is_file())
    assert all(value.encode() in before for value in kept)
    assert done("person", "erase", "2", "--yes")["verified"] is True
    after = b"".join(file.read_bytes() for file in home.path.rglob("*") if file.is_file())
    assert [value for value in kept if value.encode() in after] == []
