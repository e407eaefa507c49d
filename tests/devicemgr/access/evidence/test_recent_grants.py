"""One person, one opening: at one side, at lanes side by side, by face, card, PIN and console."""

import itertools
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings, strategies as st

from devicemgr.access.evidence.pins import PinChecked, hash_pin
from devicemgr.access.evidence.recent_grants import SAME_PERSON_S, RecentGrants
from devicemgr.domain.device_events import CardRead, DeviceDecided, KeysPressed, PassageCompleted, Presented
from devicemgr.domain.model import AccessPoint, DeviceConfig, Direction, Factor, Portal, Requirement
from devicemgr.domain.ports.device import ReleaseTimes
from devicemgr.domain.rules.policy import Snapshot
from devicemgr.domain.sighting import Sighting
from devicemgr.errors import DeviceRefused, OutcomeUnknown
from devicemgr.store.people import credentials, people
from devicemgr.store.site import (
    access_levels as level_store,
    devices as device_store,
    portals as portal_store,
    settings as site_settings,
)
from devicemgr.store.tables import PortalRow

ANNA = np.eye(4, dtype=np.float32)[0]
BERT = np.eye(4, dtype=np.float32)[1]
CARDS = {"A1": CardRead(1, ("11",)), "B2": CardRead(1, ("22",))}
ENTRY, EXIT = Direction.ENTRY, Direction.EXIT


class Clock:
    """CLOCK_MONOTONIC, moved by the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._real, self._by = time.monotonic, 0.0
        monkeypatch.setattr(time, "monotonic", lambda: self._real() + self._by)

    def go(self, seconds: float) -> None:
        self._by += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def hall(entrance: Any) -> Any:
    """Two lanes, `lobby` and `second`, in one group, each with entry and exit; Anna and Bert have cards."""
    with entrance.site.database.write() as session:
        for name in ("arm2", "cam2", "out", "out2"):
            device_store.add_device(session, entrance.site.vault, DeviceConfig("", name, "fake_gate", "x"))
        gate = device_store.device(session, "arm2")
        row = PortalRow(name="second", gate_id=gate.id, channel=1, fail="secure", release_seconds=5.0, mode="normal")
        session.add(row)
        session.flush()
        portal_store.set_access_points(session, row, ENTRY, ["cam2"])
        portal_store.set_access_points(session, row, EXIT, ["out2"])
        lobby = portal_store.portal(session, "lobby")
        portal_store.set_access_points(session, lobby, EXIT, ["out"])
        level_store.set_level_portals(session, level_store.level(session, "staff"), ["lobby", "second"], None)
        bert = people.add(session, "B2", "Bert", None, None)
        people.set_level(session, bert, "staff", held=True)
        credentials.assign_card(session, people.get(session, "A1"), "11")
        credentials.assign_card(session, bert, "22")
        credentials.set_pin(session, people.get(session, "A1"), hash_pin("4711"))
        credentials.set_pin(session, bert, hash_pin("4711"))
    group(entrance, "hall")
    return entrance


def group(hall: Any, name: str, seconds: float = 10.0) -> None:
    with hall.site.database.write() as session:
        for portal in ("lobby", "second"):
            portal_store.portal(session, portal).lane_group = name
        found = site_settings.load(session)
        site_settings.save(session, found.model_copy(update={"lanes_side_by_side": seconds}))
    hall.rules.refresh()


def card(hall: Any, badge: str, device: str = "cam") -> None:
    hall.pipeline.on_device_fact(device, CARDS[badge])


def face(hall: Any, device: str = "cam", track: str = "t1", face: Any = ANNA) -> None:
    for _ in range(2):
        now = time.monotonic()
        seen = Sighting(device, track, embedding=face, latest=face, captured=now, first_seen=now, frames=1)
        hall.pipeline.on_sighting(seen)


def finish(hall: Any) -> int:
    """Let the outcomes in that there are; how many."""
    hall.events()
    count = 0
    while not hall.outcomes.empty():
        hall.finish()
        count += 1
    return count


def releases(hall: Any) -> list[str]:
    """Which gates were released, each release once."""
    finish(hall)
    found = ["arm"] * hall.gate.done.qsize()
    return found + ["arm2"] * (hall.others["arm2"].done.qsize() if "arm2" in hall.others else 0)


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
        hall.pipeline.open_manually(portal, ENTRY, "uid:7", lambda _: None)
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


def question(serial: int, badge: str = "A1") -> Presented:
    """A card's question, by the console's own clock of just now; each serial has a time of its own."""
    at = datetime(2026, 3, 2, 7, 30, tzinfo=UTC) + timedelta(seconds=serial)
    return Presented(
        1,
        serial,
        time.monotonic(),
        badge=badge,
        names=CARDS[badge].names,
        vendor="hikvision",
        at=at,
        age=0.1,
        factors=frozenset({Factor.CARD}),
        method="5/0x01",
    )


def console(hall: Any, name: str) -> list[tuple[int, bool]]:
    """Make a device answer as a console does; its answers."""
    answers: list[tuple[int, bool]] = []
    hall.command(name, lambda _: None, lambda *_: None)
    hall.others[name].answer = lambda serial, granted, words: answers.append((serial, granted))
    return answers


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


STEPS = st.tuples(
    st.sampled_from(["present", "present", "present", "pass", "fail", "wait"]),
    st.sampled_from(["anna", "bert"]),
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from([ENTRY, EXIT]),
    st.floats(0.0, 6.0),
)
LANES = Snapshot(
    version=1,
    portals={
        name: Portal(name, name, access_points=(AccessPoint(name, ENTRY, name),), release_seconds=2.0, lane_group=group)
        for name, group in (("a", "hall"), ("b", "hall"), ("c", ""))
    },
    lanes_side_by_side=8.0,
)


@settings(
    max_examples=500, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate], database=None
)
@given(st.lists(STEPS, max_size=40))
def test_at_most_one_opening_for_a_person_in_a_place_without_a_passage_between(steps: list[Any]) -> None:
    """By a model that knows only what it has opened: the last opening in a place, and whether its passage ended."""
    now = 1000.0
    grants = RecentGrants()
    opened: list[tuple[str, str, Direction, float, str]] = []
    over: set[str] = set()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: now)
        for number, (what, person, lane, direction, seconds) in enumerate(steps):
            now += seconds if what == "wait" else 0.0
            if what in ("pass", "fail") and opened:
                over.add(opened[-1][4])
                (grants.end if what == "pass" else grants.forget)(opened[-1][4])
            held = grants.holds_at(lane, direction, person)
            if what == "present" and not held and not grants.holds_beside(lane, direction, person, LANES):
                for other, who, side, at, request in opened:
                    if (who, side) == (person, direction) and request not in over:
                        assert other != lane or now - at >= SAME_PERSON_S
                        assert "c" in (other, lane) or other == lane or now - at >= LANES.lanes_side_by_side
                # A release of the same side that nobody used has shut before another is given there.
                over |= {
                    request
                    for other, who, side, _, request in opened
                    if (other, who, side) == (lane, person, direction)
                }
                opened.append((lane, person, direction, now, f"r{number}"))
                grants.add(LANES.portals[lane], direction, person, f"r{number}", device=lane, decided=now)


SERIALS = itertools.count(1)
ACTS = st.tuples(
    st.sampled_from(["card", "card", "face", "ask", "pass", "refuse", "wait"]),
    st.sampled_from(["A1", "B2"]),
    st.sampled_from(["cam", "cam2", "out", "out2"]),
    st.floats(0.0, 4.0),
)
SIDES = {"cam": ("lobby", ENTRY), "cam2": ("second", ENTRY), "out": ("lobby", EXIT), "out2": ("second", EXIT)}


class Openings:
    """What was unlocked for whom and where, by the record; fails when the rule of the docs is broken."""

    def __init__(self, hall: Any) -> None:
        self.hall, self.opened, self.over = hall, [], set()
        self.seen = max((event["seq"] for event in hall.events()), default=0)

    def check(self) -> None:
        for event in (event for event in self.hall.events() if event["seq"] > self.seen):
            self.seen = event["seq"]
            if event["kind"] in ("passage_completed", "passage_timed_out"):
                self.over.add(event["request"])
            if event["kind"] == "portal_unlocked":
                self._unlocked(event, (event["person"], event["direction"]))
                self.opened.append(
                    (event["request"], (event["person"], event["direction"]), event["portal"], time.monotonic())
                )

    def _unlocked(self, event: dict[str, Any], side: tuple[str, str]) -> None:
        now = time.monotonic()
        for request, before, portal, at in self.opened:
            if before == side and request not in self.over:
                wanted = 5.0 if portal == event["portal"] else 10.0
                assert now - at >= wanted - 0.5, (event, portal)
            if (before, portal) == (side, event["portal"]):
                self.over.add(request)  # it has shut, and nobody used it


def act(hall: Any, clock: Clock, number: int, what: str, badge: str, device: str, seconds: float) -> None:
    portal, direction = SIDES[device]
    gate = hall.gate if portal == "lobby" else hall.others["arm2"]
    gate.release_error = DeviceRefused("away") if what == "refuse" else None
    if what in ("card", "refuse"):
        card(hall, badge, device)
    elif what == "face":
        face(hall, device, f"t{number}")
    elif what == "ask":
        hall.pipeline.on_device_fact(device, question(next(SERIALS), badge))
    elif what == "pass":
        hall.pipeline.on_device_fact("arm" if portal == "lobby" else "arm2", PassageCompleted(1, direction))
    else:
        clock.go(seconds)
        hall.pipeline.tick()
    finish(hall)


def test_however_people_present_themselves_a_place_opens_once_for_each_until_they_are_through(
    hall: Any, clock: Clock
) -> None:
    for name in (*SIDES, "arm2"):
        console(hall, name)

    # Each step waits for the ledger, so that shrinking would take minutes.
    @settings(
        max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate], database=None
    )
    @given(st.lists(ACTS, min_size=4, max_size=12))
    def run(acts: list[Any]) -> None:
        clock.go(400.0)
        hall.pipeline.tick()
        openings = Openings(hall)
        for number, given_act in enumerate(acts):
            act(hall, clock, number, *given_act)
            openings.check()

    run()
    assert hall.kinds().count("portal_unlocked") > 5


def test_a_place_s_memory_is_bounded() -> None:
    grants = RecentGrants()
    for number in range(5000):
        grants.add(LANES.portals["a"], ENTRY, f"p{number}", f"r{number}", device="d", decided=float(number))
    assert len(grants._grants) == len(grants._keys) <= 301
