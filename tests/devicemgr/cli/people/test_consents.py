"""Consents with a notice and an end: the face is off when the end comes, the card works on, and it is told ahead."""

from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.people.consents import ConsentWatch
from devicemgr.store.database import revision
from devicemgr.store.people import consents, people
from devicemgr.text import rfc3339


def ahead(**time):
    return rfc3339(datetime.now(UTC) + timedelta(**time))


@pytest.fixture
def enroll(home, done, photo):
    def run(badge, *more, who="aigul", number=1):
        if badge not in [person["badge"] for person in done("person", "list")]:
            done("person", "add", f"Person {badge}", "--badge", badge)
        file = photo(f"{who}{number}.jpg", f"face:{who}:{number}")
        return done("enroll", "photo", badge, file, "--consent", "form-1", *more)

    return run


def put(site, badge, **fields):
    """What time would have done."""
    with site.database.write() as session:
        for consent in people.get(session, badge).consents:
            for name, value in fields.items():
                setattr(consent, name, value)


def identified(done, photo, who="aigul"):
    return done("enroll", "identify", photo("probe.jpg", f"face:{who}:9"))["badge"]


def test_notice_and_end_are_kept_told_and_exported(enroll, done, cli):
    enroll("1", "--notice", "2026-11", "--consent-until", "2031-05-01")
    shown = done("person", "show", "1")["consent"]
    assert shown["notice"] == "2026-11"
    assert "2031-04-29" < shown["until"] < "2031-05-03"
    (kept,) = done("person", "export", "1")["consents"]
    assert (kept["reference"], kept["notice"], kept["withdrawn"], kept["expired"]) == ("form-1", "2026-11", None, None)
    (given,) = cli("events", "--kind", "admin.consent_given", "--json").lines
    assert given["detail"]["notice"] == "2026-11"


def test_the_sites_settings_hold_where_nothing_is_said(enroll, done, tmp_path):
    file = tmp_path / "site.toml"
    file.write_text('[site]\nnotice = "v7"\nconsent_days = 30\n')
    done("apply", file)
    enroll("1")
    enroll("1", number=2)
    shown = done("person", "show", "1")["consent"]
    assert shown["notice"] == "v7"
    assert ahead(days=29) < shown["until"] < ahead(days=31)
    assert len(done("person", "export", "1")["consents"]) == 1, "one form's photos make one consent"
    enroll("2", "--notice", "v8", "--consent-until", ahead(days=400), who="bolat")
    assert done("person", "show", "2")["consent"]["notice"] == "v8"


def test_an_end_in_the_past_is_refused(enroll, cli, done, photo):
    enroll("1")
    ran = cli("enroll", "photo", "1", photo("b.jpg", "face:aigul:3"), "--consent", "f", "--consent-until", "2020-01-01")
    assert (ran.code, "--consent-until" in ran.error) == (1, True)
    assert done("person", "show", "1")["templates"] == 1


def test_when_the_end_comes_the_face_is_off_and_the_card_stays(enroll, done, photo, site, cli):
    enroll("1", "--consent-until", ahead(days=5))
    done("card", "assign", "1", "80:58400")
    assert identified(done, photo) == "1"
    put(site, "1", until=ahead(seconds=-1))
    assert identified(done, photo) is None
    shown = done("person", "show", "1")
    assert (shown["consent"], shown["templates"], shown["cards"]) == (None, 1, ["80:58400"])
    with site.database.read() as session:
        (person,) = people.models(session)
    assert not person.face_consent


def test_the_watch_notes_it_once_and_a_clock_set_back_brings_nothing_back(enroll, done, photo, site, cli):
    enroll("1", "--consent-until", ahead(days=5))
    watch = ConsentWatch(site)
    watch.look()
    with site.database.read() as session:
        before = revision(session)
    put(site, "1", until=ahead(seconds=-1))
    watch.look()
    watch.look()
    assert len(cli("events", "--kind", "admin.consent_expired", "--json").lines) == 1
    with site.database.read() as session:
        assert revision(session) == before + 2, "once by this test, once by the watch"
    put(site, "1", until=ahead(days=5))  # as a clock that goes back would see it
    assert identified(done, photo) is None
    assert done("person", "show", "1")["consent"] is None


def test_a_clock_that_may_be_wrong_turns_faces_off_and_notes_nothing_for_good(enroll, done, photo, site, cli):
    from devicemgr.domain.trusted_clock import WallClock

    enroll("1", "--consent-until", ahead(days=5))
    time = [1_000_000.0, 0.0]
    real = datetime.now(UTC).timestamp()
    clock = WallClock(None, lambda: real + time[1], lambda: time[0])
    object.__setattr__(site, "clock", clock)
    watch = ConsentWatch(site)
    watch.look()
    with site.database.read() as session:
        before = revision(session)
    time[1] = 10 * 86400.0
    clock.look()
    assert clock.ahead_s > 0
    watch.look()
    with site.database.read() as session:
        assert revision(session) == before + 1, "everybody looks again"
    assert cli("events", "--kind", "admin.consent_expired", "--json").lines == []
    time[1] = 0.0
    clock.look()
    watch.look()
    with site.database.read() as session:
        assert revision(session) == before + 2
    assert identified(done, photo) == "1"


def test_a_new_consent_brings_the_face_back_without_photos(enroll, done, photo, site, cli):
    enroll("1", "--consent-until", ahead(days=5))
    put(site, "1", until=ahead(seconds=-1))
    ConsentWatch(site).look()
    assert identified(done, photo) is None
    found = done("enroll", "renew", "1", "--consent", "form-2", "--consent-until", ahead(days=700), "--notice", "n2")
    assert (found["consent"]["reference"], found["consent"]["notice"]) == ("form-2", "n2")
    assert identified(done, photo) == "1"
    ran = cli("enroll", "renew", "1", "--consent", "form-2", "--consent-until", "2001-01-01")
    assert ran.code == 1
    done("person", "add", "Faceless", "--badge", "9")
    assert "has no face" in cli("enroll", "renew", "9", "--consent", "f").error


def test_a_shorter_consent_takes_the_place_of_a_longer_one(enroll, done, photo, site):
    enroll("1")
    done("enroll", "renew", "1", "--consent", "form-2", "--consent-until", ahead(days=5))
    with site.database.write() as session:
        newest = people.get(session, "1").consents[-1]
        newest.until = ahead(seconds=-1)
    assert identified(done, photo) is None, "the endless one before does not hold any more"


def test_who_ends_soon_is_told_ahead(enroll, done, site, cli):
    enroll("1", "--consent-until", ahead(days=5))
    enroll("2", "--consent-until", ahead(days=50), who="bolat")
    enroll("3", who="dana")
    listed = lambda days: [person["badge"] for person in done("person", "list", "--expiring", days)]  # noqa: E731
    assert (listed("4"), listed("6"), listed("60")) == ([], ["1"], ["1", "2"])
    put(site, "2", until=ahead(seconds=-1))
    assert listed("0") == ["2"]
    assert "ended" in cli("person", "list").out
    (check,) = [c for c in cli("doctor", "--json").json["checks"] if c["check"] == "consents"]
    assert (check["ok"], check["detail"]) == (
        False,
        "1 consent will end within 14 days; 1 consent over, with the face off",
    )


def test_a_withdrawn_consent_is_withdrawn_whatever_its_end(enroll, done, photo, site):
    enroll("1", "--consent-until", ahead(days=5))
    done("enroll", "withdraw", "1", "--yes")
    with site.database.read() as session:
        assert consents.in_force(people.get(session, "1")) is None
    ConsentWatch(site).look()
    (kept,) = done("person", "export", "1")["consents"]
    assert kept["withdrawn"]
    assert kept["expired"] is None


def test_the_subjects_copy_has_the_photos_and_everything_else(enroll, done, tmp_path):
    import base64

    file = tmp_path / "site.toml"
    file.write_text("[site]\nkeep_samples = true\n")
    done("apply", file)
    enroll("1")
    done("card", "assign", "1", "80:58400")
    copy = done("person", "export", "1")
    assert base64.b64decode(copy["samples"][0]["jpeg"]) == b"crop:face:aigul:1"
    assert copy["templates"][0]["bytes"] > 512
    assert copy["credentials"][0]["number"] == "80:58400"
    assert (copy["held_by_devices"], copy["in_backups"]) == ([], False)
    assert [event["kind"] for event in copy["events"]][-1] == "admin.person_exported"
