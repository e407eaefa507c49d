"""What the last run left open at a gate when it was killed: the next one goes on expecting it, and no longer."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.access import unconfirmed_releases
from devicemgr.access.portals.last_run import left_open
from devicemgr.domain.device_events import DeviceDecided, PassageCompleted, PassageStarted
from devicemgr.domain.ports.device import Delivery, ReleaseTimes
from devicemgr.domain.zones import Interlock
from tests.devicemgr.access.hall import ENTRY, Hall

RELEASE_S, PASSAGE_S = 5.0, 7.0


def _trap(hall: Hall) -> None:
    hall.set(interlocks={"trap": Interlock("trap", frozenset({"lobby", "lab-door"}), 0.0)})


def _restart(hall: Hall, after_s: float = 1.0, *, marks: bool = True) -> Hall:
    """Kill the daemon and start it so much later, on the same home."""
    hall.flush()
    site = hall.entrance.site
    if marks:
        unconfirmed_releases.mark(site)
    people, cards = hall.entrance.rules.current.people, hall.entrance.rules.current.cards
    levels, interlocks = hall.entrance.rules.current.levels, hall.entrance.rules.current.interlocks
    again = Hall.__new__(Hall)
    type(hall.entrance)._build = lambda self: (setattr(self, "anna", hall.anna), self.rules.refresh())[1]
    entrance = type(hall.entrance)(site, hall.entrance.gate)
    Hall.__init__(again, entrance)
    again.set(people=people, cards=cards, levels=levels, interlocks=interlocks)
    with site.database.read() as session:
        left = left_open(session, again.entrance.rules.current, datetime.now(UTC) + timedelta(seconds=after_s))
    for one in left:
        again.pipeline.resume(one)
    return again


@pytest.fixture
def trap(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> Hall:
    monkeypatch.setattr(type(hall.entrance), "_build", type(hall.entrance)._build)  # put back at the end
    _trap(hall)
    return hall


def test_a_release_that_waits_keeps_the_other_door_of_a_trap_shut_after_a_kill(trap: Hall) -> None:
    trap.card("bolt-in")
    trap.pump()
    again = _restart(trap)
    again.card("arm-in", "2")
    again.pump()
    assert again.verdicts()[-1] == "interlock"
    assert again.last("access_denied")["detail"]["facts"] == {"not_shut": {"lab-door": "released"}}
    again.pipeline.on_device_fact("bolt", PassageCompleted(1, ENTRY))
    again.pump()
    completed, granted = again.last("passage_completed"), trap.last("access_granted")
    assert (completed["request"], completed["person"]) == (granted["request"], granted["person"])
    assert "portal_forced" not in again.entrance.kinds()
    again.card("arm-in", "2")
    again.pump()
    assert again.verdicts()[-1] == "granted"


def test_a_grant_that_was_never_reported_may_have_opened(trap: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trap.entrance, "command", lambda *_: None)  # killed before the gate's answer
    trap.card("bolt-in")
    trap.flush()
    again = _restart(trap)
    assert again.last("portal_unlock_unconfirmed")
    again.card("arm-in", "2")
    again.pump()
    assert again.verdicts()[-1] == "interlock"


@pytest.mark.parametrize(("after_s", "verdict"), [(RELEASE_S + PASSAGE_S - 0.5, "interlock"), (12.0, "granted")])
def test_a_trap_refuses_no_longer_than_the_release_and_its_passage_last(
    trap: Hall, after_s: float, verdict: str
) -> None:
    trap.card("bolt-in")
    trap.pump()
    again = _restart(trap, after_s)
    again.card("arm-in", "2")
    again.pump()
    assert again.verdicts()[-1] == verdict


def test_a_release_that_is_not_used_after_a_kill_is_recorded_as_timed_out(trap: Hall) -> None:
    trap.card("bolt-in")
    trap.pump()
    again = _restart(trap)
    again.times_out()
    timed_out = again.last("passage_timed_out")
    assert (timed_out["request"], timed_out["person"]) == (trap.last("access_granted")["request"], "A1")
    again.card("arm-in", "2")
    again.pump()
    assert again.verdicts()[-1] == "granted"


def test_a_passage_that_had_begun_is_not_begun_again(trap: Hall) -> None:
    trap.card("bolt-in")
    trap.pump()
    trap.pipeline.on_device_fact("bolt", PassageStarted(1, ENTRY))
    again = _restart(trap)
    assert again.pipeline.state_of("lab-door") == "passing"
    again.pipeline.on_device_fact("bolt", PassageCompleted(1, ENTRY))
    again.pump()
    kinds = again.entrance.kinds()
    assert (kinds.count("passage_started"), kinds.count("passage_completed"), kinds.count("portal_forced")) == (1, 1, 0)


@pytest.mark.parametrize("how", ["passed", "timed_out", "failed"])
def test_what_has_ended_before_the_kill_is_not_open(trap: Hall, how: str) -> None:
    if how == "failed":
        trap.entrance.others["bolt"] = gate = type(trap.entrance.gate)()
        gate.release_error = RuntimeError("away")
    trap.card("bolt-in")
    trap.pump()
    if how == "passed":
        trap.pipeline.on_device_fact("bolt", PassageCompleted(1, ENTRY))
    elif how == "timed_out":
        trap.times_out()
    again = _restart(trap)
    assert again.pipeline.state_of("lab-door") == "idle"
    again.card("arm-in", "2")
    again.pump()
    assert again.verdicts()[-1] == "granted"


def test_the_times_of_a_gate_that_keeps_its_own_are_kept(trap: Hall) -> None:
    gate = trap.entrance.others["bolt"] = type(trap.entrance.gate)()
    gate.release_times = lambda *_: ReleaseTimes(60.0, 30.0)  # type: ignore[attr-defined]
    trap.card("bolt-in")
    trap.pump()
    assert trap.last("portal_unlocked")["detail"] == {"outcome": "confirmed", "waits_s": 60.0, "passage_s": 30.0}
    assert _restart(trap, 80.0).pipeline.state_of("lab-door") == "released"


def test_a_gate_that_senses_no_passage_is_relocked_after_a_kill(trap: Hall) -> None:
    gate = trap.entrance.others["bolt"] = type(trap.entrance.gate)()
    gate.senses_passage, gate.delivery = False, Delivery.SENT
    trap.card("bolt-in")
    trap.pump()
    again = _restart(trap)
    assert again.pipeline.state_of("lab-door") == "released"
    again.times_out()
    assert again.last("portal_relocked")["request"] == trap.last("access_granted")["request"]
    assert again.pipeline.state_of("lab-door") == "idle"
    assert "passage_timed_out" not in again.entrance.kinds()


def test_a_place_that_a_release_holds_is_held_over_a_kill(trap: Hall) -> None:
    trap.card("bolt-in")
    trap.pump()
    again = _restart(trap)
    zones = {held.zones for held in again.pipeline.areas.facts("lobby", again.entrance.rules.current).reservations}
    assert zones == {frozenset({"lab"})}
    again.pipeline.on_device_fact("bolt", PassageCompleted(1, ENTRY))
    again.pump()
    assert again.pipeline.areas.facts("lobby", again.entrance.rules.current).reservations == ()


def test_a_console_whose_gate_senses_no_passage_opens_it_for_its_time(trap: Hall) -> None:
    trap.pipeline.perimeter.know("bolt", has_memory=True, senses_passage=False)
    report = DeviceDecided(1, True, 7, datetime.now(UTC), direction=ENTRY, names=("1",), live=True)
    trap.pipeline.on_device_fact("bolt-in", report)
    assert trap.pipeline.state_of("lab-door") == "released"
    trap.pump()
    assert trap.zone_of(trap.anna) == "lab"
    assert trap.pipeline.areas.facts("lobby", trap.entrance.rules.current).reservations == ()
    trap.pipeline._passages.tick(time.monotonic() + 60)
    trap.pump()
    assert trap.pipeline.state_of("lab-door") == "idle"
    assert "passage_timed_out" not in trap.entrance.kinds()


def test_the_passage_of_a_person_erased_in_the_lane_names_no_one(trap: Hall) -> None:
    trap.card("bolt-in")
    trap.pump()
    trap.set(people={trap.bert: trap.entrance.rules.current.people[trap.bert]})
    trap.pipeline.on_device_fact("bolt", PassageCompleted(1, ENTRY))
    trap.flush()
    bodies = [one for one in trap.recorded.queue for one in one.bodies]
    assert [body["person_id"] for body in bodies if body["kind"] == "passage_completed"] == [None]
