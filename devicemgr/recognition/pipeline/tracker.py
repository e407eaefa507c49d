"""Which face in this picture is which in the last: tracking by overlap. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from devicemgr.domain.ports.recognition import Box

GAP_S = 1.5  # a track survives so long without being seen: a turned head, a dropped frame
MAX_TRACKS = 16
_SAME_FACE_OVERLAP = 0.4  # two boxes overlapping more are one face found at two scales
_MIN_OVERLAP = 0.2
# Without overlap, a face may have moved by its own size, and by more with time: walking across the view takes a face
# six times its size in a second. Whether it is the same person is for the embeddings to say.
_REACH, _REACH_PER_SECOND, _FARTHEST = 1.0, 6.0, 3.0
_BLINK = 0.3
_SIZE_RATIO = 1.8


@dataclass(slots=True)
class Track:
    """One person's stay: where and when (CLOCK_MONOTONIC seconds) the face was seen.

    `leapt` when it was last found after a gap or away from where it was: it may be another person's.
    """

    id: str
    box: Box
    first_seen: float
    last_seen: float
    hits: int = 1
    leapt: bool = False


class Tracker:
    """Keeps tracks of one camera; `name` makes ids unique across cameras and restarts."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._count = 0
        self.tracks: list[Track] = []

    def update(self, boxes: Sequence[Box], now: float) -> list[Track]:
        """Match this picture's faces (biggest first) with the tracks; the tracks seen now, new ones included."""
        faces = distinct(boxes)[:MAX_TRACKS]
        pairs = sorted(
            (
                (affinity(track.box, box, now - track.last_seen), i, j)
                for i, track in enumerate(self.tracks)
                for j, box in enumerate(faces)
            ),
            reverse=True,
        )
        used_tracks: set[int] = set()
        used_faces: set[int] = set()
        for value, i, j in pairs:
            if value > 0 and i not in used_tracks and j not in used_faces:
                used_tracks.add(i)
                used_faces.add(j)
                track = self.tracks[i]
                track.leapt = value < _MIN_OVERLAP or now - track.last_seen > _BLINK
                track.box, track.last_seen, track.hits = faces[j], now, track.hits + 1
        seen = [self.tracks[i] for i in sorted(used_tracks)]
        fresh = [box for j, box in enumerate(faces) if j not in used_faces]
        return seen + [self._begin(box, now) for box in fresh[: MAX_TRACKS - len(self.tracks)]]

    def expire(self, now: float, gap: float = GAP_S) -> list[Track]:
        """Remove and return the tracks not seen for `gap` seconds."""
        ended = [track for track in self.tracks if now - track.last_seen > gap]
        self.tracks = [track for track in self.tracks if now - track.last_seen <= gap]
        return ended

    def replace(self, track: Track, now: float) -> Track:
        """End a track and begin another in its place: another person stands there."""
        self.tracks.remove(track)
        return self._begin(track.box, now)

    def _begin(self, box: Box, now: float) -> Track:
        self._count += 1
        track = Track(f"{self._name}-{self._count}", box, now, now)
        self.tracks.append(track)
        return track


def distinct(boxes: Sequence[Box]) -> list[Box]:
    """Return the boxes without those that show a face already shown by an earlier one."""
    kept: list[Box] = []
    for box in boxes:
        if all(overlap(box, other) < _SAME_FACE_OVERLAP for other in kept):
            kept.append(box)
    return kept


def overlap(one: Box, other: Box) -> float:
    """Intersection over union, 0 to 1."""
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    width = min(one.right, other.right) - max(one.left, other.left)
    if height <= 0 or width <= 0:
        return 0.0
    shared = height * width
    return shared / (area(one) + area(other) - shared)


def affinity(one: Box, other: Box, seconds: float = 0.0) -> float:
    """How likely two boxes are one face `seconds` apart: overlap from 0.2 up, nearness below, 0 for never."""
    shared = overlap(one, other)
    if shared >= _MIN_OVERLAP:
        return shared
    small, large = sorted((_side(one), _side(other)))
    if small <= 0 or large / small > _SIZE_RATIO:
        return 0.0
    dx = (one.left + one.right - other.left - other.right) / 2
    dy = (one.top + one.bottom - other.top - other.bottom) / 2
    reach = min(_FARTHEST, _REACH + _REACH_PER_SECOND * max(0.0, seconds)) * large
    nearness = 1.0 - math.hypot(dx, dy) / reach
    return max(0.0, nearness * _MIN_OVERLAP)


def area(box: Box) -> int:
    """Pixels in the box."""
    return max(0, box.bottom - box.top) * max(0, box.right - box.left)


def _side(box: Box) -> float:
    return math.sqrt(area(box))
