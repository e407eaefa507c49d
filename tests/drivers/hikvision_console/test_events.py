"""What the simulated terminal tells and asks, over HTTP on loopback."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.domain.device_events import (
    DeviceDecided,
    DeviceReported,
    DoorContact,
    FireRelease,
    GateAlarm,
    Presented,
    RexPressed,
)
from devicemgr.domain.ledger_events import Kind
from devicemgr.errors import DeviceError, DeviceRefused
from drivers.sim.hikvision.state import Stored
from tests.drivers.hikvision_console.conftest import heard, until


def test_a_question_and_its_answer(sim, console):
    device = console()
    sim.terminal.users["42"], sim.terminal.faces["42"] = {"employeeNo": "42", "name": "A"}, b"\xff\xd8"
    heard(sim)
    sim.terminal.show_face("42")
    told = until(device, lambda facts: any(isinstance(fact, Presented) for fact in facts))
    asked = told.pop(0)
    assert (asked.badge, asked.names, asked.channel, asked.vendor) == ("42", (), 1, "hikvision")
    device.answer(asked.serial, True, "welcome")
    assert sim.events.wait_for("unlocked")["by"] == "answer"
    # Its own memory of the question is no second decision, and moves the cursor.
    sim.terminal.happen(0x4C)
    told += until(device, lambda facts: any(isinstance(fact, DeviceDecided) for fact in facts))
    assert [fact.serial for fact in told] == [asked.serial, asked.serial + 1]
    assert told[0].kind is Kind.DEVICE_CONFIRMED
    with pytest.raises(DeviceRefused):
        device.answer(asked.serial, True, "again")


def test_a_card_question_names_the_card_and_no_face(sim, console):
    device = console()
    sim.terminal.users["42"], sim.terminal.cards["1200345"] = {"employeeNo": "42", "name": "A"}, "42"
    heard(sim)
    sim.terminal.show_card("1200345")
    asked = until(device, lambda facts: facts)[0]
    assert (asked.badge, asked.names) == (None, ("1200345", "18:20697", "raw:26:024A1B2"))


@pytest.mark.parametrize(("option", "opens"), [("closed", False), ("open", True)])
def test_when_nobody_answers(sim, console, option, opens):
    device = console(when_server_down=option, remote_check_seconds=1)
    sim.terminal.users["42"], sim.terminal.faces["42"] = {"employeeNo": "42", "name": "A"}, b"\xff\xd8"
    device.close()
    sim.terminal.show_face("42")
    assert sim.events.wait_for("not_answered")["opens"] is opens
    assert len(sim.events.all("unlocked")) == opens


def test_a_console_that_decides_by_itself(sim, console):
    device = console(decide="console")
    sim.terminal.users["42"], sim.terminal.faces["42"] = {"employeeNo": "42", "name": "A"}, b"\xff\xd8"
    heard(sim)
    sim.terminal.show_face("42")
    sim.terminal.show_face(None)
    facts = until(device, lambda facts: len(facts) == 2)
    assert all(isinstance(fact, DeviceDecided) and fact.live for fact in facts)
    assert [(fact.granted, fact.badge) for fact in facts] == [(True, "42"), (False, None)]
    assert sim.terminal.config["remoteCheckDoorEnabled"] is False


def test_what_was_missed_comes_once_in_order_with_its_own_time(sim, console):
    sim.terminal.skew = timedelta(seconds=92)
    yesterday = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    for number in range(100):
        minor = (0x4B, 0x4C, 0x1B)[number % 3]
        sim.terminal.add_event(minor, yesterday + timedelta(seconds=number), employeeNoString=str(number))
    device = console(opened=False)
    device.resume(10)
    assert device.complaint is None
    device.open()
    assert "s ahead; give it a time server" in device.complaint
    facts = until(device, lambda facts: len(facts) == 90)
    assert [fact.serial for fact in facts] == list(range(11, 101))
    assert facts[0].at == yesterday + timedelta(seconds=10)
    assert abs(facts[0].evidence["clock_skew_s"] - 92) < 2
    forced = [fact for fact in facts if isinstance(fact, DeviceReported)]
    assert {fact.kind for fact in forced} == {Kind.PORTAL_FORCED}
    assert "92 s ahead" in forced[0].why or "91 s ahead" in forced[0].why
    assert not [fact for fact in facts if isinstance(fact, Presented | GateAlarm) or getattr(fact, "live", False)]
    sim.terminal.happen(0x4C)
    assert [fact.serial for fact in until(device, lambda facts: facts)] == [101]


def test_over_lost_lines_nothing_is_lost_or_doubled(sim, console):
    device, serials = console(), []
    for _ in range(5):
        for _ in range(20):
            sim.terminal.add_event(0x4C)
        sim.drop_connections()
        while len(serials) < len(sim.terminal.events):
            try:
                serials += [fact.serial for fact in device.poll()]
            except DeviceError:
                device.close()
                device.resume(0)
                device.open()
            time.sleep(0.005)
    assert serials == list(range(1, 101))
    assert len(sim.events.all("dropped")) == 5


def test_a_memory_that_was_emptied_is_read_from_its_beginning(sim, console):
    for _ in range(50):
        sim.terminal.add_event(0x4C)
    device = console()
    until(device, lambda facts: len(facts) == 50)
    heard(sim)
    sim.terminal.forget_events()
    sim.terminal.happen(0x4B, employeeNoString="42")
    (fact,) = until(device, lambda facts: facts)
    assert (fact.serial, fact.badge) == (1, "42")
    device.close()
    sim.terminal.add_event(0x4C)
    fresh = console(opened=False)
    fresh.resume(50)
    fresh.open()
    assert [fact.serial for fact in until(fresh, lambda facts: len(facts) == 2)] == [1, 2]


def test_without_a_memory_the_stream_is_recorded(sim, console):
    sim.terminal.faults.unsupported.add("AcsEvent")
    device = console()
    heard(sim)
    sim.terminal.happen(0x4B, employeeNoString="42")
    (fact,) = until(device, lambda facts: facts)
    assert (fact.serial, fact.live) == (1, True)


def test_without_a_stream_the_memory_is_enough(sim, console):
    sim.terminal.faults.unsupported.add("alertStream")
    device = console()
    sim.terminal.happen(0x4B, employeeNoString="42")
    assert until(device, lambda facts: facts)[0].serial == 1
    assert "HTTP 403" in device.check()["stream"]


def test_alarms_that_happen_now(sim, console):
    device = console(fire_input=True)
    assert until(device, lambda facts: facts) == [FireRelease(False, is_presumed=True)]
    heard(sim)
    for minor in (0x1B, 0x1C, 0x17, 0x34, 0x35, 0x85, 0x15):
        sim.terminal.happen(minor)
    told = until(device, lambda facts: len(facts) == 12)
    facts = [fact for fact in told if not isinstance(fact, DeviceReported)]
    assert [fact.serial for fact in told if isinstance(fact, DeviceReported)] == [1, 2, 3, 4, 5, 6]
    assert [type(fact) for fact in facts] == [GateAlarm, GateAlarm, RexPressed, FireRelease, FireRelease, GateAlarm]
    assert [fact.kind for fact in facts if isinstance(fact, GateAlarm)] == [
        Kind.PORTAL_FORCED,
        Kind.PORTAL_HELD_OPEN,
        Kind.PASSAGE_TAILGATED,
    ]
    assert [fact.active for fact in facts if isinstance(fact, FireRelease)] == [True, False]


def test_a_fire_is_told_by_the_memory_after_each_opening(sim, console):
    """Also one that began unheard, and to a new daemon that has read this memory before."""
    for minor in (0x34, 0x35, 0x34):
        sim.terminal.add_event(minor)
    device = console(fire_input=True)
    facts = until(device, lambda facts: len(facts) == 4)
    assert [fact for fact in facts if isinstance(fact, FireRelease)] == [FireRelease(True)], "what is past is history"
    assert [fact.serial for fact in facts if isinstance(fact, DeviceReported)] == [1, 2, 3]
    device.close()
    later = console(opened=False, fire_input=True)
    later.resume(3)
    later.open()
    assert until(later, lambda facts: facts) == [FireRelease(True)]
    sim.terminal.add_event(0x35)
    assert FireRelease(False) in until(later, lambda facts: len(facts) == 2)


def test_a_memory_without_a_word_of_fire_ends_none(sim, console):
    device = console(fire_input=True)
    heard(sim)
    sim.terminal.happen(0x34)
    until(device, lambda facts: FireRelease(True) in facts)
    device.close()
    sim.terminal.forget_events()
    device.open()
    assert until(device, lambda facts: facts) == [FireRelease(False, is_presumed=True)]
    sim.terminal.happen(0x35)
    assert FireRelease(False) in until(device, lambda facts: FireRelease(False) in facts)


def test_nothing_is_told_of_a_fire_input_that_is_not_wired(sim, console):
    device = console(fire_input=False)
    heard(sim)
    sim.terminal.happen(0x34)
    (fact,) = until(device, lambda facts: facts)
    assert isinstance(fact, DeviceReported)


def test_a_fire_that_ended_while_the_line_was_lost(sim, console):
    device = console(fire_input=True)
    heard(sim)
    sim.terminal.happen(0x34)
    until(device, lambda facts: FireRelease(True) in facts)
    device.close()
    sim.terminal.add_event(0x35)
    device.open()
    assert FireRelease(False) in until(device, lambda facts: facts)


def test_a_question_that_the_memory_told_first_is_still_one(sim, console):
    """The terminal writes it down, then asks; the memory is read in between."""
    tell = sim._on_event
    sim.terminal.listeners.clear()
    device = console(poll_seconds=0.2)
    heard(sim)
    event = sim.terminal.add_event(0x4B, employeeNoString="42", currentVerifyMode="face")
    read = len(sim.events.all("request"))
    while len(sim.events.all("request")) < read + 1:
        time.sleep(0.005)
    tell(event, {"currentEvent": True, "remoteCheck": True})
    facts = until(device, lambda facts: len(facts) == 2)
    assert [type(fact) for fact in facts] == [Presented, DeviceReported]


def test_a_doors_contact_and_tampering_that_the_stream_tells(sim, console):
    device = console(states=True)
    heard(sim)
    sim.terminal.happen(0x1B)
    for minor in (0x19, 0x1A):
        sim.terminal.happen(minor)
    facts = until(device, lambda facts: len([fact for fact in facts if isinstance(fact, DoorContact)]) == 2)
    assert [fact for fact in facts if not isinstance(fact, DeviceReported)] == [
        GateAlarm(1, Kind.PORTAL_FORCED, "opened by force"),
        DoorContact(1, True),
        DoorContact(1, False),
    ]
    for minor in (0x404, 0x405, 0x406, 0x407):
        event = Stored(900 + minor, minor, sim.terminal.now(), {}, major=1)
        for listener in sim.terminal.listeners:
            listener(event, {"currentEvent": True})
    facts = until(device, lambda facts: len(facts) == 4)
    assert [(fact.kind, fact.active, fact.input) for fact in facts] == [
        (Kind.TAMPER, None, "zone"),
        (Kind.TAMPER, False, "zone"),
        (Kind.TAMPER, None, "reader"),
        (Kind.TAMPER, False, "reader"),
    ]
