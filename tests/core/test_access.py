"""request -> decide -> record -> actuate -> outcome -> record, on a real database and a gate of the tests."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from devicemgr.access import AccessPipeline
from devicemgr.errors import DeviceRefused, OutcomeUnknown, StorageFailed
from devicemgr.events import FireRelease, GateAlarm, Kind, PassageCompleted, PassageStarted, Sighting
from devicemgr.model import Direction
from devicemgr.openings import Outcome
from devicemgr.rulebook import Rulebook
from devicemgr.site import Site
from devicemgr.store import ledger_rows, people, places
from devicemgr.store.ledger_rows import EventFilter
from devicemgr.store.tables import LevelRow, PortalRow

ANNA = np.eye(4, dtype=np.float32)[0]
STRANGER = np.eye(4, dtype=np.float32)[3]


class Entrance:
    """A portal `lobby` with a camera `cam`; Anna may enter; the gate runs on the calling thread."""

    def __init__(self, site: Site, gate: Any) -> None:
        self.site, self.gate = site, gate
        self.rules = Rulebook(site.database)
        self.outcomes: queue.Queue[Outcome] = queue.Queue()
        self.settled: list[tuple[str, str]] = []
        self.committed_at_release: list[int] = []
        self._build()
        self.gallery = self.site.parts.build_gallery([(self.anna, ANNA)], 1)
        self.pipeline = AccessPipeline(
            site.ledger, self, self.rules, lambda: self.gallery, self.outcomes.put,
            lambda device, track: self.settled.append((device, track)),
        )  # fmt: skip

    def _build(self) -> None:
        from devicemgr.model import DeviceConfig

        with self.site.database.write() as session:
            for name in ("cam", "arm"):
                places.add_device(session, self.site.vault, DeviceConfig("", name, "fake_gate", "x"))
            gate = places.device(session, "arm")
            row = PortalRow(
                name="lobby", gate_id=gate.id, channel=1, fail="secure", release_seconds=5.0, mode="normal"
            )  # fmt: skip
            session.add(row)
            session.flush()
            places.set_access_points(session, row, Direction.ENTRY, ["cam"])
            level = LevelRow(name="staff")
            session.add(level)
            session.flush()
            places.set_level_portals(session, level, ["lobby"], None)
            person = people.add(session, "A1", "Anna", None, None)
            people.give_consent(session, person, "form 1")
            people.set_level(session, person, "staff", held=True)
            self.anna = person.id
        self.rules.refresh()

    def command(self, name: str, action: Callable[[Any], object], done: Callable[..., None]) -> None:
        """GateLine: notes what was durable when the gate was told."""
        assert name == "arm"
        with self.site.database.read() as session:
            self.committed_at_release.append(len(ledger_rows.find(session, EventFilter(kind="access_granted"), 99)))
        try:
            result = action(self.gate)
        except Exception as error:
            done(None, error)
        else:
            done(result, None)

    def see(self, face: np.ndarray | None, track: str = "t1", age: float = 0.0, **more: Any) -> None:
        now = time.monotonic()
        given = {"frames": 1, "first_seen": now - age} | more
        self.pipeline.on_sighting(Sighting("cam", track, captured=given.pop("captured", now), embedding=face, **given))

    def finish(self) -> None:
        """Let the outcome of one opening in."""
        self.pipeline.on_outcome(self.outcomes.get(timeout=10))

    def events(self) -> list[dict[str, Any]]:
        """All events, once the ledger has written what was submitted before."""
        written = threading.Event()
        from datetime import UTC, datetime

        from devicemgr.events import Fact

        self.site.ledger.submit(Fact("test.flush", datetime.now(UTC)), lambda _: written.set())
        assert written.wait(10)
        with self.site.database.read() as session:
            found = ledger_rows.find(session, EventFilter(), 1000)
        return [event for event in found if event["kind"] != "test.flush"]

    def kinds(self) -> list[str]:
        return [event["kind"] for event in self.events()]


@pytest.fixture
def entrance(site: Site, catalog: Any) -> Iterator[Entrance]:
    site.ledger.start()
    yield Entrance(site, catalog.gate)
    site.ledger.stop()


def test_grant_is_durable_before_the_gate_is_told_and_passage_completes_it(entrance: Entrance) -> None:
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
    assert set(events[1]["latency_ms"]) == {"capture_to_decision", "decision_to_record", "record_to_unlock", "total"}
    assert all(value >= 0 for value in events[1]["latency_ms"].values())
    assert entrance.pipeline.state_of("lobby") == "idle"


def test_one_person_who_stays_makes_one_request(entrance: Entrance) -> None:
    for number in range(20):
        entrance.see(ANNA, track=f"t{number % 3}", frames=number + 1)
    entrance.finish()
    assert entrance.kinds().count("access_granted") == 1
    assert entrance.gate.done.qsize() == 1
    assert ("cam", "t1") in entrance.settled


def test_a_stranger_is_one_denial_without_a_name_and_moves_nothing(entrance: Entrance) -> None:
    entrance.see(STRANGER, frames=1)
    assert entrance.kinds() == []
    for frames in range(2, 12):
        entrance.see(STRANGER, frames=frames)
    entrance.see(STRANGER, frames=12, ended=True)
    (event,) = entrance.events()
    assert (event["kind"], event["reason"], event["person"]) == ("access_denied", "unknown_face", None)
    assert entrance.gate.done.empty()


def test_a_face_never_good_enough_is_low_quality(entrance: Entrance) -> None:
    entrance.see(None, frames=0, ended=True)
    (event,) = entrance.events()
    assert event["reason"] == "low_quality"


def test_stale_evidence_opens_nothing_and_a_fresh_look_does(entrance: Entrance) -> None:
    entrance.see(ANNA, captured=time.monotonic() - 60)
    assert [e["reason"] for e in entrance.events()] == ["stale_evidence"]
    assert entrance.gate.done.empty()
    entrance.see(ANNA)
    entrance.finish()
    assert entrance.gate.done.qsize() == 1


def test_no_record_no_opening(entrance: Entrance, monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_a_release_is_sent_once_whatever_comes_back(
    entrance: Entrance, error: Exception, kind: str, outcome: str
) -> None:
    entrance.gate.release_error = error
    entrance.see(ANNA)
    entrance.finish()
    assert entrance.gate.done.qsize() == 1
    last = entrance.events()[-1]
    assert (last["kind"], last["detail"]["outcome"]) == (kind, outcome)


def test_a_gate_that_does_not_sense_passages_locks_again_and_claims_none(
    entrance: Entrance, monkeypatch: pytest.MonkeyPatch
) -> None:
    entrance.gate.senses_passage = False
    entrance.see(ANNA)
    entrance.finish()
    assert entrance.pipeline.state_of("lobby") == "released"
    later = time.monotonic() + 6.0
    monkeypatch.setattr(time, "monotonic", lambda: later)
    entrance.pipeline.tick()
    monkeypatch.undo()
    assert entrance.kinds() == ["access_granted", "portal_unlocked", "portal_locked"]


def test_nobody_passes_and_the_release_times_out(entrance: Entrance, monkeypatch: pytest.MonkeyPatch) -> None:
    entrance.see(ANNA)
    entrance.finish()
    later = time.monotonic() + 60
    monkeypatch.setattr(time, "monotonic", lambda: later)
    entrance.pipeline.tick()
    monkeypatch.undo()
    assert entrance.kinds()[-1] == "passage_timed_out"


def test_alarms_and_fire_are_recorded(entrance: Entrance) -> None:
    entrance.pipeline.on_device_fact("arm", GateAlarm(1, Kind.TAMPER, "cover"))
    entrance.pipeline.on_device_fact("arm", FireRelease(True))
    assert entrance.rules.current.fire_active
    entrance.pipeline.on_device_fact("arm", PassageStarted(1, Direction.EXIT))
    assert entrance.kinds() == ["tamper", "fire_release", "passage_started"]


def test_a_guard_opens_with_a_record(entrance: Entrance) -> None:
    ended: queue.Queue[Any] = queue.Queue()
    request = entrance.pipeline.open_manually("lobby", Direction.EXIT, "uid:7", ended.put)
    entrance.finish()
    assert ended.get(timeout=10) is None
    events = entrance.events()
    assert [event["kind"] for event in events] == ["admin.portal_open", "portal_unlocked"]
    assert {event["request"] for event in events} == {request}
    assert {event["actor"] for event in events} == {"uid:7"}
