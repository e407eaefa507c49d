"""Who is in a zone, by what the ledger says; corrected by guards, with names for those who may see them."""

import pytest

from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.domain.model import Direction, Role
from devicemgr.text import parse_time

pytestmark = pytest.mark.usefixtures("staffed")


def test_passages_bring_people_in_and_out(http, passes):
    assert http.get("/zones/building/people").json() == {
        "name": "building",
        "count": 0,
        "max": 2,
        "people": [],
        "unnamed": 0,
        "coming": 0,
        "unsure": False,
    }
    passes("2")
    passes("1")
    found = http.get("/zones/building/people").json()
    assert [(one["badge"], one["name"], one["zone"], one["how"]) for one in found["people"]] == [
        ("1", "Anna", "building", "passage"),
        ("2", "Berik", "building", "passage"),
    ]
    assert found["count"] == 2
    passes("1", Direction.EXIT)
    assert [one["badge"] for one in http.get("/zones/building/people").json()["people"]] == ["2"]


def test_who_passed_without_a_name_counts(http, record):
    record(Fact(Kind.PASSAGE_COMPLETED, parse_time("2026-11-30T10:00:00Z"), portal="main", direction=Direction.ENTRY))
    found = http.get("/zones/building/people").json()
    assert (found["count"], found["unnamed"], found["people"]) == (1, 1, [])
    assert http.put("/zones/building/count", json={"count": 0}).status_code == 200
    assert http.get("/zones/building/people").json()["count"] == 0


def test_a_counted_zone_keeps_its_people_and_counts_the_rest_as_unnamed(http, passes):
    passes("1")
    assert http.put("/zones/building/count", json={"count": 5}).json() == {"zone": "building", "count": 5}
    found = http.get("/zones/building/people").json()
    assert (found["count"], found["unnamed"], len(found["people"])) == (5, 4, 1)
    (event,) = http.get("/events", params={"kind": "admin.occupancy_set"}).json()
    assert event["detail"] == {"zone": "building", "count": 5}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/people/1/forgive", {"reason": "left by the fire exit"}),
        ("/zones/building/reset", {"reason": "counted by hand"}),
        ("/zones/reset", {"reason": "power cut"}),
    ],
)
def test_whoever_is_forgiven_is_nowhere_and_may_enter_again(http, passes, path, body):
    passes("1")
    wanted = {"badge": "1", "portal": "main", "with": "card"}
    assert http.get("/access/try", params=wanted).json()["reason"] == "anti_passback"
    assert http.post(path, json=body).status_code == 200
    assert http.get("/zones/building/people").json()["people"] == []
    assert http.get("/access/try", params=wanted).json()["granted"]
    (event,) = http.get("/events", params={"kind": "admin.whereabouts_reset"}).json()
    assert event["detail"]["reason"] == body["reason"]
    assert event["person"] == ("1" if "people" in path else None)


@pytest.mark.parametrize("reason", ["", None, "x" * 201])
def test_a_correction_needs_a_reason(http, reason):
    body = {} if reason is None else {"reason": reason}
    for path in ("/people/1/forgive", "/zones/building/reset", "/zones/reset"):
        assert http.post(path, json=body).status_code == 422


def test_what_is_not_there_is_not_corrected(http):
    assert http.post("/people/9/forgive", json={"reason": "x"}).status_code == 404
    assert http.post("/zones/lab/reset", json={"reason": "x"}).status_code == 404
    assert http.put("/zones/lab/count", json={"count": 1}).status_code == 404
    assert http.get("/zones/lab/people").status_code == 404
    assert http.get("/events", params={"kind": "admin.whereabouts_reset"}).json() == []


@pytest.mark.parametrize("role", list(Role))
def test_guards_correct_and_see_names_and_auditors_see_badges(as_role, passes, role):
    passes("1")
    client = as_role(role)
    found = client.get("/zones/building/people")
    expected = {Role.GUARD: "Anna", Role.ADMIN: "Anna", Role.AUDITOR: None}
    if role in expected:
        (person,) = found.json()["people"]
        assert (person["badge"], person.get("name")) == ("1", expected[role])
    else:
        assert found.status_code == 403
    may = role in (Role.GUARD, Role.ADMIN)
    assert client.put("/zones/building/count", json={"count": 1}).status_code == (200 if may else 403)
    assert client.post("/people/1/forgive", json={"reason": "x"}).status_code == (200 if may else 403)
