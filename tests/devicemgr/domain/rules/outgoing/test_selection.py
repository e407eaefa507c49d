"""What an outlet gives out: never more than it was asked for."""

import pytest

from devicemgr.domain.rules.outgoing.selection import Extra, Selection, selected

GRANT = {
    "seq": 7,
    "id": "e7",
    "time": "2026-12-01T08:00:00.000Z",
    "kind": "access_granted",
    "portal": "lobby",
    "direction": "entry",
    "device": "lobby-gate",
    "person": "1042",
    "person_name": "Aigul Serik",
    "reason": None,
    "request": "r7",
    "evidence": {"face": {"score": 0.71, "threshold": 0.5}, "pin": True},
    "latency_ms": {"total": 80.0},
    "detail": {"revision": 3},
    "actor": None,
}


def event(**fields):
    return {**GRANT, **fields}


def test_ids_and_badges_leave_and_no_name_and_no_score():
    found = selected(GRANT, Selection())
    assert (found["id"], found["seq"], found["person"], found["portal"]) == ("e7", 7, "1042", "lobby")
    assert "Aigul" not in str(found)
    assert found["evidence"] == {}


def test_what_is_asked_for_leaves_too():
    found = selected(GRANT, Selection(extras=frozenset({Extra.NAME, Extra.EVIDENCE})))
    assert found == GRANT


@pytest.mark.parametrize(
    ("kinds", "portals", "is_given"),
    [
        ((), (), True),
        (("access_granted",), (), True),
        (("access_*",), ("lobby",), True),
        (("access_denied", "admin.*"), (), False),
        (("access_*",), ("lab",), False),
        ((), ("lab", "lobby"), True),
    ],
)
def test_kinds_and_portals_choose(kinds, portals, is_given):
    assert (selected(GRANT, Selection(kinds, portals)) is not None) == is_given


def test_nothing_tells_of_a_pin():
    assert selected(event(kind="pin_verified"), Selection()) is None
    denied = selected(event(kind="access_denied", reason="wrong_pin"), Selection())
    assert denied["reason"] is None
    assert selected(event(kind="access_denied", reason="suspended"), Selection())["reason"] == "suspended"


@pytest.mark.parametrize(
    "one",
    [
        event(kind="duress_signalled", detail={}),
        event(kind="alarm_acknowledged", detail={"alarm": "duress_signalled", "subject": "lobby", "comment": "go"}),
        event(kind="alarm_escalated", detail={"alarm": "duress_signalled", "subject": "lobby"}),
    ],
)
def test_duress_leaves_only_where_it_is_asked_for(one):
    everything = frozenset(Extra)
    assert selected(one, Selection(extras=everything)) is None
    assert selected(one, Selection(extras=everything, duress=True)) == one
    assert selected(one, Selection(kinds=("duress_*", "alarm_*"), extras=everything)) is None


def test_a_duress_signal_of_a_console_is_one_of_its_many_reports():
    found = selected(event(kind="duress_signalled", request=None, detail={"device_serial": 9, "code": 1}), Selection())
    assert (found["kind"], found["detail"]) == ("device_reported", {"device_serial": 9})


def test_what_people_wrote_stays():
    one = event(kind="threat_ended", detail={"threat": "t", "comment": "Aigul was ill", "reason": "x", "note": "y"})
    assert selected(one, Selection())["detail"] == {"threat": "t"}
    assert selected(one, Selection(extras=frozenset({Extra.COMMENTS})))["detail"] == one["detail"]
