"""Openings by a UHPPOTE controller that were commanded here are known as ours, also without an answer."""

from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.domain.device_events import DeviceReported
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction
from devicemgr.errors import OutcomeUnknown
from drivers.uhppote_controller.own_openings import OwnOpenings

ENTRY = Direction.ENTRY


def lose_answer(device, sim, door=1):
    sim.faults.drop_next = 1
    with pytest.raises(OutcomeUnknown):
        device.release(door, ENTRY, 5.0)
    assert [event["fault"] for event in sim.events.all("fault")][-1] == "no answer"


def test_an_opening_whose_answer_was_lost_is_proven_by_its_event(sim, controller):
    device = controller()
    device.release(1, ENTRY, 5.0)
    device.poll()
    lose_answer(device, sim)
    (fact,) = device.poll()
    assert (fact.kind, fact.channel, fact.serial) == (Kind.DEVICE_CONFIRMED, 1, 2)
    assert "although its answer was lost" in fact.why


def test_it_is_proven_after_a_new_connection_too(sim, controller):
    device = controller()
    device.release(1, ENTRY, 5.0)
    device.poll()
    lose_answer(device, sim)
    device.close()
    device.open()
    (fact,) = device.poll()
    assert fact.kind is Kind.DEVICE_CONFIRMED


def test_an_opening_of_ours_moves_the_cursor_and_anothers_is_reported(sim, controller):
    device = controller()
    device.release(1, ENTRY, 5.0)
    (ours,) = device.poll()
    assert (type(ours), ours.kind, ours.serial) == (DeviceReported, Kind.DEVICE_CONFIRMED, 1)
    sim.happens(2, 1, 44)
    sim.happens(2, 2, 44)
    facts = device.poll()
    assert [(fact.kind, fact.channel, fact.why) for fact in facts] == [
        (Kind.PORTAL_UNLOCKED, 1, "opened by another program"),
        (Kind.PORTAL_UNLOCKED, 2, "opened by another program"),
    ]


def test_one_from_before_this_connection_blames_no_other_program(sim, controller):
    device = controller()
    device.close()
    sim.happens(2, 1, 44)
    device.open()
    (fact,) = device.poll()
    assert (fact.kind, fact.why) == (Kind.PORTAL_UNLOCKED, "opened remotely while it was not connected here")


def test_an_opening_on_another_day_is_not_ours():
    """The controller's clock may be wrong, which is known; what fits neither door nor time is another's."""
    own, skew = OwnOpenings(), timedelta(minutes=10)
    opening = own.send(1)
    at = opening.at + skew
    assert own.match(2, at, skew) is None
    assert own.match(1, at + timedelta(minutes=1), skew) is None
    assert own.match(1, at, timedelta()) is None
    assert own.match(1, at + timedelta(seconds=1), skew) is opening
    assert own.match(1, at, skew) is None, "one event for one opening"


def test_a_refused_opening_is_forgotten_and_memory_is_bounded():
    own = OwnOpenings()
    own.refused(own.send(1))
    assert own.match(1, datetime.now(UTC), timedelta()) is None
    for _ in range(5000):
        own.send(2)
    assert len(own._openings) <= 200
