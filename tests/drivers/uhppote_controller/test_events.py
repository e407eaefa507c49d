"""Events of a UHPPOTE controller: by their index, once, in order, after an outage too."""

from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.domain.device_events import CardRead, DeviceDecided, DeviceReported
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction
from devicemgr.domain.ports.device import Holding
from drivers.sim.uhppote.controller import SimulatedUhppote, obey
from drivers.uhppote_controller.events import REFUSALS

SERIAL = 423187757
ENTRY = Direction.ENTRY


def swipes(facts):
    return [fact for fact in facts if isinstance(fact, DeviceDecided)]


def test_events_come_once_in_order_with_their_own_times_also_after_an_outage(sim, controller, gate):
    device = controller()
    device.put([Holding("77", doors=frozenset({1}))], {})
    sim.clock_skew = timedelta(seconds=-3)
    for card, door in ((77, 1), (77, 2), (99, 1)):
        sim.swipe(card, door, direction=2)
    sim.happens(2, 3, 20)
    facts = device.poll()
    assert [(f.granted, f.why, f.serial, f.direction) for f in swipes(facts)] == [
        (True, "", 1, Direction.EXIT),
        (False, "no_access_level", 2, Direction.EXIT),
        (False, "unknown_credential", 3, Direction.EXIT),
    ]
    (button,) = [fact for fact in facts if isinstance(fact, DeviceReported)]
    assert (button.channel, button.kind, button.serial) == (3, Kind.REX_PRESSED, 4)
    assert all(1.0 <= (datetime.now(UTC) - fact.at).total_seconds() <= 15 for fact in swipes(facts))
    assert device.poll() == []

    device.close()
    for _ in range(45):
        sim.swipe(77, 1)
    again = gate("uhppote_controller", sim.address, controller=SERIAL, listener="off", fire_input=False)
    again.resume(4)
    again.open()
    found = [fact.serial for _ in range(6) for fact in swipes(again.poll())]
    assert found == list(range(5, 50))
    assert again.poll_interval == 0.25


def test_one_poll_reads_a_few_events_and_the_next_comes_at_once(sim, controller):
    device = controller()
    for _ in range(30):
        sim.swipe(99, 1)
    assert len(device.poll()) == 20
    assert device.poll_interval < 0.1
    assert len(device.poll()) == 10


def test_what_was_written_over_or_began_anew_is_said(gate):
    with SimulatedUhppote(SERIAL, most_events=10) as sim:
        device = gate("uhppote_controller", sim.address, controller=SERIAL, listener="off", fire_input=False)
        sim.swipe(99, 1)
        device.open()
        for _ in range(25):
            sim.swipe(99, 1)
        lost, *rest = device.poll()
        assert (lost.kind, lost.detail) == (Kind.DEVICE_DEGRADED, "events 2 to 16 are lost: written over")
        assert [fact.serial for fact in rest] == list(range(17, 27))
        sim.memory.events.clear()
        sim.memory.first = 1
        sim.swipe(99, 1)
        anew, swipe = device.poll()
        assert "started over" in anew.detail
        assert swipe.serial == 1


def test_a_remote_opening_of_ours_is_no_event_and_anothers_is(sim, controller):
    device = controller()
    device.release(1, ENTRY, 5.0)
    assert device.poll() == []
    sim.happens(2, 1, 44)
    (fact,) = device.poll()
    assert (fact.kind, fact.why) == (Kind.PORTAL_UNLOCKED, "opened by another program")


@pytest.mark.parametrize(
    ("command", "told"),
    [("door 2 force", Kind.PORTAL_FORCED), ("door 2 hold", Kind.PORTAL_HELD_OPEN), ("button 2", Kind.REX_PRESSED)],
)
def test_alarms_and_buttons(sim, controller, command, told):
    device = controller()
    obey(sim, command)
    (fact,) = device.poll()
    assert (fact.kind, fact.channel) == (told, 2)
    obey(sim, "door 2 open")
    assert device.poll() == []


def test_a_host_decides_cards_of_now_and_no_older_ones(sim, controller):
    device = controller(decide="host")
    sim.swipe(8058400, 2)
    assert device.poll() == [CardRead(2, ("80:58400", "5301280", "raw:26:2A1C841"))]
    device.release(2, ENTRY, 5.0)
    assert device.poll() == []
    sim.clock_skew = timedelta(seconds=-4)
    sim.swipe(8058400, 2)
    sim.clock_skew = timedelta()
    assert device.poll() == [], "four seconds ago is not now"
    device.close()
    sim.swipe(8058400, 2)
    device.open()
    assert device.poll() == [], "nobody listened"
    sim.swipe(8058400, 2)
    assert len(device.poll()) == 1


def test_a_host_says_that_the_controller_opens_unasked(sim, controller):
    controller().put([Holding("77", doors=frozenset({1}))], {})
    device = controller(decide="host")
    (alarm,) = device.poll()
    assert "holds 1 cards" in alarm.detail
    sim.swipe(77, 1)
    (fact,) = device.poll()
    assert isinstance(fact, DeviceDecided)
    assert fact.granted


def test_the_codes_are_reasons_of_ours_or_words():
    assert all(REFUSALS.values())
