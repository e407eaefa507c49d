"""When a lost device is tried again, on a clock of the test's own."""

import pytest

from devicemgr.devices.backoff import AGAIN_S, FAILURES, LAST_S, STEADY_S, WITHIN_S, Restarts


class Clock:
    """Monotonic seconds."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def restarts(clock: Clock) -> Restarts:
    return Restarts(clock, lambda: 1.0)


def test_a_pulled_cable_is_looked_for_every_few_seconds_for_ever(restarts: Restarts, clock: Clock) -> None:
    pauses = []
    for _ in range(100):
        pauses.append(restarts.lost(None, away=True, soon=True))
        clock.now += pauses[-1]
    assert pauses[:5] == [0.25, 0.5, 1.0, 2.0, 3.0]
    assert set(pauses[5:]) == {LAST_S}
    assert not restarts.quarantined
    assert restarts.words("no port") == "no port"


def test_five_failures_in_a_minute_are_quarantine_and_tries_go_on(restarts: Restarts, clock: Clock) -> None:
    pauses = []
    for _ in range(FAILURES - 1):
        pauses.append(restarts.lost(None, away=False, soon=False))
        clock.now += pauses[-1]
    assert not restarts.quarantined
    assert restarts.lost(None, away=False, soon=False) == AGAIN_S
    assert restarts.quarantined
    clock.now += AGAIN_S
    assert restarts.lost(2.0, away=False, soon=False) == AGAIN_S, "a short recovery ends no quarantine"
    assert restarts.words("boom") == "boom (failed 5 times within 60 s, tried again every 30 s)"


def test_failures_far_apart_are_none(restarts: Restarts, clock: Clock) -> None:
    for _ in range(50):
        assert restarts.lost(STEADY_S - 1, away=False, soon=False) < AGAIN_S
        clock.now += WITHIN_S / (FAILURES - 1) + 0.1
    assert not restarts.quarantined


def test_a_line_that_comes_and_goes_is_quarantined_and_still_looked_for_soon(restarts: Restarts, clock: Clock) -> None:
    for _ in range(FAILURES):
        assert restarts.lost(1.0, away=True, soon=True) <= LAST_S
        clock.now += 1
    assert restarts.quarantined
    assert restarts.lost(None, away=True, soon=True) <= LAST_S
    assert restarts.words("gone") == "gone (failed 5 times within 60 s, still looked for)"


def test_half_a_minute_without_fault_ends_it(restarts: Restarts, clock: Clock) -> None:
    for _ in range(FAILURES):
        restarts.lost(None, away=False, soon=False)
    clock.now += STEADY_S
    assert restarts.lost(STEADY_S, away=False, soon=False) == 0.25
    assert not restarts.quarantined


def test_a_hint_begins_with_short_pauses_again(restarts: Restarts) -> None:
    for _ in range(9):
        restarts.lost(None, away=True, soon=True)
    restarts.hinted()
    assert restarts.lost(None, away=True, soon=True) == 0.25


def test_many_devices_are_not_tried_all_at_once() -> None:
    assert len({Restarts().lost(None, away=True, soon=True) for _ in range(50)}) > 40
