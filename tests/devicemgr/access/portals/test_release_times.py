"""One clock for one release: the lane waits as long as the gate does, and what it gives up is taken back."""

import time
from typing import Any

import pytest

from devicemgr.domain.device_events import PassageCompleted, PassageStarted
from devicemgr.domain.model import Direction
from devicemgr.domain.ports.device import ReleaseTimes
from devicemgr.errors import OutcomeUnknown
from tests.support.core import ANNA, FakeGate

ENTRY = Direction.ENTRY


class TimedGate(FakeGate):
    """A gate that waits 20 s by its own clock, gives 30 s for a passage, and can be told that nobody comes."""

    times = ReleaseTimes(20.0, 30.0)

    def release_times(self, channel: int, seconds: float) -> ReleaseTimes:
        assert (channel, seconds) == (1, 5.0)
        return self.times

    def cancel_release(self, channel: int, direction: Direction) -> None:
        self.done.put(("cancel", channel, direction))


@pytest.fixture
def lane(entrance: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The entrance with such a gate; lane.after(seconds) is so long after it was granted."""
    entrance.gate.__class__ = TimedGate
    began = time.monotonic()

    def after(seconds: float) -> None:
        monkeypatch.setattr(time, "monotonic", lambda: began + seconds)
        entrance.pipeline.tick()

    entrance.after = after
    return entrance


def test_who_steps_in_late_but_in_time_for_the_gate_is_not_forced(lane: Any) -> None:
    lane.see(ANNA)
    lane.finish()
    lane.after(19)
    lane.pipeline.on_device_fact("arm", PassageStarted(1, ENTRY))
    lane.after(45)
    lane.pipeline.on_device_fact("arm", PassageCompleted(1, ENTRY))
    assert lane.kinds() == ["access_granted", "portal_unlocked", "passage_started", "passage_completed"]


def test_what_the_lane_gives_up_is_taken_back_at_the_gate(lane: Any) -> None:
    lane.see(ANNA)
    lane.finish()
    lane.after(49)
    assert lane.gate.done.qsize() == 1
    lane.after(51)
    assert [lane.gate.done.get(timeout=10)[0] for _ in range(2)] == ["release", "cancel"]
    assert lane.kinds()[-1] == "passage_timed_out"


def test_so_is_one_whose_answer_was_lost(lane: Any) -> None:
    lane.gate.release_error = OutcomeUnknown("no answer")
    lane.see(ANNA)
    lane.finish()
    lane.after(51)
    assert [lane.gate.done.get(timeout=10) for _ in range(2)][1] == ("cancel", 1, ENTRY)


def test_nothing_is_taken_back_while_a_later_release_of_that_side_waits(lane: Any) -> None:
    lane.see(ANNA)
    lane.finish()
    lane.after(30)
    lane.pipeline.manual.open("lobby", ENTRY, "uid:1", lambda _: None)
    lane.finish()
    lane.after(51)
    assert lane.kinds()[-1] == "passage_timed_out"
    assert [lane.gate.done.get(timeout=10)[0] for _ in range(2)] == ["release", "release"]
    assert lane.gate.done.empty()
    lane.after(90)
    assert lane.gate.done.get(timeout=10) == ("cancel", 1, ENTRY)


def test_a_gate_without_passages_is_locked_when_its_own_time_is_over(lane: Any) -> None:
    lane.gate.senses_passage = False
    lane.see(ANNA)
    lane.finish()
    lane.after(19)
    assert "portal_relocked" not in lane.kinds()
    lane.after(21)
    assert lane.kinds()[-1] == "portal_relocked"
