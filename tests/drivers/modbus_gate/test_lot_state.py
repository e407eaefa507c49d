"""What two readings of a LOT turnstile's registers tell: pure functions, so every edge is tried."""

import pytest

from devicemgr.domain.device_events import GateAlarm, PassageCompleted, PassageStarted
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction
from drivers.modbus_gate.lot.state import State, facts_between

ENTRY = Direction.ENTRY


def facts(before, now, elapsed, alarms=None, details=None):
    return facts_between(before, now, elapsed, alarms or {}, details)


def state(entry=0, leave=0, inside=False, errors=0):
    return State.parse([0, 0, int(inside), 0, entry & 0xFFFF, entry >> 16, leave & 0xFFFF, leave >> 16, errors])


def test_counters_wrap_after_32_bits():
    assert facts(state(2**32 - 1), state(1), 1.0) == [PassageCompleted(1, ENTRY, 2)]
    assert facts(state(0xFFFF), state(0x10000), 1.0) == [PassageCompleted(1, ENTRY, 1)]


@pytest.mark.parametrize(("before", "now"), [(500, 2), (2, 500), (0, 2**32 - 1)])
def test_a_counter_that_jumps_is_an_alarm_and_no_passage(before, now):
    (alarm,) = facts(state(leave=before), state(leave=now), 1.0)
    assert isinstance(alarm, GateAlarm)
    assert alarm.kind == Kind.TAMPER
    assert f"from {before} to {now}" in alarm.detail


def test_many_passages_in_a_long_outage_are_passages():
    assert facts(state(2), state(500), 3600.0) == [PassageCompleted(1, ENTRY, 498)]


def test_a_presence_is_told_on_its_rising_edge_only():
    assert facts(state(), state(inside=True), 0.1) == [PassageStarted(1, ENTRY)]
    assert facts(state(inside=True), state(inside=True), 0.1) == []
    assert facts(state(inside=True), state(), 0.1) == []


def test_errors_are_told_when_they_change_and_at_the_start():
    (alarm,) = facts(None, state(errors=4), 0.0)
    assert alarm.kind == Kind.DEVICE_DEGRADED
    assert "0x0004" in alarm.detail
    assert facts(state(errors=4), state(errors=4), 0.1) == []
    over = GateAlarm(1, Kind.DEVICE_DEGRADED, "the turnstile reports errors 0x0000", active=False)
    assert facts(state(errors=4), state(), 0.1) == [over]
    assert facts(state(), state(), 0.1) == []


def test_an_alarm_ends_when_the_last_of_its_bits_has_gone():
    alarms = {0: Kind.TAMPER, 1: Kind.TAMPER, 2: Kind.PASSAGE_CLIMBED}

    def ends(before, now):
        return [fact.kind for fact in facts(before, now, 0.1, alarms) if fact.active is False]

    assert ends(state(errors=0b111), state(errors=0b010)) == [Kind.PASSAGE_CLIMBED]
    assert ends(state(errors=0b010), state()) == [Kind.TAMPER]
    # A daemon that has just started ends what the one before it has recorded and what is not there.
    assert ends(None, state(errors=0b001)) == [Kind.DEVICE_DEGRADED, Kind.PASSAGE_CLIMBED]


def test_a_bit_that_is_explained_is_its_own_alarm_and_told_once():
    alarms = {0: Kind.PASSAGE_TAILGATED, 1: Kind.TAMPER}
    told = facts(state(), state(errors=0b101), 0.1, alarms, 0x0012)
    assert told == [
        GateAlarm(1, Kind.DEVICE_DEGRADED, "the turnstile reports errors 0x0005, details 0x0012", active=True),
        GateAlarm(1, Kind.PASSAGE_TAILGATED, "the turnstile reports errors 0x0005, details 0x0012", active=True),
    ]
    assert [fact.kind for fact in facts(state(errors=0b101), state(errors=0b111), 0.1, alarms)] == [Kind.TAMPER]
