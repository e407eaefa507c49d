"""Retention: what is past its time goes, the record of the rest still holds, and a cut is not passed off as this."""

import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.domain.ledger_events import Fact
from devicemgr.ledger.sealer import read_key
from devicemgr.operations import audit
from devicemgr.people import retention
from devicemgr.people.retention import Retention
from devicemgr.store.ledger import events
from devicemgr.store.people import people
from devicemgr.store.site import settings
from devicemgr.store.site.settings import Settings
from devicemgr.text import rfc3339

NOW = datetime.now(UTC)


def set_to(site, **fields):
    with site.database.write() as session:
        settings.save(session, Settings(**fields))


def record(site, count=3):
    with site.database.write(changes_site=False) as session:
        site.ledger.append(session, [Fact(f"test.{n}", datetime.now(UTC), person_id="p-1") for n in range(count)])


def kinds(site):
    with site.database.read() as session:
        return [row.kind for row in events.walk(session)]


def sql(site, *statements):
    with sqlite3.connect(site.home.database) as database:
        for statement in statements:
            database.execute(statement)
    database.close()


@pytest.fixture
def old(site):
    """Two seals over eight events, which a later `now` makes old, and one event since."""
    for _ in range(2):
        record(site, 4)
        site.sealer.seal()
    record(site, 1)
    return site


LATER = NOW + timedelta(days=40)


def test_nothing_is_removed_unless_the_site_says_so(old):
    before = kinds(old)
    gone = {"samples": 0, "faces": 0, "people": 0, "visits": 0, "grants": 0, "events": 0}
    assert retention.run(old, LATER) == gone
    assert kinds(old) == before


def test_old_events_go_and_the_rest_still_holds(old, tmp_path):
    set_to(old, retention_days=30)
    gone = retention.run(old, LATER)
    assert gone["events"] == 8
    assert kinds(old) == ["test.0", "admin.events_removed"]
    found = audit.verify(old)
    assert (found["ok"], found["events"], found["removed"]["through"]) == (True, 2, 8)
    assert b"test.3" not in old.home.database.read_bytes()
    record(old)
    old.sealer.seal()
    assert audit.verify(old)["ok"]
    assert read_key(old.home.seal_key).removed.through == 8, "sealing on forgets nothing of it"
    record(old, 1)
    again = retention.run(old, LATER + timedelta(days=1))
    assert again["events"] == 5, "up to the newest seal, never the last event"
    assert audit.verify(old)["ok"]
    made = audit.export(old, tmp_path / "a.zip")
    subprocess.run([sys.executable, "-m", "zipfile", "-e", tmp_path / "a.zip", tmp_path / "out"], check=True)
    verifier = [sys.executable, "-I", "-S", tmp_path / "out" / "verify.py", tmp_path / "a.zip", made["root"]]
    ran = subprocess.run(verifier, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "events 1 to 13 were removed by retention" in ran.stdout


def test_a_site_where_nothing_happens_keeps_its_last_event(site):
    record(site, 2)
    site.sealer.seal()
    set_to(site, retention_days=1)
    retention.run(site, LATER)
    record(site)
    assert audit.verify(site)["ok"]


def test_a_cut_by_hand_is_not_passed_off_as_retention(old):
    """Whoever can only write the database: deletes more, records that it was retention, and is found."""
    set_to(old, retention_days=30)
    sql(old, "DELETE FROM events WHERE seq <= 8")
    with old.database.write(changes_site=False) as session:
        old.ledger.append(session, [Fact(retention.EVENTS_REMOVED, NOW, detail={"through": 8, "events": 8})])
    old.sealer.seal()
    found = audit.verify(old)
    assert (found["ok"], found["first_bad_seq"]) == (False, 1)


def test_a_cut_beyond_what_retention_removed_is_found(old):
    set_to(old, retention_days=30)
    retention.run(old, LATER)
    sql(old, "DELETE FROM events WHERE seq = 9")
    assert audit.verify(old)["first_bad_seq"] == 9


def test_a_seal_that_is_taken_away_or_changed_is_found(old):
    set_to(old, retention_days=30)
    retention.run(old, LATER)
    sql(old, "UPDATE seals SET head = substr(head, 2) || '0' WHERE seq = 8")
    assert not audit.verify(old)["ok"]


def test_a_kill_in_the_middle_is_made_up_for(old, monkeypatch):
    monkeypatch.setattr(retention, "_BATCH", 3)
    set_to(old, retention_days=30)

    class Killed(BaseException):
        pass

    real, calls = events.remove_oldest, []

    def die(*given):
        calls.append(given)
        if len(calls) == 2:
            raise Killed
        return real(*given)

    monkeypatch.setattr(events, "remove_oldest", die)
    with pytest.raises(Killed):
        retention.run(old, LATER)
    assert len(kinds(old)) == 6
    assert audit.verify(old)["ok"], "half removed is no flaw"
    monkeypatch.setattr(events, "remove_oldest", real)
    assert retention.run(old, LATER)["events"] == 5
    assert audit.verify(old)["ok"]


def test_an_anchor_that_remembers_what_was_removed_is_no_alarm(site, tmp_path):
    anchor = tmp_path / "elsewhere.seals"
    set_to(site, retention_days=30, anchors=(f"file:{anchor}",))
    record(site, 4)
    site.sealer.seal()
    kept = anchor.read_text()
    record(site, 4)
    site.sealer.seal()
    record(site, 1)
    retention.run(site, LATER)
    anchor.write_text(kept)
    assert audit.verify(site)["ok"]
    anchor.write_text(kept.replace('"head":"', '"head":"0').replace("0" * 64, "1" * 64))
    assert not audit.verify(site)["ok"]


def test_kept_photos_go_after_their_days(home, done, photo, site):
    set_to(site, keep_samples=True, samples_days=10)
    done("person", "add", "Somebody", "--badge", "1")
    done("enroll", "photo", "1", photo("a.jpg", "face:aigul:1"), "--consent", "form")
    assert retention.run(site, NOW + timedelta(days=9))["samples"] == 0
    assert retention.run(site, NOW + timedelta(days=11))["samples"] == 1
    shown = done("person", "show", "1")
    assert (shown["samples_kept"], shown["templates"]) == (0, 1)
    assert retention.SAMPLES_REMOVED in kinds(site)


def test_a_face_whose_consent_ended_goes_after_the_days_of_grace(home, done, photo, site):
    done("person", "add", "Somebody", "--badge", "1")
    done("enroll", "photo", "1", photo("a.jpg", "face:aigul:1"), "--consent", "form")
    done("card", "assign", "1", "80:1")
    with site.database.write() as session:
        (consent,) = people.get(session, "1").consents
        consent.until = consent.expired = rfc3339(NOW)
    assert retention.run(site, NOW + timedelta(days=29))["faces"] == 0
    assert retention.run(site, NOW + timedelta(days=31))["faces"] == 1
    shown = done("person", "show", "1")
    assert (shown["templates"], shown["cards"]) == (0, ["80:1"])
    with site.database.read() as session:
        assert people.get(session, "1").wrapped_key is None
    assert "admin.face_erased" in kinds(site)
    assert retention.run(site, NOW + timedelta(days=32))["faces"] == 0


def test_it_begins_once_a_day_and_not_by_a_clock_that_was_just_set(old, monkeypatch):
    began = threading.Event()
    ran = []

    def run(site, now, stopping):
        ran.append(now)
        with site.database.write(changes_site=False) as session:
            from devicemgr.store.database import set_meta

            set_meta(session, "retention_ran", rfc3339(now))
        began.set()

    monkeypatch.setattr(retention, "run", run)
    ticks = [0.0]
    one = Retention(old, lambda: ticks[0])
    one.consider()
    assert one._thread is None, "not in the first hour"
    ticks[0] = 3700.0
    one.consider()
    assert began.wait(10)
    one.stop(10)
    one.consider()
    one.stop(10)
    assert len(ran) == 1
