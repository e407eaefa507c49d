"""/alarms: kept in the transactions of events, acknowledged by guards, escalated when no one does."""

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.daemon.alarm_escalation import AlarmEscalation
from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.domain.model import Role
from devicemgr.site.areas import alarms
from devicemgr.store.database import Database
from devicemgr.store.ledger import alarms as rows
from tests.support.migrations import migrate_back

NOW = datetime(2026, 11, 28, 10, tzinfo=UTC)
FORCED = Fact(Kind.PORTAL_FORCED, NOW, portal="main", device="gate-1", detail={"cause": "by hand"})
HELD = Fact(Kind.PORTAL_HELD_OPEN, NOW, portal="main", device="gate-1")
FIRE = Fact(Kind.FIRE_RELEASE, NOW, device="panel", detail={"active": True})
CLOSED = Fact(Kind.ALARM_ENDED, NOW, portal="main", device="gate-1", detail={"alarm": "portal_forced"})


def listed(http):
    return [(one["id"], one["state"], one["acknowledged"] is not None) for one in http.get("/alarms").json()]


def test_the_most_urgent_comes_first_with_what_a_guard_needs(http, record):
    seqs = record(HELD, FORCED, FIRE)
    fire, forced, held = http.get("/alarms").json()
    assert [one["kind"] for one in (fire, forced, held)] == ["fire_release", "portal_forced", "portal_held_open"]
    assert forced == {
        "id": "portal_forced:main",
        "kind": "portal_forced",
        "subject": "main",
        "device": "gate-1",
        "priority": 2,
        "state": "active",
        "acknowledged": None,
        "needs_comment": True,
        "escalated": False,
        "count": 1,
        "since": "2026-11-28T10:00:00.000Z",
        "seq": seqs[1],
        "cause": "by hand",
    }


def test_an_alarm_leaves_the_list_once_it_is_over_and_acknowledged(http, record):
    record(FORCED)
    answer = http.post("/alarms/portal_forced:main/acknowledge", json={"comment": "wind"})
    assert answer.json()["acknowledged"]["comment"] == "wind"
    assert listed(http) == [("portal_forced:main", "active", True)]
    record(CLOSED)
    assert listed(http) == []
    assert [one["kind"] for one in http.get("/alarms/history").json()] == [
        "portal_forced",
        "alarm_acknowledged",
        "alarm_ended",
    ]


def test_one_that_is_over_waits_for_its_acknowledgment(http, record):
    record(FORCED, CLOSED)
    assert listed(http) == [("portal_forced:main", "over", False)]
    assert http.post("/alarms/portal_forced:main/acknowledge", json={"comment": "x"}).json()["state"] == "over"
    assert listed(http) == []
    assert http.post("/alarms/portal_forced:main/acknowledge", json={"comment": "x"}).status_code == 404


def test_some_kinds_are_not_acknowledged_without_a_comment(http, record):
    record(FORCED, HELD)
    refused = http.post("/alarms/portal_forced:main/acknowledge", json={"comment": "  "})
    assert (refused.status_code, refused.json()["code"]) == (422, "comment_required")
    assert http.post("/alarms/portal_held_open:main/acknowledge", json={}).status_code == 200
    assert listed(http)[0] == ("portal_forced:main", "active", False)


def test_a_repetition_counts_up_and_asks_again(http, record):
    record(FORCED)
    http.post("/alarms/portal_forced:main/acknowledge", json={"comment": "wind"})
    record(FORCED)
    (alarm,) = http.get("/alarms").json()
    assert (alarm["count"], alarm["acknowledged"]) == (2, None)


def test_a_second_acknowledgment_changes_nothing(http, record):
    record(FORCED)
    first = http.post("/alarms/portal_forced:main/acknowledge", json={"comment": "wind"}).json()
    assert http.post("/alarms/portal_forced:main/acknowledge", json={"comment": "other"}).json() == first
    assert len(http.get("/events", params={"kind": "alarm_acknowledged"}).json()) == 1


def test_an_end_after_the_portal_has_changed_ends_the_alarm_of_the_device(http, record):
    record(FORCED)
    record(Fact(Kind.ALARM_ENDED, NOW, portal="renamed", device="gate-1", detail={"alarm": "portal_forced"}))
    assert listed(http) == [("portal_forced:main", "over", False)]


def test_a_removed_device_has_no_active_alarm(http, record):
    gate = {"name": "gate-1", "driver": "fake_gate", "address": "/dev/gate"}
    assert http.post("/devices", json=gate).status_code == 201
    record(Fact(Kind.DEVICE_OFFLINE, NOW, device="gate-1", detail={"cause": "no answer"}))
    assert listed(http) == [("device_offline:gate-1", "active", False)]
    assert http.delete("/devices/gate-1").status_code == 200
    assert listed(http) == [("device_offline:gate-1", "over", False)]


@pytest.mark.parametrize("role", list(Role))
def test_all_see_alarms_and_guards_acknowledge_them(as_role, record, role):
    record(HELD)
    client = as_role(role)
    assert len(client.get("/alarms").json()) == 1
    may = role in (Role.GUARD, Role.ADMIN)
    answer = client.post("/alarms/portal_held_open:main/acknowledge", json={})
    assert answer.status_code == (200 if may else 403)
    if may:
        assert f"the-{role}" in answer.json()["acknowledged"]["by"]


def test_what_no_one_acknowledges_in_time_escalates_once(site, http, record):
    record(FORCED, HELD)
    http.post("/alarms/portal_held_open:main/acknowledge", json={})
    site.ledger.start()
    now = [0.0]
    escalation = AlarmEscalation(site, lambda: now[0])
    for now[0] in (0.0, 100.0, 200.0):
        escalation.consider()
        assert site.ledger.wait_restored(10)
        site.ledger.stop(10)
        site.ledger.start()
    site.ledger.stop(10)
    (event,) = http.get("/events", params={"kind": "alarm_escalated"}).json()
    assert (event["detail"]["alarm"], event["detail"]["priority"]) == ("portal_forced", 2)
    assert [one["escalated"] for one in http.get("/alarms").json()] == [True, False]


@pytest.mark.parametrize(("wait", "count"), [(0, 0), (3600, 0), (1, 1)])
def test_the_site_sets_the_time_to_escalate(site, http, record, wait, count):
    assert http.post("/site/apply", json={"toml": f"[site]\nescalate_after = {wait}\n"}).status_code == 200
    record(Fact(Kind.PORTAL_FORCED, datetime.now(UTC) - timedelta(seconds=60), portal="main", device="gate-1"))
    site.ledger.start()
    assert alarms.escalate(site) == count
    site.ledger.stop(10)


def test_conditions_that_stand_become_alarms_when_an_older_home_is_migrated(site, http, home):
    gate = {"name": "gate-1", "driver": "fake_gate", "address": "/dev/gate"}
    assert http.post("/devices", json=gate).status_code == 201
    assert http.post("/portals", json={"name": "main", "gate": "gate-1"}).status_code == 201
    site.database.close()
    migrate_back(home.database, "0025")
    raw = sqlite3.connect(home.database)
    device = raw.execute("select id from devices").fetchone()[0]
    condition = (device, "portal_forced", 1, "", "2026-11-28T10:00:00.000Z", "", 1)
    raw.execute("insert into conditions values (?, ?, ?, ?, ?, ?, ?)", condition)
    raw.commit()
    raw.close()
    database = Database.open(home.database)
    database.migrate()
    with database.read() as session:
        (alarm,) = rows.listed(session)
    database.close()
    assert (alarm.id, alarm.active, alarm.device) == ("portal_forced:main", True, "gate-1")


def test_the_second_of_two_guards_is_refused_with_who_was_first(as_role, record):
    """By the seq that both have seen; also once the alarm is over and has left the list by that."""
    (seq,) = record(FORCED)
    guard, admin = as_role(Role.GUARD), as_role(Role.ADMIN)
    path = "/alarms/portal_forced:main/acknowledge"
    assert guard.post(path, json={"comment": "wind", "seq": seq}).status_code == 200
    refused = admin.post(path, json={"comment": "a fight", "seq": seq})
    assert (refused.status_code, refused.json()["code"]) == (409, "alarm_acknowledged")
    by, comment = refused.json()["args"]["by"], refused.json()["args"]["comment"]
    assert ("the-guard" in by, comment) == (True, "wind")
    record(CLOSED)
    assert admin.get("/alarms").json() == []
    gone = admin.post(path, json={"comment": "a fight", "seq": seq})
    assert (gone.status_code, gone.json()["args"]) == (409, refused.json()["args"])
    (event,) = admin.get("/events", params={"kind": "alarm_acknowledged"}).json()
    assert event["detail"]["comment"] == "wind"


def test_an_alarm_that_has_begun_again_is_not_acknowledged_unseen(http, record):
    (seq,) = record(FORCED)
    record(FORCED)
    refused = http.post("/alarms/portal_forced:main/acknowledge", json={"comment": "wind", "seq": seq})
    assert (refused.status_code, refused.json()["code"], refused.json()["args"]["count"]) == (409, "alarm_repeated", 2)
    assert http.get("/alarms").json()[0]["acknowledged"] is None


def test_of_what_was_never_an_alarm_nothing_is_acknowledged(http):
    assert http.post("/alarms/portal_forced:main/acknowledge", json={"comment": "x", "seq": 1}).status_code == 404


def test_the_history_of_one_alarm_is_its_own(http, record):
    away = Fact(Kind.DEVICE_OFFLINE, NOW, device="gate-1", detail={"portals": ["main"]})
    back = Fact(Kind.DEVICE_ONLINE, NOW, device="gate-1")
    other = Fact(Kind.PORTAL_FORCED, NOW, portal="side", device="gate-2")
    record(FORCED, other, HELD, away, back, Fact(Kind.DEVICE_ONLINE, NOW, device="gate-2"))
    http.post("/alarms/portal_forced:main/acknowledge", json={"comment": "wind"})
    http.post("/alarms/portal_forced:side/acknowledge", json={"comment": "cat"})
    record(CLOSED)

    def kinds(alarm, **more):
        return [one["kind"] for one in http.get("/alarms/history", params={"alarm": alarm, **more}).json()]

    assert kinds("portal_forced:main") == ["portal_forced", "alarm_acknowledged", "alarm_ended"]
    assert kinds("portal_forced:main", limit=1) == ["alarm_ended"]
    assert kinds("device_offline:gate-1") == ["device_offline", "device_online"]
    assert kinds("portal_held_open:main") == ["portal_held_open"]
    assert kinds("no_such_kind:main") == []


def test_no_one_else_sees_the_history_of_a_duress_signal(as_role, http, record):
    record(Fact(Kind.DURESS_SIGNALLED, NOW, portal="main"))
    wanted = {"alarm": "duress_signalled:main"}
    assert [one["kind"] for one in http.get("/alarms/history", params=wanted).json()] == ["duress_signalled"]
    guard = as_role(Role.GUARD)
    assert guard.get("/alarms/history", params=wanted).status_code == 404
    seen = guard.post("/alarms/duress_signalled:main/acknowledge", json={"comment": "x", "seq": 1})
    assert (seen.status_code, seen.json()["code"]) == (404, "not_found")
