"""A lane fed with pictures at times of our choosing: what it sends, and how rarely it encodes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from devicemgr.events import Sighting
from devicemgr.model import VideoSource
from devicemgr.ports import Frame
from devicemgr.recognizer.lane import Lane
from devicemgr.recognizer.messages import LaneConfig

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
            self.lane.process(Frame(self.picture(person, **where), self.now))
            self.now += step


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
    assert set(sighting.timings_ms) == {"decode", "detect", "encode"}


def test_until_settled_more_frames_follow_then_one_a_second(lane: Watched) -> None:
    lane.show(1, seconds=0.7)
    before = len(lane.sent)
    assert 3 <= before <= 5
    assert [sighting.frames for sighting in lane.sent] == list(range(1, before + 1))
    lane.lane.settle(lane.sent[0].track)
    lane.lane.settle("unknown-track")
    lane.show(1, seconds=3.0)
    assert 2 <= len(lane.sent) - before <= 3
    assert len({sighting.track for sighting in lane.sent}) == 1


def test_a_track_ends_once_with_its_mean(lane: Watched) -> None:
    lane.show(1, seconds=0.5)
    frames = lane.sent[-1].frames
    lane.show(None, seconds=3.0)
    assert [sighting.ended for sighting in lane.sent].count(True) == 1
    last = lane.sent[-1]
    assert last.ended
    assert last.frames == frames
    assert last.embedding is not None
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


def test_large_pictures_are_searched_small_and_encoded_whole(encoder: Any, picture: Picture) -> None:
    lane = Watched(encoder, picture, max_width=320)
    lane.show(2, size=(480, 640))
    assert encoder.detected == [(240, 320, 3)]
    (sighting,) = lane.sent
    assert sighting.quality["face_px"] == pytest.approx(100, abs=6)
    small = Watched(encoder, picture, max_width=3000)
    small.show(2, size=(480, 640))
    assert encoder.detected[-1] == (480, 640, 3)


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
            lane.lane.process(Frame(picture(None), now))
            looked += 1
    assert 9 <= looked <= 12
