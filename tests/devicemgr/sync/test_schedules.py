"""A console that may open by itself keeps the schedules by itself, and where it can't, this box does and says so."""

import itertools
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from devicemgr.domain.desired_state import Desired, Policy, desired, digest, hours_name
from devicemgr.domain.model import Schedule, TimeWindow
from devicemgr.domain.ports.device import Holding
from devicemgr.domain.rules.schedules import find_zone, is_open, parse_window, spans
from devicemgr.store.people import people
from devicemgr.store.site import access_levels as level_store
from devicemgr.store.tables import CalendarRow, ScheduleRow
from drivers.common.console.weekly_hours import week_of
from tests.devicemgr.sync.holders import FakeHolder, House, ScheduledHolder
from tests.support.levels import cover

NOON, NIGHT = (datetime(2026, 11, 25, hour, tzinfo=UTC) for hour in (12, 23))
DAY = hours_name(["day"])


@pytest.fixture
def house(site):
    found = House(site)
    with site.database.write() as session:
        session.add(ScheduleRow(name="day", timezone="UTC", windows=["mon-fri 08:00-18:00"], holidays=["2026-11-26"]))
        session.add(ScheduleRow(name="late", timezone="UTC", windows=["daily 20:00-02:00"], holidays=[]))
        session.flush()
        cover(session, level_store.level(session, "staff"), ["lobby"], "day")
    return found


def want(house, at, policy=None, faces=None) -> Desired:
    return desired("box", policy or Policy("people", hours=True), house.rules().refresh(), (at,), faces or {})


def test_a_door_under_a_schedule_is_held_with_its_hours_by_day_and_by_night(house):
    house.person("A1", cards=["77"])
    for at in (NOON, NIGHT):
        found = want(house, at)
        assert found.wanted["A1"].holding.doors == {1}
        assert found.wanted["A1"].holding.hours == ((1, DAY),)
        assert found.hours == {DAY: ("day",)}
        assert found.by_clock == frozenset()


def test_two_levels_join_their_hours_and_one_without_a_schedule_is_at_all_times(house):
    with house.site.database.write() as session:
        level = level_store.level(session, "all")
        cover(session, level, ["lobby", "yard"], "late")
        session.flush()
        session.refresh(level)
        next(row for row in level.portals if row.portal_name == "yard").schedule_name = None
    house.person("A1", cards=["77"])
    house.person("B2", "all", cards=["78"])
    with house.site.database.write() as session:
        people.set_level(session, people.get(session, "A1"), "all", held=True)
    found = want(house, NOON)
    both = hours_name(["day", "late"])
    assert found.wanted["A1"].holding.hours == ((1, both),)
    assert found.wanted["B2"].holding.hours == ((1, hours_name(["late"])),)
    assert found.wanted["B2"].holding.doors == {1, 2}
    assert found.hours[both] == ("day", "late")


def test_one_that_always_asks_is_given_doors_without_hours(house):
    house.person("A1", cards=["77"])
    found = want(house, NIGHT, Policy("people", decides=False, hours=True))
    assert (found.wanted["A1"].holding.doors, found.wanted["A1"].holding.hours) == ({1}, ())


def test_hours_that_it_can_not_keep_are_kept_by_the_clock_here(house):
    house.person("A1", cards=["77"])
    policy = Policy("people", hours=True, no_hours=frozenset({DAY}))
    assert want(house, NOON, policy).wanted["A1"].holding.doors == {1}
    found = want(house, NIGHT, policy)
    assert (found.wanted["A1"].holding.doors, found.by_clock, found.hours) == (frozenset(), {"day"}, {})


def test_a_holding_without_hours_is_named_as_before_there_were_any():
    # What was put before an upgrade is not put again.
    assert digest(Holding("A1", "Anna", ("77",), frozenset({1}))) == "a5baff8305f48bb55ec264e5a3d352f1"


def test_hours_are_told_before_anybody_is_given_them_and_a_change_of_them_is_told_once(house):
    device = ScheduledHolder()
    house.person("A1", cards=["77"])
    house.bring(device)
    assert device.told[0] == ("hours", (DAY,))
    assert device.kept["A1"].hours == ((1, DAY),)
    with house.site.database.write() as session:
        level_store.schedule(session, "day").windows = ["mon-fri 09:00-17:00"]
    before, device.told = device.weeks[DAY], []
    house.bring(device)
    assert {verb for verb, _ in device.told} == {"hours"}
    assert device.weeks[DAY] != before


def test_a_calendar_s_day_reaches_the_console(house):
    device, today = ScheduledHolder(), datetime.now(UTC).date()
    with house.site.database.write() as session:
        session.add(CalendarRow(name="kz", days=[f"{today + timedelta(days=2)} holiday"]))
        row = level_store.schedule(session, "day")
        row.windows, row.holidays = ["daily 08:00-18:00"], ["@kz"]
    house.person("A1", cards=["77"])
    house.bring(device)
    assert today + timedelta(days=2) not in {opens.date() for opens, _ in device.weeks[DAY]}
    with house.site.database.write() as session:
        session.get_one(CalendarRow, "kz").days = [f"{today + timedelta(days=3)} short-day 09:00-10:00"]
    house.bring(device)
    by_date = {opens.date(): f"{opens:%H:%M}-{closes:%H:%M}" for opens, closes in device.weeks[DAY]}
    assert by_date[today + timedelta(days=2)] == "08:00-18:00"
    assert by_date[today + timedelta(days=3)] == "09:00-10:00"


def test_a_console_says_itself_whether_it_opens_alone(house):
    device = ScheduledHolder(decides_alone=False)
    house.person("A1", cards=["77"])
    house.bring(device)
    assert (device.weeks, device.kept["A1"].hours) == ({}, ())
    device.decides_alone = True
    house.fresh(decides=False)  # what its options hope for does not count
    house.bring(device, read=True)
    assert device.kept["A1"].hours == ((1, DAY),)


def test_what_it_does_not_keep_by_itself_is_noted(house):
    house.person("A1", cards=["77"])
    refusing = ScheduledHolder()
    refusing.hours_refused = {DAY}
    (note,) = house.bring(refusing).notes
    assert "when day is open (no room for hours)" in note
    assert refusing.kept["A1"].hours == ()
    house.fresh()
    (note,) = house.bring(FakeHolder()).notes
    assert note.startswith("box does not keep by itself when day is open: this box gives and takes the doors")
    house.fresh(decides=False)
    assert house.bring(FakeHolder()).notes == ()


@pytest.mark.parametrize("refuses", [False, True])
def test_a_plan_is_made_without_changing_hours_and_agrees_with_what_was_done(house, refuses):
    house.person("A1", cards=["77"])
    device = ScheduledHolder()
    device.hours_refused = {DAY} if refuses else set()
    house.preview(device)
    assert device.weeks == {}
    house.bring(device)
    house.fresh()
    assert not house.preview(device).differs


def test_a_holiday_within_the_week_is_closed():
    schedule = Schedule("day", "Asia/Almaty", (parse_window("mon-fri 08:00-18:00"),), frozenset({date(2026, 11, 26)}))
    found = spans([schedule], datetime(2026, 11, 25, tzinfo=UTC), datetime(2026, 11, 28, tzinfo=UTC))
    assert [f"{opens:%d %H:%M}-{closes:%d %H:%M}" for opens, closes in found] == [
        "25 03:00-25 13:00",
        "27 03:00-27 13:00",
    ]


CLOCK = st.times().map(lambda time: time.replace(second=0, microsecond=0, fold=0))
WINDOW = st.builds(TimeWindow, st.frozensets(st.integers(0, 6), min_size=1), CLOCK, CLOCK)
SCHEDULES = st.lists(
    st.builds(
        Schedule,
        st.just("s"),
        st.sampled_from(["UTC", "Asia/Almaty", "Europe/Berlin", "America/Los_Angeles", "Australia/Lord_Howe"]),
        st.lists(WINDOW, max_size=3).map(tuple),
        st.frozensets(
            st.dates(date(2026, 3, 20), date(2026, 4, 10)) | st.dates(date(2026, 10, 20), date(2026, 11, 3)), max_size=2
        ),
    ),
    max_size=2,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault
@given(SCHEDULES, st.sampled_from([datetime(2026, 3, 22), datetime(2026, 10, 20)]), st.integers(0, 14 * 24 * 60))
def test_spans_say_what_is_open_says(schedules, begin, minute):
    begin = begin.replace(tzinfo=UTC)  # both fortnights have nights in which clocks change
    end, at = begin + timedelta(days=14), begin + timedelta(minutes=minute)
    found = spans(schedules, begin, end)
    within = any(opens <= at < closes for opens, closes in found)
    assert within == (at < end and any(is_open(schedule, at) for schedule in schedules))
    assert all(first[1] < second[0] for first, second in itertools.pairwise(found))


NIGHTS = [
    ("Europe/Berlin", datetime(2026, 10, 24, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 3, 28, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 10, 31, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, tzinfo=UTC)),
    ("Asia/Almaty", datetime(2024, 2, 28, tzinfo=UTC)),
]


@pytest.mark.parametrize(("zone", "begin"), NIGHTS)
@pytest.mark.parametrize(
    "window",
    [
        "sun 02:00-02:30",
        "sat 22:00-02:30",
        "sun 02:30-08:00",
        "daily 01:45-02:15",
        "daily 00:00-24:00",
        "daily 23:00-01:00",
    ],
)
def test_consoles_and_rules_agree_on_each_minute_when_the_clock_changes(zone, begin, window):
    schedule = Schedule("s", zone, (parse_window(window),))
    found = spans([schedule], begin, begin + timedelta(days=3))
    local, weeks = find_zone(zone), {}
    for minute in range(3 * 1440):
        at = begin + timedelta(minutes=minute)
        by_rules = is_open(schedule, at)
        assert any(opens <= at < closes for opens, closes in found) == by_rules, at
        # A console in the same zone opens by its wall clock alone, in both passes of an hour that is repeated.
        wall = at.astimezone(local)
        if wall.date() not in weeks:
            weeks[wall.date()] = ends_shown(week_of(found, local, at)[wall.weekday()])
        by_console = any(one <= f"{wall:%H:%M:%S}" <= to for one, to in weeks[wall.date()])
        assert minute > 2 * 1440 or by_console == by_rules, at


def ends_shown(day):
    """The spans of a day with the last second that is open."""
    return [
        (one, to if to == "23:59:59" else f"{datetime.strptime(to, '%H:%M:%S') - timedelta(seconds=1):%H:%M:%S}")
        for one, to in day
    ]


def test_a_console_in_another_zone_opens_in_no_pass_of_an_hour_where_one_is_closed():
    opens = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # 02:30 in Berlin, and again at 01:30 UTC
    berlin = find_zone("Europe/Berlin")
    (sunday,) = (day for day in week_of(((opens, opens + timedelta(hours=2)),), berlin, opens) if day)
    assert sunday == (("02:30:00", "03:30:00"),)
    assert week_of(((opens, opens + timedelta(minutes=20)),), berlin, opens) == ((),) * 7
