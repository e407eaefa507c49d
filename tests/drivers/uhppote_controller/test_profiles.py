"""Weekly hours on a UHPPOTE controller, as time profiles: to the byte, by its own clock, and read back."""

import struct
from datetime import UTC, date, datetime, time, timedelta

import pytest
from uhppoted import decode, encode

from devicemgr.domain.desired_state import agrees
from devicemgr.domain.model import Schedule, TimeWindow
from devicemgr.domain.ports.device import Holding, Scheduling
from devicemgr.domain.rules.schedules import spans
from devicemgr.errors import DeviceUnreachable
from drivers.uhppote_controller.held.profiles import BLOCK, HEADS, Profile, _chain, _groups

SERIAL = 423187757
NAME, OTHER, THIRD = "dm-0123456789ab", "dm-ba9876543210", "dm-00000000001f"
ALL, WORK = frozenset(range(7)), frozenset(range(5))
# uhppote-core, messages/set_time_profile_test.go and get_time_profile_test.go.
DOCUMENTED = (
    "2d5539190420210401202112290101000100010108300945113513151401175913"
    "000000000000000000000000000000000000000000000000000000"
)


def week(*windows, zone="UTC"):
    """The spans of a schedule from yesterday on, as the sync gives them."""
    begin = datetime.now(UTC) - timedelta(hours=26)
    schedule = Schedule("s", zone, tuple(TimeWindow(*window) for window in windows))
    return spans([schedule], begin, begin + timedelta(days=10))


DAY = week((ALL, time(6), time(20)))


def card(*hours, doors=frozenset({1})):
    return Holding("8058400", doors=doors, hours=hours)


def at(sim, hour, minute, second=0, weekday=0):
    """Set the controller's clock to a time of the week that has begun."""
    now = datetime.now()
    day = now.date() + timedelta(days=(weekday - now.weekday()) % 7)
    sim.clock_skew = datetime.combine(day, time(hour, minute, second)) - now


def test_the_codec_sends_and_reads_what_the_document_says():
    profile = Profile(
        date(2021, 4, 1),
        date(2021, 12, 29),
        (True, True, False, True, False, True, True),
        ((time(8, 30), time(9, 45)), (time(11, 35), time(13, 15)), (time(14, 1), time(17, 59))),
        19,
    )
    assert encode.set_time_profile_request(SERIAL, 4, *profile.fields()).hex() == "17880000" + DOCUMENTED
    found = decode.get_time_profile_response(bytes.fromhex("17980000" + DOCUMENTED))
    assert (found.profile_id, found.linked_profile_id, found.segment_3_end) == (4, 19, time(17, 59))
    assert encode.get_time_profile_request(SERIAL, 4).hex().startswith("179800002d55391904000000")


def test_what_is_written_for_a_day_is_this_to_the_byte(sim, controller):
    """06:00 to 20:00 on all days: through the last whole minute, and no span that is open at 00:00 by being unused."""
    device = controller(timezone="UTC")
    assert isinstance(device, Scheduling)
    assert device.keep_hours({NAME: DAY}) == {}
    (sent,) = [event["bytes"] for event in sim.events.all("request") if event["function"] == 0x88]
    assert sent.startswith("178800002d553919" + "02")
    assert sent[34:74] == "01" * 7 + "06001959" * 3 + "00"
    assert sent[74:] == "00" * 27


@pytest.mark.parametrize(
    ("moment", "opens"),
    [((5, 59, 59), False), ((6, 0), True), ((19, 59, 59), True), ((20, 0), False), ((0, 0), False), ((23, 59), False)],
)
def test_a_card_opens_in_its_hours_and_at_no_other_minute(sim, controller, moment, opens):
    device = controller(timezone="UTC")
    device.keep_hours({NAME: DAY})
    assert device.put([card((1, NAME))], {}) == {}
    at(sim, *moment)
    assert sim.swipe(8058400, 1) is opens
    if not opens:
        (fact,) = [one for one in device.poll() if getattr(one, "granted", None) is False]
        assert fact.why == "outside_schedule"


def test_what_is_open_until_midnight_is_open_to_its_last_second(sim, controller):
    device = controller(timezone="UTC")
    device.keep_hours({NAME: week((ALL, time(22), time(0)))})
    device.put([card((1, NAME))], {})
    at(sim, 23, 59, 59)
    assert sim.swipe(8058400, 1)
    at(sim, 0, 0)
    assert not sim.swipe(8058400, 1)


def test_days_and_more_than_three_spans_are_a_chain(sim, controller):
    device = controller(timezone="UTC")
    many = [(WORK, time(hour), time(hour, 30)) for hour in (6, 8, 10, 12, 14)]
    assert device.keep_hours({NAME: week(*many, (frozenset({5}), time(9), time(11)))}) == {}
    assert sorted(sim.memory.profiles) == [2, 3, 4]
    assert [sim.memory.profiles[number][28] for number in (2, 3, 4)] == [3, 4, 0]
    written = [event["number"] for event in sim.events.all("profile")]
    assert written == [4, 3, 2], "a profile that leads to one which is not there lets everyone in"
    device.put([card((1, NAME))], {})
    for weekday, hour, opens in ((0, 14, True), (4, 6, True), (5, 10, True), (5, 14, False), (6, 10, False)):
        at(sim, hour, 15, weekday=weekday)
        assert sim.swipe(8058400, 1) is opens, (weekday, hour)


def test_hours_that_are_never_open_open_nothing(sim, controller):
    device = controller(timezone="UTC")
    device.keep_hours({NAME: ()})
    device.put([card((1, NAME))], {})
    for hour, minute in ((0, 0), (12, 0), (23, 59)):
        at(sim, hour, minute)
        assert not sim.swipe(8058400, 1)


def test_profiles_that_another_program_cleared_are_written_again(sim, controller):
    device = controller(timezone="UTC")
    device.keep_hours({NAME: DAY, OTHER: week((WORK, time(8), time(9)))})
    device.put([card((1, NAME))], {})
    sim.memory.profiles.clear()
    at(sim, 3, 0)
    assert sim.swipe(8058400, 1), "as real ones do"
    for _ in range(2):  # one is compared at a time
        assert device.keep_hours({NAME: DAY, OTHER: week((WORK, time(8), time(9)))}) == {}
    assert len(sim.memory.profiles) == 2
    assert not sim.swipe(8058400, 1)


def test_what_is_held_already_costs_one_reading_and_a_change_a_writing(sim, controller):
    device = controller(timezone="UTC")
    device.keep_hours({NAME: DAY})
    device.put([card((1, NAME))], {})
    before = len(sim.events.all("profile"))
    asked = len(sim.events.all("request"))
    assert device.keep_hours({NAME: DAY}) == {}
    assert len(sim.events.all("request")) == asked + 1
    device.keep_hours({NAME: week((ALL, time(7), time(20)))})
    assert len(sim.events.all("profile")) == before + 1
    at(sim, 6, 30)
    assert not sim.swipe(8058400, 1)


def test_a_card_is_told_with_its_hours_also_by_another_connection(sim, controller):
    wanted = card((1, NAME), doors=frozenset({1, 2}))
    device = controller(timezone="UTC")
    device.keep_hours({OTHER: week((ALL, time(1), time(2))), NAME: DAY})
    device.put([wanted], {})
    again = controller(timezone="UTC")
    (unknown,), _ = again.held(None)
    assert not agrees(wanted, unknown, None), "these hours are not asked for"
    assert again.keep_hours({NAME: DAY}) == {}
    (found,), _ = again.held(None)
    assert agrees(wanted, found, None)
    assert dict(found.hours) == {1: NAME}
    assert len([event for event in sim.events.all("profile")]) == 2, "what it holds is found again, not written again"


def test_profiles_of_others_are_left_alone_and_named(sim, controller):
    sim.memory.profiles[2] = bytes.fromhex(DOCUMENTED[8:66]).replace(b"\x04", b"\x02", 1)
    theirs = sim.memory.profiles[2]
    sim.memory.cards.append(
        (77, struct.pack("<I", 77) + bytes.fromhex("20000101" + "20991231" + "02000000" + "00000000"))
    )
    device = controller(timezone="UTC")
    device.keep_hours({NAME: DAY})
    assert sim.memory.profiles[2] == theirs
    assert sorted(sim.memory.profiles) == [2, 2 + BLOCK]
    (held,), _ = device.held(None)
    assert (held.name, held.hours) == ("time profile 2 at door 1", ())


def test_a_full_controller_gives_up_hours_that_are_not_wanted_first(sim, controller):
    device = controller(timezone="UTC")
    names = [f"dm-{number:012x}" for number in range(1, len(HEADS) + 1)]
    assert device.keep_hours(dict.fromkeys(names, DAY)) == {}
    assert list(device.keep_hours(dict.fromkeys([*names, THIRD[:-2] + "ff"], DAY))) == [THIRD[:-2] + "ff"]
    again = controller(timezone="UTC")
    assert again.keep_hours(dict.fromkeys([*names[1:], OTHER], DAY)) == {}


def test_firmware_without_profiles_leaves_the_hours_to_this_computer(sim, controller):
    del sim._handlers[0x98]
    device = controller(timezone="UTC", timeout=0.05)
    for look in (True, False):
        assert "no time profiles" in str(device.keep_hours({NAME: DAY}, look=look)[NAME])
    assert device.put([card()], {}) == {}


def test_a_controller_that_is_away_says_nothing_of_its_firmware(sim, controller):
    device = controller(timezone="UTC", timeout=0.05)
    sim.faults.silent = True
    with pytest.raises(DeviceUnreachable):
        device.keep_hours({NAME: DAY})
    sim.faults.silent = False
    assert device.keep_hours({NAME: DAY}) == {}


def test_a_profile_that_is_read_back_otherwise_is_refused(sim, controller):
    device = controller(timezone="UTC")
    store = sim._handlers[0x88]
    sim._handlers[0x88] = lambda packet: store(packet[:24] + b"\0\0" + packet[26:])
    assert "reads back another" in str(device.keep_hours({NAME: DAY})[NAME])
    assert "tried again" in str(device.put([card((1, NAME))], {})["8058400"])


def test_a_week_of_more_groups_than_a_block_is_refused(sim, controller):
    device = controller(timezone="UTC")
    each = week(*[(ALL, time(hour, minute), time(hour, minute + 4)) for hour in range(8) for minute in (0, 20, 40)])
    assert "at most 7" in str(device.keep_hours({NAME: each})[NAME])
    assert sim.memory.profiles == {}


@pytest.mark.parametrize("name", [NAME, OTHER, THIRD, "dm-ffffffffffff"])
def test_the_days_that_name_hours_are_no_limit(name):
    (found,) = _chain(name, _groups([(("06:00:00", "20:00:00"),)] * 7), 2)
    assert found.first < date(2020, 1, 1)
    assert found.last > date(2080, 1, 1)
