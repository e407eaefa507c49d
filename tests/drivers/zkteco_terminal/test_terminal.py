"""Events, doors and the clock of a simulated terminal that calls here."""

import threading
import time
from datetime import timedelta

import pytest

from devicemgr.domain.device_events import DeviceDecided, DeviceReported, DoorContact, GateAlarm
from devicemgr.domain.ledger_events import Kind, Reason
from devicemgr.domain.model import Direction, PortalMode
from devicemgr.domain.ports.device import Delivery
from devicemgr.errors import DeviceLacks, DeviceRefused, DeviceUnreachable, NotYet, OutcomeUnknown
from drivers.zkteco_terminal import device as driver


def decided(facts):
    return [fact for fact in facts if isinstance(fact, DeviceDecided)]


def grant(sim, pin="1001", mask="1"):
    sim.tables.user.append({"pin": pin})
    sim.tables.userauthorize.append({"pin": pin, "authorizetimezoneid": "1", "authorizedoorid": mask})


def test_what_it_says_of_itself(opened):
    device, _ = opened()
    info = device.open()
    assert (info.manufacturer, info.model, info.serial) == ("ZKTeco", "SpeedFace-V5L", "3383154200002")
    assert "weak link" in device.complaint
    assert device.channels == 1
    assert device.check()["kind"] == "access"


def test_a_person_whom_it_lets_in_is_recorded_with_the_factor(opened, collect):
    device, sim = opened()
    grant(sim)
    collect(device, 1, DoorContact)  # its clock is known
    assert sim.person("1001")
    (fact,) = collect(device, 1, DeviceDecided)
    assert (fact.granted, fact.badge, fact.channel, fact.live, fact.direction) == (
        True,
        "1001",
        1,
        True,
        Direction.ENTRY,
    )
    assert fact.evidence["face"] == {"vendor": "zkteco"}


def test_who_is_refused_is_recorded(opened, collect):
    device, sim = opened()
    sim.tables.user.append({"pin": "7"})
    sim.person("7")
    sim.happens(27, verify="15")
    sim.happens(27, verify="4", card="123456789")
    first, second, third = collect(device, 3, DeviceDecided)
    assert (first.granted, first.why, first.badge) == (False, Reason.NO_ACCESS_LEVEL, "7")
    assert second.why == Reason.UNKNOWN_FACE
    assert third.names[0] == "123456789"


def test_events_of_an_outage_follow_once_and_in_order(opened, collect):
    device, sim = opened(resume=0)
    sim.faults.offline = True
    for age in (300, 200, 100):
        sim.happens(27, age=age)
    sim.faults.lost_answers = 2
    sim.faults.offline = False
    facts = decided(collect(device, 3, DeviceDecided))
    assert [fact.serial for fact in facts] == [1, 2, 3]
    assert not any(fact.live for fact in facts)
    sim.events.wait_for("fault", 2)  # both answers were lost, so that all of them came again
    sim.events.wait_for("uploaded")
    assert decided(device.poll()) == []


def test_records_that_it_took_for_sent_are_read_from_its_memory(opened, collect):
    device, sim = opened(resume=0)
    sim.faults.offline = True
    for _ in range(3):
        sim.happens(27)
    sim.forget_upload()
    sim.happens(23, pin="7")
    sim.faults.offline = False
    facts = decided(collect(device, 4, DeviceDecided))
    assert [fact.serial for fact in facts] == [1, 2, 3, 4]
    assert facts[3].badge == "7"


def test_records_that_are_nowhere_are_missed_and_said(opened, collect):
    device, sim = opened(resume=4)
    sim.happens(27, number=9)
    facts = []
    while not decided(facts):
        facts += collect(device)
    lost = [fact.detail for fact in facts if isinstance(fact, GateAlarm) and "records" in fact.detail]
    assert lost == ["records 5 to 8 are not in its memory"]
    assert decided(facts)[0].serial == 9


def test_a_memory_that_was_cleared_begins_from_the_start(opened, collect):
    device, sim = opened(resume=500)
    sim.happens(27, number=501)
    collect(device, 1, DeviceDecided)
    sim.clear_memory()
    sim.happens(27, verify="15", age=-2)
    facts = []
    while not decided(facts):
        facts += collect(device)
    assert decided(facts)[0].serial == 1
    assert any("from the start" in fact.detail for fact in facts if isinstance(fact, GateAlarm))


def test_what_was_before_the_terminal_was_ours_is_not_of_this_site(opened, collect):
    device, sim = opened()
    sim.happens(27, age=3600)
    sim.happens(23, pin="7")
    facts = decided(collect(device, 1, DeviceDecided))
    assert [fact.badge for fact in facts] == ["7"]


def test_firmware_without_record_numbers_loses_nobody_in_a_second(opened, collect):
    device, sim = opened({"numbered": False})
    for pin in ("1", "2", "3"):
        sim.happens(23, pin=pin)
    facts = decided(collect(device, 3, DeviceDecided))
    assert [fact.badge for fact in facts] == ["1", "2", "3"]
    assert len({fact.serial for fact in facts}) == 3


def test_a_release_is_confirmed_by_its_result_and_its_record_is_no_second_opening(opened, collect):
    device, sim = opened()
    assert device.release(1, Direction.ENTRY, 4.2) is Delivery.CONFIRMED
    assert sim.events.wait_for("opened")["seconds"] == 5
    assert device.release_times(1, 4.2).waits_s == 5
    (fact,) = collect(device, 1, DeviceReported)
    assert fact.kind is Kind.DEVICE_CONFIRMED
    sim.happens(8)
    (other,) = collect(device, 1, DeviceReported)
    assert (other.kind, other.why) == (Kind.PORTAL_UNLOCKED, "opened remotely, by another program")


def test_a_release_whose_result_is_lost_is_proven_by_its_record(opened):
    device, sim = opened()
    sim.faults.mute = True
    assert device.release(1, Direction.ENTRY, 3) is Delivery.CONFIRMED
    sim.events.wait_for("fault")
    assert len(sim.events.all("opened")) == 1


def test_a_release_that_is_not_fetched_did_nothing(opened, monkeypatch):
    monkeypatch.setattr(driver, "RELEASE_S", 0.5)
    device, sim = opened()
    sim.faults.deaf = True
    sim.faults.offline = True
    threading.Event().wait(0.3)
    with pytest.raises(DeviceUnreachable, match="did nothing"):
        device.release(1, Direction.ENTRY, 3)
    sim.faults.deaf = sim.faults.offline = False
    sim.restart()
    sim.events.wait_for("registered", 2)
    sim.report_state()
    assert sim.events.all("opened") == []


def test_a_release_without_any_answer_is_unknown(opened, monkeypatch):
    monkeypatch.setattr(driver, "RELEASE_S", 1.0)
    device, sim = opened()
    sim.faults.mute = True
    sim.faults.refuse = -12  # nothing is opened, and nobody says so
    with pytest.raises(OutcomeUnknown):
        device.release(1, Direction.ENTRY, 3)
    sim.events.wait_for("fault", 2)


def test_a_release_at_a_busy_terminal_is_not_yet(opened):
    device, sim = opened()
    sim.faults.busy = 1
    with pytest.raises(NotYet, match="buffer is full"):
        device.release(1, Direction.ENTRY, 3)
    assert device.release(1, Direction.ENTRY, 3) is Delivery.CONFIRMED


def test_a_refused_release_says_why(opened):
    device, sim = opened()
    sim.faults.refuse = -28
    with pytest.raises(DeviceRefused, match="open hours keep that door open"):
        device.release(1, Direction.ENTRY, 3)
    with pytest.raises(DeviceRefused, match="option doors"):
        device.release(2, Direction.ENTRY, 3)


@pytest.mark.parametrize(
    ("mode", "seen"), [(PortalMode.FREE, "kept open"), (PortalMode.LOCKED, "locked"), (PortalMode.NORMAL, "shut")]
)
def test_modes(opened, mode, seen):
    device, sim = opened()
    assert device.set_mode(1, mode) is Delivery.CONFIRMED
    sim.events.wait_for(seen)


def test_a_terminal_that_cannot_lock_says_so(opened):
    device, _ = opened()
    device._uploads.parameters["AccSupportFunList"] = "000"
    with pytest.raises(DeviceLacks, match="can't lock"):
        device.set_mode(1, PortalMode.LOCKED)


def test_alarms_have_ends(opened, collect):
    device, sim = opened()
    collect(device, 8, GateAlarm)  # nothing stands at first
    sim.alarm[0] = 0b10001
    sim.report_state()
    begun = collect(device, 2, GateAlarm)
    assert {(fact.kind, fact.active) for fact in begun} == {(Kind.PORTAL_FORCED, True), (Kind.PORTAL_HELD_OPEN, True)}
    sim.alarm[0] = 0
    sim.report_state()
    over = collect(device, 2, GateAlarm)
    assert {(fact.kind, fact.active) for fact in over} == {(Kind.PORTAL_FORCED, False), (Kind.PORTAL_HELD_OPEN, False)}


def test_a_wrong_clock_is_set_and_read_back(opened, collect):
    device, sim = opened()
    collect(device, 1, DoorContact)
    sim.skew = timedelta(seconds=-90)
    sim.report_state()
    facts = []
    while not any("its clock was" in fact.detail for fact in facts if isinstance(fact, GateAlarm)):
        facts += collect(device)
    assert sim.events.wait_for("set")["option"] == "DateTime"
    for _ in range(200):
        device.poll()
        if abs(device._skew) < 5:
            break
        threading.Event().wait(0.05)
    assert abs(device._skew) < 5
    assert "clock" not in device.complaint


def test_a_clock_that_takes_no_time_is_a_complaint(opened):
    device, sim = opened()
    sim.faults.unread_clock = True
    sim.skew = timedelta(hours=5)
    for _ in range(400):
        sim.report_state()
        device.poll()
        if "its clock is" in device.complaint:
            break
        threading.Event().wait(0.03)
    assert "set option timezone" in device.complaint
    assert len(sim.events.all("set")) == driver.MAX_CLOCK_TRIES  # and no more


def test_doors_that_it_does_not_have_are_a_complaint(opened):
    device, _ = opened(doors=2)
    assert "it has 1 doors, and option doors says 2" in device.complaint


def test_a_terminal_that_never_calls_is_unreachable_and_calls_later(build, monkeypatch):
    monkeypatch.setattr(driver, "CALL_S", 0.2)
    device = build()
    with pytest.raises(DeviceUnreachable, match="no terminal with serial number 3383154200002"):
        device.open()
    device.close()


def test_a_terminal_that_falls_silent_is_gone(opened, monkeypatch):
    monkeypatch.setattr(driver, "SILENCE_S", 0.3)
    device, sim = opened()
    sim.faults.offline = True

    def poll_on():
        for _ in range(200):
            device.poll()
            threading.Event().wait(0.02)

    with pytest.raises(DeviceUnreachable, match="has not called"):
        poll_on()


def test_while_closed_the_terminal_keeps_what_happens(opened, collect):
    device, sim = opened()
    device.close()
    sim.happens(23, pin="7")
    threading.Event().wait(0.5)
    assert sim.events.all("uploaded") == []
    device.open()
    (fact,) = collect(device, 1, DeviceDecided)
    assert fact.badge == "7"


def test_attendance_firmware_is_recorded_and_complained_of(opened, collect):
    device, sim = opened({"attendance": True})
    sim.happens(0, pin="7", verify="15")
    sim.happens(0, pin="8", verify="1")
    first, second = collect(device, 2, DeviceDecided)
    assert (first.badge, first.granted, "face" in first.evidence) == ("7", True, True)
    assert "finger" in second.evidence
    assert "access control" in device.complaint
    with pytest.raises(DeviceLacks, match="access control"):
        device.release(1, Direction.ENTRY, 3)


def test_a_terminal_that_calls_each_half_minute_is_slow_and_not_gone(opened):
    """A SenseFace 3A in the field calls so, whatever delay it is given; one long pause alone was an outage."""
    device, sim = opened()
    sim.__exit__()
    listener = device._listener
    listener._gaps.clear()
    listener._gaps.extend([1.0, 31.0])
    assert "calls only" not in device.complaint
    listener._gaps.extend([31.0, 30.0])
    listener.called_at = time.monotonic() - 60.0
    device.poll()
    assert "it calls only every 31 s" in device.complaint
    listener.called_at = time.monotonic() - 100.0
    with pytest.raises(DeviceUnreachable, match="has not called for 93 s"):
        device.poll()
