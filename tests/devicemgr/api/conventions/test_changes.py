"""Changes over the API: pages, revisions, PUT by key, and what the record says of a change."""

from typing import Any

import httpx
import pytest

GATE = {"driver": "fake_gate", "address": "/dev/gate"}


@pytest.fixture
def furnished(http: httpx.Client) -> httpx.Client:
    for number in range(5):
        assert http.put(f"/devices/gate-{number}", json=GATE | {"address": f"/dev/gate{number}"}).status_code == 201
    assert http.put("/devices/cam-in", json={"driver": "fake_camera", "address": "rtsp://192.0.2.1/x"}).is_success
    assert http.put("/portals/main", json={"gate": "gate-0", "entry": ["cam-in"]}).status_code == 201
    return http


def seq(http: httpx.Client) -> int:
    return http.get("/status").json()["ledger"]["seq"]


def last(http: httpx.Client) -> dict[str, Any]:
    return http.get("/events", params={"limit": 1}).json()[0]


def test_lists_are_whole_or_come_in_pages_that_lead_to_the_next(furnished: httpx.Client) -> None:
    every = [device["name"] for device in furnished.get("/devices").json()]
    assert every == ["cam-in", "gate-0", "gate-1", "gate-2", "gate-3", "gate-4"]
    seen, path = [], "/devices?limit=2&q=gate"
    while path:
        answer = furnished.get(path)
        assert len(answer.json()) <= 2
        seen += [device["name"] for device in answer.json()]
        path = answer.links.get("next", {}).get("url", "").removeprefix("/api/v1")
    assert seen == every[1:]
    assert furnished.get("/devices?state=online").json() == []
    assert furnished.get("/devices?limit=0").status_code == 422
    assert [portal["name"] for portal in furnished.get("/portals?q=GATE-0").json()] == ["main"]
    assert furnished.get("/portals?after=main").json() == []


def test_events_lead_to_the_next_page_too(furnished: httpx.Client) -> None:
    answer = furnished.get("/events", params={"after": 0, "limit": 3})
    assert answer.links["next"]["url"] == "/api/v1/events?limit=3&after=3"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/devices/gate-0", GATE | {"address": "/dev/gate0"}),
        ("/portals/main", {"gate": "gate-0", "entry": ["cam-in"]}),
    ],
)
def test_the_same_again_changes_nothing_and_is_not_recorded(
    furnished: httpx.Client, path: str, body: dict[str, Any]
) -> None:
    before, tag = seq(furnished), furnished.get(path).headers["etag"]
    assert furnished.put(path, json=body).status_code == 200
    assert furnished.patch(path, json={}).status_code == 200
    assert seq(furnished) == before
    assert furnished.get(path).headers["etag"] == tag


def test_put_replaces_what_is_there(furnished: httpx.Client) -> None:
    assert furnished.patch("/devices/gate-0", json={"options": {"unit": 2}}).json()["options"] == {"unit": 2}
    replaced = furnished.put("/devices/gate-0", json=GATE | {"address": "/dev/gate0"})
    assert (replaced.status_code, replaced.json()["options"]) == (200, {})
    assert furnished.put("/devices/gate-0", json=GATE | {"driver": "fake_camera"}).status_code == 422
    assert furnished.patch("/portals/main", json={"frames": 4}).is_success
    assert furnished.put("/portals/main", json={"gate": "gate-1"}).json()["frames"] == 2
    assert furnished.get("/portals/main").json()["entry"] == []


def test_a_change_of_what_was_changed_since_is_refused(furnished: httpx.Client) -> None:
    tag = furnished.get("/portals/main").headers["etag"]
    assert furnished.patch("/portals/main", json={"frames": 3}, headers={"If-Match": tag}).is_success
    for method, body in (("PATCH", {"frames": 4}), ("PUT", {"gate": "gate-2"}), ("DELETE", None)):
        late = furnished.request(method, "/portals/main", json=body, headers={"If-Match": tag})
        assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    assert furnished.get("/portals/main").json()["frames"] == 3
    new = furnished.get("/portals/main").headers["etag"]
    assert furnished.delete("/portals/main", headers={"If-Match": f'"1", {new}'}).is_success
    assert furnished.delete("/devices/gate-3", headers={"If-Match": "nonsense"}).status_code == 412
    assert furnished.delete("/devices/gate-3", headers={"If-Match": "*"}).is_success


def test_the_record_has_what_changed_before_and_after_and_nothing_else(furnished: httpx.Client) -> None:
    furnished.patch("/portals/main", json={"require": "card+pin", "release_seconds": 5.0})
    event = last(furnished)
    assert event["kind"] == "admin.portal_edited"
    assert event["detail"]["portal"]["require"] == "card+pin"
    assert event["detail"]["before"] == {"require": "any"}
    assert event["detail"]["after"] == {"require": "card+pin"}
    furnished.patch("/devices/gate-1", json={"password": "correct horse battery", "options": {"unit": 7}})
    event = last(furnished)
    assert event["detail"]["changed"] == ["options", "password"]
    assert event["detail"]["before"] == {"options": {}}
    assert event["detail"]["after"] == {"options": {"unit": 7}}
    assert "correct horse" not in str(event)
    furnished.delete("/portals/main")
    assert last(furnished)["detail"]["before"]["require"] == "card+pin"


def test_a_change_of_settings_is_recorded_before_and_after(furnished: httpx.Client) -> None:
    answer = furnished.post("/site/apply", json={"toml": "[site]\nconsent_days = 30\n"})
    assert answer.is_success, answer.text
    detail = last(furnished)["detail"]
    assert (detail["before"], detail["after"]) == ({"consent_days": 0}, {"consent_days": 30})
    before = seq(furnished)
    assert furnished.post("/site/apply", json={"toml": "[site]\nconsent_days = 30\n"}).json()["changes"] == []
    assert seq(furnished) == before
