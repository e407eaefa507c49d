"""A used terminal is added: reading begins at its newest event, and what is older is history, on request.

143,444 old events were seen on one (K1T342, field report in DEVICE_FACTS section 7).
"""

from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.domain.device_events import DeviceDecided, DeviceReported
from devicemgr.domain.ledger_events import Kind
from tests.drivers.hikvision_console.conftest import heard, until

OLD = 143_444
LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)


def fill(sim, count):
    for number in range(count):
        sim.terminal.add_event(0x4B, LONG_AGO + timedelta(minutes=number), employeeNoString="42")


def test_reading_begins_at_the_newest_serial(sim, console):
    fill(sim, OLD)
    device = console(new=True)
    heard(sim)
    adopted = until(device, lambda facts: len(facts) == 4)
    assert [(fact.kind, fact.serial, fact.log) for fact in adopted] == [
        (Kind.DEVICE_REPORTED, OLD, "adopted/5"),
        (Kind.DEVICE_REPORTED, 0, "adopted/1"),
        (Kind.DEVICE_REPORTED, 0, "adopted/3"),
        (Kind.DEVICE_REPORTED, 0, "adopted/2"),
    ]
    assert f"{OLD} events" in adopted[0].why
    sim.terminal.happen(0x4C)
    (fact,) = until(device, lambda facts: facts)
    assert (fact.serial, fact.live, fact.is_history) == (OLD + 1, True, False)
    assert len([event for event in sim.events.all("request") if event["path"].endswith("AcsEvent")]) < 40


@pytest.mark.parametrize("is_reversed", [False, True], ids=["oldest first", "newest first"])
def test_either_end_of_a_search_may_be_the_newest(sim, console, is_reversed):
    fill(sim, 100)
    if is_reversed:
        whole = sim.terminal.slice

        def newest_first(begin, position, most, minors, major):
            found, total = whole(begin, 0, 10**6, minors, major)
            return found[::-1][position : position + most], total

        sim.terminal.slice = newest_first
    device = console(new=True)
    adopted = until(device, lambda facts: facts)[0]
    assert (adopted.serial, adopted.log) == (100, "adopted/5")


def test_what_comes_during_an_outage_after_the_adoption_is_no_history(sim, console):
    """Although nothing was recorded before it: the beginning itself is."""
    fill(sim, 50)
    first = console(new=True)
    cursors = {fact.log: fact.serial for fact in until(first, lambda facts: len(facts) == 4)}
    first.close()
    sim.terminal.add_event(0x4C)
    sim.terminal.add_event(0x40A, major=1)
    later = console(new=True, opened=False)
    later.resume(cursors.get(""))
    later.resume_logs(cursors)
    later.open()
    facts = until(later, lambda facts: len(facts) == 2)
    assert sorted((fact.log, fact.serial) for fact in facts) == [("", 51), ("1", 52)]
    assert not any(getattr(fact, "is_history", False) for fact in facts)


def test_history_on_request_is_marked_and_does_not_delay_what_happens_now(sim, console):
    fill(sim, 3000)
    sim.terminal.add_event(0x40A, LONG_AGO, major=1)
    device = console(new=True, history=True)
    heard(sim)
    until(device, lambda facts: any(getattr(fact, "is_history", False) for fact in facts))
    sim.terminal.happen(0x4C)
    facts = until(device, lambda facts: any(getattr(fact, "live", False) for fact in facts))
    assert len(facts) < 3000
    facts += until(device, lambda found: len(facts) + len(found) >= 3000 - 100, 30.0)
    old = [fact for fact in facts if getattr(fact, "is_history", False)]
    assert {fact.log for fact in old} == {"history/5"}
    assert all(isinstance(fact, DeviceDecided) and not fact.live for fact in old)


def test_history_goes_on_where_it_ended_and_ends(sim, console):
    fill(sim, 100)
    sim.terminal.add_event(0x40A, LONG_AGO, major=1)
    device = console(new=True, opened=False, history=True)
    device.resume_logs({"adopted/5": 100, "history/5": 70, "adopted/1": 101, "adopted/2": 0, "adopted/3": 0, "": 100})
    device.open()
    facts = until(device, lambda facts: len(facts) == 31)
    assert [fact.serial for fact in facts] == [*range(71, 101), 101]
    assert isinstance(facts[-1], DeviceReported)
    assert (facts[-1].log, facts[-1].kind, facts[-1].at) == ("history/1", Kind.DURESS_SIGNALLED, LONG_AGO)
    sim.terminal.add_event(0x4C)
    assert [fact.serial for fact in until(device, lambda facts: facts)] == [102]


@pytest.mark.parametrize("history", [False, True])
def test_what_a_stream_repeats_is_history_where_no_memory_can_be_queried(sim, console, history):
    sim.terminal.faults.unsupported.add("AcsEvent")
    fill(sim, 20)
    device = console(new=True, history=history)
    heard(sim)
    sim.terminal.happen(0x4C)
    facts = until(device, lambda facts: any(fact.live for fact in facts if isinstance(fact, DeviceDecided)))
    old = [fact for fact in facts if not fact.live]
    # A stream that is opened again repeats them once more; the pipeline knows them by their serial.
    reported = list(dict.fromkeys((fact.serial, fact.log) for fact in old))
    assert reported == [(number, "history/5") for number in range(1, 21) if history]
