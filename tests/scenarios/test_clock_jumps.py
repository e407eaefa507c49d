"""A clock that jumps under a running entrance: what is recorded, who is let in, and what moves."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from devicemgr.access.policy_cache import Rulebook
from devicemgr.clock import mark
from devicemgr.clock.monitor import ClockWatch
from devicemgr.domain.trusted_clock import WallClock
from devicemgr.site.site import Site
from devicemgr.store.people import people
from devicemgr.store.site import access_levels as level_store
from devicemgr.store.tables import ScheduleRow
from tests.support.levels import cover

ANNA = np.eye(4, dtype=np.float32)[0]
HOURS, YEARS = 7200.0, 10 * 365.25 * 86_400


class Settable:
    """This computer's clock, set by a test."""

    def __init__(self) -> None:
        self.set_by = 0.0

    def __call__(self) -> float:
        return time.time() + self.set_by


@pytest.fixture
def wall(site: Site) -> Settable:
    wall = Settable()
    site.database.clock = WallClock(wall=wall)
    object.__setattr__(site, "clock", site.database.clock)
    return wall


@pytest.fixture
def watch(wall: Settable, site: Site) -> ClockWatch:
    return ClockWatch(site.clock, site.database, site.ledger)


@pytest.fixture
def door(wall: Settable, entrance: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("devicemgr.access.evidence.face_evidence.AWAY_AFTER_S", -1.0)
    monkeypatch.setattr("devicemgr.access.evidence.recent_grants.RecentGrants.holds_at", lambda *_, **__: False)
    entrance.number = 0
    return entrance


def shown(door: Any) -> str | None:
    """Anna before the camera: "granted", or why not."""
    door.number += 1
    door.see(ANNA, track=f"t{door.number}")
    found = [event for event in door.events() if event["kind"].startswith("access_")][-1]
    if found["kind"] == "access_granted":
        door.finish()
    return found["reason"] or "granted"


def valid_to(door: Any, at: datetime) -> None:
    with door.site.database.write() as session:
        people.get(session, "A1").valid_to = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    door.rules.refresh()


@pytest.mark.parametrize("seconds", [-HOURS, -YEARS])
def test_an_expired_right_stays_expired_when_the_clock_is_set_back(
    door: Any, wall: Settable, watch: ClockWatch, seconds: float
) -> None:
    valid_to(door, datetime.now(UTC) - timedelta(seconds=1))
    assert shown(door) == "expired"
    wall.set_by = seconds
    assert shown(door) == "expired"
    watch.look()
    assert shown(door) == "expired"
    (alarm,) = watch.alarms()
    assert alarm["kind"] == "clock_behind"
    assert alarm["hint"]["code"] == "accept_clock"


def test_it_stays_expired_over_a_restart(
    door: Any, wall: Settable, watch: ClockWatch, make_site: Callable[[], Site]
) -> None:
    watch.keep()
    wall.set_by = -HOURS
    with door.site.database.read() as session:
        clock = WallClock(mark.load(session), wall=wall)
    rules = Rulebook(door.site.database, door.site.parts.catalog, clock)
    assert abs((rules.now() - datetime.now(UTC)).total_seconds()) < 30
    restarted = ClockWatch(clock, door.site.database, door.site.ledger)
    restarted.look()
    assert [event["kind"] for event in door.events()] == ["clock_jumped"]


@pytest.mark.parametrize("seconds", [HOURS, YEARS])
def test_a_right_ends_when_the_clock_is_set_ahead_and_holds_again_when_that_is_corrected(
    door: Any, wall: Settable, watch: ClockWatch, seconds: float
) -> None:
    valid_to(door, datetime.now(UTC) + timedelta(seconds=HOURS / 2))
    assert shown(door) == "granted"
    wall.set_by = seconds
    watch.look()
    assert shown(door) == "expired"
    assert [alarm["kind"] for alarm in watch.alarms()] == ["clock_jumped"]
    wall.set_by = 0.0
    watch.look()
    assert shown(door) == "granted"
    assert watch.alarms() == []


def only_in(door: Any, begin: timedelta, end: timedelta) -> None:
    """Anna may pass between two times of the day, both from now."""
    now = datetime.now(UTC)
    window = f"daily {now + begin:%H:%M}-{now + end:%H:%M}"
    with door.site.database.write() as session:
        session.add(ScheduleRow(name="office", timezone="UTC", windows=[window], holidays=[]))
        session.flush()
        cover(session, level_store.level(session, "staff"), ["lobby"], "office")
    door.rules.refresh()


@pytest.mark.parametrize("hours", [6, 30, 24 * 7 + 6])
def test_a_forged_jump_opens_no_office_hours_at_night(
    door: Any, wall: Settable, watch: ClockWatch, hours: int, make_site: Callable[[], Site]
) -> None:
    only_in(door, timedelta(hours=5), timedelta(hours=7))
    assert shown(door) == "outside_schedule"
    wall.set_by = 3600.0 * hours
    assert shown(door) == "outside_schedule", "before the first look, too"
    watch.look()
    assert shown(door) == "outside_schedule"
    (alarm,) = watch.alarms()
    assert alarm["kind"] == "clock_jumped"
    assert alarm["hint"]["code"] == "accept_clock"
    watch.keep()
    with door.site.database.read() as session:
        restarted = WallClock(mark.load(session), wall=wall)
    assert restarted.ahead_s == pytest.approx(3600 * hours, abs=5), "a restart of the daemon believes it neither"
    door.site.clock.accept()
    assert shown(door) == "granted", "an admin has said that the clock is right"


def test_while_the_clock_stands_ahead_a_right_that_holds_by_both_clocks_opens(
    door: Any, wall: Settable, watch: ClockWatch
) -> None:
    only_in(door, timedelta(hours=-1), timedelta(hours=7))
    wall.set_by = 6 * 3600.0
    watch.look()
    assert shown(door) == "granted"
    wall.set_by = 9 * 3600.0
    watch.look()
    assert shown(door) == "outside_schedule"


def test_a_right_that_begins_later_does_not_begin_by_a_forged_jump(
    door: Any, wall: Settable, watch: ClockWatch
) -> None:
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    with door.site.database.write() as session:
        people.get(session, "A1").valid_from = later
    door.rules.refresh()
    wall.set_by = YEARS
    watch.look()
    assert shown(door) == "not_yet_valid"


@pytest.mark.parametrize("seconds", [HOURS, -HOURS, YEARS, -YEARS])
def test_a_jump_is_recorded_and_changes_no_pulse_and_no_seq(
    door: Any, wall: Settable, watch: ClockWatch, seconds: float
) -> None:
    watch.look()
    assert shown(door) == "granted"
    wall.set_by = seconds
    watch.look()
    wall.set_by = 0.0
    watch.look()
    door.pipeline.tick()
    kinds = door.kinds()
    assert kinds == ["access_granted", "portal_unlocked", "clock_jumped", "clock_jumped"], (
        "the passage is awaited still"
    )
    assert door.pipeline.state_of("lobby") == "released"
    assert door.gate.done.qsize() == 1
    release = door.gate.done.get()
    assert (release[0], release[3]) == ("release", 5.0)
    events = door.events()
    assert [event["detail"]["seconds"] for event in events[2:]] == pytest.approx([seconds, -seconds], abs=0.5)
    assert [event["seq"] for event in door.events()] == [1, 3, 4, 5]  # 2 was this test's own
    assert door.site.ledger.verify()[1] is None


def test_somebody_says_that_the_clock_is_right(door: Any, wall: Settable, watch: ClockWatch, site: Site) -> None:
    valid_to(door, datetime.now(UTC) - timedelta(seconds=1))
    wall.set_by = -HOURS
    watch.look()
    assert shown(door) == "expired"
    site.clock.accept()
    assert shown(door) == "granted"
