"""One person, one opening: however people present themselves, over many random runs."""

import itertools
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings, strategies as st

from devicemgr.access.evidence.recent_grants import SAME_PERSON_S, RecentGrants
from devicemgr.domain.device_events import PassageCompleted
from devicemgr.domain.model import AccessPoint, Direction, Portal
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.errors import DeviceRefused
from tests.devicemgr.access.evidence.lanes import (
    ENTRY,
    EXIT,
    Clock,
    card,
    console,
    face,
    finish,
    question,
)

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
