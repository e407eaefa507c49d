"""Portals of which at most one is not shut, on a real database and gates of the tests."""

from dataclasses import replace

import numpy as np
import pytest

from devicemgr.access.event_queue import Override
from devicemgr.access.release import Outcome
from devicemgr.domain.device_events import DoorContact, PassageCompleted, RexPressed
from devicemgr.domain.model import PortalMode, Signal
from devicemgr.domain.zones import Interlock
from devicemgr.errors import RequestError
from tests.devicemgr.access.hall import ENTRY, Hall

ANNA = np.eye(4, dtype=np.float32)[0]


def _interlock(hall: Hall, settle: float = 0.0) -> None:
    hall.set(interlocks={"trap": Interlock("trap", frozenset({"lobby", "lab-door"}), settle)})


def test_an_interlocked_portal_refuses_until_the_other_is_shut_and_a_face_is_asked_again(hall: Hall) -> None:
    _interlock(hall)
    hall.card("bolt-in", "2")
    hall.entrance.see(ANNA)
    hall.pump()
    assert hall.verdicts() == ["granted", "interlock"]
    denied = hall.last("access_denied")
    assert (denied["detail"]["rule"], denied["detail"]["facts"]) == ("trap", {"not_shut": {"lab-door": "reserved"}})
    assert hall.entrance.gate.shown[-1][2] is Signal.ASK
    hall.pipeline.tick()
    hall.entrance.see(ANNA)
    hall.pump()
    assert hall.verdicts() == ["granted", "interlock"]
    hall.pipeline.on_device_fact("bolt", PassageCompleted(1, ENTRY))
    hall.pump()
    hall.pipeline.tick()
    hall.entrance.see(ANNA)
    hall.pump()
    assert hall.verdicts() == ["granted", "interlock", "granted"]


def test_two_people_released_at_one_portal_keep_the_other_shut_until_both_are_through(hall: Hall) -> None:
    _interlock(hall)
    hall.card("bolt-in", "1")
    hall.card("bolt-in", "2")
    hall.pump()
    hall.pipeline.on_device_fact("bolt", PassageCompleted(1, ENTRY))
    hall.pump()
    hall.card("arm-out", "1")
    hall.pump()
    assert hall.verdicts() == ["granted", "granted", "interlock"]


def test_a_portal_settles_after_it_was_shut(hall: Hall) -> None:
    _interlock(hall, settle=30.0)
    hall.passes("bolt-in", "bolt", "2")
    hall.card("arm-out")
    hall.pump()
    assert hall.last("access_denied")["detail"]["facts"] == {"not_shut": {"lab-door": "settling"}}


@pytest.mark.parametrize("how", ["away", "door", "mode", "unknown"])
def test_what_is_not_known_to_be_shut_is_not_shut(hall: Hall, how: str) -> None:
    _interlock(hall)
    if how == "away":
        hall.pipeline.perimeter.set_away("bolt", away=True)
    elif how == "door":
        hall.pipeline.on_device_fact("bolt", DoorContact(1, is_open=True))
    elif how == "mode":
        free = {**hall.portals, "lab-door": replace(hall.portals["lab-door"], mode=PortalMode.FREE)}
        hall.set(portals=free)
    else:
        hall.pipeline._passages._unknown.add("lab-door")
    hall.card("arm-in")
    hall.pump()
    found = {"away": "offline", "door": "open", "mode": "free", "unknown": "unknown"}[how]
    assert hall.last("access_denied")["detail"]["facts"] == {"not_shut": {"lab-door": found}}


@pytest.mark.parametrize("how", ["button", "key", "forced"])
def test_a_second_portal_that_opens_is_an_alarm(hall: Hall, how: str) -> None:
    _interlock(hall)
    hall.pipeline.on_device_fact("bolt", DoorContact(1, is_open=True))
    hall.pipeline.tick()
    if how == "button":
        hall.pipeline.on_device_fact("arm", RexPressed(1))
    elif how == "key":
        hall.pipeline.on_device_fact("arm", DoorContact(1, is_open=True))
        hall.pipeline.tick()
    else:
        hall.pipeline.on_device_fact("arm", PassageCompleted(1, ENTRY))
    hall.pump()
    broken = hall.last("interlock_broken")
    assert (broken["portal"], broken["detail"]) == ("lobby", {"rule": "trap", "not_shut": {"lab-door": "open"}})
    hall.pipeline.tick()
    assert hall.entrance.kinds().count("interlock_broken") == 1


def test_a_second_portal_that_opens_is_an_alarm_of_each_of_its_groups(hall: Hall) -> None:
    groups = {"first": {"lobby", "side"}, "second": {"lobby", "lab-door"}, "third": {"lobby", "lab-door", "side"}}
    hall.set(interlocks={name: Interlock(name, frozenset(portals), 0.0) for name, portals in groups.items()})
    hall.pipeline.on_device_fact("bolt", DoorContact(1, is_open=True))
    hall.pipeline.tick()
    hall.pipeline.on_device_fact("arm", DoorContact(1, is_open=True))  # with a key
    hall.pipeline.tick()
    hall.pump()
    broken = [event["detail"]["rule"] for event in hall.entrance.events() if event["kind"] == "interlock_broken"]
    assert sorted(broken) == ["second", "third"]


def _open_manually(hall: Hall, override: Override | None = None) -> Outcome:
    outcomes: list[Outcome] = []
    hall.pipeline.manual.open("lobby", ENTRY, "uid:7", outcomes.append, override)
    wanted = hall.entrance.outcomes.get_nowait()
    hall.pipeline.manual.on_wanted(wanted)
    hall.pump()
    return outcomes[0]


def test_a_guard_opens_an_interlocked_portal_only_by_overriding(hall: Hall) -> None:
    _interlock(hall)
    hall.pipeline.on_device_fact("bolt", DoorContact(1, is_open=True))
    error = _open_manually(hall).error
    assert isinstance(error, RequestError)
    assert str(error) == "portal 'lobby' was not opened: 'lab-door' of interlock 'trap' is not shut (open)"
    assert "admin.portal_open" not in hall.entrance.kinds()
    assert _open_manually(hall, Override("a person is ill")).error is None
    opened = hall.last("admin.portal_open")
    assert opened["detail"]["override"] == "interlock"
    assert opened["detail"]["facts"] == {"not_shut": {"lab-door": "open"}}
