"""What the routes of people record, answer and leave alone."""

import base64
from pathlib import Path
from typing import Any

import httpx
import pytest

from devicemgr.site.site import Site
from devicemgr.store.database import revision
from devicemgr.store.ledger import events

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
    client: httpx.Client, site: Site, enrolled: list[str]
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
    with site.database.read() as session:  # as it is stored; what is shown has the name of today beside it
        assert "Anna" not in "".join(body for _, body in events.bodies_after(session, 0, 100))


@pytest.fixture
def team(client: httpx.Client) -> None:
    """Five people in different states, with a level."""
    for path, body in (
        ("/devices", {"name": "gate-1", "driver": "fake_gate", "address": "/dev/gate"}),
        ("/portals", {"name": "main", "gate": "gate-1"}),
        ("/levels", {"name": "office", "portals": ["main"]}),
        ("/people", {"badge": "1", "name": "Айгүл", "levels": ["office"]}),
        ("/people", {"badge": "2", "name": "Berik", "valid_to": "2020-01-01"}),
        ("/people", {"badge": "3", "name": "Dana", "valid_from": "2090-01-01", "levels": ["office"]}),
        ("/people", {"badge": "4", "name": "Erlan", "valid_to": "2090-01-01"}),
        ("/people", {"badge": "5", "name": "Farida"}),
    ):
        assert client.post(path, json=body).status_code == 201, path
    assert client.post("/people/5/suspend").status_code == 200


def badges(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [person["badge"] for person in answer.json()]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "12345"),
        ("q=АЙГ", "1"),
        ("q=3", "3"),
        ("level=office", "13"),
        ("state=active", "14"),
        ("state=suspended", "5"),
        ("state=expired", "2"),
        ("state=not-yet", "3"),
        ("level=office&state=active", "1"),
        ("after=3", "45"),
        ("limit=2", "12"),
        ("limit=2&after=2&q=i", "5"),
    ],
)
def test_people_are_filtered(client: httpx.Client, team: None, query: str, expected: str) -> None:
    assert badges(client.get(f"/people?{query}")) == list(expected)


def test_people_are_read_page_by_page(client: httpx.Client, team: None) -> None:
    pages, url = [], "/api/v1/people?limit=2"
    while url:
        answer = client.get(f"http://devicemgr{url}")
        pages.append(badges(answer))
        url = answer.links["next"]["url"] if "next" in answer.links else ""
    assert pages == [["1", "2"], ["3", "4"], ["5"]]


@pytest.mark.parametrize("query", ["state=gone", "limit=0", "limits=2", "badge=1"])
def test_a_query_that_is_not_understood_is_refused(client: httpx.Client, team: None, query: str) -> None:
    assert client.get(f"/people?{query}").status_code == 422


def test_a_filter_by_an_unknown_level_is_refused(client: httpx.Client, team: None) -> None:
    answer = client.get("/people?level=nowhere")
    assert (answer.status_code, answer.json()["code"]) == (404, "level_not_found")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/people/9", {"name": "Gani", "levels": ["office"], "valid_to": "2090-01-01T00:00:00Z"}),
        ("/levels/yard", {"portals": ["main"]}),
        ("/schedules/day", {"windows": ["mon-fri 08:00-18:00"], "timezone": "UTC", "holidays": ["2026-12-16"]}),
    ],
)
def test_put_creates_then_changes_nothing_and_keeps_to_if_match(
    client: httpx.Client, site: Site, team: None, path: str, body: dict[str, Any]
) -> None:
    created = client.put(path, json=body)
    assert created.status_code == 201, created.text
    before = state(site, client)
    tag = client.get(path).headers["ETag"]
    again = client.put(path, json=body, headers={"If-Match": tag})
    assert (again.status_code, again.json()) == (200, created.json())
    assert state(site, client) == before
    assert client.post("/people/5/resume").status_code == 200
    late = client.put(path, json=body, headers={"If-Match": tag})
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")


def test_put_replaces_what_hr_keeps_and_patch_changes_what_it_names(http):
    details = {"kind": "visitor", "department": "IT", "employee_id": "7", "phone": "112", "note": "n", "email": "a@b"}
    http.put("/people/2", json={"name": "Aigul", **details})
    found = http.patch("/people/2", json={"department": "", "note": "new"}).json()
    assert {name: found[name] for name in details} == details | {"department": None, "note": "new"}
    found = http.put("/people/2", json={"name": "Aigul", "email": "new@example.com"}).json()
    assert {name: found[name] for name in details} == dict.fromkeys(details) | {
        "kind": "staff",
        "email": "new@example.com",
    }


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", "/people/7/cards/80:58400", None),
        ("PUT", "/people/7/pin", {"pin": "482915"}),
        ("DELETE", "/people/7/pin", None),
        ("DELETE", "/people/7/face", None),
        ("PUT", "/people/7/levels/office", None),
        ("DELETE", "/people/7/levels/office", None),
        ("DELETE", "/people/7", None),
    ],
)
def test_changes_of_a_persons_rights_keep_to_if_match(
    client: httpx.Client, site: Site, team: None, enrolled: list[str], method: str, path: str, body: Any
) -> None:
    assert client.post("/people/7/cards", json={"number": "80:58400"}).is_success
    assert client.put("/people/7/pin", json={"pin": "482916"}).is_success
    tag = client.get("/people/7").headers["ETag"]
    assert client.patch("/people/7", json={"name": "Anna K"}).is_success
    before = state(site, client)
    late = client.request(method, path, json=body, headers={"If-Match": tag})
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    assert state(site, client) == before
    new = client.get("/people/7").headers["ETag"]
    assert client.request(method, path, json=body, headers={"If-Match": new}).is_success
