"""Photos beside decisions: off by default, small, recorded once a day, and gone with the consent."""

import base64
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from PIL import Image

from devicemgr.domain.model import Role
from devicemgr.domain.ports.recognition import Box, FaceCrop
from devicemgr.people import face_samples
from devicemgr.store.people import people
from devicemgr.store.site import settings


def jpeg(side: int = 600) -> bytes:
    buffer = io.BytesIO()
    picture = Image.new("RGB", (side, side // 2), (200, 120, 90))
    exif = Image.Exif()
    exif[0x010E] = "where it was taken"
    picture.save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


@pytest.fixture
def allow(site: Any) -> Callable[..., None]:
    def set_(**values: bool) -> None:
        with site.database.write() as session:
            settings.save(session, settings.Settings.model_validate(values))

    return set_


@pytest.fixture
def anna(http: Any, site: Any, photo: Any, allow: Callable[..., None]) -> None:
    """Anna, badge 7, with a kept face; photos are shown."""
    allow(keep_samples=True, show_photos=True)
    photos = [base64.b64encode(photo("a.jpg", "face:a").read_bytes()).decode()]
    http.post("/people", json={"name": "Anna", "badge": "7"})
    assert http.post("/people/7/face", json={"photos": photos, "consent": "form"}).status_code == 201
    with site.database.write() as session:
        row = people.get(session, "7")
        key = site.vault.data_key(row.id, row.wrapped_key)
        row.samples.clear()
        session.flush()
        face_samples.keep(session, row, row.consents[0], key, b"1" * 32, FaceCrop(jpeg(), Box(1, 9, 9, 1)))


def shown(http: Any) -> list[tuple[str, str]]:
    return [(e["actor"], e["person"]) for e in http.get("/events").json() if e["kind"] == "admin.photo_shown"]


def test_no_photo_is_shown_unless_the_site_says_both(http: Any, allow: Callable[..., None], anna: None) -> None:
    for values in ({}, {"keep_samples": True}, {"show_photos": True}):
        allow(**values)
        answer = http.get("/people/7/photo")
        assert (answer.status_code, answer.json()["code"]) == (409, "photos_off"), values
        assert http.get("/session").json()["photos"] is False
    allow(keep_samples=True, show_photos=True)
    assert http.get("/session").json()["photos"] is True
    assert shown(http) == []


def test_a_photo_is_small_without_what_came_with_it_and_kept_by_no_one(http: Any, anna: None) -> None:
    answer = http.get("/people/7/photo")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert answer.headers["cache-control"] == "no-store"
    assert b"where it was taken" in jpeg()
    assert b"where it was taken" not in answer.content
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert picture.size == (face_samples.MAX_SHOWN_PX, face_samples.MAX_SHOWN_PX // 2)


def test_the_first_view_of_each_operator_on_a_day_is_recorded(
    http: Any, as_role: Any, anna: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard, admin = as_role(Role.GUARD), as_role(Role.ADMIN)
    for client in (guard, guard, admin, guard):
        assert client.get("/people/7/photo").status_code == 200
    found = shown(http)
    assert len(found) == 2
    assert {person for _, person in found} == {"7"}
    assert len({actor for actor, _ in found}) == 2

    class Tomorrow(face_samples.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return super().now(tz) + timedelta(days=1)

    monkeypatch.setattr(face_samples, "datetime", Tomorrow)
    assert guard.get("/people/7/photo").status_code == 200
    assert len(shown(http)) == 3


def test_a_view_that_can_not_be_recorded_is_none(http: Any, site: Any, anna: None, monkeypatch: Any) -> None:
    monkeypatch.setattr(site.database, "frozen", "the database is read-only")

    def refuse(*_: Any, **__: Any) -> Any:
        raise site.database.refusal()

    monkeypatch.setattr(site.database, "write", refuse)
    answer = http.get("/people/7/photo")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")


def test_the_photo_is_gone_with_the_consent(http: Any, site: Any, anna: None) -> None:
    with site.database.write() as session:
        people.get(session, "7").consents[0].until = "2026-01-01T00:00:00.000Z"
    answer = http.get("/people/7/photo")
    assert (answer.status_code, answer.json()["code"]) == (404, "photo_not_found")
    with site.database.write() as session:
        people.get(session, "7").consents[0].until = None
    assert http.get("/people/7/photo").status_code == 200
    assert http.delete("/people/7/face").status_code == 200
    assert http.get("/people/7/photo").status_code == 404


def test_no_one_is_shown_who_is_not_enrolled(http: Any, anna: None) -> None:
    http.post("/people", json={"name": "Berik", "badge": "8"})
    assert http.get("/people/8/photo").json()["code"] == "photo_not_found"
    assert http.get("/people/9/photo").status_code == 404
    assert shown(http) == []


def test_a_photo_that_is_no_picture_is_a_fault_of_the_site(http: Any, site: Any, anna: None) -> None:
    with site.database.write() as session:
        row = people.get(session, "7")
        key = site.vault.data_key(row.id, row.wrapped_key)
        row.samples[0].sealed = key.seal_sample(b"\0" * 8 + b"no picture", row.samples[0].photo_mac)
    answer = http.get("/people/7/photo")
    assert (answer.status_code, "enroll that photo again" in answer.json()["detail"]) == (503, True)
    assert shown(http) == []
