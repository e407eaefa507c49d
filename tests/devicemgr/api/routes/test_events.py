"""/events, and the stream that resumes."""

import pytest

from tests.devicemgr.api.streams import take


def add(client, badge):
    assert client.post("/people", json={"name": "Ә", "badge": badge}).status_code == 201


def test_after_walks_forward_in_pages_without_gaps(client):
    for badge in "12345":
        add(client, badge)
    seen, after = [], 0
    while page := client.get("/events", params={"after": after, "limit": 2}).json():
        assert len(page) <= 2
        seen += page
        after = page[-1]["seq"]
    assert [event["seq"] for event in seen] == [1, 2, 3, 4, 5]
    assert [event["seq"] for event in client.get("/events", params={"limit": 2}).json()] == [4, 5]


@pytest.mark.parametrize("query", ["limit=0", "limit=100001", "limit=x", "since=soon", "after=x"])
def test_queries_that_can_not_be(client, query):
    assert client.get(f"/events?{query}").status_code == 422


def test_the_stream_gives_what_happens_next(client):
    add(client, "1")
    with client.stream("GET", "/events/stream") as stream:
        lines = stream.iter_lines()
        assert next(lines) == ": waiting"
        add(client, "2")
        (event,) = take(lines, 1)
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert (event.seq, event.data["kind"], event.data["person"]) == (2, "admin.person_added", "2")


def test_the_stream_resumes_behind_the_last_event_id(client):
    for badge in "123":
        add(client, badge)
    with client.stream("GET", "/events/stream", headers={"Last-Event-ID": "1"}) as stream:
        assert [one.seq for one in take(stream.iter_lines(), 2)] == [2, 3]
    with client.stream("GET", "/events/stream", params={"after": 0, "person": "3"}) as stream:
        assert [one.seq for one in take(stream.iter_lines(), 1)] == [3]
    assert client.get("/events/stream", headers={"Last-Event-ID": "x"}).status_code == 422


def test_q_finds_events_of_people_of_the_site_portals_and_devices(http, web, operator, token):
    for path, body in (
        ("/devices/gate-1", {"driver": "fake_gate", "address": "/dev/gate"}),
        ("/portals/main", {"gate": "gate-1"}),
    ):
        assert http.put(path, json=body).status_code == 201
    for badge, name in (("7", "Әйгерім Ғани"), ("8", "Boris")):
        assert http.post("/people", json={"name": name, "badge": badge}).status_code == 201

    def found(text):
        return [(event["kind"], event["person"]) for event in http.get("/events", params={"q": text}).json()]

    assert found("ғани") == [("admin.person_added", "7")]
    assert found("8") == [("admin.person_added", "8")]
    assert "admin.device_added" in {kind for kind, _ in found("gate-1")}
    assert "admin.portal_added" in {kind for kind, _ in found("MAIN")}
    assert found("nothing of that name") == []
    assert found('%"') == []
    assert http.delete("/people/7").is_success
    assert found("ғани") == [], "an erased person has no name here"
    assert http.get("/events", params={"q": ""}).status_code == 422


def test_names_are_for_those_at_the_door_and_not_for_auditors(http, web, operator, token):
    assert http.post("/people", json={"name": "Әйгерім", "badge": "7"}).status_code == 201
    guard = web(authorization=f"Bearer {token(operator('panel', 'guard'), 'guard')}")
    auditor = web(authorization=f"Bearer {token(operator('paper', 'auditor'), 'auditor')}")
    for client, name, by_name in ((http, "Әйгерім", ["7"]), (guard, "Әйгерім", ["7"]), (auditor, None, [])):
        assert [event["person"] for event in client.get("/events", params={"q": "әйгерім"}).json()] == by_name
        (found,) = client.get("/events", params={"q": "7"}).json()
        assert (found["person"], found.get("person_name")) == ("7", name)


def test_before_walks_back_in_pages_without_gaps(client):
    for badge in "12345":
        add(client, badge)
    seen, before = [], 6
    while page := client.get("/events", params={"before": before, "limit": 2}).json():
        seen = page + seen
        before = page[0]["seq"]
    assert [event["seq"] for event in seen] == [1, 2, 3, 4, 5]
    (one,) = client.get("/events", params={"after": 2, "before": 4}).json()
    assert one["seq"] == 3


def test_kinds_are_several_and_reasons_are_those_of_the_list(client):
    add(client, "1")
    kinds = [("kind", "access_denied"), ("kind", "admin.person_*")]
    assert [event["kind"] for event in client.get("/events", params=kinds).json()] == ["admin.person_added"]
    assert client.get("/events", params={"reason": "expired"}).json() == []
    assert client.get("/events", params={"reason": "because"}).status_code == 422
    assert client.get("/events", params=[("kind", "x")] * 51).status_code == 422
