"""Who is shown a duress signal: operators with that role and the owner of the host; others see a PIN that was right."""

import json
from datetime import UTC, datetime

import pytest
from argon2 import PasswordHasher

from devicemgr.api.stream.messages import EventMessage, StateMessage
from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.domain.model import Direction
from devicemgr.ledger.counters import Meters
from devicemgr.store.ledger import events as rows
from devicemgr.store.ledger.event_filter import EventFilter

pytestmark = pytest.mark.usefixtures("staffed")

WORD = "duress"


@pytest.fixture
def as_roles(operator, token, web):
    """as_roles("guard", "duress") gives a client with the API token of an operator in these roles."""

    def become(*roles):
        name = "-".join(("the", *roles))
        return web(authorization=f"Bearer {token(operator(name, *roles), *roles)}")

    return become


@pytest.fixture
def signalled(record, person_id):
    """Anna types her PIN, then the duress PIN, and a console signals duress by itself; returns the seqs."""

    def by(kind, request, portal="main"):
        where = {"portal": portal, "direction": Direction.ENTRY, "device": "gate-1", "person_id": person_id("1")}
        return Fact(kind, datetime.now(UTC), request=request, **where)

    cause = {"device_serial": 7, "cause": "a person was forced to open (duress)"}
    return record(
        by(Kind.ACCESS_GRANTED, "request-1"),
        by(Kind.PIN_VERIFIED, "request-1"),
        by(Kind.ACCESS_GRANTED, "request-2"),
        by(Kind.DURESS_SIGNALLED, "request-2"),
        Fact(Kind.DURESS_SIGNALLED, datetime.now(UTC), device="console", detail=cause),
    )


def of(client, signalled, **wanted):
    found = client.get("/events", params=wanted).json()
    return [event for event in found if event["seq"] in signalled]


def test_a_guard_sees_a_pin_that_was_right_in_its_place(as_roles, signalled):
    found = of(as_roles("guard"), signalled)
    assert [event["seq"] for event in found] == signalled  # without a gap
    assert [event["kind"] for event in found] == [
        "access_granted",
        "pin_verified",
        "access_granted",
        "pin_verified",
        "device_reported",
    ]
    varying = dict.fromkeys(("seq", "id", "time", "request"))
    assert found[1] | varying == found[3] | varying
    assert found[4]["detail"] == {"device_serial": 7}
    assert WORD not in json.dumps(found)


@pytest.mark.parametrize("roles", [("guard", "duress"), None], ids=["role", "owner"])
def test_those_with_the_right_see_it(http, as_roles, signalled, roles):
    client = as_roles(*roles) if roles else http
    kinds = [event["kind"] for event in of(client, signalled)]
    assert kinds[3:] == ["duress_signalled", "duress_signalled"]
    assert [one["seq"] for one in client.get("/events", params={"kind": "duress_signalled"}).json()] == signalled[3:]
    assert {one["seq"] for one in of(client, signalled, kind="pin_verified")} == {signalled[1]}


@pytest.mark.parametrize(
    ("kind", "places"),
    [("duress_signalled", []), ("duress*", []), ("pin_verified", [1, 3]), ("pin_*", [1, 3]), ("device_reported", [4])],
)
def test_no_filter_by_kind_finds_out(as_roles, signalled, kind, places):
    found = as_roles("guard").get("/events", params={"kind": kind}).json()
    assert [event["seq"] for event in found] == [signalled[place] for place in places]


def test_a_request_and_a_person_are_no_way_around(as_roles, signalled):
    client = as_roles("guard")
    assert WORD not in client.get(f"/access/why/{signalled[3]}").text
    assert WORD not in client.get("/access/why/request-2").text
    assert [event["kind"] for event in of(client, signalled, person="1")] == [
        "access_granted",
        "pin_verified",
        "access_granted",
        "pin_verified",
    ]


def test_alarms_of_duress_are_for_those_with_the_right(http, as_roles, signalled):
    guard, both = as_roles("guard"), as_roles("guard", "duress")
    assert guard.get("/alarms").json() == []
    assert WORD not in guard.get("/alarms/history").text
    assert WORD not in guard.get("/status").text
    first, second = both.get("/alarms").json()
    assert {first["id"], second["id"]} == {"duress_signalled:main", "duress_signalled:console"}
    assert {first["priority"], second["priority"]} == {1}
    shown = [one for one in both.get("/status").json()["alarms"] if one["kind"] == "duress_signalled"]
    assert {one.get("portal") for one in shown} == {"main", None}
    assert http.get("/status").json()["alarms"][0]["kind"] == "duress_signalled"
    kinds = [one["kind"] for one in both.get("/alarms/history").json()]
    assert kinds == ["duress_signalled", "duress_signalled"]


def test_it_is_acknowledged_with_a_comment_by_those_with_the_right_alone(as_roles, signalled):
    guard, both = as_roles("guard"), as_roles("guard", "duress")
    path = "/alarms/duress_signalled:main/acknowledge"
    refused, unknown = guard.post(path, json={"comment": "x"}), guard.post("/alarms/x:y/acknowledge", json={})
    assert (refused.status_code, refused.json()["code"]) == (404, unknown.json()["code"])
    assert both.post(path, json={}).json()["code"] == "comment_required"
    assert both.post(path, json={"comment": "police called"}).status_code == 200
    assert [one["id"] for one in both.get("/alarms").json()] == ["duress_signalled:console"]
    last = guard.get("/events").json()[-1]
    assert (last["kind"], last["actor"], last["person"], last["detail"]) == ("pin_verified", None, None, {})
    assert both.get("/events").json()[-1]["detail"]["comment"] == "police called"


def test_figures_count_it_as_a_pin_that_was_right(site, record, person_id):
    meters = Meters(site.database)
    meters.look()
    record(Fact(Kind.DURESS_SIGNALLED, datetime.now(UTC), portal="main", request="r", person_id=person_id("1")))
    meters.look()
    assert meters.events == {"duress_signalled": 1}
    assert meters.veiled_events == {"pin_verified": 1}


def test_metrics_say_it_to_those_with_the_right_alone(as_roles, signalled, tcp):
    shown = {}
    for roles in (("guard",), ("guard", "duress")):
        client = as_roles(*roles)
        answer = client.get(f"http://127.0.0.1:{tcp.port}/metrics")
        assert answer.status_code == 200
        shown[roles[-1]] = answer.text
    assert WORD not in shown["guard"]
    assert 'devicemgr_alarms_unacknowledged{priority="1"} 0.0' in shown["guard"]
    assert 'devicemgr_alarms_by_kind{kind="duress_signalled"} 2.0' in shown["duress"]
    assert 'devicemgr_alarms_unacknowledged{priority="1"} 2.0' in shown["duress"]


def test_a_stream_says_it_to_those_with_the_right_alone(site, signalled):
    with site.database.read() as session:
        found = rows.find(session, EventFilter(shows_duress=True), 100, names=True)
    message = EventMessage(next(event for event in found if event["seq"] == signalled[3]))
    assert WORD in message.named
    assert WORD not in message.veiled.named + message.veiled.unnamed
    assert f"id: {signalled[3]}\n" in message.veiled.unnamed
    state = StateMessage({"alarms": {"duress_signalled:main": {"kind": "duress_signalled"}}})
    assert state.text(frozenset({"alarms"})) is None
    assert WORD in (state.text(frozenset({"alarms", "duress"})) or "")
    both = StateMessage({"alarms": {"duress_signalled:main": {}, "tamper:main": {}}})
    assert WORD not in (both.text(frozenset({"alarms"})) or WORD)


@pytest.fixture
def quick_hashes(monkeypatch):
    """Comparing PINs takes many hashes."""
    monkeypatch.setattr("devicemgr.access.evidence.pins._HASHER", PasswordHasher(1, 8, 1))


@pytest.mark.usefixtures("quick_hashes")
def test_setting_it_needs_a_pin_and_two_other_places_and_shows_nowhere(http, as_roles):
    assert http.put("/people/1/pin", json={"pin": "8352", "duress": True}).json()["code"] == "pin_missing"
    assert http.put("/people/1/pin", json={"pin": "4711"}).status_code == 200
    before = http.get("/people/1").json()
    assert http.put("/people/1/pin", json={"pin": "4712", "duress": True}).json()["code"] == "pin_too_close"
    assert http.put("/people/1/pin", json={"pin": "8352", "duress": True}).json() == {"badge": "1", "pin": True}
    assert http.put("/people/1/pin", json={"pin": "8353"}).json()["code"] == "pin_too_close"
    assert http.get("/people/1").json() == before
    assert [one["kind"] for one in http.get("/people/1/export").json()["credentials"]] == ["pin"]
    assert WORD not in http.get("/people/1/export").text
    guard = as_roles("guard")
    shown = guard.get("/events", params={"kind": "admin.pin_set"}).json()
    assert [event["detail"].get(WORD) for event in shown] == [None, None]
    known = http.get("/events", params={"kind": "admin.pin_set"}).json()
    assert [event["detail"].get(WORD) for event in known] == [None, True]


@pytest.mark.usefixtures("quick_hashes")
def test_removing_says_the_same_with_and_without_one(http):
    http.put("/people/1/pin", json={"pin": "4711"})
    without = http.delete("/people/1/pin", params={"duress": True}).json()
    http.put("/people/1/pin", json={"pin": "8352", "duress": True})
    assert http.delete("/people/1/pin", params={"duress": True}).json() == without == {"badge": "1", "pin": True}
    http.put("/people/1/pin", json={"pin": "8352", "duress": True})
    assert http.delete("/people/1/pin").json() == {"badge": "1", "pin": False}
    assert http.put("/people/1/pin", json={"pin": "8352", "duress": True}).json()["code"] == "pin_missing"
