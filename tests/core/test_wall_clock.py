"""The clock that rights go by: set ahead, set back, corrected, started wrong; both clocks are the test's."""

from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.wall_clock import BEHIND_S, SETTLED_AFTER_S, WallClock

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
YEARS = 10 * 365.25 * 86_400


class Clocks:
    """CLOCK_MONOTONIC and a wall clock that can be set."""

    def __init__(self) -> None:
        self.ticks, self.ahead = 1000.0, START.timestamp() - 1000.0

    def made(self, mark: datetime | None = None) -> WallClock:
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


def test_set_ahead_is_believed_at_once_and_may_be_corrected_within_an_hour(clocks: Clocks) -> None:
    clock = clocks.made()
    clocks.set(YEARS)
    clock.look()
    assert clock.now() == START + timedelta(seconds=YEARS)
    assert clock.ahead_s == pytest.approx(YEARS)
    clocks.go(SETTLED_AFTER_S - 1)
    clock.look()
    clocks.set(-YEARS)
    clock.look()
    assert clock.now() == START + timedelta(seconds=SETTLED_AFTER_S - 1)
    assert (clock.behind_s, clock.ahead_s) == (0, 0)


def test_after_an_hour_it_is_the_time_and_does_not_go_back(clocks: Clocks) -> None:
    clock = clocks.made()
    clocks.set(7200)
    clock.look()
    clocks.go(SETTLED_AFTER_S)
    clock.look()
    clocks.set(-7200)
    clock.look()
    assert clock.now() == START + timedelta(seconds=SETTLED_AFTER_S + 7200)
    assert clock.behind_s == 7200
    assert clock.accept() == START + timedelta(seconds=SETTLED_AFTER_S)
    assert clock.behind_s == 0
    assert clock.look() is None


def test_a_jump_ahead_and_back_beyond_the_start_is_no_correction(clocks: Clocks) -> None:
    clock = clocks.made()
    clocks.set(YEARS)
    clock.look()
    clocks.set(-2 * YEARS)
    clock.look()
    assert clock.now() == START
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
