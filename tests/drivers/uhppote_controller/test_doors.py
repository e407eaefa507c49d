"""Doors of a UHPPOTE controller: opened once, timed by it, named in messages; fire and clock."""

from datetime import timedelta

import pytest

from devicemgr.domain.device_events import DoorContact, FireRelease, GateAlarm
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import DeviceConfig, Direction, PortalMode
from devicemgr.domain.ports.device import Gate, Holder, Holding, Replaying
from devicemgr.errors import DeviceRefused, DeviceUnreachable, InvalidInput, OutcomeUnknown
from drivers.sim.uhppote.commands import obey
from drivers.uhppote_controller import driver

SERIAL = 423187757
ENTRY = Direction.ENTRY


def test_what_it_is(controller):
    device = controller()
    assert isinstance(device, Gate)
    assert isinstance(device, Holder)
    assert isinstance(device, Replaying)
    assert not isinstance(controller(decide="host"), Holder)
    found = device.check()
    assert (found["serial"], found["firmware"], found["cards"]) == (str(SERIAL), "v8.92", 0)


def test_the_door_is_timed_by_the_controller_and_told_only_what_differs(sim, controller):
    device = controller()
    device.release(1, ENTRY, 5.0)
    device.release(1, ENTRY, 4.2)
    assert sim.events.all("door") == []
    device.release(1, ENTRY, 8.5)
    device.release(1, ENTRY, 8.5)
    assert [event["seconds"] for event in sim.events.all("opened")] == [5, 5, 9, 9]
    assert len(sim.events.all("door")) == 1
    with pytest.raises(DeviceRefused, match="doors 1 to 4"):
        device.release(5, ENTRY, 5.0)


def test_a_door_that_is_normally_closed_is_not_said_to_have_opened(sim, controller, asked):
    """It answers "opened" and records an opening all the same (uhppote-simulator, open_door.go and door.go)."""
    device = controller()
    device.set_mode(1, PortalMode.LOCKED)
    with pytest.raises(DeviceRefused, match="normally closed and would stay shut"):
        device.release(1, ENTRY, 5.0)
    assert asked(0x40) == []
    device.set_mode(1, PortalMode.NORMAL)
    device.release(1, ENTRY, 5.0)
    assert len(sim.events.all("opened")) == 1


def test_a_mode_that_another_program_changed_is_put_back(sim, controller, monkeypatch):
    monkeypatch.setattr("drivers.uhppote_controller.doors.COMPARED_EVERY_S", 0.0)
    device = controller(fire_input=True)
    device.set_mode(1, PortalMode.NORMAL)
    device.set_mode(2, PortalMode.LOCKED)
    device.poll()
    sim.memory.doors[2].mode = 1
    facts = [fact for _ in range(2) for fact in device.poll()]
    assert [(fact.kind, fact.channel) for fact in facts] == [(Kind.DEVICE_DEGRADED, 2)]
    assert "door 2 was normally open, not locked" in facts[0].detail
    assert sim.memory.doors[2].mode == 2
    assert [fact for _ in range(4) for fact in device.poll()] == []
    obey(sim, "fire on")
    sim.memory.doors[2].mode = 1
    assert [fact for _ in range(4) for fact in device.poll()] == [FireRelease(True)]
    assert sim.memory.doors[2].mode == 1, "fire opens doors whatever their mode is"
    obey(sim, "fire off")
    assert [type(fact) for _ in range(4) for fact in device.poll()] == [FireRelease, GateAlarm]


def test_the_simulator_obeys_its_door_mode(sim, controller):
    """A card, a button and a remote opening at each mode; bits of the relays in the status (models.json, offset 49)."""
    device = controller()
    device.put([Holding("77", doors=frozenset({1, 2, 3}))], {})
    for door, mode in ((1, PortalMode.FREE), (2, PortalMode.LOCKED), (3, PortalMode.NORMAL)):
        device.set_mode(door, mode)
    assert device._ask("get_status").relays == 0b0001
    assert [sim.swipe(77, door) for door in (1, 2, 3)] == [True, False, True]
    for door in (2, 3):
        sim.press(door)
    assert device._ask("get_status").relays == 0b0101
    facts = device.poll()
    assert [(fact.granted, fact.why) for fact in facts[:3]] == [(True, ""), (False, "portal_locked"), (True, "")]
    assert [fact.why for fact in facts[3:]] == ["refused: the door stays closed", ""]
    assert device._ask("open_door", 2).opened
    assert sim.events.all("kept_shut")[0]["door"] == 2
    assert device._ask("get_status").relays == 0b0101


def test_a_lost_answer_to_open_door_is_unknown_and_never_repeated(sim, controller, asked):
    device = controller()
    device.release(1, ENTRY, 5.0)
    sim.faults.drop_next = 1
    with pytest.raises(OutcomeUnknown, match="may or may not"):
        device.release(1, ENTRY, 5.0)
    assert [event["fault"] for event in sim.events.all("fault")] == ["no answer"]
    assert len(sim.events.all("opened")) == 2
    assert len(asked(0x40)) == 2


def test_a_late_answer_confirms_no_later_command(sim, controller):
    device = controller()
    device.release(1, ENTRY, 5.0)
    sim.faults.late = 0.5
    with pytest.raises(OutcomeUnknown):
        device.release(1, ENTRY, 5.0)
    sim.faults.late, sim.faults.deaf = 0.0, True
    sim.events.wait_for("fault")
    with pytest.raises(OutcomeUnknown):
        device.release(1, ENTRY, 5.0)


@pytest.mark.parametrize("fault", ["silent", "garbage", "wrong_serial"])
def test_an_answer_that_is_none(sim, controller, fault):
    device = controller()
    setattr(sim.faults, fault, True)
    with pytest.raises(DeviceUnreachable, match="does not answer"):
        device.poll()
    assert sim.events.all("fault")
    setattr(sim.faults, fault, False)
    device.open()
    assert device.poll() == []


def test_one_lost_answer_to_a_question_is_asked_again(sim, controller):
    device = controller()
    sim.faults.drop_next = 1
    assert device.poll() == []
    assert sim.events.all("fault")


def test_a_controller_of_another_number_is_not_taken(sim, gate):
    device = gate("uhppote_controller", sim.address, controller=SERIAL + 1, timeout=0.1)
    with pytest.raises(DeviceUnreachable, match=str(SERIAL + 1)):
        device.open()


def test_fire_is_seen_and_its_end(sim, controller):
    device = controller(fire_input=True)
    assert device.poll() == [FireRelease(False)], "told at the first reading, inactive too"
    assert device.poll() == []
    obey(sim, "fire on")
    assert device.poll() == [FireRelease(True)]
    device.close()
    device.open()
    assert device.poll() == [FireRelease(True)], "told again after each opening"
    device.close()
    obey(sim, "fire off")
    device.open()
    assert device.poll() == [FireRelease(False)]


def test_nothing_is_told_of_a_fire_input_that_is_not_wired(sim, controller):
    device = controller(fire_input=False)
    obey(sim, "fire on")
    assert device.poll() == []


def test_a_wrong_clock_is_set_and_told(sim, controller):
    sim.clock_skew = timedelta(minutes=-10)
    device = controller()
    (told,) = [fact for fact in device.poll() if isinstance(fact, GateAlarm)]
    assert told.kind is Kind.DEVICE_DEGRADED
    assert "behind and was set" in told.detail
    assert len(sim.events.all("time")) == 1
    assert abs(sim.clock_skew) < timedelta(seconds=3)
    assert device.poll() == []


@pytest.mark.parametrize(
    "option",
    [
        {},
        {"controller": 0},
        {"controller": SERIAL, "timezone": "Mars/Base"},
        {"controller": SERIAL, "doors": "a,b,c,d,e"},
        {"controller": SERIAL, "doors": "a,"},
    ],
)
def test_options_that_can_not_be(option):
    with pytest.raises(InvalidInput):
        driver.DRIVER.build(DeviceConfig("1", "ctl", "uhppote_controller", "udp://127.0.0.1", options=option))


def test_doors_are_named_where_somebody_reads_of_them(sim, controller):
    device = controller(doors="lobby, garage")
    device.set_mode(2, PortalMode.FREE)
    assert device.check()["doors"] == [
        "door 1 (lobby): controlled, 5 s",
        "door 2 (garage): normally open, 5 s",
        "door 3: controlled, 5 s",
        "door 4: controlled, 5 s",
    ]
    sim.faults.drop_next = 1
    with pytest.raises(OutcomeUnknown, match=r"door 2 \(garage\)"):
        device.release(2, ENTRY, 5.0)


def test_a_wrong_clock_is_left_as_it_is_while_this_computer_s_own_is_doubted(sim, controller, monkeypatch):
    """A forged time would reach a controller that ends its cards and keeps its hours by it."""
    monkeypatch.setattr("drivers.uhppote_controller.controller.is_doubted", lambda: True)
    sim.clock_skew = timedelta(hours=-6)
    device = controller()
    device.poll()
    assert sim.events.all("time") == []
    monkeypatch.setattr("drivers.uhppote_controller.controller.is_doubted", lambda: False)
    device.poll()
    assert len(sim.events.all("time")) == 1


def test_contacts_are_told_at_the_first_reading_and_when_they_change(sim, controller):
    device = controller(states=True)
    assert device.poll() == [DoorContact(door, False) for door in (1, 2, 3, 4)]
    assert device.poll() == []
    obey(sim, "door 2 open")
    assert device.poll() == [DoorContact(2, True)]
    obey(sim, "door 2 close")
    assert device.poll() == [DoorContact(2, False)]
    sim._contacts[3] = True  # without an event, as from a memory that was written over
    assert device.poll() == [DoorContact(3, True)]
    device.close()
    device.open()
    assert device.poll() == [DoorContact(door, door == 3) for door in (1, 2, 3, 4)]
