"""The tracker: one id per person standing there, however the boxes tremble."""

import pytest
from hypothesis import given, settings, strategies as st

from devicemgr.domain.ports.recognition import Box
from devicemgr.recognition.pipeline.tracker import GAP_S, MAX_TRACKS, Tracker, affinity, area, distinct, overlap

boxes = st.builds(
    lambda top, left, height, width: Box(top, left + width, top + height, left),
    st.integers(0, 1000),
    st.integers(0, 1000),
    st.integers(1, 400),
    st.integers(1, 400),
)


def square(x: int, y: int, side: int = 100) -> Box:
    return Box(y, x + side, y + side, x)


@settings(deadline=None)
@given(boxes, boxes)
def test_overlap_is_a_symmetric_share(one: Box, other: Box) -> None:
    assert overlap(one, other) == overlap(other, one)
    assert 0.0 <= overlap(one, other) <= 1.0
    assert overlap(one, one) == 1.0
    assert affinity(one, other) == pytest.approx(affinity(other, one))
    assert 0.0 <= affinity(one, other) <= 1.0


@settings(deadline=None)
@given(st.lists(boxes, max_size=30))
def test_distinct_keeps_the_first_and_no_twins(found: list[Box]) -> None:
    kept = distinct(found)
    assert kept[:1] == found[:1]
    assert all(overlap(a, b) < 0.4 for i, a in enumerate(kept) for b in kept[:i])


@settings(deadline=None)
@given(st.lists(st.lists(boxes, max_size=20), max_size=20))
def test_ids_are_never_shared_and_numbers_are_bounded(pictures: list[list[Box]]) -> None:
    tracker, ended = Tracker("x"), set()
    for number, found in enumerate(pictures):
        seen = tracker.update(sorted(found, key=area, reverse=True), number * 0.7)
        assert len({track.id for track in seen}) == len(seen) <= min(len(found), MAX_TRACKS)
        assert len(tracker.tracks) <= MAX_TRACKS
        assert not ended & {track.id for track in tracker.tracks}
        ended |= {track.id for track in tracker.expire(number * 0.7)}
        assert all(track.first_seen <= track.last_seen for track in tracker.tracks)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-35, 35), st.integers(-35, 35), st.integers(-12, 12)), min_size=1, max_size=40))
def test_one_person_who_moves_keeps_one_id(steps: list[tuple[int, int, int]]) -> None:
    tracker, x, y, now = Tracker("x"), 3000, 3000, 0.0
    ids = set()
    for dx, dy, grown in steps:
        x, y, now = x + dx, y + dy, now + 0.1
        ids |= {track.id for track in tracker.update([square(x, y, 100 + grown)], now)}
        assert tracker.expire(now) == []
    assert len(ids) == 1


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_two_people_apart_are_never_mixed(visible: list[tuple[bool, bool]]) -> None:
    tracker, ids = Tracker("x"), ({}, {})
    for number, shown in enumerate(visible):
        found = [square(400 * i, 0) for i in (0, 1) if shown[i]]
        for track in tracker.update(found, number * 0.1):
            ids[track.box.left // 400].setdefault(track.id, number)
        tracker.expire(number * 0.1)
    assert not set(ids[0]) & set(ids[1])


def test_a_gap_is_survived_and_a_long_one_is_not() -> None:
    tracker = Tracker("x")
    (first,) = tracker.update([square(0, 0)], 0.0)
    assert tracker.update([], 1.0) == []
    assert tracker.expire(1.0) == []
    (again,) = tracker.update([square(20, 0)], GAP_S)
    assert again is first
    assert again.hits == 2
    assert tracker.expire(2 * GAP_S) == []
    assert [track.id for track in tracker.expire(2 * GAP_S + 0.01)] == [first.id]
    (fresh,) = tracker.update([square(0, 0)], 4.0)
    assert fresh.id != first.id


def test_a_fast_step_without_overlap_is_followed_and_a_jump_is_not() -> None:
    tracker = Tracker("x")
    (track,) = tracker.update([square(0, 0)], 0.0)
    assert [seen.id for seen in tracker.update([square(95, 0)], 0.1)] == [track.id]
    assert track.leapt
    assert [seen.id for seen in tracker.update([square(97, 0)], 0.2)] == [track.id]
    assert not track.leapt
    assert [seen.id for seen in tracker.update([square(297, 0)], 0.4)] == [track.id]
    assert [seen.id for seen in tracker.update([square(797, 0)], 0.5)] != [track.id]


def test_replace_begins_another_in_the_same_place() -> None:
    tracker = Tracker("x")
    (track,) = tracker.update([square(0, 0)], 0.0)
    fresh = tracker.replace(track, 1.0)
    assert tracker.tracks == [fresh]
    assert fresh.id != track.id
    assert fresh.box == track.box
    assert fresh.first_seen == 1.0


def test_names_keep_ids_apart() -> None:
    ids = {Tracker(name).update([square(0, 0)], 0.0)[0].id for name in ("a", "b")}
    assert len(ids) == 2
