"""One person, one opening: at one side, at lanes side by side, by face, card, PIN and console."""

from datetime import UTC, datetime
from typing import Any

import pytest

from devicemgr.access.evidence.pins import PinChecked
from devicemgr.access.evidence.recent_grants import SAME_PERSON_S
from devicemgr.domain.device_events import DeviceDecided, KeysPressed, PassageCompleted
from devicemgr.domain.model import DeviceConfig, Requirement
from devicemgr.domain.ports.device import ReleaseTimes
from devicemgr.errors import DeviceRefused, OutcomeUnknown
from devicemgr.store.site import (
    devices as device_store,
    portals as portal_store,
    settings as site_settings,
)
from tests.devicemgr.access.evidence.lanes import ENTRY, Clock, card, console, face, finish, group, question, releases


def test_anna_bert_anna_within_three_seconds_are_two_releases(hall: Any) -> None:
    for badge in ("A1", "B2", "A1", "B2"):
        card(hall, badge)
    assert releases(hall) == ["arm", "arm"]
    assert [e["person"] for e in hall.events() if e["kind"] == "access_granted"] == ["A1", "B2"]


def test_a_card_at_one_lane_and_the_face_at_the_next_open_one(hall: Any) -> None:
    card(hall, "A1", "cam")
    face(hall, "cam2")
    assert releases(hall) == ["arm"]


def test_two_cameras_that_see_both_lanes_open_one(hall: Any, clock: Clock) -> None:
    face(hall, "cam")
    finish(hall)
    for _ in range(8):
        face(hall, "cam2", "t9")
        face(hall, "cam")
        clock.go(1.0)
    assert releases(hall) == ["arm"]


def test_whoever_stands_at_the_other_lane_is_asked_when_the_time_is_over(hall: Any, clock: Clock) -> None:
    """The wrong lane opened: nobody walks back out of view and in again."""
    face(hall, "cam")
    for _ in range(12):
        finish(hall)
        clock.go(1.0)
        face(hall, "cam2", "t9")
    assert releases(hall) == ["arm", "arm2"]


def test_after_the_passage_the_other_lane_may_be_asked_for_at_once(hall: Any) -> None:
    card(hall, "A1", "cam")
    finish(hall)
    hall.pipeline.on_device_fact("arm", PassageCompleted(1, ENTRY))
    card(hall, "A1", "cam2")
    assert releases(hall) == ["arm", "arm2"]


def test_somebody_else_s_passage_frees_nothing(hall: Any) -> None:
    card(hall, "B2", "cam")
    card(hall, "A1", "cam")
    finish(hall)
    hall.pipeline.on_device_fact("arm", PassageCompleted(1, ENTRY))
    card(hall, "A1", "cam2")
    assert releases(hall) == ["arm", "arm"]
    card(hall, "B2", "cam2")
    assert releases(hall) == ["arm", "arm", "arm2"]


def test_a_release_that_nobody_used_frees_the_person_when_it_has_timed_out(hall: Any, clock: Clock) -> None:
    group(hall, "hall", 300.0)
    card(hall, "A1", "cam")
    finish(hall)
    clock.go(5.0 + 7.0 + 0.1)
    hall.pipeline.tick()
    assert "passage_timed_out" in hall.kinds()
    card(hall, "A1", "cam2")
    assert releases(hall) == ["arm", "arm2"]


@pytest.mark.parametrize(("name", "seconds"), [("", 10.0), ("hall", 0.0)])
def test_without_a_group_or_with_the_setting_off_two_doors_are_two_doors(hall: Any, name: str, seconds: float) -> None:
    group(hall, name, seconds)
    card(hall, "A1", "cam")
    card(hall, "A1", "cam2")
    assert releases(hall) == ["arm", "arm2"]


def test_it_is_on_by_default_for_a_group(hall: Any) -> None:
    assert site_settings.Settings().lanes_side_by_side == 10.0
    assert hall.rules.current.portals["lobby"].lane_group == "hall"


def test_out_again_right_after_coming_in_is_another_side(hall: Any) -> None:
    for device in ("cam", "out", "out2"):
        card(hall, "A1", device)
    assert releases(hall) == ["arm", "arm"], "in at lobby, out at lobby; the exit beside it is the same place"


def test_a_release_that_failed_blocks_no_other_lane(hall: Any) -> None:
    hall.gate.release_error = DeviceRefused("exception 2")
    card(hall, "A1", "cam")
    finish(hall)
    card(hall, "A1", "cam2")
    assert releases(hall) == ["arm", "arm2"]
    assert [e["kind"] for e in hall.events()][:2] == ["access_granted", "portal_unlock_failed"]


def test_a_lost_answer_may_have_opened(hall: Any) -> None:
    hall.gate.release_error = OutcomeUnknown("no answer")
    card(hall, "A1", "cam")
    finish(hall)
    card(hall, "A1", "cam2")
    assert releases(hall) == ["arm"]


def test_a_guard_s_opening_is_not_counted(hall: Any) -> None:
    card(hall, "A1", "cam")
    for portal in ("lobby", "second"):
        hall.pipeline.manual.open(portal, ENTRY, "uid:7", lambda _: None)
    assert releases(hall) == ["arm", "arm", "arm2"]


def test_while_a_release_stands_the_same_side_gives_no_other(hall: Any, clock: Clock) -> None:
    card(hall, "A1")
    finish(hall)
    clock.go(SAME_PERSON_S + 1.0)
    card(hall, "A1")
    assert releases(hall) == ["arm"]
    clock.go(1.1)
    card(hall, "A1")
    assert releases(hall) == ["arm", "arm"], "the gate has shut after its release time: who missed it asks again"


def test_a_release_that_the_gate_keeps_longer_stands_longer(hall: Any, clock: Clock) -> None:
    hall.gate.release_times = lambda channel, seconds: ReleaseTimes(20.0)
    card(hall, "A1")
    finish(hall)
    clock.go(19.0)
    card(hall, "A1")
    assert releases(hall) == ["arm"]
    clock.go(1.5)
    card(hall, "A1")
    assert releases(hall) == ["arm", "arm"]


def test_a_pin_at_the_second_lane_opens_nothing_more(hall: Any) -> None:
    """The factor was waited for when the first lane opened."""
    with hall.site.database.write() as session:
        portal_store.portal(session, "second").require = str(Requirement.CARD_PIN)
    hall.rules.refresh()
    card(hall, "A1", "cam2")
    card(hall, "A1", "cam")
    hall.pipeline.on_device_fact("cam2", KeysPressed(1, "4711#"))
    attempt = hall.pin_tries.pop()
    hall.pipeline.on_pin(PinChecked("cam2", 1, attempt.person_id, True, attempt.entered))
    assert releases(hall) == ["arm"]


@pytest.mark.parametrize("device", ["cam", "cam2"])
def test_a_console_that_asks_for_whom_another_lane_or_reader_let_in_is_answered_no(hall: Any, device: str) -> None:
    answers = console(hall, device)
    with hall.site.database.write() as session:
        device_store.add_device(session, hall.site.vault, DeviceConfig("", "reader", "fake_gate", "x"))
        portal_store.set_access_points(session, portal_store.portal(session, "lobby"), ENTRY, ["cam", "reader"])
    hall.rules.refresh()
    card(hall, "A1", "reader")
    hall.pipeline.on_device_fact(device, question(5))
    assert releases(hall) == ["arm"]
    assert answers == [(5, False)]


def test_a_console_that_asks_twice_releases_a_gate_once(hall: Any) -> None:
    answers = console(hall, "cam")
    for serial in (5, 6):
        hall.pipeline.on_device_fact("cam", question(serial))
        finish(hall)
    assert releases(hall) == ["arm"]
    assert answers == [(5, True), (6, False)]


def test_a_console_that_is_the_gate_renews_its_own_pulse(hall: Any) -> None:
    answers = console(hall, "cam")
    with hall.site.database.write() as session:
        portal_store.portal(session, "lobby").gate = device_store.device(session, "cam")
    hall.rules.refresh()
    for serial in (5, 6):
        hall.pipeline.on_device_fact("cam", question(serial))
        finish(hall)
    assert answers == [(5, True), (6, True)]
    card(hall, "A1", "cam2")
    assert releases(hall) == []


def test_whom_a_device_let_in_by_itself_opens_no_second_lane(hall: Any) -> None:
    decided = DeviceDecided(1, True, 7, datetime.now(UTC), badge="A1", live=True)
    hall.pipeline.on_device_fact("cam", decided)
    card(hall, "A1", "cam2")
    card(hall, "A1", "cam")
    assert releases(hall) == []


def test_who_stays_in_view_while_the_gate_is_away_is_asked_again_after_a_pause(hall: Any, clock: Clock) -> None:
    hall.gate.release_error = DeviceRefused("away")
    face(hall)
    finish(hall)
    for _ in range(10):
        face(hall)
        clock.go(0.25)
    assert releases(hall) == ["arm"], "not with every picture"
    hall.gate.release_error = None
    for _ in range(4):
        face(hall)
        finish(hall)
        clock.go(0.5)
    assert hall.kinds() == ["access_granted", "portal_unlock_failed", "access_granted", "portal_unlocked"]
