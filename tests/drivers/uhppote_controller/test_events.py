"""Events of a UHPPOTE controller: by their index, once, in order, after an outage too."""

from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.domain.device_events import CardRead, DeviceDecided, DeviceReported
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction
from devicemgr.domain.ports.device import Holding
from drivers.sim.uhppote.commands import obey
from drivers.sim.uhppote.controller import SimulatedUhppote
from drivers.uhppote_controller.events import ControllerEvent, fact_of

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
    assert [fact.kind for fact in device.poll()] == [Kind.DEVICE_CONFIRMED]
    sim.clock_skew = timedelta(seconds=-4)
    sim.swipe(8058400, 2)
    sim.clock_skew = timedelta()
    (late,) = device.poll()
    assert isinstance(late, DeviceDecided), "four seconds ago is not now"
    assert (late.granted, late.why, late.names[0]) == (False, "stale_evidence", "80:58400")
    device.close()
    sim.swipe(8058400, 2)
    device.open()
    (missed,) = device.poll()
    assert (missed.granted, missed.why) == (False, "stale_evidence"), "no one was connected"
    sim.swipe(8058400, 2)
    (now,) = device.poll()
    assert isinstance(now, CardRead)


def test_a_host_says_that_the_controller_opens_unasked(sim, controller):
    controller().put([Holding("77", doors=frozenset({1}))], {})
    device = controller(decide="host")
    (alarm,) = device.poll()
    assert "holds 1 cards" in alarm.detail
    sim.swipe(77, 1)
    (fact,) = device.poll()
    assert isinstance(fact, DeviceDecided)
    assert fact.granted


# uhppoted's own words for its reasons ("event.reason.N" of its locales, uhppoted-lib), without 2 and 3, which its
# constants name "swipe open" and "swipe close" (uhppoted-lib-python and others).
SWIPE_PASS = {1: "swipe", 2: "swipe open", 3: "swipe close"}
DOCUMENTED = {
    5: "swipe:denied (system)",
    6: "no access rights",
    7: "incorrect password",
    8: "anti-passback",
    9: "more cards",
    10: "first card open",
    11: "door is normally closed",
    12: "interlock",
    13: "not in allowed time period",
    15: "invalid timezone",
    18: "access denied",
    20: "push button ok",
    25: "door opened (supervisor password)",
    28: "controller power on",
    29: "controller reset",
    31: "pushbutton invalid (door locked)",
    32: "pushbutton invalid (offline)",
    33: "pushbutton invalid (interlock)",
    34: "pushbutton invalid (threat)",
    37: "door open too long",
    38: "forced open",
    39: "fire",
    40: "forced closed",
    41: "theft prevention",
    42: "24x7 zone",
    43: "emergency",
    44: "remote open door",
    45: "remote open door (USB reader)",
}
OF_CARDS = {reason for reason in DOCUMENTED if reason <= 18}


def event(reason, kind=1, granted=False, card=8058400):
    return ControllerEvent(7, kind, granted, 2, 1, card, datetime(2026, 11, 24, 10, 15, tzinfo=UTC), reason)


@pytest.mark.parametrize("kind", [1, 2])
def test_the_reason_says_whether_a_card_was_let_in_and_not_the_type(kind):
    for reason in SWIPE_PASS:
        fact = fact_of(event(reason, kind, granted=True))
        assert (type(fact), fact.granted, fact.names[0]) == (DeviceDecided, True, "80:58400")
    for reason in OF_CARDS:
        fact = fact_of(event(reason, kind))
        assert (type(fact), fact.granted, bool(fact.why)) == (DeviceDecided, False, True)


@pytest.mark.parametrize("reason", sorted(set(DOCUMENTED) - OF_CARDS))
def test_every_documented_reason_is_recorded_as_what_it_says(reason):
    fact = fact_of(event(reason, 3, card=0))
    assert isinstance(fact, DeviceReported)
    assert "documents do not have" not in fact.why
    # A card's number stands in a remote opening too (uhppote-simulator, open_door.go), and no card was shown.
    assert isinstance(fact_of(event(reason, 2, granted=True, card=3922570474)), DeviceReported)


@pytest.mark.parametrize(("reason", "kind"), [(0, 2), (99, 1), (200, 2), (201, 3)])
def test_a_reason_that_no_document_has_is_recorded_with_its_number(reason, kind):
    fact = fact_of(event(reason, kind, granted=False))
    if kind == 1:
        assert (fact.granted, fact.why) == (False, f"reason {reason}")
    else:
        assert fact.kind is Kind.DEVICE_DEGRADED
        assert f"type {kind} with reason {reason}" in fact.why
        assert "card 8058400" in fact.why


def test_a_refused_button_is_not_a_pressed_one():
    """Type 3, not granted, reason 20 (uhppote-simulator, ButtonPressed)."""
    assert fact_of(event(20, 3, granted=False, card=6)).why == "refused: the door stays closed"
    assert fact_of(event(20, 2, granted=True, card=1)).why == ""


def test_thirty_people_let_in_during_an_outage_are_all_recorded(sim, controller, gate):
    """Granted swipes are of type 2 there (uhppote-simulator, Swipe)."""
    device = controller()
    device.put([Holding("77", doors=frozenset({1}))], {})
    device.close()
    for _ in range(30):
        assert sim.swipe(77, 1)
    assert {stored[0] for stored in sim.memory.events} == {2}
    device.open()
    facts = swipes([fact for _ in range(4) for fact in device.poll()])
    assert [(fact.granted, fact.serial) for fact in facts] == [(True, serial) for serial in range(1, 31)]
