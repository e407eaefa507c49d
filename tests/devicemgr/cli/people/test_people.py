"""`person …` as an admin uses it."""

import time

import pytest

NAMES = {
    "kk": "Әйгерім Құдайбергенқызы",
    "ru": "Наталья Ё. Щукина",
    "ar": "محمد الأمين",
    "fa": "علی\u200cرضا",
    "zh": "王小明",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_names_of_any_script_come_back_as_typed(home, done, cli, name):
    assert done("person", "add", name, "--badge", "Б-7")["name"] == name
    assert done("person", "show", "Б-7")["name"] == name
    assert name in cli("person", "list").out


def test_what_a_person_looks_like_in_json(entrance, done):
    found = done(
        "person", "add", "Aigul", "--badge", "7", "--level", "staff", "--valid-to", "2027-12-01T00:00:00+05:00"
    )
    assert set(found) >= {"badge", "name", "levels", "valid_from", "valid_to", "suspended", "consent", "templates"}
    assert (found["levels"], found["valid_to"], found["templates"]) == (["staff"], "2027-11-30T19:00:00.000Z", 0)


@pytest.fixture
def almaty(monkeypatch):
    """This host is in Almaty, UTC+5."""
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "Asia/Almaty")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("almaty")
def test_a_date_as_an_end_works_through_that_day_in_the_zone_of_the_site(home, done, agreed, cli, photo, tmp_path):
    file = tmp_path / "site.toml"
    file.write_text('[site]\ntimezone = "asia/almaty"\n')
    agreed("apply", file)
    assert 'timezone = "Asia/Almaty"' in cli("export").out
    found = done("person", "add", "Aigul", "--badge", "7", "--valid-from", "2026-11-01", "--valid-to", "2026-11-29")
    assert (found["valid_from"], found["valid_to"]) == ("2026-10-31T19:00:00.000Z", "2026-11-29T19:00:00.000Z")
    assert "through 29 Nov 2026" in cli("person", "show", "7").out
    assert "through 29 Nov 2026" in cli("person", "list").out
    done("person", "edit", "7", "--valid-to", "2026-11-29T18:30")
    assert "2026-11-29 18:30:00" in cli("person", "show", "7").out
    face = photo("a.jpg", "face:aigul:1")
    done("enroll", "photo", "7", face, "--consent", "form-1", "--consent-until", "2040-12-31")
    assert done("person", "show", "7")["consent"]["until"] == "2040-12-31T19:00:00.000Z"
    assert "through 31 Dec 2040" in cli("person", "show", "7").out


def test_a_zone_that_does_not_exist_is_refused_with_the_nearest(home, cli, tmp_path):
    file = tmp_path / "site.toml"
    file.write_text('[site]\ntimezone = "Asia/Almata"\n')
    ran = cli("apply", file)
    assert ran.code == 1
    assert "Asia/Almaty" in ran.error


def test_a_badge_that_exists_is_refused_and_changes_nothing(home, done, cli):
    done("person", "add", "Aigul", "--badge", "7")
    ran = cli("person", "add", "Somebody Else", "--badge", "7")
    assert ran.code == 1
    assert "is assigned already" in ran.error
    assert [person["name"] for person in done("person", "list")] == ["Aigul"]


@pytest.mark.parametrize("name", ["abc\u202edef", "a\x00b", "\x1b[31mred", "", "   ", "x" * 201])
def test_names_that_could_deceive_a_reader_are_refused(home, cli, name):
    ran = cli("person", "add", "--badge", "7", "--", name)
    assert ran.code == 1
    assert "\x1b" not in ran.error
    assert "\u202e" not in ran.error


def test_spaces_of_any_kind_become_one(home, done):
    assert done("person", "add", " Aigul\u2028 \t B. ", "--badge", "7")["name"] == "Aigul B."


@pytest.mark.parametrize("badge", ["", "../7", "a b", "7\n", "x" * 65, "\u202e7"])
def test_badges_are_short_and_plain(home, cli, badge):
    ran = cli("person", "add", "Aigul", "--badge", badge)
    if badge == "7\n":  # a scanner's line end
        assert ran.code == 0
    else:
        assert ran.code == 1
        assert "badge" in ran.error


@pytest.mark.parametrize("when", ["tomorrow", "2026-13-01", "31.12.2026", "9" * 500])
def test_a_bad_time_names_the_right_form(home, cli, when):
    ran = cli("person", "add", "Aigul", "--badge", "7", "--valid-to", when)
    assert ran.code == 1
    assert "2026-12-31" in ran.error


def test_a_validity_that_ends_before_it_begins(home, cli, done):
    ran = cli("person", "add", "A", "--badge", "7", "--valid-from", "2027-01-02", "--valid-to", "2027-01-01")
    assert ran.code == 1
    assert "ends before it begins" in ran.error
    assert done("person", "list") == []


def test_an_unknown_level_creates_nobody(home, cli, done):
    assert cli("person", "add", "A", "--badge", "7", "--level", "nope").code == 1
    assert done("person", "list") == []
    assert all(event["kind"] != "admin.person_added" for event in cli("events", "--json").lines)


def test_edit_suspend_resume(home, done, cli):
    done("person", "add", "Aigul", "--badge", "7", "--valid-to", "2027-01-01")
    changed = done("person", "edit", "7", "--new-badge", "8", "--name", "Aigul B", "--valid-to", "")
    assert (changed["badge"], changed["name"], changed["valid_to"]) == ("8", "Aigul B", None)
    assert done("person", "suspend", "8")["suspended"] is True
    assert done("person", "resume", "8")["suspended"] is False
    assert cli("person", "edit", "8").code == 2
    assert cli("person", "show", "7").code == 1


def test_editing_onto_a_badge_in_use_changes_nothing(home, done, cli):
    done("person", "add", "A", "--badge", "1")
    done("person", "add", "B", "--badge", "2")
    assert cli("person", "edit", "1", "--new-badge", "2", "--name", "C").code == 1
    assert done("person", "show", "1")["name"] == "A"


def test_export_is_the_whole_of_one_person_and_of_nobody_else(entrance, done, photo):
    done("person", "add", "Aigul", "--badge", "7", "--level", "staff")
    done("person", "add", "Bolat", "--badge", "8")
    done("enroll", "photo", "7", photo("a.jpg", "face:aigul"), "--consent", "form-17")
    copy = done("person", "export", "7")
    assert copy["name"] == "Aigul"
    assert [consent["reference"] for consent in copy["consents"]] == ["form-17"]
    assert len(copy["templates"]) == 1
    assert {event["person"] for event in copy["events"]} == {"7"}
    assert {"admin.person_added", "admin.face_enrolled", "admin.person_exported"} <= {e["kind"] for e in copy["events"]}


def test_usage_errors_end_with_2(home, cli):
    assert cli("person", "add").code == 2
    assert cli("person", "frobnicate").code == 2
    assert cli("person", "list", "--bogus").code == 2
    assert cli("--home").code == 2
