"""Whatever a device holds and whatever happens on the way, it converges to what it should hold."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from devicemgr.devices.sync_run import Run, drive
from devicemgr.domain.desired_state import State
from devicemgr.domain.ports.device import Holding
from devicemgr.errors import DeviceUnreachable
from devicemgr.store.people import people
from tests.devicemgr.sync.holders import FakeHolder, coarse

PERSON = st.tuples(st.sampled_from(["staff", "all"]), st.booleans(), st.booleans())
CROWD = st.dictionaries(st.integers(10, 21), PERSON, max_size=8)
MEMORY = st.dictionaries(st.integers(10, 30), st.sets(st.sampled_from([1, 2])), max_size=10)


def admit(house, crowd):
    for number, (level, suspended, temporary) in crowd.items():
        until = "2031-05-05T10:00:00.000Z" if temporary else None
        house.person(f"A{number}", level, [str(number)], suspended=suspended, valid_to=until)


def drift(house, crowd):
    """The same people with other rights: some gone, some changed, some new."""
    with house.site.database.write() as session:
        for row in list(people.all_rows(session)):
            if int(row.badge[1:]) not in crowd:
                people.erase(session, row)
    with house.site.database.read() as session:
        there = {row.badge for row in people.all_rows(session)}
    admit(house, {n: what for n, what in crowd.items() if f"A{n}" not in there})
    with house.site.database.write() as session:
        for number, (level, suspended, _) in crowd.items():
            row = people.get(session, f"A{number}")
            row.suspended = suspended
            for name in ("staff", "all"):
                people.set_level(session, row, name, held=name == level)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=CROWD, second=CROWD, memory=MEMORY, kills=st.lists(st.integers(0, 12), max_size=3), most=st.integers(4, 40)
)
@example(  # what the device had and belongs to a person is known when that person goes
    first={number: ("staff", False, False) for number in (10, 11, 12, 13, 14, 15, 18, 20)},
    second={10: ("staff", True, False)} | {number: ("staff", False, False) for number in (12, 13, 15, 16, 17, 18, 19)},
    memory={number: set() for number in (25, 24, 16, 10, 22, 29, 11, 19, 23, 14)},
    kills=[],
    most=22,
)
def test_it_converges_from_anything_and_harms_nothing_on_the_way(house, first, second, memory, kills, most):
    house.empty()
    house.fresh()
    admit(house, first)
    device = FakeHolder(most=max(most, len(memory)))
    device.kept = {str(n): Holding(str(n), doors=frozenset(doors)) for n, doors in memory.items()}
    known: set[str] = set()
    for crowd in (first, second):
        known |= {str(number) for number in crowd}
        strangers = {key: held for key, held in device.kept.items() if key not in known}
        drift(house, crowd)
        for after in kills:
            _killed(house, device, after)
            house.fresh()
        _brought_in_step(house, device, crowd, strangers)
        told = len(device.told)
        house.fresh()
        house.bring(device, read=True)
        assert device.told[told:] == [], "the second time something was left to do"


def _brought_in_step(house, device, crowd, strangers):
    ran = len(device.told)
    # What has no record here is known to be there only once the device has been read, after the changes. A key that
    # the device had before anything was put there has one too, once it belongs to a person.
    recorded = set(house.records())
    run = house.bring(device, read=True)
    order = [_rank(verb, recorded.isdisjoint(keys)) for verb, keys in device.told[ran:]]
    assert order == sorted(order), "a revocation came after an addition"
    wanted = {str(n): {1, 2} if level == "all" else {1} for n, (level, suspended, _) in crowd.items() if not suspended}
    mine = {key: held.doors for key, held in device.kept.items() if key not in strangers}
    assert {key: held for key, held in device.kept.items() if key in strangers} == strangers
    assert mine == {key: doors for key, doors in wanted.items() if key in mine}
    assert run.failed == len(wanted) - len(mine)
    assert not run.failed or len(device.kept) == device.most


def _rank(verb, is_foreign):
    return 1 if verb == "remove" and is_foreign else ["remove", "change", "add"].index(verb)


def _killed(house, device, after):
    """The process ends after so many steps, the last of them carried out and never heard of."""
    steps = house.sync.steps(Run(), read=True)
    result = None
    for _ in itertools.repeat(None, after):
        try:
            step = steps.send(result)
        except StopIteration:
            return
        result = step(device)
    steps.close()


def test_a_device_that_is_lost_midway_is_taken_up_again(house):
    device = FakeHolder(batch=1)
    for number in range(10, 16):
        house.person(f"A{number}", cards=[str(number)])

    def until(step):
        if len(device.told) == 3:
            raise DeviceUnreachable("the cable is out")
        return step(device)

    with pytest.raises(DeviceUnreachable):
        drive(house.sync.steps(Run()), until)
    assert sum(r.state is State.PENDING for r in house.records().values()) == 3
    house.bring(device)
    assert sorted(keys[0] for _, keys in device.told) == [str(n) for n in range(10, 16)]


def test_a_validity_that_ends_takes_the_card_away(house):
    device = FakeHolder()
    soon = (datetime.now(UTC) + timedelta(seconds=30)).isoformat()
    house.person("A1", cards=["77"], valid_to=soon)
    house.bring(device)
    assert set(device.kept) == {"77"}
    assert coarse(device.kept["77"]) == device.kept["77"]
    house.edit("A1", valid_to=(datetime.now(UTC) - timedelta(seconds=1)).isoformat())
    house.bring(device)
    assert device.kept == {}
