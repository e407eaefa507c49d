"""The clock that rights go by: set ahead, set back, corrected, started wrong; both clocks are the test's."""

from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.domain.trusted_clock import BEHIND_S, MAX_SETTLED_S, SETTLED_AFTER_S, Kept, WallClock

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
YEARS = 10 * 365.25 * 86_400


class Clocks:
    """CLOCK_MONOTONIC and a wall clock that can be set."""

    def __init__(self) -> None:
        self.ticks, self.ahead = 1000.0, START.timestamp() - 1000.0

    def made(self, mark: Kept | datetime | None = None) -> WallClock:
        return WallClock(mark, lambda: self.ticks + self.ahead, lambda: self.ticks)

    def go(self, seconds: float) -> None:
        self.ticks += seconds

    def set(self, seconds: float) -> None:
        self.ahead += seconds


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.mark.parametrize("seconds", [7200, -7200, YEARS, -YEARS, 3, -3])
def test_a_jump_is_told_once_with_both_times(clocks: Clocks, seconds: float) -> None:
    clock = clocks.made()
    clocks.go(5)
    assert clock.look() is None
    clocks.set(seconds)
    clocks.go(0.5)
    jump = clock.look()
    assert jump is not None
    assert jump.seconds == pytest.approx(seconds, abs=1e-3)
    assert (jump.before - START).total_seconds() == pytest.approx(5.5, abs=1e-3)
    assert clock.look() is None


def test_a_slewed_clock_has_not_jumped(clocks: Clocks) -> None:
    clock = clocks.made()
    for _ in range(1000):
        clocks.go(0.5)
        clocks.set(0.0625)
        assert clock.look() is None
    assert clock.now() == START + timedelta(seconds=562.5)


@pytest.mark.parametrize("seconds", [-7200, -YEARS])
def test_set_back_time_goes_on_from_where_it_was(clocks: Clocks, seconds: float) -> None:
    clock = clocks.made()
    clocks.go(10)
    clocks.set(seconds)
    assert clock.now() == START + timedelta(seconds=10), "before the first look, too"
    clock.look()
    clocks.go(100)
    assert clock.now() == clock.mark == START + timedelta(seconds=110)
    assert clock.behind_s == pytest.approx(-seconds, abs=1e-3)
    clocks.set(-seconds)
    assert clock.look() is not None
    assert clock.behind_s == 0
    assert clock.now() == START + timedelta(seconds=110)


def at(clock: WallClock) -> list[float]:
    """The times at which a right must hold, in seconds after START."""
    return [round((time - START).total_seconds(), 3) for time in clock.times()]


@pytest.mark.parametrize("seconds", [6 * 3600, YEARS])
@pytest.mark.parametrize("looked", [True, False])
def test_set_ahead_a_right_must_hold_by_both_clocks(clocks: Clocks, seconds: float, looked: bool) -> None:
    clock = clocks.made()
    assert at(clock) == [0]
    clocks.set(seconds)
    if looked:
        clock.look()
    assert at(clock) == [seconds, 0], "before the first look, too"
    assert (clock.now(), clock.earliest()) == (START + timedelta(seconds=seconds), START)
    assert clock.ahead_s == pytest.approx(seconds)


@pytest.mark.parametrize("waited", [10, SETTLED_AFTER_S - 1, 30 * 86_400])
def test_a_great_jump_ahead_is_never_believed_by_waiting_and_may_be_corrected(clocks: Clocks, waited: float) -> None:
    """0.1.0 took it for the time after an hour: a forged jump in the evening opened the doors of the morning."""
    clock = clocks.made()
    clocks.set(7200)
    clock.look()
    for _ in range(100):
        clocks.go(waited / 100)
        clock.look()
    assert at(clock) == pytest.approx([waited + 7200, waited])
    clocks.set(-7200)
    clock.look()
    assert at(clock) == pytest.approx([waited])
    assert (clock.behind_s, clock.ahead_s) == (0, 0)


def test_an_admin_accepts_a_clock_that_was_set_ahead(clocks: Clocks) -> None:
    clock = clocks.made()
    clocks.set(7200)
    clock.look()
    assert clock.accept() == START + timedelta(seconds=7200)
    assert at(clock) == [7200]
    clocks.go(10)
    assert clock.look() is None
    clocks.set(-7200)
    clock.look()
    assert clock.now() == START + timedelta(seconds=7210)
    assert clock.behind_s == 7200


def test_a_small_jump_ahead_is_the_time_after_an_hour_and_the_next_one_a_day_later(clocks: Clocks) -> None:
    clock = clocks.made()
    clocks.set(MAX_SETTLED_S)
    clock.look()
    assert len(clock.times()) == 2
    clocks.go(SETTLED_AFTER_S - 1)
    clock.look()
    assert len(clock.times()) == 2
    clocks.go(1)
    clock.look()
    assert at(clock) == [SETTLED_AFTER_S + MAX_SETTLED_S]
    for hours in range(23):
        clocks.set(MAX_SETTLED_S if hours == 0 else 0)
        clock.look()
        clocks.go(3600)
        clock.look()
        assert len(clock.times()) == 2, hours
    clocks.go(3600)
    clock.look()
    assert len(clock.times()) == 1


def test_small_jumps_one_after_the_other_add_up_to_a_great_one(clocks: Clocks) -> None:
    clock = clocks.made()
    for _ in range(24 * 6):
        clocks.set(250)
        clock.look()
        clocks.go(600)
        clock.look()
    clocks.go(SETTLED_AFTER_S)
    clock.look()
    assert clock.ahead_s == pytest.approx(24 * 6 * 250)


def test_a_clock_that_is_slewed_far_stands_ahead_as_well(clocks: Clocks) -> None:
    clock = clocks.made()
    for _ in range(3600):
        clocks.go(1)
        clocks.set(0.1)
        assert clock.look() is None
    assert clock.ahead_s == pytest.approx(360, abs=3)


def test_a_clock_that_is_disciplined_is_followed(clocks: Clocks) -> None:
    clock = clocks.made()
    for _ in range(24 * 360):
        clocks.go(10)
        clocks.set(10 * 400e-6)
        assert clock.look() is None
        assert len(clock.times()) == 1
    assert clock.behind_s == 0


def test_in_the_same_run_of_the_computer_a_restart_believes_no_jump(clocks: Clocks) -> None:
    before = clocks.made()
    clocks.go(100)
    kept = Kept(before.mark, before.offset)
    clocks.set(6 * 3600)
    clocks.go(20)
    clock = clocks.made(kept)
    assert at(clock) == [6 * 3600 + 120, 120]
    jump = clock.look()
    assert jump is not None
    assert jump.seconds == pytest.approx(6 * 3600)
    assert clock.look() is None
    clocks.set(-12 * 3600)
    clock.look()
    assert at(clock) == [120], "nor one that goes back"
    assert clock.behind_s == 6 * 3600


def test_after_the_computer_was_off_its_clock_is_believed(clocks: Clocks) -> None:
    """Over a weekend, with a battery: what was kept says only how late it is at least."""
    clock = clocks.made(Kept(START - timedelta(days=3), restarted=True))
    assert clock.look() is None
    assert at(clock) == [0]
    clocks.set(6 * 3600)
    assert at(clock) == [6 * 3600, 0], "and no jump after that"


@pytest.mark.parametrize("restarted", [True, False])
def test_a_box_without_a_battery_recovers_by_itself(clocks: Clocks, restarted: bool) -> None:
    """It starts in 1970, long after what was kept; a time server sets it after hours of work by the kept time."""
    mark = START - timedelta(hours=5)
    clocks.set(-START.timestamp())
    clock = clocks.made(Kept(mark, restarted=restarted))
    clock.look()
    clocks.go(4 * 3600)
    clock.look()
    assert at(clock) == [-3600], "by the least that the time can be"
    clocks.set(START.timestamp())
    assert at(clock) == [4 * 3600], "at once"
    jump = clock.look()
    assert jump is not None
    assert at(clock) == [4 * 3600]
    assert (clock.behind_s, clock.ahead_s) == (0, 0)
    clocks.set(6 * 3600)
    clock.look()
    assert len(clock.times()) == 2, "once"


def test_a_clock_that_the_system_has_kept_at_the_last_shutdown_recovers_too(clocks: Clocks) -> None:
    clock = clocks.made(Kept(START - timedelta(seconds=40), restarted=True))
    clock.look()
    clocks.go(300)
    clocks.set(9 * 3600)
    clock.look()
    assert at(clock) == [9 * 3600 + 300]
    clocks.go(100)
    clocks.set(9 * 3600)
    assert len(clock.times()) == 2


def test_after_a_quarter_of_an_hour_such_a_clock_had_its_time(clocks: Clocks) -> None:
    clock = clocks.made(Kept(START - timedelta(seconds=40), restarted=True))
    for _ in range(900):
        clocks.go(1)
        clock.look()
    clocks.set(6 * 3600)
    assert len(clock.times()) == 2


def test_a_clock_that_has_caught_up_by_itself_had_its_time(clocks: Clocks) -> None:
    clock = clocks.made(Kept(START + timedelta(seconds=90), restarted=True))
    for _ in range(182):
        clocks.go(1)
        clocks.set(0.5)
        clock.look()
    assert len(clock.times()) == 1
    clocks.set(6 * 3600)
    assert len(clock.times()) == 2


def test_a_new_box_in_1970_gets_its_first_time(clocks: Clocks) -> None:
    clocks.set(-START.timestamp())
    clock = clocks.made()
    clock.look()
    clocks.go(60)
    clocks.set(START.timestamp())
    clock.look()
    assert at(clock) == [60]


def test_a_jump_ahead_and_back_beyond_the_start_is_no_correction(clocks: Clocks) -> None:
    clock = clocks.made()
    clocks.set(YEARS)
    clock.look()
    clocks.set(-2 * YEARS)
    clock.look()
    assert clock.times() == (START,)
    assert clock.behind_s == pytest.approx(YEARS)


@pytest.mark.parametrize("behind", [7200, YEARS])
def test_a_clock_that_starts_behind_the_kept_mark_was_set_back_meanwhile(clocks: Clocks, behind: float) -> None:
    mark = START + timedelta(seconds=behind)
    clock = clocks.made(mark)
    assert clock.now() == mark
    jump = clock.look()
    assert jump is not None
    assert (jump.before, jump.after) == (mark, START)
    assert clock.look() is None


def test_a_mark_of_just_now_or_of_last_year_is_no_jump(clocks: Clocks) -> None:
    for before in (-BEHIND_S / 2, 10, YEARS):
        clock = clocks.made(START - timedelta(seconds=before))
        assert clock.look() is None
        assert clock.behind_s == 0


def test_times_that_no_calendar_holds_are_cut(clocks: Clocks) -> None:
    clock = clocks.made()
    clocks.set(1e12)
    assert clock.now().year == 9999
    assert clock.look().after.year == 9999
    clocks.set(-2e12)
    assert clock.look().after.year == 1970
