"""Alarms, exceptions and operations (major types 1, 2 and 3), from the stream and the memory, each with its cursor.

The minors are those of the vendor's list "Access Control Event Types" (ISAPI developer guide, access control on
person); netUser and remoteHostAddr stand in its AcsEvent and alert messages. That serial numbers count over all major
types, from 1, is from a capture of an alert stream (major 2, minor 0x400, serialNo 1).
"""

from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.domain.device_events import DeviceDecided, DeviceReported, DoorContact, FireRelease, GateAlarm
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction, PortalMode
from drivers.hikvision_console.clock import Clock
from drivers.hikvision_console.events.translate import from_memory, recorded
from drivers.sim.hikvision.refusals import Refused
from tests.drivers.hikvision_console.conftest import heard, until

# Every documented minor by major type, in hexadecimal.
DOCUMENTED = {
    1: """
        1-6, b-d, 400-40a, 40c, 40e-410, 413-431, 434-435, 438-43f, 952-961
    """,
    2: """
        21-22, 27-2a, 2e, 31-33, 35-37, 402-404, 407, 409-40a, 40c-410, 417-419, 41b-41c, 41f-422,
        425-429, 42f-431, 436-437, 43b-43d, 440-442, 444-44a, 44d-44e, 453-45e, 460-46a, 952, 955-95a,
        95e-95f
    """,
    3: """
        41-44, 50-52, 55-56, 59-5b, 5d-61, 66-67, 6d, 70-7b, 7e, 83-88, 8a-8c, 9d-9e, d6-d7, f0-f3,
        137-138, 200, 400-40c, 40e-415, 417-420, 423, 42f-435, 437-43a, 43c-440, 447-451, 940-943,
        953-955, 957, 95d-960, 962-967, 96b, 972-976, 979-97b, 97d, 97f-980, 2600-2601
    """,
    5: """
        1, 6-b, e-10, 13-18, 1d-27, 31-35, 48, 4a-4c, 50-64, 68, 71-73, 75, 77-78, 82, 85-8d, 8f-91, 97,
        99-9b, a1-a2, a9, ad-ae, b0, b2-b3, b5-ba, bc-bd, c2, c4, c6, ca-cc, d4, d6, da, dd, df-e1,
        e6-e7, 540, 543-545, 701-703, 706, 800, 802, 804-80c, 80f, 812-813, 816
    """,
}
# The lock unlocked or locked and the button let go follow an event of their own.
SILENT = {(5, 0x15), (5, 0x16), (5, 0x18)}


def minors_of(major):
    for part in DOCUMENTED[major].replace(",", " ").split():
        first, _, last = part.partition("-")
        yield from range(int(first, 16), int(last or first, 16) + 1)


@pytest.mark.parametrize("major", sorted(DOCUMENTED))
def test_every_documented_code_is_mapped_or_recorded_and_so_is_an_unknown_one(major):
    for minor in [*minors_of(major), 0xD8, 0xFFF]:
        event = {
            "major": major,
            "minor": minor,
            "time": "2026-03-02T07:30:00Z",
            "serialNo": 7,
            "employeeNoString": "42",
        }
        fact = recorded(from_memory(event, Clock()), Clock())
        if (major, minor) in SILENT:
            assert fact is None
            continue
        assert isinstance(fact, DeviceDecided | DeviceReported | DoorContact | GateAlarm), hex(minor)
        if isinstance(fact, DeviceReported):
            assert (fact.serial, fact.log) == (7, "" if major == 5 else str(major))
            assert fact.why, hex(minor)
        if isinstance(fact, GateAlarm):
            assert fact.active is False, "only an end counts however late it comes"


def test_an_unknown_code_is_recorded_by_its_number(sim, console):
    device = console()
    for major in (5, 1, 2, 3):
        sim.terminal.add_event(0xD8 if major == 5 else 0xEEE, major=major)
    facts = until(device, lambda facts: len(facts) == 4)
    assert {fact.why for fact in facts} == {
        f"a code that is not known here ({code})" for code in ("5/0xd8", "1/0xeee", "2/0xeee", "3/0xeee")
    }
    assert {fact.kind for fact in facts} == {Kind.DEVICE_REPORTED}


ALARMS = [
    (1, 0x40A, Kind.DURESS_SIGNALLED, "duress"),
    (1, 0x404, Kind.TAMPER, "zone"),
    (1, 0x406, Kind.TAMPER, "reader"),
    (1, 0x40C, Kind.TAMPER, "too many"),
    (1, 0x41C, Kind.TAMPER, "panic"),
    (2, 0x27, Kind.DEVICE_DEGRADED, "network is lost"),
    (3, 0x400, Kind.PORTAL_UNLOCKED, "another program"),
    (5, 0x5D, Kind.PORTAL_UNLOCK_FAILED, "0x5d"),
    (5, 0xD8, Kind.DEVICE_REPORTED, "0xd8"),
]


@pytest.mark.parametrize(("major", "minor", "kind", "words"), ALARMS)
def test_what_happens_now_is_reported_once_and_then_confirmed(sim, console, major, minor, kind, words):
    device = console(poll_seconds=60)
    heard(sim)
    event = sim.terminal.happen(minor, major=major)
    log = "" if major == 5 else str(major)
    facts = until(device, lambda facts: any(isinstance(fact, DeviceReported) for fact in facts))
    told = facts[0]
    assert told.kind is kind
    assert words in (told.detail if isinstance(told, GateAlarm) else told.why)
    last = facts[-1]
    assert (last.serial, last.log) == (event.serial, log)
    assert [fact.kind for fact in facts[1:]] == ([Kind.DEVICE_CONFIRMED] if isinstance(told, GateAlarm) else [])


@pytest.mark.parametrize(("major", "minor", "kind", "words"), ALARMS)
def test_what_happened_while_the_line_was_down_is_recorded_with_its_own_time(sim, console, major, minor, kind, words):
    then = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
    device = console()
    device.close()
    sim.terminal.add_event(minor, then, major=major)
    device.open()
    (fact,) = until(device, lambda facts: facts)
    assert (fact.kind, fact.at) == (kind, then)
    assert words in fact.why


def test_an_alarm_that_is_over_ends_however_late_it_is_known(sim, console):
    device = console(states=True)
    device.close()
    for minor in (0x404, 0x405):
        sim.terminal.add_event(minor, major=1)
    device.open()
    # Both are read at once or one after the other; each reading confirms how far the memory was read.
    facts = until(device, lambda facts: len(facts) >= 3 and facts[-1].kind is Kind.DEVICE_CONFIRMED)
    alarms = [fact for fact in facts if fact.kind is not Kind.DEVICE_CONFIRMED]
    assert [(fact.kind, fact.input) for fact in alarms] == [(Kind.TAMPER, "zone"), (Kind.TAMPER, "zone")]
    assert alarms[1].active is False
    assert facts[-1].serial == 2


def test_the_fire_button_is_a_fire(sim, console):
    device = console(fire_input=True)
    assert until(device, lambda facts: facts) == [FireRelease(False, is_presumed=True)]
    heard(sim)
    sim.terminal.happen(0x418, major=1)
    assert FireRelease(True) in until(device, lambda facts: FireRelease(True) in facts)
    device.close()
    device.open()
    assert FireRelease(True) in until(device, lambda facts: facts), "its memory says so after each opening"
    sim.terminal.happen(0x419, major=1)
    assert FireRelease(False) in until(device, lambda facts: FireRelease(False) in facts)


def test_a_fire_lasts_until_each_of_its_inputs_is_at_rest(sim, console):
    sim.terminal.add_event(0x418, major=1)
    sim.terminal.add_event(0x34)
    device = console(fire_input=True)
    assert until(device, lambda facts: facts)[0] == FireRelease(True)
    for minor, major, active in ((0x35, 5, True), (0x419, 1, False)):
        sim.terminal.add_event(minor, major=major)
        fires = until(device, lambda facts: any(isinstance(fact, FireRelease) for fact in facts))
        assert [fact.active for fact in fires if isinstance(fact, FireRelease)] == [active]


def test_our_own_commands_are_recognized(sim, console):
    device = console()
    heard(sim)
    device.release(1, Direction.ENTRY, 3.0)
    device.set_mode(1, PortalMode.FREE)
    facts = until(device, lambda facts: len(facts) == 2)
    assert [(fact.kind, fact.log) for fact in facts] == [(Kind.DEVICE_CONFIRMED, "3")] * 2


@pytest.mark.parametrize(
    "who",
    [
        {"netUser": "guard", "remoteHostAddr": "192.0.2.77"},
        {"netUser": "admin", "remoteHostAddr": "192.0.2.77"},
        {},  # firmware that does not name the host: ours is the one that was sent then
    ],
)
def test_an_opening_by_another_program_is_recorded_with_who_did_it(sim, console, who):
    device = console()
    heard(sim)
    device.release(1, Direction.ENTRY, 3.0)
    until(device, lambda facts: facts)
    at = sim.terminal.now() + timedelta(seconds=0 if who else 60)
    sim.terminal.add_event(0x400, at, major=3, **who)
    (fact,) = until(device, lambda facts: facts)
    assert fact.kind is Kind.PORTAL_UNLOCKED
    for word in who.values():
        assert word in fact.why


def test_a_release_of_ours_without_a_named_host_is_ours_once(sim, console):
    device = console()
    stored = sim.terminal.happen
    sim.terminal.happen = lambda minor, **more: stored(minor, major=more["major"])  # firmware that names no host
    device.release(1, Direction.ENTRY, 3.0)
    stored(0x400, major=3)
    facts = until(device, lambda facts: len(facts) == 2)
    assert sorted(fact.kind for fact in facts) == [Kind.DEVICE_CONFIRMED, Kind.PORTAL_UNLOCKED]


def test_settings_changed_by_another_host_are_recorded_and_our_own_requests_are_not(sim, console):
    device = console()
    sim.terminal.add_event(0x77, major=3, netUser="admin", remoteHostAddr="127.0.0.1")
    sim.terminal.add_event(0x76, major=3)
    sim.terminal.add_event(0x77, major=3, netUser="guard", remoteHostAddr="192.0.2.77")
    (fact,) = until(device, lambda facts: facts)
    assert fact.why == "settings changed (3/0x77) by user guard from 192.0.2.77"


@pytest.mark.parametrize("events", [900, 50], ids=["others count below it", "others count above it"])
def test_each_memory_goes_on_behind_its_own_cursor(sim, console, events):
    """Also where a firmware's serial numbers count in each major type alone."""
    alarms = 1 if events == 900 else 70
    for serial, major in ((alarms, 1), (alarms + 1, 1), (events, 5), (events + 1, 5), (3, 3), (4, 3)):
        sim.terminal.next_serial = serial
        sim.terminal.add_event({1: 0x40A, 5: 0x4C, 3: 0x400}[major], major=major)
    device = console(opened=False)
    device.resume(events)
    device.resume_logs({"": events, "1": alarms, "2": 0, "3": 4})
    device.open()
    facts = until(device, lambda facts: len(facts) == 2)
    assert sorted((fact.log, fact.serial) for fact in facts) == [("", events + 1), ("1", alarms + 1)]


@pytest.mark.parametrize("major", [1, 2, 3])
def test_firmware_that_lets_a_major_type_not_be_queried_reports_it_by_its_stream(sim, console, major):
    answer = sim._pages._events
    asked = []

    def page(body):
        if b'"major":%d,' % major in body:
            asked.append(body)
            raise Refused("badParameters")
        return answer(body)

    sim._pages._pages["POST", "/ISAPI/AccessControl/AcsEvent"] = page
    device = console()
    heard(sim)
    minor = {1: 0x40A, 2: 0x27, 3: 0x7B}[major]
    sim.terminal.happen(minor, major=major)
    facts = until(device, lambda facts: any(isinstance(fact, DeviceReported) for fact in facts))
    assert asked
    assert facts[0].kind in (Kind.DURESS_SIGNALLED, Kind.DEVICE_DEGRADED, Kind.DEVICE_REPORTED)
