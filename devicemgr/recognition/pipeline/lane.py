"""One camera in a worker: frame → anything moving → faces → tracks → the frames worth encoding → sightings."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from devicemgr.domain.ports.recognition import Box, Embedding, FaceEncoder
from devicemgr.domain.ports.video import Frame, Image
from devicemgr.domain.sighting import Sighting
from devicemgr.recognition.pipeline.face_search import MIN_FACE, FaceFinder, View, body_part, unseen_parts
from devicemgr.recognition.pipeline.keyframes import Identity, Verdict
from devicemgr.recognition.pipeline.motion import FOLLOWING, IDLE, MotionGate, Rhythm, cells_of
from devicemgr.recognition.pipeline.quality import Quality
from devicemgr.recognition.pipeline.tracker import GAP_S, Track, Tracker
from devicemgr.recognition.workers.messages import LaneConfig

log = logging.getLogger(__name__)

MAX_WIDTH = 640  # of the picture in which faces are looked for, unless a camera says otherwise
LOST_S = 3 * GAP_S
MIN_STAY = 1.0  # a person who was never encodable and left sooner only walked past
# A newcomer's next frame is taken when the camera has it, whatever the lane's rate, but no two of the same moment.
URGENT_S, URGENT_INTERVAL = 1.0, 0.04
# A followed face that is not where it was is sought everywhere, but not for long: coming back, it is near or moves.
_MISSING = Rhythm(anyway=0.25, linger=0.0, between=0.25)
_MISSED_S = 0.5
_MAX_FOLLOWED = 4  # for more people a look at the whole picture is cheaper
_UNIT_TOLERANCE = 1e-3

Send = Callable[[Sighting], None]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A frame of a track that is worth encoding, as the encoder's chip."""

    track: Track
    captured: float
    chip: Image
    quality: Quality
    timings: dict[str, float]


@dataclass(slots=True)
class _Stay:
    """What is known of one track; `turns` are the yaws seen since the last sighting."""

    first_seen: float
    identity: Identity = field(default_factory=Identity)
    best: Candidate | None = None
    captured: float = 0.0
    turns: tuple[float, float] | None = None
    quality: dict[str, float] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)

    def turned(self, yaw: float) -> None:
        least, most = self.turns or (yaw, yaw)
        self.turns = (min(least, yaw), max(most, yaw))


class Lane:
    """The recognition of one camera's frames; for the worker's main thread only."""

    def __init__(self, config: LaneConfig, name: str, encoder: FaceEncoder, send: Send) -> None:
        self._device, self._encoder, self._send = config.device, encoder, send
        max_width = int(config.number("max_width", MAX_WIDTH, 160, 3840))
        self._min_face = int(config.number("min_face_px", MIN_FACE, 20, 2000))
        self._interval = 1.0 / config.number("fps", 10.0, 0.1, 60.0)
        self._roi = config.roi()
        self._finder = FaceFinder(encoder, max_width, self._min_face, self._roi)
        self._next = self._looked = 0.0
        self._motion = MotionGate()
        self._tracker = Tracker(name)
        self._stays: dict[str, _Stay] = {}

    def due_in(self, now: float) -> float:
        """Seconds until the next frame is due, 0 or less when it is: by the lane's rate, or sooner for a newcomer."""
        urgent = bool(self._urgent(now))
        return (min(self._next, self._looked + URGENT_INTERVAL) if urgent else self._next) - now

    def look(self, frame: Frame, now: float) -> list[Candidate]:
        """Return what is to be encoded after a look at one frame, at `now` on the clock of frame.captured."""
        if now >= self._next:
            late = now - self._next > self._interval
            self._next = (now if late else self._next) + self._interval
        self._looked = now
        began = time.perf_counter()
        self.idle(frame.captured)
        view, boxes = self._search(frame)
        if view is None:
            return []
        timings = {"decode": frame.decode_ms, "detect": (time.perf_counter() - began) * 1000}
        seen = self._tracker.update(boxes, frame.captured)
        found = [self._consider(track, view, frame, timings) for track in seen]
        self._expire(frame.captured, GAP_S)
        return [candidate for candidate in found if candidate is not None]

    def conclude(self, candidate: Candidate, embedding: Embedding, encode_ms: float) -> None:
        """Fuse what a candidate was encoded to, and send what is known now."""
        track = candidate.track
        stay = self._stays.get(track.id)
        if stay is None:
            return
        verdict = stay.identity.add(embedding, candidate.captured)
        if verdict is Verdict.DOUBT:
            return
        if verdict is Verdict.OTHER:
            self._end(track)
            track = self._tracker.replace(track, candidate.captured)
            stay = self._stays[track.id] = _Stay(candidate.captured)
            stay.turned(candidate.quality.pose.yaw)
            stay.identity.add(embedding, candidate.captured)
        stay.captured, stay.quality = candidate.captured, candidate.quality.as_numbers()
        stay.timings = {**candidate.timings, "encode": candidate.timings["encode"] + encode_ms}
        age = (time.monotonic() - candidate.captured) * 1000
        stay.timings["wait"] = max(0.0, age - sum(stay.timings.values()))
        self._send(self._sighting(track.id, stay, embedding))

    def idle(self, now: float) -> None:
        """End the tracks of a stream that brings no frames; a slow worker must not take itself for that."""
        self._expire(now, LOST_S)

    def settle(self, track: str) -> None:
        """Note that the daemon has decided about this track."""
        if track in self._stays:
            self._stays[track].identity.settled = True

    def finish(self) -> None:
        """End all tracks: the lane goes away."""
        self._expire(float("inf"), 0.0)

    def _urgent(self, now: float) -> list[Track]:
        """Newcomers whose first frames are still wanted."""
        since = now - URGENT_S
        fresh = (t for t in self._tracker.tracks if t.first_seen > since and t.id in self._stays)
        return [track for track in fresh if self._stays[track.id].identity.urgent]

    def _search(self, frame: Frame) -> tuple[View | None, list[Box]]:
        """Return the faces in the whole picture or near the tracks; no view when there is nothing to look for."""
        size, now, tracks = frame.size, frame.captured, self._tracker.tracks
        cells = frame.gray(*cells_of(size))
        known = unseen_parts(self._roi, size) + [body_part(track.box, size) for track in tracks]
        whole = self._motion.moved(cells, now, FOLLOWING if tracks else IDLE, known)
        if not whole and not tracks:
            return None, []
        view = self._finder.view(frame)
        if not whole and len(tracks) <= _MAX_FOLLOWED:
            boxes, there = self._finder.near(view, [track.box for track in tracks])
            missing = [track for track, found in zip(tracks, there, strict=True) if not found]
            if {track.id for track in missing} & {track.id for track in self._urgent(now)}:
                return view, self._finder.everywhere(view)  # still walking in; no time to wait until it stands
            lost = [now - track.last_seen for track in missing]
            if min(lost, default=_MISSED_S) >= _MISSED_S or not self._motion.moved(cells, now, _MISSING):
                return view, boxes
        return view, self._finder.everywhere(view)

    def _consider(self, track: Track, view: View, frame: Frame, timings: dict[str, float]) -> Candidate | None:
        """Return the best frame of a track when one is due; this one may become it."""
        stay = self._stays.setdefault(track.id, _Stay(track.first_seen))
        identity = stay.identity
        if track.leapt:
            identity.suspect()
            stay.best = None
        competes = identity.competes(frame.captured)
        if identity.settled and not competes:
            return None
        began = time.perf_counter()
        quality = self._finder.judge(view, track.box)
        stay.turned(quality.pose.yaw)
        better = stay.best is None or quality.score >= stay.best.quality.score
        if competes and better and quality.fault(self._min_face) is None:
            chip = self._encoder.chip(frame.pixels, track.box)
            prepared = {**timings, "encode": (time.perf_counter() - began) * 1000}
            stay.best = Candidate(track, frame.captured, chip, quality, prepared)
        if not identity.due(frame.captured):
            return None
        best, stay.best = stay.best, None
        return best

    def _expire(self, now: float, gap: float) -> None:
        for track in self._tracker.expire(now, gap):
            self._end(track)

    def _end(self, track: Track) -> None:
        stay = self._stays.pop(track.id, None)
        if stay is None:
            return
        if stay.identity.frames == 0:
            if track.last_seen - track.first_seen < MIN_STAY:
                return
            stay.captured = track.last_seen
        self._send(self._sighting(track.id, stay, None))

    def _sighting(self, track: str, stay: _Stay, latest: Embedding | None) -> Sighting:
        """Return what is known of a track; the last word on it when there is no newer embedding."""
        turns, stay.turns = stay.turns, None
        yaws = {"yaw_min_deg": round(turns[0], 1), "yaw_max_deg": round(turns[1], 1)} if turns else {}
        return Sighting(
            device=self._device,
            track=track,
            captured=stay.captured,
            first_seen=stay.first_seen,
            frames=stay.identity.frames,
            embedding=stay.identity.mean,
            ended=latest is None,
            quality={**stay.quality, **yaws},
            timings_ms={name: round(value, 2) for name, value in stay.timings.items()},
            latest=latest,
        )


def encode_together(encoder: FaceEncoder, waiting: Sequence[tuple[Lane, Candidate]]) -> None:
    """Encode the candidates of several lanes in one call, and let each lane draw its conclusions."""
    if not waiting:
        return
    began = time.perf_counter()
    embeddings = encoder.encode_chips(np.stack([candidate.chip for _, candidate in waiting]))
    took = (time.perf_counter() - began) * 1000
    for (lane, candidate), embedding in zip(waiting, embeddings, strict=True):
        if abs(float(np.linalg.norm(embedding.astype(np.float64))) - 1.0) < _UNIT_TOLERANCE:  # NaN is not either
            lane.conclude(candidate, embedding, took)
        else:
            log.error("the encoder answered with no unit vector; the frame is left out")
