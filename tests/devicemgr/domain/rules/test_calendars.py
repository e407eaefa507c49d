"""Days of calendars as text, and what they make of a schedule's hours, minute by minute."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings, strategies as st

from devicemgr.domain.model import CalendarDay, DayKind, Schedule
from devicemgr.domain.rules.calendars import days_of_schedule, format_day, in_order, parse_day
from devicemgr.domain.rules.hours.hours_preview import changed_days
from devicemgr.domain.rules.schedules import is_open, parse_window, spans
from devicemgr.errors import InvalidInput

WEDNESDAY, SATURDAY, SUNDAY = date(2026, 12, 16), date(2026, 12, 5), date(2026, 12, 6)


def schedule(windows, days, holidays=("@kz",), zone="UTC"):
    found = days_of_schedule(holidays, {"kz": [parse_day(text) for text in days]})
    parsed = tuple(parse_window(text) for text in windows)
    return Schedule("s", zone, parsed, found.holidays, found.working, found.short_days)


def hours_on(one, day):
    """What is open on a UTC date and until the next noon, counted by the minute."""
    begin, found = datetime.combine(day, time(), UTC), []
    for minute in range(36 * 60):
        at = begin + timedelta(minutes=minute)
        if is_open(one, at):
            if not found or found[-1][1] != at:
                found.append([at, at])
            found[-1][1] = at + timedelta(minutes=1)
    shown = [f"{opens:%d %H:%M}-{closes:%d %H:%M}" for opens, closes in found]
    assert shown == [
        f"{opens:%d %H:%M}-{closes:%d %H:%M}" for opens, closes in spans([one], begin, begin + timedelta(hours=36))
    ]
    return shown


@pytest.mark.parametrize(
    ("windows", "days", "day", "expected"),
    [
        (["mon-fri 08:00-18:00"], [], WEDNESDAY, ["16 08:00-16 18:00", "17 08:00-17 12:00"]),
        (["mon-fri 08:00-18:00"], ["2026-12-16 holiday"], WEDNESDAY, ["17 08:00-17 12:00"]),
        (
            ["mon-fri 08:00-18:00"],
            ["2026-12-16 short-day 09:00-16:00"],
            WEDNESDAY,
            ["16 09:00-16 16:00", "17 08:00-17 12:00"],
        ),
        # A short day opens nothing that is closed on other days.
        (
            ["mon-fri 10:00-12:00"],
            ["2026-12-16 short-day 09:00-16:00"],
            WEDNESDAY,
            ["16 10:00-16 12:00", "17 10:00-17 12:00"],
        ),
        (["thu 10:00-11:00"], ["2026-12-16 short-day 09:00-16:00"], WEDNESDAY, ["17 10:00-17 11:00"]),
        (["thu 10:00-11:00"], ["2026-12-16 working"], WEDNESDAY, ["17 10:00-17 11:00"]),
        # Over midnight: cut at the end of the hours; what began the day before goes on.
        (
            ["daily 22:00-06:00"],
            ["2026-12-16 short-day 09:00-23:00"],
            WEDNESDAY,
            ["16 00:00-16 06:00", "16 22:00-16 23:00"],
        ),
        (
            ["daily 22:00-06:00"],
            ["2026-12-16 short-day 09:00-24:00"],
            WEDNESDAY,
            ["16 00:00-16 06:00", "16 22:00-17 00:00"],
        ),
        (["daily 22:00-06:00"], ["2026-12-16 short-day 09:00-16:00"], WEDNESDAY, ["16 00:00-16 06:00"]),
        (
            ["daily 00:00-24:00"],
            ["2026-12-16 short-day 09:00-16:00"],
            WEDNESDAY,
            ["16 09:00-16 16:00", "17 00:00-17 12:00"],
        ),
        # The weekend, worked.
        (["mon-fri 08:00-18:00"], ["2026-12-05 working"], SATURDAY, ["05 08:00-05 18:00"]),
        (
            ["mon-thu 08:00-18:00", "fri 08:00-15:00"],
            ["2026-12-06 working"],
            SUNDAY,
            ["06 08:00-06 15:00", "07 08:00-07 12:00"],
        ),
        (["mon-fri 08:00-18:00"], ["2026-12-05 short-day 09:00-13:00"], SATURDAY, ["05 09:00-05 13:00"]),
        (["mon-fri 08:00-18:00", "sat 09:00-10:00"], ["2026-12-05 working"], SATURDAY, ["05 09:00-05 10:00"]),
        (["mon-thu 08:00-18:00"], ["2026-12-05 working"], SATURDAY, []),
    ],
)
def test_what_a_kind_of_day_opens_and_closes(windows, days, day, expected):
    assert hours_on(schedule(windows, days), day) == expected


def test_what_keeps_more_closed_wins():
    calendars = {
        "a": [parse_day("2026-12-05 working"), parse_day("2026-12-16 short-day 08:00-14:00")],
        "b": [parse_day("2026-12-05 holiday"), parse_day("2026-12-16 short-day 12:00-24:00")],
        "c": [parse_day("2026-12-16 short-day 15:00-16:00")],
    }
    both = days_of_schedule(["@a", "@b", "2026-12-17"], calendars)
    assert both.holidays == {SATURDAY, date(2026, 12, 17)}
    assert both.working == {WEDNESDAY}
    assert both.short_days == {WEDNESDAY: (time(12), time(14))}
    # Two short days without a common hour leave nothing.
    assert days_of_schedule(["@a", "@c"], calendars).holidays == {WEDNESDAY}
    with pytest.raises(InvalidInput, match="no calendar 'nowhere'"):
        days_of_schedule(["@nowhere"], calendars)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-12-16", CalendarDay(WEDNESDAY, DayKind.HOLIDAY)),
        ("2026-12-16 holiday  Тәуелсіздік күні ", CalendarDay(WEDNESDAY, DayKind.HOLIDAY, None, "Тәуелсіздік күні")),
        ("2026-12-16 short-day 9:00-16:30 Eve", CalendarDay(WEDNESDAY, DayKind.SHORT, (time(9), time(16, 30)), "Eve")),
        ("2026-12-16 short-day 09:00-24:00", CalendarDay(WEDNESDAY, DayKind.SHORT, (time(9), time(0)))),
        ("2026-12-16 holiday a\x1b[2J\n\u202eb", CalendarDay(WEDNESDAY, DayKind.HOLIDAY, None, "a [2J b")),
        ("2026-12-16 holiday " + "é" * 90, CalendarDay(WEDNESDAY, DayKind.HOLIDAY, None, "é" * 80)),
        ("2026-12-05 working", CalendarDay(SATURDAY, DayKind.WORKING)),
    ],
)
def test_a_day_is_read_and_written_back(text, day):
    assert parse_day(text) == day
    assert parse_day(format_day(day)) == day


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("16.12.2026 holiday", "does not begin with a date"),
        ("2026-02-30 holiday", "2026-02-30 is no date"),
        ("2026-12-16 feast", "feast is no kind of day"),
        ("2026-12-16 short-day", "a short-day needs its hours"),
        ("2026-12-16 short-day 22:00-06:00", "can't go over midnight"),
        ("2026-12-16 short-day 09:00-09:00", "can't go over midnight"),
        ("2026-12-16 short-day 09:00-25:00", "are no times of day"),
        ("2026-12-16 " + "x" * 5000, "does not begin"),
    ],
)
def test_what_is_no_day_is_refused_in_one_line(text, words):
    with pytest.raises(InvalidInput) as caught:
        parse_day(text)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()


def test_a_date_has_one_kind():
    days = [parse_day("2026-12-16 holiday"), parse_day("2026-12-05 working"), parse_day("2026-12-16 holiday")]
    assert [day.date for day in in_order(days)] == [SATURDAY, WEDNESDAY]
    with pytest.raises(InvalidInput, match="given twice"):
        in_order([*days, parse_day("2026-12-16 working")])
    with pytest.raises(InvalidInput, match="at most"):
        in_order(CalendarDay(SATURDAY + timedelta(days=step), DayKind.HOLIDAY) for step in range(2001))


def test_a_change_says_what_opens_and_closes_in_90_days():
    now = datetime(2026, 12, 1, 12, tzinfo=UTC)
    before = schedule(["mon-fri 08:00-18:00"], [], zone="Asia/Almaty")
    days = ["2026-12-16 holiday", "2026-12-05 working", "2026-12-31 short-day 09:00-16:00", "2027-06-01 holiday"]
    after = schedule(["mon-fri 08:00-18:00"], days, zone="Asia/Almaty")
    found = changed_days({"s": before}, {"s": after}, now)
    assert [(one.date.isoformat(), one.opens, one.closes) for one in found] == [
        ("2026-12-05", ("08:00-18:00",), ()),
        ("2026-12-16", (), ("08:00-18:00",)),
        ("2026-12-31", (), ("08:00-09:00", "16:00-18:00")),
    ]
    assert changed_days({"s": after}, {"s": after}, now) == []
    assert len(changed_days({}, {"s": before}, now)) == 64  # weekdays of 90 days
    night = schedule(["wed 22:00-06:00"], [], ())
    (first, second, *_) = changed_days({"s": night}, {}, now)
    assert (first.closes, second.closes) == (("22:00-24:00",), ("00:00-06:00",))


DAYS = st.builds(
    lambda step, kind: f"{date(2026, 10, 20) + timedelta(days=step)} {kind}",
    st.integers(0, 14),
    st.sampled_from(["holiday", "working", "short-day 01:00-02:30", "short-day 02:15-24:00", "short-day 09:00-16:00"]),
)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(DAYS, max_size=6, unique_by=lambda text: text[:10]),
    st.lists(st.sampled_from(["mon-fri 08:00-18:00", "sat-sun 22:00-03:00", "daily 01:30-02:45"]), max_size=2),
    st.sampled_from(["Europe/Berlin", "UTC", "Australia/Lord_Howe"]),
    st.integers(0, 14 * 1440),
)
def test_spans_and_rules_agree_with_calendars_around_a_clock_change(days, windows, zone, minute):
    one, begin = schedule(windows, days, zone=zone), datetime(2026, 10, 20, tzinfo=UTC)
    at = begin + timedelta(minutes=minute)
    told = spans([one], begin, begin + timedelta(days=15))
    assert any(opens <= at < closes for opens, closes in told) == is_open(one, at)
