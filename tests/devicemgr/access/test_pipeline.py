"""request -> decide -> record -> actuate -> outcome -> record, on a real database and a gate of the tests."""

import queue
import time
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from devicemgr.domain.device_events import DeviceReported, GateAlarm, PassageCompleted, PassageStarted
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction
from devicemgr.domain.ports.device import Delivery
from devicemgr.errors import DeviceRefused, OutcomeUnknown, StorageFailed

ANNA = np.eye(4, dtype=np.float32)[0]
STRANGER = np.eye(4, dtype=np.float32)[3]


def test_grant_is_durable_before_the_gate_is_told_and_passage_completes_it(entrance: Any) -> None:
    entrance.see(ANNA)
    entrance.finish()
    assert entrance.committed_at_release == [1]
    assert entrance.gate.done.get_nowait() == ("release", 1, Direction.ENTRY, 5.0)
    entrance.pipeline.on_device_fact("arm", PassageStarted(1, Direction.ENTRY))
    entrance.pipeline.on_device_fact("arm", PassageCompleted(1, Direction.ENTRY))
    events = entrance.events()
    kinds = ["access_granted", "portal_unlocked", "passage_started", "passage_completed"]
    assert [event["kind"] for event in events] == kinds
    assert len({event["request"] for event in events}) == 1
    assert events[0]["person"] == "A1"
    assert [event["person"] for event in events[2:]] == ["A1", "A1"]
    assert set(events[1]["latency_ms"]) == {"capture_to_decision", "decision_to_record", "record_to_unlock", "total"}
    assert all(value >= 0 for value in events[1]["latency_ms"].values())
    assert entrance.pipeline.state_of("lobby") == "idle"


def test_one_person_who_stays_makes_one_request(entrance: Any) -> None:
    for number in range(20):
        entrance.see(ANNA, track=f"t{number % 3}", frames=number + 1)
    entrance.finish()
    assert entrance.kinds().count("access_granted") == 1
    assert entrance.gate.done.qsize() == 1
    assert ("cam", "t1") in entrance.settled


def test_a_stranger_is_one_denial_without_a_name_and_moves_nothing(entrance: Any) -> None:
    entrance.see(STRANGER, frames=1)
    assert entrance.kinds() == []
    for frames in range(2, 12):
        entrance.see(STRANGER, frames=frames)
    entrance.see(STRANGER, frames=12, ended=True)
    (event,) = entrance.events()
    assert (event["kind"], event["reason"], event["person"]) == ("access_denied", "unknown_face", None)
    assert entrance.gate.done.empty()


def test_a_face_never_good_enough_is_low_quality(entrance: Any) -> None:
    entrance.see(None, frames=0, ended=True)
    (event,) = entrance.events()
    assert event["reason"] == "low_quality"


def test_stale_evidence_opens_nothing_and_a_fresh_look_does(entrance: Any) -> None:
    entrance.see(ANNA, captured=time.monotonic() - 60)
    assert [e["reason"] for e in entrance.events()] == ["stale_evidence"]
    assert entrance.gate.done.empty()
    entrance.see(ANNA)
    entrance.finish()
    assert entrance.gate.done.qsize() == 1


def test_no_record_no_opening(entrance: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = 0
    real = entrance.site.database.write

    def write(**_: Any) -> Any:
        nonlocal refused
        refused += 1
        raise StorageFailed("database or disk is full")

    monkeypatch.setattr(entrance.site.database, "write", write)
    entrance.see(ANNA)
    entrance.finish()
    assert refused > 0
    assert entrance.gate.done.empty()
    monkeypatch.setattr(entrance.site.database, "write", real)
    events = entrance.events()
    assert "access_granted" not in [event["kind"] for event in events]
    assert [e["reason"] for e in events if e["kind"] == "access_denied"] == ["storage_failed"]


@pytest.mark.parametrize(
    ("error", "kind", "outcome"),
    [
        (OutcomeUnknown("no answer"), "portal_unlocked", "unknown"),
        (DeviceRefused("exception 2"), "portal_unlock_failed", "failed"),
    ],
)
def test_a_release_is_sent_once_whatever_comes_back(entrance: Any, error: Exception, kind: str, outcome: str) -> None:
    entrance.gate.release_error = error
    entrance.see(ANNA)
    entrance.finish()
    assert entrance.gate.done.qsize() == 1
    last = entrance.events()[-1]
    assert (last["kind"], last["detail"]["outcome"]) == (kind, outcome)


@pytest.mark.parametrize("delivery", [Delivery.SENT, None])
def test_a_gate_that_proves_nothing_is_recorded_as_sent(entrance: Any, delivery: Delivery | None) -> None:
    entrance.gate.delivery = delivery
    entrance.see(ANNA)
    entrance.finish()
    last = entrance.events()[-1]
    assert (last["kind"], last["detail"]) == ("portal_unlocked", {"outcome": "sent"})
    assert entrance.pipeline.state_of("lobby") == "released"


def test_a_gate_that_does_not_sense_passages_locks_again_and_claims_none(
    entrance: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    entrance.gate.senses_passage = False
    entrance.see(ANNA)
    entrance.finish()
    assert entrance.pipeline.state_of("lobby") == "released"
    later = time.monotonic() + 6.0
    monkeypatch.setattr(time, "monotonic", lambda: later)
    entrance.pipeline.tick()
    monkeypatch.undo()
    assert entrance.kinds() == ["access_granted", "portal_unlocked", "portal_relocked"]


def test_nobody_passes_and_the_release_times_out(entrance: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    entrance.see(ANNA)
    entrance.finish()
    later = time.monotonic() + 60
    monkeypatch.setattr(time, "monotonic", lambda: later)
    entrance.pipeline.tick()
    monkeypatch.undo()
    assert entrance.kinds()[-1] == "passage_timed_out"


def test_alarms_are_recorded_and_in_a_fire_nobody_is_a_tailgater(entrance: Any) -> None:
    entrance.pipeline.on_device_fact("arm", GateAlarm(1, Kind.TAMPER, "cover"))
    entrance.rules.set_fire("arm", True)
    entrance.pipeline.on_device_fact("arm", PassageStarted(1, Direction.EXIT))
    assert entrance.kinds() == ["tamper", "passage_started"]


def test_a_guard_opens_with_a_record(entrance: Any) -> None:
    ended: queue.Queue[Any] = queue.Queue()
    request = entrance.pipeline.manual.open("lobby", Direction.EXIT, "uid:7", ended.put)
    entrance.finish()
    assert ended.get(timeout=10).word == "confirmed"
    events = entrance.events()
    assert [event["kind"] for event in events] == ["admin.portal_open", "portal_unlocked"]
    assert {event["request"] for event in events} == {request}
    assert {event["actor"] for event in events} == {"uid:7"}


def test_a_face_of_another_model_is_never_compared(entrance: Any) -> None:
    for frames in range(1, 8):
        entrance.see(ANNA, frames=frames, model="another@1")
    entrance.see(ANNA, frames=9, ended=True, model="another@1")
    assert entrance.events() == []
    assert entrance.gate.done.empty()
    entrance.see(ANNA)
    entrance.finish()
    assert "access_granted" in entrance.kinds()


def test_after_a_lost_answer_the_state_is_unknown_until_the_gate_tells_more(entrance: Any) -> None:
    entrance.gate.release_error = OutcomeUnknown("no answer")
    entrance.see(ANNA)
    entrance.finish()
    assert entrance.pipeline.state_of("lobby") == "unknown"
    entrance.pipeline.on_device_fact("arm", PassageCompleted(1, Direction.ENTRY))
    assert entrance.pipeline.state_of("lobby") == "idle"


def test_a_gates_own_memory_proves_a_release_whose_answer_was_lost(entrance: Any) -> None:
    entrance.gate.release_error = OutcomeUnknown("no answer")
    entrance.see(ANNA)
    entrance.finish()
    opened = DeviceReported(1, Kind.DEVICE_CONFIRMED, 7, datetime.now(UTC), "opened, although its answer was lost")
    entrance.pipeline.on_device_fact("door of another", opened)
    assert entrance.pipeline.state_of("lobby") == "unknown"
    entrance.pipeline.on_device_fact("arm", opened)
    assert entrance.pipeline.state_of("lobby") == "released"
    assert entrance.kinds()[-1] == "device_confirmed"
