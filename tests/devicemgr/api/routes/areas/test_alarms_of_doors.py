"""Every state of a door that a guard must see is an alarm with a life: kind, place and time, an end, a priority."""

from datetime import UTC, datetime

import pytest

from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.domain.rules.alarms import ALARM_KINDS

pytestmark = pytest.mark.usefixtures("staffed")

AT = datetime(2026, 11, 30, 10, tzinfo=UTC)


def happen(kind, **more):
    return Fact(kind, AT, **more)


def ended(kind):
    return happen(Kind.ALARM_ENDED, portal="main", device="gate-1", detail={"alarm": kind})


BEGINNINGS = {
    "portal_forced": (happen(Kind.PORTAL_FORCED, portal="main", device="gate-1"), ended(Kind.PORTAL_FORCED)),
    "portal_held_open": (happen(Kind.PORTAL_HELD_OPEN, portal="main", device="gate-1"), ended(Kind.PORTAL_HELD_OPEN)),
    "tamper": (happen(Kind.TAMPER, portal="main", device="gate-1"), ended(Kind.TAMPER)),
    "duress_signalled": (happen(Kind.DURESS_SIGNALLED, portal="main", request="r"), None),
    "device_offline": (
        happen(Kind.DEVICE_OFFLINE, device="gate-1", detail={"portals": ["main"], "cause": "no answer"}),
        happen(Kind.DEVICE_ONLINE, device="gate-1"),
    ),
    "fire_release": (
        happen(Kind.FIRE_RELEASE, device="panel", detail={"active": True}),
        happen(Kind.FIRE_RELEASE, device="panel", detail={"active": False}),
    ),
}
PLACES = {"device_offline": "gate-1", "fire_release": "panel"}


@pytest.mark.parametrize("kind", BEGINNINGS)
def test_each_state_has_a_kind_a_place_a_time_and_a_life(http, record, kind):
    begins, ends = BEGINNINGS[kind]
    record(begins)
    (alarm,) = http.get("/alarms").json()
    assert (alarm["kind"], alarm["subject"]) == (kind, PLACES.get(kind, "main"))
    assert alarm["since"].startswith("2026-11-30T10:00:00")
    assert alarm["state"] == ("active" if ends else "over")
    if ends is not None:
        record(ends)
        assert [one["state"] for one in http.get("/alarms").json()] == ["over"]
    taken = http.post(f"/alarms/{alarm['id']}/acknowledge", json={"comment": "looked at it"})
    assert taken.status_code == 200
    assert http.get("/alarms").json() == []


def test_the_most_urgent_comes_first_and_a_gate_before_a_camera(http, record):
    record(*(begins for begins, _ in BEGINNINGS.values()), happen(Kind.DEVICE_OFFLINE, device="camera"))
    listed = [(one["priority"], one["id"]) for one in http.get("/alarms").json()]
    assert listed == [
        (1, "duress_signalled:main"),
        (1, "fire_release:panel"),
        (2, "portal_forced:main"),
        (2, "tamper:main"),
        (3, "device_offline:gate-1"),
        (3, "portal_held_open:main"),
        (4, "device_offline:camera"),
    ]


def test_a_gate_that_is_away_names_its_portals(http, record):
    record(BEGINNINGS["device_offline"][0])
    assert [one["cause"] for one in http.get("/alarms").json()] == ["nothing opens at main: no answer"]


def test_four_kinds_want_a_comment(http, record):
    wanted = {kind for kind, alarm in ALARM_KINDS.items() if alarm.needs_comment}
    assert wanted == {"duress_signalled", "portal_forced", "interlock_broken", "tamper"}
    record(
        *(BEGINNINGS[kind][0] for kind in ("portal_forced", "tamper", "duress_signalled")),
        happen(Kind.INTERLOCK_BROKEN, portal="main", detail={"rule": "trap"}),
    )
    for alarm in http.get("/alarms").json():
        answer = http.post(f"/alarms/{alarm['id']}/acknowledge", json={"comment": " "})
        assert answer.json()["code"] == "comment_required"


def test_an_alarm_of_one_input_of_a_panel_is_acknowledged(http, record):
    """Its id has a slash, which stands encoded in the address."""
    record(happen(Kind.FIRE_RELEASE, device="panel", detail={"active": True, "input": "2"}))
    (alarm,) = http.get("/alarms").json()
    assert alarm["id"] == "fire_release:panel/2"
    taken = http.post("/alarms/fire_release%3Apanel%2F2/acknowledge", json={})
    assert (taken.status_code, taken.json()["acknowledged"] is not None) == (200, True)
