"""The gallery in memory: loaded in few steps, in sync with the store, and without what was tampered with."""

import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sqlalchemy import event

from devicemgr.gallery import cache
from devicemgr.site.site import Site
from devicemgr.store.people import consents, people
from devicemgr.store.tables import ConsentRow, PersonRow, TemplateRow


def enroll(site: Site, count: int) -> None:
    with site.database.write() as session:
        for number in range(count):
            person = people.add(session, f"B{number}", "Somebody", None, None)
            consent, _ = consents.give(session, person, "form")
            key, person.wrapped_key = site.vault.new_data_key(person.id)
            vector = np.full(4, number, dtype=np.float32)
            people.add_template(session, person, consent, "fake", key.seal_template(vector.tobytes(), "fake"), b"mac")


def test_a_big_gallery_is_not_read_face_by_face(site: Site) -> None:
    enroll(site, 50)
    statements: list[str] = []

    def count(*given: Any) -> None:
        statements.append(given[2])

    event.listen(site.database.engine, "before_cursor_execute", count)
    assert site.gallery.refresh().stats().templates == 50
    event.remove(site.database.engine, "before_cursor_execute", count)
    assert 0 < len([one for one in statements if "templates" in one]) <= 3


@pytest.mark.parametrize("what", ["template", "key", "owner"])
def test_a_template_that_was_tampered_with_is_left_out_and_the_others_stay(
    site: Site, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    enroll(site, 3)
    with site.database.write() as session:
        victim, other = session.query(TemplateRow).order_by(TemplateRow.id).limit(2)
        if what == "template":
            victim.sealed = victim.sealed[:-1] + bytes([victim.sealed[-1] ^ 1])
        elif what == "key":
            session.get_one(PersonRow, victim.person_id).wrapped_key = b"short"
        else:
            victim.sealed, other.sealed = other.sealed, victim.sealed
    assert site.gallery.refresh().stats().templates == (1 if what == "owner" else 2)
    assert "left out" in caplog.text


def test_without_a_consent_in_force_there_is_no_face(site: Site) -> None:
    enroll(site, 2)
    assert site.gallery.refresh().stats().people == 2
    with site.database.write() as session:
        session.query(ConsentRow).limit(1).one().withdrawn = "2026-01-01T00:00:00.000Z"
    assert site.gallery.refresh().stats().people == 1


@pytest.mark.parametrize("kept", [False, True])
def test_a_template_that_is_moved_to_somebody_else_stops_matching_at_once(
    make_site: Callable[[], Site], monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    """Also where it was opened before the move, in memory or in the gallery's file."""
    monkeypatch.setattr(cache, "KEEP_FROM", 1)
    site = make_site()
    enroll(site, 3)
    site.gallery.refresh()
    assert site.gallery.save()
    with site.database.write() as session:
        victim, other = session.query(TemplateRow).order_by(TemplateRow.id).limit(2)
        owner, victim.person_id, victim.photo_mac = victim.person_id, other.person_id, b"another"
    reader = make_site() if kept else site
    reader.gallery.refresh()
    assert len(reader.gallery.rows()) == 2
    assert owner not in {person for person, _ in reader.gallery.rows()}


def test_a_big_file_is_written_while_others_may_write(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "KEEP_FROM", 1)
    enroll(site, 3)
    site.gallery.refresh()
    real = os.fsync
    written: list[bool] = []

    def fsync(descriptor: int) -> None:
        done = threading.Event()
        threading.Thread(target=lambda: (record(site), done.set()), daemon=True).start()
        written.append(done.wait(3))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    site.gallery.save()
    assert written == [True]


def record(site: Site) -> None:
    with site.database.write(changes_site=False):
        pass


def test_a_change_that_is_no_face_builds_no_gallery(site: Site) -> None:
    enroll(site, 3)
    first = site.gallery.refresh()
    with site.database.write() as session:
        people.add(session, "C1", "Somebody", None, None)
    assert site.gallery.refresh() is first
    with site.database.write() as session:
        session.query(ConsentRow).limit(1).one().withdrawn = "2026-01-01T00:00:00.000Z"
    after = site.gallery.refresh()
    assert after is not first
    assert after.stats().people == 2
