"""Consoles: a question is evidence and the rules here answer; what a device decided alone is recorded and checked."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devicemgr.domain.device_events import DeviceDecided, DeviceReported, GateAlarm, Presented
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction, Factor, Signal
from devicemgr.operations import status
from devicemgr.store.ledger import events
from devicemgr.store.people import people
from devicemgr.store.site import devices as device_store, portals as portal_store

THEN = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)


@pytest.fixture
def console(entrance: Any) -> Any:
    """The entrance, whose device `cam` answers as a console does."""
    entrance.command("cam", lambda _: None, lambda *_: None)
    device = entrance.others["cam"]
    device.answers = []
    device.answer = lambda serial, granted, words: device.answers.append((serial, granted))
    entrance.answers = device.answers
    return entrance


def ask(entrance: Any, serial: int = 5, age: float = 0.0, **more: Any) -> None:
    """A face of A1 just now, by the console's own clock too, unless `more` says otherwise."""
    usual = {
        "badge": "A1",
        "vendor": "hikvision",
        "factors": frozenset({Factor.FACE}),
        "method": "5/0x4b",
        "age": 0.5,
        "at": THEN + timedelta(seconds=serial),
    }
    entrance.pipeline.on_device_fact("cam", Presented(1, serial, time.monotonic() - age, **(usual | more)))


def last(entrance: Any) -> dict[str, Any]:
    return entrance.events()[-1]


def test_a_console_asks_and_both_gate_and_console_hear_yes(console: Any) -> None:
    ask(console, score=88.0, liveness=0.9)
    console.finish()
    assert console.gate.done.get_nowait() == ("release", 1, Direction.ENTRY, 5.0)
    assert console.answers == [(5, True)]
    face = console.events()[0]["evidence"]["face"]
    assert (face["vendor"], face["score"], face["liveness"]) == ("hikvision", 88.0, 0.9)
    assert console.committed_at_release == [1]


def test_a_console_that_is_the_gate_opens_by_its_answer_alone(console: Any) -> None:
    with console.site.database.write() as session:
        row = portal_store.portal(session, "lobby")
        row.gate = device_store.device(session, "cam")
    console.rules.refresh()
    ask(console)
    console.finish()
    assert console.answers == [(5, True)]
    assert console.gate.done.empty()
    assert console.others["cam"].done.empty()
    assert last(console)["kind"] == "portal_unlocked"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"badge": "nobody"}, "unknown_face"),
        ({"badge": None}, "unknown_credential"),
        ({"liveness": 0.2}, "liveness_failed"),
        ({"liveness": float("nan")}, "liveness_failed"),
        ({"age": 30.0}, "stale_evidence"),
    ],
)
def test_what_is_not_enough_is_answered_no(console: Any, more: dict[str, Any], reason: str) -> None:
    ask(console, **more)
    assert last(console)["reason"] == reason
    assert console.answers == [(5, False)]
    assert console.gate.done.empty()


def test_a_face_without_a_consent_is_not_taken_from_a_console_either(console: Any) -> None:
    with console.site.database.write() as session:
        for consent in people.get(session, "A1").consents:
            consent.withdrawn = people.now_text()
    console.rules.refresh()
    ask(console)
    assert last(console)["reason"] == "consent_withdrawn"


def test_a_console_that_serves_no_portal_is_told_no(console: Any) -> None:
    console.command("arm", lambda device: setattr(device, "answer", lambda *told: console.answers.append(told)), print)
    console.pipeline.on_device_fact("arm", Presented(1, 9, time.monotonic(), badge="A1"))
    assert [told[:2] for told in console.answers] == [(9, False)]


def decided(serial: int, granted: bool = True, **more: Any) -> DeviceDecided:
    return DeviceDecided(1, granted, serial, THEN, **({"badge": "A1"} | more))


def test_what_a_console_decided_is_recorded_once_with_its_own_time_and_moves_nothing(console: Any) -> None:
    for serial in (7, 8, 7, 8):
        console.pipeline.on_device_fact("cam", decided(serial, evidence={"face": {"score": 91.0}}))
    found = console.events()
    assert [(e["kind"], e["time"][:19], e["detail"]["device_serial"]) for e in found] == [
        ("access_granted", "2026-03-02T07:30:00", 7),
        ("access_granted", "2026-03-02T07:30:00", 8),
    ]
    assert found[0]["detail"]["decided_by"] == "console"
    assert (found[0]["person"], found[0]["portal"]) == ("A1", "lobby")
    assert console.gate.done.empty()
    with console.site.database.read() as session:
        assert events.cursor(session, "id-of-cam") == 8


def test_a_console_that_lets_in_whom_the_rules_do_not_is_disputed(console: Any) -> None:
    with console.site.database.write() as session:
        people.get(session, "A1").suspended = True
    console.rules.refresh()
    console.pipeline.on_device_fact("cam", decided(7))
    granted, disputed = console.events()
    assert granted["kind"] == "access_granted"
    assert (disputed["kind"], disputed["reason"], disputed["request"]) == (
        "decision_disputed",
        "suspended",
        granted["request"],
    )
    assert disputed["detail"] == {"there": "granted", "here": "suspended"}
    (alarm,) = status.disputed_alarms(console.site.database)
    assert (alarm["kind"], alarm["portal"]) == ("decision_disputed", "lobby")
    assert alarm["cause"].startswith("1 decision of a console")
    assert alarm in status.alarms(console.site, [], {}, fire=False, unread=None)


def test_a_live_grant_of_a_console_expects_the_passage(console: Any) -> None:
    console.pipeline.on_device_fact("cam", decided(7, live=True))
    assert console.pipeline.state_of("lobby") == "released"
    assert Signal.GRANTED not in [shown[2] for shown in console.gate.shown]


def test_other_news_from_a_memory_keeps_time_and_cursor(console: Any) -> None:
    console.pipeline.on_device_fact("cam", DeviceReported(1, Kind.TAMPER, 12, THEN, "cover"))
    (event,) = console.events()
    assert (event["kind"], event["time"][:19], event["detail"]) == (
        "tamper",
        "2026-03-02T07:30:00",
        {"device_serial": 12, "cause": "cover"},
    )
    with console.site.database.read() as session:
        assert events.cursor(session, "id-of-cam") == 12


def test_each_memory_of_a_device_has_its_own_cursor_and_numbers(console: Any) -> None:
    for log, serial in (("", 900), ("1", 3), ("3", 3), ("1", 4), ("", 901), ("1", 3)):
        console.pipeline.on_device_fact("cam", DeviceReported(1, Kind.DEVICE_REPORTED, serial, THEN, "x", log=log))
    assert [event["detail"]["device_serial"] for event in console.events()] == [900, 3, 3, 4, 901]
    with console.site.database.read() as session:
        assert events.cursors(session, "id-of-cam") == {"": 901, "1": 4, "3": 3}
        assert events.cursor(session, "id-of-cam") == 901


def test_what_happened_before_a_device_was_added_is_never_disputed(console: Any) -> None:
    with console.site.database.write() as session:
        people.get(session, "A1").suspended = True
    console.rules.refresh()
    console.pipeline.on_device_fact("cam", decided(7, log="history/5", is_history=True))
    (event,) = console.events()
    assert (event["kind"], event["reason"], event["person"]) == ("access_granted", None, "A1")


def test_the_end_of_an_alarm_ends_what_a_memory_reported_of_the_same_input(console: Any) -> None:
    now = datetime.now(UTC)
    for serial, name in ((1, "zone"), (2, "reader")):
        console.pipeline.on_device_fact("cam", DeviceReported(1, Kind.TAMPER, serial, now, name, log="1", input=name))
    console.pipeline.on_device_fact("cam", GateAlarm(1, Kind.TAMPER, "over", active=False, input="zone"))
    assert [alarm["cause"] for alarm in console.pipeline.alarms.alarms()] == ["reader"]
