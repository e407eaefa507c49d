"""Would a person pass, and why was one refused: each check with what it read, and what would help."""

from datetime import UTC, datetime

import pytest

from devicemgr.domain.ledger_events import Fact, Kind, Reason
from devicemgr.domain.model import Direction, Role

pytestmark = pytest.mark.usefixtures("staffed")


def attempt(http, badge, **more):
    answer = http.get("/access/try", params={"badge": badge, "portal": "main", "with": "card"} | more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def objections(found):
    return [check["check"] for check in found["checks"] if check["objected"]]


def test_who_may_pass_meets_no_objection(http):
    found = attempt(http, "1")
    assert (found["granted"], found["reason"], found["helps"], objections(found)) == (True, None, [], [])
    assert {"suspended", "no_access_level", "anti_passback", "occupancy"} <= {c["check"] for c in found["checks"]}


def test_every_check_that_objects_is_told_and_the_first_is_the_reason(http):
    http.post("/people/3/suspend")
    found = attempt(http, "3")
    assert found["reason"] == "suspended"
    assert objections(found)[:2] == ["suspended", "no_access_level"]
    assert found["helps"][:2] == ["an end of the suspension", "a level that covers portal main: staff"]


def test_the_next_opening_of_the_persons_schedules_is_named(http):
    hours = {"name": "office", "windows": ["mon-fri 08:00-18:00"], "timezone": "Asia/Almaty"}
    assert http.post("/schedules", json=hours).status_code == 201
    assert http.patch("/levels/staff", json={"schedule": "office"}).status_code == 200
    found = attempt(http, "1", at="2026-12-05T12:00:00+05:00")
    assert found["reason"] == "outside_schedule"
    assert found["helps"] == ["come after 08:00 on Mon 7 Dec, when schedule office opens"]
    assert attempt(http, "1", at="2026-12-07T12:00:00+05:00")["granted"]
    never = {"windows": ["mon-fri 08:00-18:00"], "holidays": []}
    assert http.patch("/schedules/office", json=never).status_code == 200


def test_anti_passback_and_a_full_zone_say_what_was_read(http, passes):
    passes("1")
    again = attempt(http, "1")
    assert again["reason"] == "anti_passback"
    (check,) = [one for one in again["checks"] if one["objected"]]
    assert check["facts"]["rule"] == "building"
    assert "since" in check["facts"]
    assert again["helps"] == ["leave zone building first, or let a guard correct where the person is"]
    assert attempt(http, "1", direction="exit")["granted"]
    http.put("/zones/building/count", json={"count": 2})
    full = attempt(http, "2")
    assert full["reason"] == "occupancy"
    assert full["helps"] == ["wait until someone leaves zone building"]
    assert full["advice"] == [{"code": "occupancy", "args": {"zone": "building"}}]


def test_what_is_presented_counts(http):
    http.patch("/portals/main", json={"require": "card+pin"})
    assert attempt(http, "1")["reason"] == "second_factor_required"
    assert attempt(http, "1")["helps"] == ["present card+pin"]
    assert attempt(http, "1", **{"with": "card,pin"})["granted"]
    unstated = http.get("/access/try", params={"badge": "1", "portal": "main"})
    assert unstated.json()["granted"]
    assert http.get("/access/try", params={"badge": "1", "portal": "main", "with": "smile"}).status_code == 422


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({"badge": "9", "portal": "main"}, 404),
        ({"badge": "1", "portal": "side"}, 404),
        ({"badge": "1", "portal": "main", "at": "noon"}, 422),
        ({"badge": "1"}, 422),
    ],
)
def test_what_can_not_be_tried_is_refused(http, wanted, status):
    assert http.get("/access/try", params=wanted).status_code == status


@pytest.mark.parametrize("role", list(Role))
def test_guards_are_not_told_the_levels_of_others(as_role, role):
    answer = as_role(role).get("/access/try", params={"badge": "3", "portal": "main", "with": "card"})
    if role in (Role.TECHNICIAN, Role.DURESS):
        assert answer.status_code == 403
        return
    names = "staff" in answer.text
    assert names == (role is not Role.GUARD)
    assert answer.json()["helps"][0].startswith("a level that covers portal main")
    assert answer.json()["advice"][0] == {"code": "level", "args": {"portal": "main", "levels": ["staff"] * names}}


@pytest.fixture
def denied(record, person_id):
    """A recorded denial; its seq."""

    def append(badge: str, reason: Reason, **more) -> int:
        where = {"portal": "main", "direction": Direction.ENTRY, "request": f"request-{badge}-{reason}"}
        person = person_id(badge) if badge else None
        fact = Fact(Kind.ACCESS_DENIED, datetime.now(UTC), person_id=person, reason=reason, **where, **more)
        return record(fact)[-1]

    return append


def test_a_refusal_is_explained_by_its_own_record(http, denied):
    seq = denied("3", Reason.NO_ACCESS_LEVEL, evidence={"card": True})
    found = http.get(f"/access/why/{seq}").json()
    assert (found["granted"], found["reason"], found["rights_changed"]) == (False, "no_access_level", False)
    assert found["event"]["seq"] == seq
    assert (found["event"]["person"], found["event"]["person_name"]) == ("3", "Dana")
    assert objections(found)[0] == "no_access_level"
    assert found["helps"] == ["a level that covers portal main: staff"]
    by_request = http.get("/access/why/request-3-no_access_level").json()
    assert by_request == found


def test_rights_that_were_changed_since_are_said(http, denied):
    seq = denied("3", Reason.NO_ACCESS_LEVEL, evidence={"card": True})
    assert http.put("/people/3/levels/staff").status_code == 200
    found = http.get(f"/access/why/{seq}").json()
    assert (found["granted"], found["reason"], found["rights_changed"]) == (False, "no_access_level", True)
    assert objections(found) == ["no_access_level", "outside_schedule"]
    assert found["helps"] == []


def test_an_unknown_face_is_explained_by_what_was_seen(http, denied):
    seq = denied("", Reason.UNKNOWN_FACE, evidence={"face": {"score": 0.31, "threshold": 0.5}})
    found = http.get(f"/access/why/{seq}").json()
    assert found["reason"] == "unknown_face"
    assert found["checks"] == [
        {
            "check": "unknown_face",
            "code": "presented",
            "when": "what was presented",
            "objected": True,
            "recorded": False,
            "facts": {"face": {"score": 0.31, "threshold": 0.5}},
        }
    ]


def test_the_facts_of_a_rule_are_those_of_the_record(http, denied):
    detail = {"rule": "building", "facts": {"since": "2026-11-30T07:00:00Z"}}
    seq = denied("1", Reason.ANTI_PASSBACK, evidence={"card": True}, detail=detail)
    found = http.get(f"/access/why/{seq}").json()
    (check,) = [one for one in found["checks"] if one["objected"]]
    assert check["facts"] == {"rule": "building", "since": "2026-11-30T07:00:00Z"} | check["facts"]


def test_a_passage_leads_to_its_decision(http, passes):
    granted, _, passage = passes("1")
    found = http.get(f"/access/why/{passage}").json()
    assert (found["event"]["seq"], found["granted"], found["reason"], found["helps"]) == (granted, True, None, [])


@pytest.mark.parametrize("event", ["1", "99999", "no-request", "9" * 40, "-1"])
def test_what_is_no_decision_is_not_found(http, event):
    answer = http.get(f"/access/why/{event}")
    assert answer.status_code == 404
    assert answer.json()["hint"]["code"] == "list_decisions"
