"""What the routes of people record, answer and leave alone."""

import base64
from pathlib import Path
from typing import Any

import httpx
import pytest

from devicemgr.site.site import Site
from devicemgr.store.database import revision

TERMS = {"consent": "form of Anna", "notice": "2026-11", "consent_until": "2030-01-01T00:00:00Z"}


@pytest.fixture
def enrolled(client: httpx.Client, photo: Any) -> list[str]:
    """Anna, badge 7, enrolled under a consent with an end; the photos."""
    path: Path = photo("a.jpg", "face:a")
    photos = [base64.b64encode(path.read_bytes()).decode()]
    assert client.post("/people", json={"name": "Anna", "badge": "7"}).status_code == 201
    assert client.post("/people/7/face", json={"photos": photos, **TERMS}).status_code == 201
    return photos


def state(site: Site, client: httpx.Client) -> tuple[int, int]:
    with site.database.read() as session:
        return len(client.get("/events").json()), revision(session)


def test_the_same_photo_and_consent_again_change_nothing(client: httpx.Client, site: Site, enrolled: list[str]) -> None:
    before = state(site, client)
    again = client.post("/people/7/face", json={"photos": enrolled, **TERMS})
    assert (again.status_code, again.json()["skipped"]) == (201, 1)
    assert client.post("/people/7/consent", json=TERMS).status_code == 201
    assert state(site, client) == before


def test_consents_are_recorded_with_before_and_after_and_without_their_reference(
    client: httpx.Client, enrolled: list[str]
) -> None:
    consent = {"notice": "2026-11", "until": "2030-01-01T00:00:00.000Z"}
    later = consent | {"until": "2031-01-01T00:00:00.000Z"}
    assert client.post("/people/7/consent", json=TERMS | {"consent_until": "2031-01-01T00:00:00Z"}).status_code == 201
    assert client.delete("/people/7/face").status_code == 200
    found = [
        (event["kind"], event["detail"]["before"], event["detail"]["after"])
        for event in client.get("/events").json()
        if event["kind"].startswith("admin.consent")
    ]
    assert found == [
        ("admin.consent_given", {"consent": None}, {"consent": consent}),
        ("admin.consent_given", {"consent": consent}, {"consent": later}),
        ("admin.consent_withdrawn", {"consent": later}, {"consent": None}),
    ]
    assert "Anna" not in client.get("/events").text
