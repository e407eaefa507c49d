"""Windows and schedules, against an oracle that knows each zone's change of offset from a table, not from tzdata."""

import calendar
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings, strategies as st

from devicemgr.domain.model import Schedule, TimeWindow
from devicemgr.domain.rules.schedules import DAYS, format_window, is_open, parse_timezone, parse_window
from devicemgr.errors import InvalidInput

# (zone, the instant of a change, minutes east of UTC before it, and after it)
CHANGES = [
    ("Europe/Berlin", datetime(2024, 3, 31, 1, 0, tzinfo=UTC), 60, 120),
    ("Europe/Berlin", datetime(2024, 10, 27, 1, 0, tzinfo=UTC), 120, 60),
    ("Asia/Almaty", datetime(2024, 2, 29, 18, 0, tzinfo=UTC), 360, 300),
    ("America/New_York", datetime(2024, 3, 10, 7, 0, tzinfo=UTC), -300, -240),
    ("America/New_York", datetime(2024, 11, 3, 6, 0, tzinfo=UTC), -240, -300),
    ("Australia/Lord_Howe", datetime(2024, 4, 6, 15, 0, tzinfo=UTC), 660, 630),
    ("Australia/Lord_Howe", datetime(2024, 10, 5, 15, 30, tzinfo=UTC), 630, 660),
    ("Pacific/Apia", datetime(2011, 12, 30, 10, 0, tzinfo=UTC), -600, 840),
]

clocks = st.times().map(lambda moment: moment.replace(second=0, microsecond=0))
windows = st.builds(TimeWindow, st.frozensets(st.integers(0, 6), min_size=1), clocks, clocks).filter(
    lambda window: window.start != window.end or window.start == time(0, 0)
)


def oracle(schedule: Schedule, wall: datetime) -> bool:
    """Lay every occurrence of every window on a line of naive wall time, and look whether `wall` is on one."""
    for window in schedule.windows:
        start = window.start.hour * 60 + window.start.minute
        minutes = (window.end.hour * 60 + window.end.minute - start) % 1440 or 1440
        for back in range(3):
            day = wall.date() - timedelta(days=back)
            if calendar.weekday(day.year, day.month, day.day) not in window.weekdays or day in schedule.holidays:
                continue
            begin = datetime.combine(day, time()) + timedelta(minutes=start)
            if begin <= wall < begin + timedelta(minutes=minutes):
                return True
    return False


@pytest.mark.parametrize(("zone", "change", "before", "after"), CHANGES)
@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_a_schedule_is_open_when_the_wall_clock_is_in_a_window(zone, change, before, after, data):
    seconds = data.draw(st.integers(-3 * 86400, 3 * 86400) | st.integers(-7200, 7200), label="seconds from the change")
    at = change + timedelta(seconds=seconds)
    wall = (at + timedelta(minutes=after if seconds >= 0 else before)).replace(tzinfo=None)
    schedule = Schedule(
        name="s",
        timezone=zone,
        windows=tuple(data.draw(st.lists(windows, max_size=3), label="windows")),
        holidays=data.draw(st.frozensets(st.sampled_from([wall.date() + timedelta(days=d) for d in (-1, 0, 1)]))),
    )
    assert is_open(schedule, at) == oracle(schedule, wall)
    assert is_open(schedule, at.astimezone(ZoneInfo("Asia/Kathmandu"))) == oracle(schedule, wall)


def minutes_open(zone: str, text: str, day: date, offset_hours: int) -> int:
    """Over 48 hours around `day`, the number of minutes that are open, counted in UTC."""
    schedule = Schedule("s", zone, (parse_window(text),))
    first = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=12 + offset_hours)
    return sum(is_open(schedule, first + timedelta(minutes=minute)) for minute in range(48 * 60))


def test_an_hour_that_the_clock_skips_does_not_occur_and_a_repeated_one_counts_twice():
    assert minutes_open("Europe/Berlin", "sun 02:00-03:00", date(2024, 3, 31), 1) == 0
    assert minutes_open("Europe/Berlin", "sun 02:00-03:00", date(2024, 10, 27), 1) == 120
    assert minutes_open("Europe/Berlin", "sun 02:00-03:00", date(2024, 11, 3), 1) == 60
    assert minutes_open("Australia/Lord_Howe", "sun 01:30-02:00", date(2024, 4, 7), 11) == 60
    assert minutes_open("Asia/Almaty", "thu 23:00-24:00", date(2024, 2, 29), 5) == 120
    assert minutes_open("Pacific/Apia", "fri 00:00-24:00", date(2011, 12, 30), -10) == 0


@pytest.mark.parametrize(
    ("text", "weekdays", "start", "end"),
    [
        ("mon-fri 08:00-18:00", {0, 1, 2, 3, 4}, time(8), time(18)),
        ("Mon,WED,fri 22:00-06:00", {0, 2, 4}, time(22), time(6)),
        ("sat-mon 9:00 - 10:30", {5, 6, 0}, time(9), time(10, 30)),
        ("  daily   00:00-24:00 ", {0, 1, 2, 3, 4, 5, 6}, time(0), time(0)),
        ("sun 22:00-00:00", {6}, time(22), time(0)),
        ("tue, thu 07:30\N{EN DASH}24:00", {1, 3}, time(7, 30), time(0)),
        ("mon-mon 01:00-02:00", {0}, time(1), time(2)),
    ],
)
def test_what_a_window_means(text, weekdays, start, end):
    assert parse_window(text) == TimeWindow(frozenset(weekdays), start, end)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not days and a span"),
        ("08:00-18:00", "not days and a span"),
        ("mon-fri", "not days and a span"),
        ("monday 08:00-18:00", "'monday' is not a day"),
        ("mon-xyz 08:00-18:00", "'mon-xyz' is not a day"),
        ("mon, 08:00-18:00", "'' is not a day"),
        ("mon 08:00-25:00", "25:00 is not a time of day"),
        ("mon 08:60-09:00", "08:60 is not a time of day"),
        ("mon 24:00-09:00", "24:00 is not a time of day"),
        ("mon 08:00-24:30", "24:30 is not a time of day"),
        ("mon 08:00-08:00", "ends when it starts"),
        ("mon 00:00-00:00", "ends when it starts"),
        ("mon ٠٨:00-09:00", "not days and a span"),
        ("mon 08:00-09:00\x1b[2J", r"\x1b"),
        ("mon " * 10_000, "not days and a span"),
    ],
)
def test_a_window_that_cannot_be_used_says_why_in_one_line_with_an_example(text, says):
    with pytest.raises(InvalidInput) as refused:
        parse_window(text)
    message = str(refused.value)
    assert says in message
    assert '"mon-fri 08:00-18:00"' in message
    assert message.isprintable()
    assert len(message) < 500


@settings(deadline=None)
@given(windows)
def test_a_window_is_read_back_as_it_was_written(window):
    assert parse_window(format_window(window)) == window


@settings(deadline=None)
@given(st.text(max_size=60) | st.from_regex(r"(mon|tue|daily)[-,a-z ]{0,8} [0-9:]{0,6}-[0-9:]{0,6}", fullmatch=True))
def test_any_text_is_either_a_window_or_refused(text):
    try:
        window = parse_window(text)
    except InvalidInput:
        return
    assert parse_window(format_window(window)) == window


@pytest.mark.parametrize(
    ("weekdays", "text"),
    [({5, 6, 0}, "sat-mon"), (range(7), "daily"), ({0, 2, 4}, "mon,wed,fri"), ({2, 5, 6, 0}, "wed,sat-mon")],
)
def test_days_are_written_as_people_write_them(weekdays, text):
    assert format_window(TimeWindow(frozenset(weekdays), time(8), time(0))) == f"{text} 08:00-24:00"


def test_a_time_zone_is_found_whatever_its_capitals():
    assert parse_timezone(" asia/almaty ") == "Asia/Almaty"
    assert parse_timezone("utc") == "UTC"


@pytest.mark.parametrize("name", ["Europe/Belin", "", "/etc/passwd", "../../etc/passwd", "Europe", "a\0b", "x" * 5000])
def test_an_unknown_time_zone_is_refused(name):
    with pytest.raises(InvalidInput, match=r"unknown time zone .*: (did you mean|name one like)"):
        parse_timezone(name)


def test_a_misspelt_time_zone_gets_a_suggestion():
    with pytest.raises(InvalidInput, match="did you mean Europe/Berlin"):
        parse_timezone("Europe/Belin")


ALWAYS = Schedule("s", "UTC", (TimeWindow(frozenset(range(len(DAYS))), time(0), time(0)),))


def test_what_cannot_be_told_is_closed():
    noon = datetime(2024, 5, 1, 12, tzinfo=UTC)
    assert is_open(ALWAYS, noon)
    assert not is_open(ALWAYS, noon.replace(tzinfo=None))
    for zone in ("Mars/Olympus", "", "Europe", "../UTC", "a\0b", "\ud800", "x" * 5000):
        assert not is_open(replace(ALWAYS, timezone=zone), noon)
    assert not is_open(replace(ALWAYS, timezone="Asia/Almaty"), datetime.max.replace(tzinfo=UTC))
    assert not is_open(replace(ALWAYS, timezone="America/New_York"), datetime.min.replace(tzinfo=UTC))
    assert not is_open(ALWAYS, datetime.min.replace(tzinfo=UTC))


def test_a_holiday_closes_what_starts_on_it_and_not_what_runs_into_it():
    night = Schedule("s", "UTC", (parse_window("daily 22:00-06:00"),), frozenset({date(2024, 5, 9)}))
    assert is_open(night, datetime(2024, 5, 9, 5, 59, tzinfo=UTC))
    assert not is_open(night, datetime(2024, 5, 9, 22, 0, tzinfo=UTC))
    assert not is_open(night, datetime(2024, 5, 10, 5, 59, tzinfo=UTC))
    assert is_open(night, datetime(2024, 5, 10, 22, 0, tzinfo=UTC))
