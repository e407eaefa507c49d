"""Free times at the gates: sent when a window opens and closes, and again to a gate that comes back."""

from typing import Any

import pytest

from devicemgr.daemon.offline_runtime import DirectRuntime
from devicemgr.devices.supervisor import Health
from devicemgr.domain.model import PortalMode
from devicemgr.errors import DeviceRefused
from tests.devicemgr.access.portals.free_hall import FreeHall, at

NORMAL, LOCKED, FREE = PortalMode.NORMAL, PortalMode.LOCKED, PortalMode.FREE


@pytest.fixture
def hall(entrance: Any) -> FreeHall:
    return FreeHall(entrance)


def test_a_window_opens_and_closes_the_gate_once_each(hall: FreeHall) -> None:
    assert hall.sent() == [NORMAL], "asserted when the gate came online"
    assert (hall.tick("07:59"), hall.tick("08:00"), hall.tick("08:01")) == ([], [FREE], [])
    assert hall.shown == ("free", "schedule", "office")
    assert (hall.tick("17:59"), hall.tick("18:00"), hall.tick("18:01")) == ([], [NORMAL], [])
    assert hall.recorded() == [
        {"mode": "free", "because": "schedule", "rule": "office"},
        {"mode": "normal", "because": "default", "rule": None},
    ]


def test_a_window_that_opens_while_the_gate_is_away_is_applied_and_recorded_on_its_return(hall: FreeHall) -> None:
    hall.sent()
    hall.state(Health.OFFLINE)
    assert hall.tick("08:30") == []
    assert hall.effective() == []
    hall.clock = at("09:00")
    hall.state(Health.ONLINE)
    assert hall.sent() == [FREE]
    assert hall.effective() == [("free", "schedule")]


def test_a_restart_in_the_window_records_nothing_twice(hall: FreeHall) -> None:
    hall.tick("09:00")
    hall.start()
    assert hall.sent()[-1] is FREE
    hall.tick("09:01")
    assert hall.effective() == [("free", "schedule")]


@pytest.mark.parametrize("lock", [LOCKED])
def test_a_guards_normal_in_the_window_gives_back_the_free_time_and_says_so(hall: FreeHall, lock: PortalMode) -> None:
    hall.tick("09:00")
    locked = hall.modes.change("lobby", lock, "uid:0")
    assert (locked["mode"], locked["effective_mode"], locked["because"]) == ("locked", "locked", "guard")
    normal = hall.modes.change("lobby", NORMAL, "uid:0")
    assert (normal["mode"], normal["effective_mode"], normal["because"]) == ("normal", "free", "schedule")
    assert normal["rule"] == "office"
    assert hall.sent()[-2:] == [LOCKED, FREE]
    assert hall.effective() == [("free", "schedule"), ("locked", "guard"), ("free", "schedule")]
    assert len(hall.recorded("portal_locked")) == 1
    assert hall.tick("18:00") == [NORMAL]


def test_a_guards_free_goes_on_behind_the_window(hall: FreeHall) -> None:
    hall.tick("09:00")
    hall.modes.change("lobby", FREE, "uid:0")
    hall.sent()
    assert hall.tick("18:00") == [], "the gate is free already, by another reason"
    assert hall.effective() == [("free", "schedule"), ("free", "guard")]
    hall.modes.change("lobby", NORMAL, "uid:0")
    assert len(hall.recorded("portal_relocked")) == 1
    assert hall.recorded("portal_locked") == []


def test_a_fire_that_ends_in_the_window_leaves_the_mode_of_now(hall: FreeHall) -> None:
    hall.tick("07:30")
    hall.rules.set_fire("arm", True)
    hall.modes.on_fire()
    hall.tick("08:30")
    assert hall.shown == ("free", "fire", None)
    hall.rules.set_fire("arm", False)
    hall.modes.on_fire()
    assert hall.sent()[-1] is FREE
    hall.tick()
    assert hall.shown == ("free", "schedule", "office")
    assert hall.effective() == [("free", "fire"), ("free", "schedule")]


def test_a_window_closes_in_a_fire_only_when_that_has_ended(hall: FreeHall) -> None:
    hall.tick("17:00")
    hall.sent()
    hall.rules.set_fire("arm", True)
    hall.modes.on_fire()
    hall.sent()
    assert hall.tick("18:30") == []
    hall.rules.set_fire("arm", False)
    hall.modes.on_fire()
    assert hall.sent() == [NORMAL]


def test_a_window_does_not_close_while_a_fire_can_not_be_ruled_out(hall: FreeHall) -> None:
    hall.tick("17:00")
    hall.sent()
    hall.fire_unknown = "the fire inputs of panel are not known"
    assert hall.tick("18:00") == []
    hall.fire_unknown = None
    assert hall.tick("18:05") == [NORMAL]


def test_a_gate_that_refuses_is_not_asked_again_until_something_changes(
    hall: FreeHall, monkeypatch: pytest.MonkeyPatch
) -> None:
    hall.sent()
    tried = []

    def refuse(*_: Any) -> None:
        tried.append(1)
        raise DeviceRefused("no")

    with monkeypatch.context() as patched:
        patched.setattr(hall.gate, "set_mode", refuse)
        for clock in ("08:00", "08:01", "08:02"):
            hall.tick(clock)
    assert len(tried) == 1
    assert hall.effective() == []
    assert hall.tick("18:00") == [NORMAL]


def first_person(entrance: Any) -> FreeHall:
    return FreeHall(entrance, free_after=["staff"])


def test_the_first_person_begins_the_free_time_by_passing(entrance: Any) -> None:
    hall = first_person(entrance)
    hall.sent()
    hall.passes("08:30", "access_granted")
    assert hall.tick() == [], "a grant is no passage"
    hall.passes("08:31", "passage_completed")
    assert hall.tick() == [FREE]
    assert hall.tick("18:00") == [NORMAL]


@pytest.mark.parametrize("keeps", [True, False])
def test_a_restart_keeps_the_first_person(entrance: Any, keeps: bool) -> None:
    hall = first_person(entrance)
    hall.passes("08:31")
    hall.tick()
    if keeps:
        hall.keeper.keep()
    hall.start()
    hall.tick("09:00")
    assert hall.shown == ("free", "schedule", "office")


def test_without_a_daemon_the_mode_in_force_is_shown_too(entrance: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hall = first_person(entrance)
    hall.passes("08:31")
    monkeypatch.setattr(hall.site.clock, "times", lambda: (at("09:00"),))
    (portal,) = DirectRuntime(hall.site).status()["portals"]
    assert (portal["mode"], portal["effective_mode"], portal["because"]) == ("normal", "free", "schedule")
