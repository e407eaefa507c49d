"""Days and hours: by instants, so that a night in which clocks change has 23 or 25 hours."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from devicemgr.domain.rules.attendance.days import begin_of, day_of
from devicemgr.domain.rules.attendance.hours import Timesheet, sums
from devicemgr.domain.rules.attendance.stays import Flag, Stay

BERLIN, ALMATY = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Almaty")
MIDNIGHT = time()


def stay(zone, begin, end, person="p1"):
    first, last = (
        datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC) if text else None for text in (begin, end)
    )
    flags = frozenset() if first and last else frozenset({Flag.NO_EXIT if first else Flag.NO_ENTRY})
    return Stay(person, "site", first, last, first or last, last, flags)


def days(zone, *stays, starts=MIDNIGHT):
    sheet = Timesheet(starts, zone)
    for one in stays:
        sheet.add(one)
    return {day: found for (_, day), found in sheet.days.items()}


def hours(zone, *stays, starts=MIDNIGHT):
    found = days(zone, *stays, starts=starts)
    return {day: one.seconds / 3600 if one.seconds is not None else None for day, one in found.items()}


@pytest.mark.parametrize(
    ("zone", "day", "length"),
    [
        (BERLIN, date(2026, 3, 29), 23),
        (BERLIN, date(2026, 10, 25), 25),
        (BERLIN, date(2026, 11, 30), 24),
        (ALMATY, date(2026, 3, 29), 24),
        (ALMATY, date(2026, 10, 25), 24),
    ],
)
@pytest.mark.parametrize("starts", [MIDNIGHT, time(2)])
def test_a_day_in_which_clocks_change_is_an_hour_shorter_or_longer(zone, day, length, starts):
    begin, end = begin_of(day, starts, zone), begin_of(day + timedelta(days=1), starts, zone)
    assert (end - begin) == timedelta(hours=length)
    assert [day_of(one, starts, zone) for one in (begin, end - timedelta(seconds=1), end)] == [
        day,
        day,
        day + timedelta(days=1),
    ]


@pytest.mark.parametrize(
    ("zone", "begin", "end", "length"),
    [
        (BERLIN, "2026-03-28 22:00", "2026-03-29 06:00", 7),
        (BERLIN, "2026-10-24 22:00", "2026-10-25 06:00", 9),
        (BERLIN, "2026-11-29 22:00", "2026-11-30 06:00", 8),
        (ALMATY, "2026-03-28 22:00", "2026-03-29 06:00", 8),
        (ALMATY, "2026-10-24 22:00", "2026-10-25 06:00", 8),
        (BERLIN, "2026-03-29 00:00", "2026-03-30 00:00", 23),
        (BERLIN, "2026-10-25 00:00", "2026-10-26 00:00", 25),
    ],
)
def test_a_night_shift_belongs_to_the_day_on_which_it_begins_and_has_the_hours_that_passed(zone, begin, end, length):
    assert hours(zone, stay(zone, begin, end)) == {date.fromisoformat(begin[:10]): length}


def test_with_a_later_start_of_days_a_break_after_midnight_stays_in_the_shift():
    shift = [stay(ALMATY, "2026-11-30 22:00", "2026-12-01 02:00"), stay(ALMATY, "2026-12-01 02:30", "2026-12-01 06:30")]
    assert hours(ALMATY, *shift) == {date(2026, 11, 30): 4, date(2026, 12, 1): 4}
    assert hours(ALMATY, *shift, starts=time(5)) == {date(2026, 11, 30): 8}


def test_a_day_with_a_missing_passage_has_no_hours_and_says_why():
    found = days(ALMATY, stay(ALMATY, "2026-11-30 08:00", "2026-11-30 12:00"), stay(ALMATY, "2026-11-30 13:00", None))
    day = found[date(2026, 11, 30)]
    assert (day.seconds, day.last, day.flags) == (None, None, {Flag.NO_EXIT})
    assert day.first == datetime(2026, 11, 30, 8, tzinfo=ALMATY)
    other = days(ALMATY, stay(ALMATY, None, "2026-11-30 12:00"), stay(ALMATY, "2026-11-30 13:00", "2026-11-30 17:00"))
    day = other[date(2026, 11, 30)]
    assert (day.seconds, day.first, day.flags) == (None, None, {Flag.NO_ENTRY})
    assert day.last == datetime(2026, 11, 30, 17, tzinfo=ALMATY)


def test_the_order_of_stays_changes_nothing():
    stays = [stay(ALMATY, f"2026-11-30 {hour:02}:00", f"2026-11-30 {hour:02}:30") for hour in (8, 10, 12)]
    assert days(ALMATY, *stays) == days(ALMATY, *stays[::-1])


def test_the_sum_of_a_person_leaves_out_days_without_hours_and_counts_them():
    found = days(
        ALMATY,
        stay(ALMATY, "2026-11-27 08:00", "2026-11-27 16:00"),
        stay(ALMATY, "2026-11-28 08:00", None),
        stay(ALMATY, "2026-11-30 08:00", "2026-11-30 12:30"),
    )
    total = sums(found.values())["p1"]
    assert (total.seconds / 3600, total.days, total.without_hours) == (12.5, 3, 1)
