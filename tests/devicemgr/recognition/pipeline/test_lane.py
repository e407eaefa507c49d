"""A lane fed with pictures at times of our choosing: what it sends, and how rarely it encodes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from devicemgr.domain.model import VideoSource
from devicemgr.domain.ports.recognition import Box
from devicemgr.domain.ports.video import Frame
from devicemgr.domain.sighting import Sighting
from devicemgr.recognition.pipeline.face_search import FaceFinder
from devicemgr.recognition.pipeline.lane import Lane, encode_together
from devicemgr.recognition.pipeline.tracker import overlap
from devicemgr.recognition.workers.messages import LaneConfig

Picture = Callable[..., np.ndarray]


class Watched:
    """A lane, its clock, and what it sent."""

    def __init__(self, encoder: Any, picture: Picture, **options: Any) -> None:
        self.sent: list[Sighting] = []
        self.encoder, self.picture = encoder, picture
        self.now = 1000.0
        config = LaneConfig("cam", VideoSource("x", options=options))
        self.lane = Lane(config, "cafe", encoder, self.sent.append)

    def show(self, person: int | None, seconds: float = 0.1, step: float = 0.1, **where: Any) -> None:
        for _ in range(max(1, round(seconds / step))):
            self.see(self.picture(person, **where))
            self.now += step

    def see(self, image: np.ndarray) -> None:
        waiting = self.lane.look(Frame(image, self.now), self.now)
        encode_together(self.encoder, [(self.lane, candidate) for candidate in waiting])


@pytest.fixture
def lane(encoder: Any, picture: Picture) -> Watched:
    return Watched(encoder, picture)


def test_the_first_good_frame_is_told_at_once(lane: Watched) -> None:
    lane.show(None)
    lane.show(2)
    (sighting,) = lane.sent
    assert (sighting.device, sighting.frames, sighting.ended) == ("cam", 1, False)
    assert sighting.track.startswith("cafe-")
    assert sighting.captured == sighting.first_seen == pytest.approx(1000.1)
    assert sighting.embedding is not None
    assert np.argmax(sighting.embedding) == 2
    assert sighting.quality["face_px"] == pytest.approx(100, abs=2)
    assert set(sighting.timings_ms) == {"decode", "detect", "encode", "wait"}
    assert sighting.latest is not None
    assert np.array_equal(sighting.latest, sighting.embedding)
    assert abs(sighting.quality["yaw_deg"]) < 3


def test_two_frames_at_once_then_the_best_of_each_quarter_then_one_a_second(lane: Watched) -> None:
    lane.show(1, seconds=1.0)
    times = [round(sighting.captured - 1000.0, 2) for sighting in lane.sent]
    assert times[:2] == [0.0, 0.1]
    assert 4 <= len(times) <= 6
    assert [sighting.frames for sighting in lane.sent] == list(range(1, len(times) + 1))
    before = len(lane.sent)
    lane.lane.settle(lane.sent[0].track)
    lane.lane.settle("unknown-track")
    lane.show(1, seconds=3.0)
    assert 2 <= len(lane.sent) - before <= 3
    assert len({sighting.track for sighting in lane.sent}) == 1


def test_somebody_who_still_walks_is_encoded_with_the_next_picture(lane: Watched) -> None:
    """Farther than the look nearby reaches: the first two frames must not wait for the next whole look."""
    lane.show(0, left=20)
    lane.show(0, left=140)
    assert [sighting.frames for sighting in lane.sent] == [1, 2]
    assert len({sighting.track for sighting in lane.sent}) == 1


def test_the_best_recent_frame_is_encoded(lane: Watched) -> None:
    lane.show(1, seconds=0.2)
    lane.encoder.nose = 0.75
    lane.show(1)
    lane.encoder.nose = 0.5
    lane.show(1)
    good = lane.now - 0.1
    lane.encoder.nose = 0.75
    lane.show(1)
    assert len(lane.sent) == 3
    assert lane.sent[2].captured == pytest.approx(good)
    assert abs(lane.sent[2].quality["yaw_deg"]) < 3
    assert lane.sent[2].quality["yaw_max_deg"] > 15, "a turned head is told although it is not encoded"


def test_a_head_turned_away_is_not_encoded(lane: Watched) -> None:
    lane.encoder.nose = 0.95
    lane.show(1, seconds=0.5)
    assert lane.sent == []


def test_a_newcomer_is_looked_at_again_at_once_and_others_at_the_rate(encoder: Any, picture: Picture) -> None:
    lane = Watched(encoder, picture, fps=2)
    lane.show(None, step=0.6)
    lane.see(picture(1))
    assert 0 < lane.lane.due_in(lane.now) <= 0.05
    lane.now += 0.05
    lane.see(picture(1))
    assert [sighting.frames for sighting in lane.sent] == [1, 2]
    assert lane.lane.due_in(lane.now) == pytest.approx(0.35)


def test_a_followed_face_is_sought_near_and_everywhere_now_and_then(lane: Watched) -> None:
    lane.show(1, seconds=3.0)
    sizes = [shape[:2] for shape in lane.encoder.detected]
    near = [shape for shape in sizes if shape != (480, 640)]
    assert all(max(shape) <= 220 for shape in near)
    assert len(near) >= 22
    assert len(sizes) - len(near) >= 3


def test_near_and_everywhere_agree(encoder: Any, picture: Picture) -> None:
    finder = FaceFinder(encoder, 640, 80, (0.0, 0.0, 1.0, 1.0))
    for side, left, top in ((100, 200, 150), (200, 0, 0), (240, 400, 240), (300, 340, 100)):
        view = finder.view(Frame(picture(2, side=side, left=left, top=top), 0.0))
        (whole,) = finder.everywhere(view)
        (near,), there = finder.near(view, [whole])
        assert there == [True]
        assert overlap(near, whole) > 0.95
        moved = Box(whole.top + side // 4, whole.right + side // 4, whole.bottom + side // 4, whole.left + side // 4)
        (near,), there = finder.near(view, [moved])
        assert overlap(near, whole) > 0.95
        far = Box(whole.top, whole.right + side, whole.bottom, whole.left + side)
        assert finder.near(view, [far]) == ([], [False]), "half a face at the edge is none"


def test_who_comes_second_is_seen_too(lane: Watched) -> None:
    lane.show(1, seconds=0.5)
    both = np.maximum(lane.picture(1), lane.picture(3, left=450))
    for _ in range(4):
        lane.see(both)
        lane.now += 0.1
    assert len({sighting.track for sighting in lane.sent}) == 2


def test_a_lost_face_is_sought_everywhere(lane: Watched) -> None:
    lane.show(1, seconds=1.0)
    before = len(lane.encoder.detected)
    lane.show(1, left=420, top=20, seconds=0.4)
    assert (480, 640) in [shape[:2] for shape in lane.encoder.detected[before:]]
    assert lane.sent[-1].captured >= lane.now - 0.4


def test_only_the_region_of_interest_is_looked_at(encoder: Any, picture: Picture) -> None:
    lane = Watched(encoder, picture, roi=[0.5, 0, 0.5, 1])
    lane.show(None, seconds=1.5)
    before = len(encoder.detected)
    lane.show(1, left=100, seconds=1.0)
    assert lane.sent == []
    assert len(encoder.detected) - before <= 1
    assert {shape[:2] for shape in encoder.detected} == {(480, 320)}
    lane.show(1, left=420, seconds=0.2)
    assert len(lane.sent) == 2


def test_faces_of_two_lanes_are_encoded_in_one_call(encoder: Any, picture: Picture) -> None:
    one, two = Watched(encoder, picture), Watched(encoder, picture)
    waiting = [(w.lane, c) for w, p in ((one, 1), (two, 2)) for c in w.lane.look(Frame(picture(p), 1000.0), 1000.0)]
    encode_together(encoder, waiting)
    assert encoder.batches == [2]
    for watched, person in ((one, 1), (two, 2)):
        (sighting,) = watched.sent
        assert np.argmax(sighting.embedding) == person


@pytest.mark.parametrize("broken", [np.full((1, 4), np.nan, np.float32), np.ones((1, 4), np.float32)])
def test_what_is_no_unit_vector_is_left_out(
    lane: Watched, broken: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    original = lane.encoder.encode_chips
    lane.encoder.encode_chips = lambda chips: broken
    lane.show(1)
    assert lane.sent == []
    assert "no unit vector" in caplog.text
    lane.encoder.encode_chips = original
    lane.show(1)
    assert [sighting.frames for sighting in lane.sent] == [1]


def test_a_track_ends_once_with_its_mean(lane: Watched) -> None:
    lane.show(1, seconds=0.5)
    frames = lane.sent[-1].frames
    lane.show(None, seconds=3.0)
    assert [sighting.ended for sighting in lane.sent].count(True) == 1
    last = lane.sent[-1]
    assert last.ended
    assert last.frames == frames
    assert last.embedding is not None
    assert last.latest is None
    assert last.captured < lane.now - 2.5


def test_somebody_else_in_the_same_place_is_another_track(lane: Watched) -> None:
    lane.show(1, seconds=0.5)
    first = lane.sent[-1].track
    lane.lane.settle(first)
    lane.show(2, seconds=2.0)
    tracks = list(dict.fromkeys(sighting.track for sighting in lane.sent))
    assert len(tracks) == 2
    assert [s.ended for s in lane.sent if s.track == first][-1]
    for sighting in lane.sent:
        assert sighting.embedding is not None
        assert np.argmax(sighting.embedding) == (1 if sighting.track == first else 2)


def test_the_next_in_the_queue_is_told_with_the_first_frame(lane: Watched) -> None:
    lane.show(1, seconds=0.5)
    lane.lane.settle(lane.sent[-1].track)
    lane.show(None, seconds=0.5)
    lane.show(2)
    first, *_, ended, fresh = lane.sent
    assert (ended.track, ended.ended) == (first.track, True)
    assert fresh.track != first.track
    assert fresh.embedding is not None
    assert np.argmax(fresh.embedding) == 2


def test_two_people_are_never_fused_before_a_decision(lane: Watched) -> None:
    lane.show(1, seconds=0.3)
    lane.show(3, seconds=1.0)
    for sighting in lane.sent:
        assert sighting.embedding is not None
        assert sorted(sighting.embedding)[-2] < 0.05


def test_a_face_that_is_never_good_enough_is_told_once_at_its_end(encoder: Any, picture: Picture) -> None:
    lane = Watched(encoder, picture, min_face_px=150)
    lane.show(1, seconds=2.0)
    assert lane.sent == []
    lane.show(None, seconds=3.0)
    (sighting,) = lane.sent
    assert sighting.embedding is None
    assert sighting.ended
    assert sighting.frames == 0
    assert encoder.encoded == 0


def test_somebody_walking_past_is_not_told(encoder: Any, picture: Picture) -> None:
    lane = Watched(encoder, picture, min_face_px=150)
    lane.show(1, seconds=0.5)
    lane.show(None, seconds=3.0)
    assert lane.sent == []


def test_nothing_moving_is_not_searched(lane: Watched) -> None:
    lane.show(None, seconds=1.5)
    before = len(lane.encoder.detected)
    lane.show(None, seconds=2.0)
    assert len(lane.encoder.detected) - before <= 2
    lane.show(1)
    assert len(lane.sent) == 1


@pytest.mark.parametrize(
    ("options", "searched"),
    [
        ({}, (480, 640)),
        ({"max_width": 320}, (240, 320)),
        ({"min_face_px": 160}, (240, 320)),
        ({"min_face_px": 40}, (480, 640)),
        ({"min_face_px": 40, "max_width": 1280}, (960, 1280)),
    ],
)
def test_pictures_are_searched_as_small_as_will_do(
    options: dict[str, int], searched: tuple[int, int], encoder: Any, picture: Picture
) -> None:
    lane = Watched(encoder, picture, **options)
    lane.show(2, side=200)
    assert encoder.detected[0][:2] == searched
    (sighting,) = lane.sent
    assert sighting.quality["face_px"] == pytest.approx(200, abs=8)


def test_a_dead_stream_ends_its_tracks_and_a_slow_worker_does_not(lane: Watched) -> None:
    lane.show(1, seconds=0.3)
    lane.now += 2.0
    lane.lane.idle(lane.now)
    lane.show(1)
    assert len({sighting.track for sighting in lane.sent}) == 1
    lane.lane.idle(lane.now + 10)
    assert lane.sent[-1].ended


def test_finishing_ends_all(lane: Watched) -> None:
    lane.show(1)
    lane.lane.finish()
    assert [sighting.ended for sighting in lane.sent] == [False, True]


def test_the_rate_is_kept(encoder: Any, picture: Picture) -> None:
    lane = Watched(encoder, picture, fps=5)
    looked = 0
    for number in range(100):
        now = 1000.0 + number * 0.02
        if lane.lane.due_in(now) <= 0:
            lane.lane.look(Frame(picture(None), now), now)
            looked += 1
    assert 9 <= looked <= 12
