"""One camera in a worker: frame → anything moving → faces → tracks → the frames worth encoding → sightings."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from PIL import Image as PilImage

from devicemgr.events import Sighting
from devicemgr.ports import Box, FaceEncoder, Frame, Image
from devicemgr.recognizer.identity import Identity, Verdict
from devicemgr.recognizer.messages import LaneConfig
from devicemgr.recognizer.motion import MotionGate
from devicemgr.recognizer.quality import assess
from devicemgr.recognizer.tracks import GAP_SECONDS, Track, Tracker

LOST_SECONDS = 3 * GAP_SECONDS
LEAST_STAY = 1.0  # somebody who was never encodable and left sooner only walked past

Send = Callable[[Sighting], None]


@dataclass(slots=True)
class _Stay:
    """What is known of one track."""

    first_seen: float
    identity: Identity = field(default_factory=Identity)
    captured: float = 0.0
    quality: dict[str, float] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)


class Lane:
    """The recognition of one camera's frames; for the worker's main thread only."""

    def __init__(self, config: LaneConfig, name: str, encoder: FaceEncoder, send: Send) -> None:
        self._device, self._encoder, self._send = config.device, encoder, send
        self._max_width = int(config.number("max_width", 640, 160, 3840))
        self._min_face = int(config.number("min_face_px", 80, 20, 2000))
        self._interval = 1.0 / config.number("fps", 10.0, 0.1, 60.0)
        self._next = 0.0
        self._motion = MotionGate()
        self._tracker = Tracker(name)
        self._stays: dict[str, _Stay] = {}

    def due_in(self, now: float) -> float:
        """Seconds until the next frame is due by the lane's rate, 0 or less when it is."""
        return self._next - now

    def process(self, frame: Frame) -> None:
        """Look at one frame and send what it shows."""
        self._next = max(self._next + self._interval, frame.captured)
        began = time.perf_counter()
        pixels = frame.pixels
        converted = time.perf_counter()
        moved = self._motion.moved(pixels, frame.captured)
        self.idle(frame.captured)
        if not moved and not self._tracker.tracks:
            return
        boxes = self._detect(pixels)
        detected = time.perf_counter()
        timings = {"decode": frame.decode_ms + (converted - began) * 1000, "detect": (detected - converted) * 1000}
        for track in self._tracker.update(boxes, frame.captured):
            self._look_at(track, pixels, frame.captured, timings)
        self._expire(frame.captured, GAP_SECONDS)

    def idle(self, now: float) -> None:
        """End the tracks of a stream that brings no frames; a slow worker must not take itself for that."""
        self._expire(now, LOST_SECONDS)

    def settle(self, track: str) -> None:
        """The daemon has decided about this track."""
        if track in self._stays:
            self._stays[track].identity.settled = True

    def finish(self) -> None:
        """End all tracks: the lane goes away."""
        self._expire(float("inf"), 0.0)

    def _detect(self, pixels: Image) -> list[Box]:
        """Faces in full-size pixels, found in a picture of at most `max_width`; never enlarged."""
        height, width = pixels.shape[:2]
        if width <= self._max_width:
            return self._encoder.detect(pixels)
        size = (self._max_width, max(1, round(height * self._max_width / width)))
        small = PilImage.fromarray(pixels).resize(size, PilImage.Resampling.BILINEAR, reducing_gap=2.0)
        found = self._encoder.detect(np.ascontiguousarray(small))
        across, down = width / size[0], height / size[1]
        return [
            Box(round(b.top * down), round(b.right * across), round(b.bottom * down), round(b.left * across))
            for b in found
        ]

    def _look_at(self, track: Track, pixels: Image, captured: float, timings: dict[str, float]) -> None:
        stay = self._stays.setdefault(track.id, _Stay(track.first_seen))
        if track.leapt:
            stay.identity.suspect()
        if not stay.identity.due(captured):
            return
        quality = assess(pixels, track.box)
        if quality.fault(self._min_face) is not None:
            return
        began = time.perf_counter()
        embedding = self._encoder.encode(pixels, track.box)
        stay.timings = {**timings, "encode": (time.perf_counter() - began) * 1000}
        verdict = stay.identity.add(embedding, captured)
        if verdict is Verdict.OTHER:
            self._end(track)
            track = self._tracker.replace(track, captured)
            stay = self._stays[track.id] = _Stay(captured, timings=stay.timings)
            stay.identity.add(embedding, captured)
        if verdict is not Verdict.DOUBT:
            stay.captured, stay.quality = captured, quality.as_numbers()
            self._send(self._sighting(track.id, stay, ended=False))

    def _expire(self, now: float, gap: float) -> None:
        for track in self._tracker.expire(now, gap):
            self._end(track)

    def _end(self, track: Track) -> None:
        stay = self._stays.pop(track.id, None)
        if stay is None:
            return
        if stay.identity.frames == 0:
            if track.last_seen - track.first_seen < LEAST_STAY:
                return
            stay.captured = track.last_seen
        self._send(self._sighting(track.id, stay, ended=True))

    def _sighting(self, track: str, stay: _Stay, *, ended: bool) -> Sighting:
        return Sighting(
            device=self._device,
            track=track,
            captured=stay.captured,
            first_seen=stay.first_seen,
            frames=stay.identity.frames,
            embedding=stay.identity.mean,
            ended=ended,
            quality=stay.quality,
            timings_ms={name: round(value, 2) for name, value in stay.timings.items()},
        )
