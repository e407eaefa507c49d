"""Kept samples: only where the site wants them, sealed, counted, and gone with the consent or the person."""

import sqlite3

import pytest

from devicemgr.errors import KeyMissing
from devicemgr.people import face_samples
from devicemgr.store.people import people


@pytest.fixture
def keeping(tmp_path, agreed):
    """keeping(True) applies the setting."""

    def set_to(keep):
        file = tmp_path / "site.toml"
        file.write_text(f"[site]\nkeep_samples = {str(keep).lower()}\n")
        return agreed("apply", file)

    return set_to


@pytest.fixture
def enroll(home, done, photo):
    def run(badge, who="aigul", number=1):
        if badge not in [person["badge"] for person in done("person", "list")]:
            done("person", "add", "Somebody", "--badge", badge)
        return done("enroll", "photo", badge, photo(f"{who}{number}.jpg", f"face:{who}:{number}"), "--consent", "form")

    return run


def jpeg(site, badge):
    with site.database.read() as session:
        person = people.get(session, badge).id
    return face_samples.sample_jpeg(site, person)


def kept(done):
    return {person["badge"]: person["samples_kept"] for person in done("person", "list")}


def everything(home):
    return b"".join(file.read_bytes() for file in home.path.rglob("*") if file.is_file())


def test_nothing_is_kept_unless_the_site_wants_it(enroll, site, done):
    enroll("1")
    assert kept(done) == {"1": 0}
    assert jpeg(site, "1") is None


def test_a_kept_face_is_sealed_told_and_read(enroll, keeping, site, done, cli, home):
    keeping(True)
    enroll("1")
    enroll("1", number=2)
    enroll("2", "bolat")
    assert kept(done) == {"1": 2, "2": 1}
    assert jpeg(site, "1") == b"crop:face:aigul:2"
    assert jpeg(site, "2") == b"crop:face:bolat:1"
    assert b"crop:" not in everything(home)
    assert "photos kept" in cli("person", "show", "1").out
    detail = [event["detail"] for event in cli("events", "--json").lines if event["kind"] == "admin.face_enrolled"]
    assert [found["kept"] for found in detail] == [1, 1, 1]


def test_photos_enrolled_before_are_kept_when_they_come_again(enroll, keeping, site, done):
    enroll("1")
    keeping(True)
    assert enroll("1")["templates"] == 1
    assert kept(done) == {"1": 1}
    assert enroll("1")["skipped"] is True


@pytest.mark.parametrize("how", [("enroll", "withdraw"), ("person", "erase")])
def test_they_go_with_consent_and_person(enroll, keeping, done, home, how):
    keeping(True)
    enroll("1")
    enroll("2", "bolat")
    with sqlite3.connect(home.database) as raw:
        query = "select sealed from samples join people on people.id = person_id where badge = '1'"
        (sealed,) = raw.execute(query).fetchone()
    raw.close()
    assert sealed in everything(home)
    done(*how, "1", "--yes")
    assert sealed not in everything(home)
    assert kept(done)["2"] == 1


def test_no_sample_without_a_consent_in_force(enroll, keeping, site):
    keeping(True)
    enroll("1")
    with site.database.write() as session:
        for consent in people.get(session, "1").consents:
            consent.withdrawn = people.now_text()
    assert jpeg(site, "1") is None


def test_one_that_was_moved_to_somebody_else_does_not_open(enroll, keeping, site, home):
    keeping(True)
    enroll("1")
    enroll("2", "bolat")
    with sqlite3.connect(home.database) as raw:
        raw.execute("update samples set sealed = (select sealed from samples s where s.id != samples.id)")
    raw.close()
    with pytest.raises(KeyMissing):
        jpeg(site, "1")


def test_a_site_that_keeps_no_more_forgets_those_it_had(enroll, keeping, done, cli):
    keeping(True)
    enroll("1")
    keeping(False)
    assert kept(done) == {"1": 0}
    assert cli("events", "--json").lines[-1]["detail"]["samples_erased"] == 1
