"""Why a decision was made, by the rights and the whereabouts of then, and what is not known of them."""

from datetime import UTC, datetime

import pytest

from devicemgr.domain.ledger_events import Fact, Kind, Reason
from devicemgr.domain.model import Direction
from devicemgr.operations.history import whereabouts
from devicemgr.store.ledger import events

pytestmark = pytest.mark.usefixtures("staffed")

AT_MAIN = {"portal": "main", "direction": Direction.ENTRY, "evidence": {"card": True}}


@pytest.fixture
def decided(record, person_id):
    """Record a decision about a person at `main`; its seq."""

    def append(badge: str, reason: Reason | None = None, **more) -> int:
        kind = Kind.ACCESS_GRANTED if reason is None else Kind.ACCESS_DENIED
        where = AT_MAIN | {"request": f"request-{badge}-{reason}"} | more
        return record(Fact(kind, datetime.now(UTC), person_id=person_id(badge), reason=reason, **where))[-1]

    return append


@pytest.fixture
def why(http):
    def ask(seq: int) -> dict:
        answer = http.get(f"/access/why/{seq}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    return ask


def check(found: dict, name: str) -> dict:
    return next(one for one in found["checks"] if one["check"] == name)


def objections(found: dict) -> list[str]:
    return [one["check"] for one in found["checks"] if one["objected"]]


def test_a_grant_is_explained_by_levels_that_are_no_longer_held(http, why, decided):
    seq = decided("1")
    assert http.delete("/people/1/levels/staff").status_code == 200
    found = why(seq)
    assert (found["granted"], objections(found), found["rights_changed"]) == (True, [], True)
    assert check(found, "no_access_level")["facts"]["levels"] == ["staff"]
    assert found["unknown"] == []


def test_a_refusal_shows_what_each_check_said_then_and_helps_by_the_rights_of_now(http, why, decided):
    hours = {"name": "office", "windows": ["mon-fri 03:00-03:01"], "timezone": "UTC"}
    assert http.post("/schedules", json=hours).status_code == 201
    assert http.patch("/levels/staff", json={"schedule": "office"}).status_code == 200
    http.patch("/portals/main", json={"require": "card+pin"})
    seq = decided("1", Reason.OUTSIDE_SCHEDULE)
    http.patch("/schedules/office", json={"windows": ["mon-sun 00:00-24:00"]})
    found = why(seq)
    assert objections(found) == ["outside_schedule", "second_factor_required"]
    assert check(found, "second_factor_required")["facts"]["require"] == "card+pin"
    assert found["helps"] == ["present card+pin"]


def test_a_decision_about_someone_who_was_erased_since_is_explained(http, why, decided):
    seq = decided("3", Reason.NO_ACCESS_LEVEL)
    assert http.delete("/people/3").status_code == 200
    found = why(seq)
    assert (found["event"]["person"], found["reason"]) == (None, "no_access_level")
    assert check(found, "no_access_level")["facts"]["levels_of_portal"] == ["staff"]
    assert found["helps"] == []


def test_whereabouts_are_those_of_then(http, why, decided, passes):
    passes("1")
    inside = decided("1", Reason.ANTI_PASSBACK, detail={"rule": "building", "facts": {"is_in": "building"}})
    passes("1", Direction.EXIT)
    outside = decided("1")
    http.put("/zones/building/count", json={"count": 2})
    assert objections(why(inside)) == ["anti_passback"]
    assert check(why(inside), "anti_passback")["facts"]["is_in"] == "building"
    assert check(why(inside), "occupancy")["facts"] == {"building": {"count": 1, "max": 2}}
    assert check(why(outside), "anti_passback")["facts"]["is_in"] == "outside"
    assert check(why(outside), "occupancy")["facts"]["building"]["count"] == 0


def test_where_the_fold_takes_too_long_the_answer_says_so(why, decided, passes, monkeypatch):
    passes("1")
    seq = decided("1", Reason.ANTI_PASSBACK)
    monkeypatch.setattr(whereabouts, "MAX_FOLD_S", -1.0)
    found = why(seq)
    assert found["unknown"] == ["who was where then: that takes too long to work out"]
    assert objections(found) == ["anti_passback"]
    assert check(found, "occupancy")["facts"] == {}


def test_how_the_other_portal_of_an_interlock_stood_is_not_made_up(http, why, decided, add_portal):
    add_portal("inner", channel=2)
    assert http.post("/interlocks", json={"name": "trap", "portals": ["main", "inner"]}).status_code == 201
    stood = {"rule": "trap", "facts": {"not_shut": {"inner": "open"}}}
    found = why(decided("1", Reason.INTERLOCK, detail=stood))
    assert check(found, "interlock")["facts"] == {"rule": "trap", "not_shut": {"inner": "open"}}
    granted = why(decided("1"))
    assert check(granted, "interlock")["facts"] == {}
    assert granted["unknown"] == ["how the other portals of the interlock stood then, but for what the refusal says"]


def test_what_an_event_of_0_1_0_does_not_say_is_said_to_be_unknown(why, decided, record, person_id):
    seq = decided("1")
    edited = Fact("admin.person_edited", datetime.now(UTC), person_id=person_id("1"), detail={"changed": ["valid_to"]})
    other = Fact("admin.person_edited", datetime.now(UTC), person_id=person_id("2"), detail={"changed": ["valid_to"]})
    (at, _) = record(edited, other)
    assert why(seq)["unknown"] == [f"valid_to of the person: event {at} does not say what it was"]


def test_where_retention_has_cut_the_record_the_answer_says_so(site, why, decided, passes):
    passes("1")
    seq = decided("1", Reason.ANTI_PASSBACK)
    with site.database.write(changes_site=False) as session:
        events.remove_oldest(session, seq - 1, 10_000)
    assert why(seq)["unknown"] == [f"who was where before event {seq}, the oldest that is kept"]


def test_a_blocked_card_is_refused_again_as_it_was(why, decided):
    found = why(decided("1", Reason.CARD_BLOCKED))
    assert objections(found) == ["card_blocked"]
