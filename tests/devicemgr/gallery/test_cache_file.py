"""The sealed file of a big gallery: quick to load, worth nothing once somebody in it was erased."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from devicemgr.gallery import cache
from devicemgr.people import face_enrollment
from devicemgr.site.site import Site
from devicemgr.store.people import consents, face_templates, people
from devicemgr.store.tables import TemplateRow


def enroll(site: Site, count: int) -> None:
    with site.database.write() as session:
        for number in range(count):
            person = people.add(session, f"B{number}", "Somebody", None, None)
            consent, _ = consents.give(session, person, "form")
            key, person.wrapped_key = site.vault.new_data_key(person.id)
            vector = np.full(4, number + 1, dtype=np.float32)
            people.add_template(session, person, consent, "fake", key.seal_template(vector.tobytes(), "fake"), b"mac")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the templates that were opened one by one."""
    monkeypatch.setattr(cache, "KEEP_FROM", 3)
    found: list[str] = []
    real = face_templates.sealed_many

    def sealed_many(session, ids):
        found.extend(ids)
        return real(session, ids)

    monkeypatch.setattr(face_templates, "sealed_many", sealed_many)
    return found


def file_of(site: Site) -> Path:
    return site.home.cache / "gallery.sealed"


def vectors(site: Site) -> dict[str, list[float]]:
    site.gallery.refresh()
    return {person: vector.tolist() for person, vector in site.gallery.rows()}


def test_saved_and_loaded_without_opening_one(make_site: Callable[[], Site], opened: list[str]) -> None:
    first = make_site()
    enroll(first, 5)
    expected = vectors(first)
    assert first.gallery.save()
    assert not first.gallery.save(), "nothing changed since"
    assert file_of(first).stat().st_mode & 0o777 == 0o600
    assert np.full(4, 3, dtype="<f4").tobytes() not in file_of(first).read_bytes()
    opened.clear()
    assert vectors(make_site()) == expected
    assert opened == []


def test_what_is_new_is_opened_and_what_is_gone_is_gone(make_site: Callable[[], Site], opened: list[str]) -> None:
    first = make_site()
    enroll(first, 4)
    first.gallery.refresh()
    first.gallery.save()
    with first.database.write() as session:
        victim = session.query(TemplateRow).first()
        assert victim is not None
        gone = victim.person_id
        session.delete(victim)
    opened.clear()
    found = vectors(make_site())
    assert gone not in found
    assert len(found) == 3
    assert opened == []


@pytest.mark.parametrize("end", [face_enrollment.erase, face_enrollment.withdraw])
def test_an_erasure_makes_every_copy_unreadable(
    make_site: Callable[[], Site], opened: list[str], end: Callable[[Site, str, str], object]
) -> None:
    first = make_site()
    enroll(first, 5)
    first.gallery.refresh()
    first.gallery.save()
    copy = file_of(first).read_bytes()
    end(first, "uid:0", "B2")
    file_of(first).write_bytes(copy)
    opened.clear()
    assert len(vectors(make_site())) == 4
    assert len(opened) == 4, "the copy must not open; the rest is opened one by one"


@pytest.mark.parametrize("spoil", [lambda data: data[:-1], lambda data: bytes([data[0] ^ 1]) + data[1:], lambda _: b""])
def test_a_damaged_file_is_no_loss(
    make_site: Callable[[], Site], opened: list[str], spoil: Callable[[bytes], bytes]
) -> None:
    first = make_site()
    enroll(first, 5)
    expected = vectors(first)
    first.gallery.save()
    file_of(first).write_bytes(spoil(file_of(first).read_bytes()))
    opened.clear()
    assert vectors(make_site()) == expected
    assert len(opened) == 5
