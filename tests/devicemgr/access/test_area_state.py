"""Who is where along the way of a grant, on a real database and gates of the tests."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from devicemgr.access import area_checkpoint
from devicemgr.domain.device_events import DeviceDecided, PassageCompleted
from devicemgr.domain.ledger_events import Fact
from devicemgr.domain.rules.areas.corrections import WHEREABOUTS_RESET, forgiven
from devicemgr.domain.zones import Enforcement, Zone
from devicemgr.store.database import Database
from devicemgr.store.ledger import events as ledger_rows
from tests.devicemgr.access.hall import ENTRY, EXIT, Hall

ANNA = np.eye(4, dtype=np.float32)[0]


def folded(hall: Hall) -> Any:
    """The state as the whole ledger says."""
    with hall.entrance.site.database.read() as session:
        return area_checkpoint.fold_all(
            area_checkpoint.NOWHERE, area_checkpoint._bodies(session, 0), hall.entrance.rules.current.zone_map
        )


def test_who_has_passed_is_refused_by_hard_anti_passback_until_they_leave(hall: Hall) -> None:
    hall.hard()
    hall.passes("arm-in", "arm")
    assert hall.zone_of(hall.anna) == "hall"
    hall.card("arm2-in")
    hall.pump()
    denied = hall.last("access_denied")
    assert (denied["reason"], denied["detail"]["rule"]) == ("anti_passback", "hall")
    assert denied["detail"]["facts"]["is_in"] == "hall"
    assert hall.pipeline.areas.near_side(hall.anna) == "outside"
    hall.passes("arm2-out", "arm2", direction=EXIT)
    assert hall.zone_of(hall.anna) == "outside"
    hall.card("arm2-in")
    hall.pump()
    assert hall.verdicts() == ["granted", "anti_passback", "granted", "granted"]


def test_a_card_is_not_passed_back_to_the_next_lane_before_the_arm_turned(hall: Hall) -> None:
    hall.hard()
    hall.card("arm-in")
    hall.card("arm2-in")  # nothing is durable yet
    hall.pump()
    assert hall.verdicts() == ["granted", "anti_passback"]
    assert hall.last("access_denied")["detail"]["facts"] == {"released_at": "lobby"}
    hall.times_out()
    assert hall.pipeline.areas.view.reservations == ()
    hall.card("arm2-in")
    hall.pump()
    assert hall.verdicts()[-1] == "granted"


def test_a_soft_violation_stands_before_its_grant_in_one_transaction(hall: Hall) -> None:
    hall.set(zones={"hall": Zone("hall", anti_passback=Enforcement.SOFT), "lab": Zone("lab", "hall")})
    hall.passes("arm-in", "arm")
    hall.card("arm2-in")
    hall.pump()
    violated, granted = hall.last("rule_violated"), hall.last("access_granted")
    assert violated["seq"] == granted["seq"] - 1
    assert violated["request"] == granted["request"]
    assert (violated["reason"], violated["detail"]["rule"], violated["person"]) == ("anti_passback", "hall", "A1")


def test_two_lanes_and_one_place_make_one_grant(hall: Hall) -> None:
    hall.set(zones={"hall": Zone("hall", max_people=1), "lab": Zone("lab", "hall")})
    hall.card("arm-in", "1")
    hall.card("arm2-in", "2")
    hall.pump()
    assert hall.verdicts() == ["granted", "occupancy"]
    assert hall.last("access_denied")["detail"]["facts"] == {"count": 1, "max": 1}


def test_a_refused_commit_gives_the_place_back(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    hall.set(zones={"hall": Zone("hall", max_people=1), "lab": Zone("lab", "hall")})
    ledger = hall.entrance.site.ledger
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "submit_all", lambda _, then=None, **__: then and then(None))
        hall.card("arm-in", "1")
    assert hall.pipeline.areas.view.reservations
    hall.pump()
    assert hall.pipeline.areas.view.reservations == ()
    hall.card("arm2-in", "2")
    hall.pump()
    assert hall.verdicts()[-1] == "granted"


def test_a_gate_that_senses_no_passage_moves_by_its_release(hall: Hall) -> None:
    hall.hard()
    hall.entrance.gate.senses_passage = False
    hall.card("arm-in")
    hall.pump()
    assert (hall.zone_of(hall.anna), hall.state.where[hall.anna].how) == ("hall", "release")
    assert hall.last("portal_unlocked")["detail"]["senses_passage"] is False
    hall.card("arm2-in")
    hall.pump()
    assert hall.verdicts() == ["granted", "anti_passback"]


def test_a_fire_voids_the_rules_and_counting_goes_on(hall: Hall) -> None:
    hall.set(zones={"hall": Zone("hall", anti_passback=Enforcement.HARD, max_people=1), "lab": Zone("lab", "hall")})
    hall.passes("arm-in", "arm")
    hall.set(fire_active=True)
    hall.passes("arm2-in", "arm2", "2")
    hall.card("arm-in", "2")
    hall.pump()
    assert hall.verdicts() == ["granted", "granted", "granted"]
    assert hall.zone_of(hall.bert) == "hall"


def test_a_warning_is_recorded_once_a_crossing(hall: Hall) -> None:
    hall.set(zones={"hall": Zone("hall", warn_at=(2,)), "lab": Zone("lab", "hall")})
    hall.passes("arm-in", "arm", "1")
    hall.passes("arm2-in", "arm2", "2")
    hall.set(zones={"hall": Zone("hall", warn_at=(2,), min_people=2), "lab": Zone("lab", "hall")})
    hall.passes("bolt-in", "bolt", "2")
    kinds = hall.entrance.kinds()
    assert kinds.count("occupancy_reached") == 1
    assert hall.last("occupancy_reached")["detail"] == {"rule": "hall", "limit": 2, "count": 2}
    hall.passes("arm-out", "arm", "1", EXIT)
    assert hall.last("occupancy_below_minimum")["detail"] == {"rule": "hall", "limit": 2, "count": 1}
    hall.passes("arm2-in", "arm2", "1")
    assert hall.entrance.kinds().count("occupancy_reached") == 2
    assert hall.entrance.kinds().count("occupancy_below_minimum") == 1


def test_forgiving_by_another_thread_reaches_the_next_decision(hall: Hall) -> None:
    hall.hard()
    hall.passes("arm-in", "arm")
    site = hall.entrance.site
    with site.database.write(changes_site=False) as session:
        detail = forgiven("outside", "fire exit")
        fact = Fact(WHEREABOUTS_RESET, datetime.now(UTC), person_id=hall.anna, actor="uid:1", detail=detail)
        site.ledger.append(session, [fact])
    hall.pump()
    assert (hall.zone_of(hall.anna), hall.state.where[hall.anna].how) == ("outside", "operator")
    hall.card("arm2-in")
    hall.pump()
    assert hall.verdicts() == ["granted", "granted"]


def test_what_another_process_commits_is_found(hall: Hall) -> None:
    hall.passes("arm-in", "arm")
    other = Database.open(hall.entrance.site.home.database)
    try:
        with other.write(changes_site=False) as session:
            fact = Fact(WHEREABOUTS_RESET, datetime.now(UTC), detail={"all": True})
            ledger_rows.append(session, [fact])
    finally:
        other.close()
    hall.passes("arm2-in", "arm2", "2")  # waits behind the gap
    assert hall.zone_of(hall.anna) == "hall"
    hall.keeper.look()
    hall.pump()
    assert (hall.zone_of(hall.anna), hall.zone_of(hall.bert)) == (None, "hall")
    assert hall.state == folded(hall)


def _console(hall: Hall, serial: int, at: datetime, **more: Any) -> None:
    report = DeviceDecided(1, True, serial, at, direction=ENTRY, names=("1",), **more)
    hall.pipeline.on_device_fact("arm-in", report)


def test_a_console_that_decided_alone_is_read_back_as_violated_and_never_as_denied(hall: Hall) -> None:
    hall.hard()
    now = datetime.now(UTC)
    _console(hall, 1, now - timedelta(minutes=9))
    _console(hall, 2, now - timedelta(minutes=8))  # before the first is durable
    hall.pump()
    assert hall.verdicts() == ["granted", "anti_passback", "granted"]
    violated = hall.last("rule_violated")
    assert violated["detail"]["offline"] is True
    assert violated["seq"] == hall.last("access_granted")["seq"] - 1
    assert hall.zone_of(hall.anna) == "hall"
    hall.card("arm2-in")
    hall.pump()
    assert hall.verdicts()[-1] == "anti_passback"


def test_an_old_event_of_a_console_moves_no_one_who_was_seen_since(hall: Hall) -> None:
    hall.passes("arm-in", "arm")
    _console(hall, 1, datetime.now(UTC) - timedelta(minutes=9))
    hall.pump()
    assert hall.state.where[hall.anna].how == "passage"
    assert "rule_violated" not in hall.entrance.kinds()


def test_a_zone_whose_edge_is_away_is_soft_until_the_memory_is_read(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    hall.hard()
    hall.passes("arm-in", "arm")
    perimeter = hall.pipeline.perimeter
    perimeter.know("arm2", has_memory=True, senses_passage=True)
    perimeter.set_away("arm2", away=True)
    hall.passes("arm2-in", "arm2")
    assert hall.verdicts() == ["granted", "anti_passback", "granted"]
    assert hall.last("rule_violated")["detail"]["rule"] == "hall"
    perimeter.set_away("arm2", away=False)
    assert perimeter.unsure(hall.entrance.rules.current) == {"hall": "arm2"}
    later = time.monotonic() + 6
    monkeypatch.setattr("devicemgr.access.portals.perimeter.time.monotonic", lambda: later)
    assert perimeter.unsure(hall.entrance.rules.current) == {}


def test_while_storage_fails_the_spill_file_moves_people_once(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    hall.hard()
    ledger = hall.entrance.site.ledger
    ledger.allow_known = True
    monkeypatch.setattr(ledger, "_retried", time.monotonic() + 3600)
    hall.flush()
    ledger._failed_since = datetime.now(UTC)
    ledger._restored.clear()
    real = ledger._bring_back
    monkeypatch.setattr(ledger, "_bring_back", ledger._refuse)
    hall.passes("arm-in", "arm")
    assert hall.zone_of(hall.anna) == "hall"
    assert hall.anna not in hall.state.where
    hall.card("arm2-in")
    hall.pump()
    monkeypatch.setattr(ledger, "_bring_back", real)
    ledger._retried = 0.0
    assert ledger.wait_restored(10)
    assert hall.verdicts() == ["granted", "anti_passback"]
    hall.pump()
    assert hall.pipeline.areas._spilled == {}
    assert hall.pipeline.areas.view.whereabouts == hall.state == folded(hall)


def test_a_checkpoint_and_the_rest_are_as_the_whole_ledger(hall: Hall) -> None:
    zones = hall.entrance.rules.current.zone_map
    database = hall.entrance.site.database
    steps: list[Callable[[], None]] = [
        lambda: hall.passes("arm-in", "arm", "1"),
        lambda: hall.card("bolt-in", "1"),  # granted, and no passage yet
        lambda: hall.pipeline.on_device_fact("bolt", PassageCompleted(1, ENTRY)),
        lambda: hall.pipeline.on_device_fact("arm2", PassageCompleted(1, ENTRY)),
        lambda: hall.passes("arm2-in", "arm2", "2"),
    ]
    before = area_checkpoint.NOWHERE
    for step in steps:
        step()
        hall.pump()
        with database.write(changes_site=False) as session:
            area_checkpoint.save(session, hall.state, before)
        before = hall.state
        with database.read() as session:
            assert area_checkpoint.stored(session) == hall.state == folded(hall)
    hall.passes("arm2-out", "arm2", "2", EXIT)
    with database.read() as session:
        assert area_checkpoint.load(session, zones) == folded(hall) == hall.state


def test_a_checkpoint_that_is_not_the_last_one_is_written_whole(hall: Hall) -> None:
    hall.passes("arm-in", "arm", "1")
    with hall.entrance.site.database.write(changes_site=False) as session:
        area_checkpoint.save(session, hall.state, replace(hall.state, seq=hall.state.seq - 1))
        assert area_checkpoint.stored(session) == hall.state


def test_presence_that_is_over_is_forgotten_in_the_record(hall: Hall) -> None:
    hall.set(zones={"hall": Zone("hall", forget_after_minutes=5), "lab": Zone("lab", "hall")})
    hall.passes("arm-in", "arm")
    zones = hall.entrance.rules.current.zone_map
    at = datetime.now(UTC) + timedelta(minutes=6)
    (fact,) = area_checkpoint.forgetting(hall.state, at, zones)
    assert area_checkpoint.forgetting(hall.state, datetime.now(UTC), zones) == []
    hall.entrance.site.ledger.submit(fact)
    hall.pump()
    assert hall.zone_of(hall.anna) is None
    assert area_checkpoint.forgetting(hall.state, at, zones) == []
