"""Doors, events, people and faults of a simulated controller."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.domain.device_events import DeviceDecided, DeviceReported, DoorContact, GateAlarm
from devicemgr.domain.ledger_events import Kind, Reason
from devicemgr.domain.model import Direction, PortalMode
from devicemgr.domain.ports.device import Delivery, Holding
from devicemgr.errors import (
    DeviceGarbled,
    DeviceLacks,
    DeviceRefused,
    DeviceUnreachable,
    HeldInPart,
    InvalidInput,
    NotVerifiable,
    NotYet,
    OutcomeUnknown,
)
from drivers.sim.zkteco.controller import SimulatedController

ANNA = Holding("1001", "Anna", ("5301280",), frozenset({1, 3}))


@pytest.mark.parametrize("sessions", [True, False])
def test_what_it_says_of_itself(build, sessions):
    with SimulatedController(sessions=sessions, password="abc") as sim:
        device = build(sim.address, password="abc", serial="DDG8130016092200401")
        info = device.open()
        assert (info.manufacturer, info.model, info.serial) == ("ZKTeco", "C3-400", "DDG8130016092200401")
        assert device.channels == 4
        assert device.check()["session"] is sessions
        assert device.complaint.startswith("weak link")
        device.close()
        sim.events.wait_for("disconnected")


def test_another_controller_at_the_address_is_refused(build, sim):
    with pytest.raises(DeviceRefused, match="not OTHER"):
        build(sim.address, serial="OTHER").open()


def test_who_is_let_in_and_who_is_not(opened, sim, collect):
    device = opened()
    collect(device, 1, DoorContact)
    assert device.put([ANNA], {}) == {}
    assert sim.swipe(5301280, 1)
    assert not sim.swipe(5301280, 2)
    assert not sim.swipe(77)
    first, second, third = collect(device, 3, DeviceDecided)
    assert (first.granted, first.badge, first.channel, first.live) == (True, "1001", 1, True)
    assert first.evidence["card"] is True
    assert first.names[0] == "5301280"
    assert (second.granted, second.why, second.badge) == (False, Reason.NO_ACCESS_LEVEL, "1001")
    assert (third.badge, third.names[0], third.why) == (None, "77", Reason.UNKNOWN_CREDENTIAL)


def test_events_of_an_outage_come_from_its_memory_once_and_in_order(opened, sim, collect):
    device = opened()
    device.poll()
    device.close()
    for age in (50, 40, 30):
        sim.happens(27, card=age, age=age, only_memory=True)
    sim.happens(27, card=20, age=20)
    device.open()
    facts = collect(device, 4, DeviceDecided)
    assert [fact.names[0] for fact in facts] == ["50", "40", "30", "20"]
    assert sorted(fact.serial for fact in facts) == [fact.serial for fact in facts]
    device.close()
    device.resume(facts[-1].serial)
    device.open()
    assert [fact for fact in device.poll() if isinstance(fact, DeviceDecided)] == []


def test_another_run_goes_on_behind_what_is_on_disk(opened, build, sim, collect):
    device = opened()
    sim.happens(27, card=1)
    (first,) = collect(device, 1, DeviceDecided)
    device.close()
    sim.happens(27, card=2, age=-1)
    other = build(sim.address, resume=first.serial)
    other.open()
    assert [fact.names[0] for fact in collect(other, 1, DeviceDecided)] == ["2"]


def test_a_clock_that_is_set_back_loses_nobody(opened, sim, collect):
    device = opened()
    sim.happens(27, card=1)
    (first,) = collect(device, 1, DeviceDecided)
    device.resume(first.serial)
    sim.skew = timedelta(hours=-1)
    sim.happens(27, card=2)
    (second,) = collect(device, 1, DeviceDecided)
    assert second.names[0] == "2"
    assert second.serial > first.serial


def test_a_memory_that_is_sent_in_another_form_is_a_complaint(opened, sim):
    sim.faults.big_table = True
    device = opened()
    assert "its memory of events can't be read" in device.complaint
    assert "time rule 1 can't be read" in device.complaint


def test_a_release_is_confirmed_and_its_record_is_no_second_opening(opened, sim, collect):
    device = opened()
    assert device.release(2, Direction.ENTRY, 4.2) is Delivery.CONFIRMED
    assert sim.events.wait_for("opened")["seconds"] == 5
    (fact,) = collect(device, 1, DeviceReported)
    assert (fact.kind, fact.channel) == (Kind.DEVICE_CONFIRMED, 2)
    sim.happens(8, 2)
    (other,) = collect(device, 1, DeviceReported)
    assert other.kind is Kind.PORTAL_UNLOCKED


def test_a_release_whose_answer_is_lost_is_recognized_afterwards(opened, sim, collect):
    device = opened()
    sim.faults.lost = 1
    with pytest.raises(OutcomeUnknown):
        device.release(1, Direction.ENTRY, 3)
    sim.events.wait_for("fault")
    device.close()
    device.open()
    (fact,) = collect(device, 1, DeviceReported)
    assert fact.kind is Kind.DEVICE_CONFIRMED
    assert len(sim.events.all("opened")) == 1


def test_a_busy_controller_did_nothing_and_reads_are_repeated(opened, sim):
    device = opened()
    sim.faults.busy = 1
    with pytest.raises(NotYet, match="buffer is full"):
        device.release(1, Direction.ENTRY, 3)
    assert sim.events.all("opened") == []
    sim.faults.busy = 2
    assert device.held(None) == ([], None)
    sim.faults.busy = 2
    assert device.set_mode(1, PortalMode.FREE) is Delivery.CONFIRMED
    assert sim.faults.busy == 0


def test_a_refused_release_says_why(opened, sim):
    device = opened()
    with pytest.raises(DeviceRefused, match="doors 1 to 4"):
        device.release(5, Direction.ENTRY, 3)
    sim.faults.refuse = -12
    with pytest.raises(DeviceRefused, match="failed to carry the command out"):
        device.release(1, Direction.ENTRY, 3)


@pytest.mark.parametrize(("mode", "seen"), [(PortalMode.FREE, "kept open"), (PortalMode.NORMAL, "shut")])
def test_modes(opened, sim, mode, seen):
    assert opened().set_mode(1, mode) is Delivery.CONFIRMED
    sim.events.wait_for(seen)


def test_it_cannot_lock(opened):
    with pytest.raises(DeviceLacks, match="can't lock"):
        opened().set_mode(1, PortalMode.LOCKED)


def test_alarms_and_contacts_have_ends(opened, sim, collect):
    device = opened()
    collect(device, 4, DoorContact)
    sim.contacts[1], sim.alarms[1] = 2, 3
    facts = collect(device, 3)
    assert DoorContact(2, True) in facts
    assert {(fact.kind, fact.active) for fact in facts if isinstance(fact, GateAlarm)} == {
        (Kind.TAMPER, True),
        (Kind.PORTAL_HELD_OPEN, True),
    }
    sim.contacts[1], sim.alarms[1] = 1, 0
    facts = collect(device, 3)
    assert {(fact.kind, fact.active) for fact in facts if isinstance(fact, GateAlarm)} == {
        (Kind.TAMPER, False),
        (Kind.PORTAL_HELD_OPEN, False),
    }


def test_people_are_put_read_back_changed_and_removed(opened, sim):
    device = opened()
    until = datetime(2027, 1, 1, tzinfo=UTC)
    assert device.put([ANNA, Holding("7", "B", ("77",), frozenset(), None, until)], {}) == {}
    assert {row["Pin"] for row in sim.rows["user"]} == {1001, 7}
    assert sim.rows["userauthorize"] == [{"Pin": 1001, "AuthorizeTimezoneId": 1, "AuthorizeDoorId": 5}]
    held = {holding.key: holding for holding in device.held(None)[0]}
    assert (held["1001"].cards, held["1001"].doors) == (("5301280",), frozenset({1, 3}))
    assert device.put([Holding("1001", "Anna", ("78",), frozenset({2}))], {}) == {}
    assert [row["CardNo"] for row in sim.rows["user"] if row["Pin"] == 1001] == [78]
    assert [row["AuthorizeDoorId"] for row in sim.rows["userauthorize"]] == [2]
    device.remove(["1001", "not-a-pin"])
    assert [row["Pin"] for row in sim.rows["user"]] == [7]
    assert sim.rows["userauthorize"] == []


def test_what_does_not_fit_is_said(opened, sim):
    device = opened()
    failed = device.put(
        [Holding("A-1", "", ("77",)), Holding("2", "", ()), Holding("3", "", ("77", "78"), frozenset({1, 9}))], {}
    )
    assert "another badge" in str(failed["A-1"])
    assert isinstance(failed["2"], HeldInPart)
    assert isinstance(failed["3"], HeldInPart)
    assert "one card" in str(failed["3"])
    assert "doors 1 to 4" in str(failed["3"])
    assert device.card_refusal("99999999999") is not None


def test_a_person_whose_last_card_went_is_gone_there(opened, sim):
    device = opened()
    device.put([ANNA], {})
    device.put([Holding("1001", "Anna", (), frozenset({1}))], {})
    assert sim.rows["user"] == []
    assert not sim.swipe(5301280)


def test_ok_without_a_deed_is_no_success(opened, sim):
    device = opened()
    device.put([ANNA], {})
    sim.faults.deaf_data = True
    failed = device.put([Holding("1001", "Anna", ("78",), frozenset({1})), Holding("5", "", ("55",))], {})
    assert "CardNo" in str(failed["1001"])
    assert "does not hold the person" in str(failed["5"])
    with pytest.raises(DeviceRefused, match="still holds 1001"):
        device.remove(["1001"])


def test_tables_that_cannot_be_read_are_a_third_answer(opened, sim):
    device = opened()
    sim.faults.big_table = True
    failed = device.put([ANNA], {})
    assert isinstance(failed["1001"], NotVerifiable)
    with pytest.raises(NotVerifiable) as caught:
        device.remove(["1001"])
    assert not caught.value.only_faces
    assert sim.rows["user"] == []
    with pytest.raises(DeviceRefused, match="does not read out"):
        device.held(None)


def test_a_time_rule_that_is_not_always_open_keeps_people_out(opened, sim):
    sim.rows["timezone"][0]["SunTime1"] = 0
    device = opened()
    assert "always_rule" in device.complaint
    assert "always_rule" in str(device.put([ANNA], {})["1001"])
    assert sim.rows["user"] == []


def test_a_wrong_clock_is_said_and_set_where_that_is_allowed(opened, sim, collect):
    sim.skew = timedelta(seconds=-90)
    device = opened()
    collect(device, 1, DoorContact)
    assert re.search(r"its clock is 9[0-3] s behind", device.complaint)  # the reading takes its time on a busy machine
    device.close()
    device._options.set_clock = True
    device.open()
    assert any("and is set" in fact.detail for fact in collect(device, 1, GateAlarm) if fact.detail)
    device.poll()
    assert "clock" not in device.complaint


def test_a_controller_that_hangs_up_on_its_clock_is_not_asked_again_in_the_session(opened, sim):
    sim.skew, sim.faults.no_clock = timedelta(seconds=-90), True
    device = opened(set_clock=True)
    with pytest.raises(DeviceUnreachable, match="hung up"):
        device.poll()
    assert len(sim.events.all("set")) == 1


@pytest.mark.parametrize("fault", ["silent", "garbage"])
def test_a_line_that_fails_is_said_and_heals(opened, sim, fault):
    device = opened(timeout=0.4)
    setattr(sim.faults, fault, True)
    with pytest.raises((DeviceUnreachable, DeviceGarbled)):
        device.poll()
    device.close()
    setattr(sim.faults, fault, False)
    device.open()
    device.poll()


def test_late_answers_of_the_message_before_are_passed_over(opened, sim):
    device = opened()
    sim.faults.stale = 3
    for _ in range(3):
        device.poll()
    assert len(sim.events.all("fault")) == 3


def test_a_password_that_cannot_be_says_so(build):
    with pytest.raises(InvalidInput, match="up to 15"):
        build("tcp://127.0.0.1", password="x" * 16)


def test_two_alike_in_one_second_are_two(opened, sim, collect):
    device = opened()
    sim.skew = timedelta(microseconds=-datetime.now().microsecond)
    for _ in range(2):
        sim.happens(27, card=9, verified=4)
    assert len(collect(device, 2, DeviceDecided)) == 2
    device.close()
    device.open()
    assert [fact for fact in device.poll() if isinstance(fact, DeviceDecided)] == []
