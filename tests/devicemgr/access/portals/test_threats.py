"""Threats: in force at once and over a restart, at the gates, and what guards had freed before."""

from typing import Any

import pytest

from devicemgr.daemon.offline_runtime import DirectRuntime
from devicemgr.devices.supervisor import Health
from devicemgr.domain.model import PortalMode
from devicemgr.errors import (
    DeviceGarbled,
    DeviceRefused,
    DeviceUnreachable,
    InvalidInput,
    NotFound,
    OutcomeUnknown,
    RequestError,
    StorageFailed,
)
from devicemgr.site.areas.threats import ThreatFields, put_threat, remove_threat
from devicemgr.site.unit_of_work import unit_of_work
from devicemgr.store.areas import threats as rows
from devicemgr.store.ledger import alarms
from devicemgr.store.site import portals as portal_store
from tests.devicemgr.access.portals.free_hall import FreeHall, at

NORMAL, LOCKED, FREE = PortalMode.NORMAL, PortalMode.LOCKED, PortalMode.FREE


@pytest.fixture
def hall(entrance: Any) -> FreeHall:
    return FreeHall(entrance)


def set_threat(hall: FreeHall, *zones: str, reason: str = "a drill") -> dict[str, Any]:
    return hall.threats.set("lockdown", zones, reason, "operator:dana")


def stored_mode(hall: FreeHall) -> str:
    with hall.site.database.read() as session:
        return portal_store.portal(session, "lobby").mode


def test_a_free_time_is_suspended_and_goes_on_after_the_threat(hall: FreeHall) -> None:
    hall.tick("09:00")
    hall.sent()
    answer = set_threat(hall)
    assert hall.sent() == [NORMAL]
    assert (answer["in_force"], answer["scope"], answer["portals"]) == (True, ["site"], ["lobby"])
    assert (answer["not_reached"], answer["repeated"]) == ([], False)
    assert answer["outcomes"] == [{"portal": "lobby", "outcome": "confirmed", "cause": None}]
    assert hall.shown == ("normal", "threat", "lockdown")
    assert hall.tick("09:05") == []
    ended = hall.threats.end("lockdown", "false alarm", "operator:dana")
    assert ended["in_force"] is False
    assert hall.sent() == [FREE]
    assert hall.effective() == [("free", "schedule"), ("normal", "threat"), ("free", "schedule")]
    (began,), (over,) = hall.recorded("threat_set"), hall.recorded("threat_ended")
    assert began == {"threat": "lockdown", "order": 9, "scope": ["site"], "reason": "a drill"}
    assert over == {"threat": "lockdown", "scope": ["site"], "comment": "false alarm"}


def test_a_window_that_opens_in_a_threat_sends_nothing(hall: FreeHall) -> None:
    hall.sent()
    set_threat(hall)
    assert hall.tick("08:30") == []
    assert hall.sent() == []


def test_a_second_identical_set_is_no_second_event(hall: FreeHall) -> None:
    first = set_threat(hall)
    second = set_threat(hall)
    assert second["repeated"]
    assert second["since"] == first["since"]
    assert len(hall.recorded("threat_set")) == 1
    with unit_of_work(hall.site, "uid:0") as work:
        put_threat(work, "lockdown", ThreatFields(order=9))
    set_threat(hall, reason="seen again")
    assert [one["reason"] for one in hall.recorded("threat_set")] == ["a drill", "seen again"]


def test_it_is_in_force_in_memory_before_it_is_recorded_and_stays_when_that_fails(
    hall: FreeHall, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def record(_: Any) -> None:
        seen.append(dict(hall.rules.current.threats_in_force))
        raise StorageFailed("the disk is full")

    monkeypatch.setattr(hall.threats, "_record", record)
    with pytest.raises(StorageFailed):
        set_threat(hall)
    assert set(seen[0]) == {"lockdown"}
    assert hall.shown == ("normal", "threat", "lockdown")


def test_a_restart_keeps_it_with_its_scope_and_reason(hall: FreeHall) -> None:
    hall.tick("09:00")
    set_threat(hall)
    hall.start()
    (found,) = hall.rules.current.threats_in_force.values()
    assert (found.name, found.scope, found.reason, found.actor) == (
        "lockdown",
        frozenset({"site"}),
        "a drill",
        "operator:dana",
    )
    assert hall.shown == ("normal", "threat", "lockdown")
    hall.threats.end("lockdown", "over", "uid:0")
    hall.start()
    assert hall.shown == ("free", "schedule", "office")


def test_what_a_guard_had_freed_is_normal_for_good(hall: FreeHall) -> None:
    hall.modes.change("lobby", FREE, "uid:0")
    hall.sent()
    set_threat(hall)
    assert hall.sent() == [NORMAL]
    assert stored_mode(hall) == "normal"
    last = hall.recorded("admin.portal_mode")[-1]
    assert (last["mode"], last["cause"]) == ("normal", "threat lockdown")
    hall.threats.end("lockdown", "over", "uid:0")
    assert hall.sent() == []
    assert hall.shown == ("normal", "default", None)


def test_a_guard_frees_in_a_threat_only_with_confirmation_and_over_a_restart(hall: FreeHall) -> None:
    set_threat(hall)
    with pytest.raises(RequestError, match="threat 'lockdown' is in force at portal 'lobby'"):
        hall.modes.change("lobby", FREE, "uid:0")
    assert stored_mode(hall) == "normal"
    hall.sent()
    freed = hall.modes.change("lobby", FREE, "uid:0", despite_threat=True)
    assert (freed["effective_mode"], freed["because"], hall.sent()) == ("free", "guard", [FREE])
    hall.start()
    assert hall.shown == ("free", "guard", None)
    hall.threats.end("lockdown", "over", "uid:0")
    assert hall.shown == ("free", "guard", None), "the guard's own word after the threat began stays"
    hall.modes.change("lobby", NORMAL, "uid:0")
    set_threat(hall)
    assert hall.shown == ("normal", "threat", "lockdown")


def test_a_guards_lock_stays_locked_in_a_threat(hall: FreeHall) -> None:
    hall.modes.change("lobby", LOCKED, "uid:0")
    hall.sent()
    set_threat(hall)
    assert (hall.sent(), hall.shown) == ([], ("locked", "guard", None))


def test_fire_wins(hall: FreeHall) -> None:
    set_threat(hall)
    hall.rules.set_fire("arm", True)
    assert hall.shown == ("free", "fire", None)
    hall.rules.set_fire("arm", False)
    assert hall.shown == ("normal", "threat", "lockdown")


def test_nothing_is_closed_in_a_fire_by_a_threat(hall: FreeHall) -> None:
    hall.tick("09:00")
    hall.sent()
    hall.rules.set_fire("arm", True)
    hall.fire_unknown = "a fire input is active: nothing is locked until the fire has ended"
    answer = set_threat(hall)
    assert hall.sent() == []
    assert answer["not_reached"][0]["portal"] == "lobby"
    hall.rules.set_fire("arm", False)
    hall.fire_unknown = None
    hall.modes.on_fire()
    assert hall.sent() == [NORMAL]


def test_the_answer_lists_portals_that_were_not_reached(hall: FreeHall) -> None:
    hall.tick("09:00")
    hall.state(Health.OFFLINE)
    answer = set_threat(hall)
    assert [one["portal"] for one in answer["not_reached"]] == ["lobby"]
    assert answer["outcomes"][0]["cause"] == answer["not_reached"][0]["cause"]
    hall.sent()
    hall.state(Health.ONLINE)
    assert hall.sent() == [NORMAL]


def test_a_gate_that_never_answers_holds_the_threat_up_for_three_seconds_at_most(
    hall: FreeHall, monkeypatch: pytest.MonkeyPatch
) -> None:
    hall.tick("09:00")
    monkeypatch.setattr("devicemgr.access.portals.threat_control.REACH_S", 0.0)
    monkeypatch.setattr(hall, "command", lambda *_: None)
    answer = set_threat(hall)
    assert answer["not_reached"] == [{"portal": "lobby", "cause": "arm does not answer"}]
    assert [one["outcome"] for one in answer["outcomes"]] == ["unknown"]
    assert answer["in_force"]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (DeviceRefused("no"), "refused"),
        (DeviceUnreachable("no line"), "refused"),
        (OutcomeUnknown("no answer"), "unknown"),
        (DeviceGarbled("noise"), "unknown"),
    ],
)
def test_the_answer_says_what_did_not_happen_and_what_may_have(
    hall: FreeHall, monkeypatch: pytest.MonkeyPatch, error: Exception, outcome: str
) -> None:
    hall.tick("09:00")
    monkeypatch.setattr(hall, "command", lambda _, __, done: done(None, error))
    assert set_threat(hall)["outcomes"] == [{"portal": "lobby", "outcome": outcome, "cause": str(error)}]


def test_a_gate_that_is_to_be_sent_nothing_is_unchanged(hall: FreeHall) -> None:
    hall.state(Health.ONLINE)
    answer = set_threat(hall)
    assert (answer["outcomes"], answer["not_reached"]) == (
        [{"portal": "lobby", "outcome": "unchanged", "cause": None}],
        [],
    )


def test_what_can_not_be_is_refused(hall: FreeHall) -> None:
    with pytest.raises(NotFound, match="no threat 'flood'"):
        hall.threats.set("flood", (), "x", "uid:0")
    with pytest.raises(NotFound, match="no zone 'attic'"):
        set_threat(hall, "attic")
    with pytest.raises(RequestError, match="not in force"):
        hall.threats.end("lockdown", "x", "uid:0")
    with pytest.raises(NotFound, match="no threat 'flood'"):
        hall.threats.end("flood", "x", "uid:0")
    assert hall.recorded("threat_set") == hall.recorded("threat_ended") == []
    set_threat(hall)
    with pytest.raises(RequestError, match="it is ended first"), unit_of_work(hall.site, "uid:0") as work:
        remove_threat(work, "lockdown")
    with pytest.raises(InvalidInput, match="no zone 'attic'"), unit_of_work(hall.site, "uid:0") as work:
        put_threat(work, "lockdown", ThreatFields(scope=["attic"]))


def test_its_alarm_lives_as_long_as_it(hall: FreeHall) -> None:
    set_threat(hall)
    with hall.site.database.read() as session:
        (alarm,) = alarms.listed(session)
    assert (alarm.id, alarm.priority, alarm.active, alarm.cause) == ("threat_set:lockdown", 2, True, "a drill")
    hall.threats.end("lockdown", "over", "uid:0")
    with hall.site.database.read() as session:
        (alarm,) = alarms.listed(session)
        assert rows.in_force(session) == {}
    assert not alarm.active


def test_without_a_daemon_it_is_recorded_and_what_is_free_is_closed(
    hall: FreeHall, catalog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hall.site.clock, "times", lambda: (at("09:00"),))
    runtime = DirectRuntime(hall.site)
    answer = runtime.set_threat("lockdown", (), "a drill", "uid:0")
    assert catalog.gate.done.get_nowait() == ("mode", 1, NORMAL)
    assert (answer["in_force"], answer["not_reached"]) == (True, [])
    status = DirectRuntime(hall.site).status()
    assert [one["name"] for one in status["threats"]] == ["lockdown"]
    assert status["portals"][0]["because"] == "threat"
    assert {alarm["kind"] for alarm in status["alarms"]} >= {"threat_set"}
    DirectRuntime(hall.site).end_threat("lockdown", "over", "uid:0")
    assert catalog.gate.done.get_nowait() == ("mode", 1, FREE)
    assert DirectRuntime(hall.site).status()["threats"] == []
