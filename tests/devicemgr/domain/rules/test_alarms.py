"""The life of an alarm, by events alone."""

import pytest

from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.rules import alarms as rules


def event(kind, seq=1, **more):
    body = {"seq": seq, "time": f"2026-11-30T10:{seq:02}:00.000000Z", "kind": str(kind), "portal": None, "device": None}
    return body | {"detail": {}, "actor": None} | more


FORCED = event(Kind.PORTAL_FORCED, portal="main", device="gate-1", detail={"cause": "opened by hand"})


def test_an_alarm_begins_active_and_is_over_when_its_end_is_reported():
    alarm = rules.begin(None, FORCED)
    assert (alarm.id, alarm.priority, alarm.active, alarm.count) == ("portal_forced:main", 2, True, 1)
    assert alarm.cause == "opened by hand"
    over = rules.end(alarm)
    assert (over.active, over.is_listed) == (False, True)


def test_it_leaves_the_list_when_it_is_over_and_acknowledged_in_either_order():
    alarm = rules.begin(None, FORCED)
    taken = event(Kind.ALARM_ACKNOWLEDGED, 2, actor="operator:aigul", detail={"comment": "wind"})
    acknowledged = rules.acknowledge(alarm, taken)
    assert acknowledged.is_listed
    assert acknowledged.active
    assert acknowledged.acknowledged == rules.Acknowledgment("operator:aigul", taken["time"], "wind")
    assert not rules.end(acknowledged).is_listed
    assert not rules.acknowledge(rules.end(alarm), taken).is_listed


def test_a_repetition_counts_up_keeps_its_beginning_and_opens_it_again():
    alarm = rules.escalate(rules.begin(None, FORCED))
    taken = rules.acknowledge(alarm, event(Kind.ALARM_ACKNOWLEDGED, 2, actor="x"))
    again = rules.begin(taken, FORCED | {"seq": 3, "time": "2026-11-30T10:03:00.000000Z"})
    assert (again.count, again.since, again.seq) == (2, alarm.since, 3)
    assert (again.acknowledged, again.escalated) == (None, False)


def test_one_that_begins_after_its_end_begins_anew_and_counts_on():
    over = rules.end(rules.begin(None, FORCED))
    again = rules.begin(over, FORCED | {"seq": 9, "time": "2026-11-30T10:09:00.000000Z"})
    assert (again.count, again.since, again.active) == (2, "2026-11-30T10:09:00.000000Z", True)


@pytest.mark.parametrize("kind", [name for name, kind in rules.ALARM_KINDS.items() if not kind.lasts])
def test_what_has_no_end_is_over_from_its_beginning_and_waits_for_an_acknowledgment(kind):
    alarm = rules.begin(None, event(kind))
    assert (alarm.active, alarm.is_listed) == (False, True)


@pytest.mark.parametrize(
    ("body", "subject"),
    [
        (FORCED, "main"),
        (event(Kind.TAMPER, device="reader-1"), "reader-1"),
        (event(Kind.STORAGE_FAILED), "site"),
        (event(Kind.FIRE_RELEASE, device="panel", detail={"active": True}), "panel"),
        (event(Kind.FIRE_RELEASE, device="panel", detail={"active": True, "input": "2"}), "panel/2"),
        (event(Kind.INTERLOCK_BROKEN, portal="trap-in", detail={"rule": "trap"}), "trap"),
        (event(Kind.OCCUPANCY_BELOW_MINIMUM, detail={"rule": "lab"}), "lab"),
        (event(Kind.CALENDAR_HELD, detail={"calendar": "kz"}), "kz"),
        (event("admin.sync_held", detail={"source": "hr"}), "hr"),
    ],
)
def test_the_subject_is_what_the_alarm_is_about(body, subject):
    assert rules.subject_of(body) == subject


@pytest.mark.parametrize(
    ("body", "ended"),
    [
        (event(Kind.ALARM_ENDED, portal="main", detail={"alarm": "portal_forced"}), ("portal_forced",)),
        (event(Kind.DEVICE_ONLINE, device="cam"), ("device_offline", "device_degraded")),
        (event(Kind.DEVICE_DEGRADED, device="cam"), ("device_offline",)),
        (event(Kind.STORAGE_RESTORED), ("storage_failed",)),
        (event(Kind.FIRE_RELEASE, device="panel", detail={"active": False}), ("fire_release",)),
        (event(Kind.FIRE_RELEASE, device="panel", detail={"active": True}), ()),
        (event(Kind.ACCESS_DENIED, portal="main"), ()),
    ],
)
def test_what_ends_an_alarm(body, ended):
    assert rules.ends(body) == ended


def test_the_end_of_a_fire_begins_no_alarm_and_a_denial_none_either():
    assert rules.begins(event(Kind.FIRE_RELEASE, device="panel", detail={"active": False})) is None
    assert rules.begins(event(Kind.ACCESS_DENIED, portal="main")) is None
    assert rules.begins(event(Kind.FIRE_RELEASE, device="panel", detail={"active": True})) == "fire_release"


def test_fire_comes_first_and_information_last():
    priorities = {kind: found.priority for kind, found in rules.ALARM_KINDS.items()}
    assert min(priorities, key=priorities.__getitem__) == Kind.FIRE_RELEASE
    assert priorities[Kind.PORTAL_FORCED] == priorities[Kind.TAMPER] == 2
    assert priorities[Kind.PORTAL_HELD_OPEN] == priorities[Kind.INTERLOCK_BROKEN] == priorities[Kind.PASSAGE_TAILGATED]
    assert priorities[Kind.DEVICE_OFFLINE] == 4
    assert set(priorities.values()) == {1, 2, 3, 4, 5}
