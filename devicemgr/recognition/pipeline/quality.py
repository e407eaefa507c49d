"""Whether a face in a frame is worth encoding, and how much: size, sharpness, exposure, pose, cover. Pure, 0.4 ms."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage

from devicemgr.domain.ports.recognition import Box, Landmarks
from devicemgr.domain.ports.video import Gray
from devicemgr.recognition.pipeline.pose import Pose, pose_of

_SIDE = 48

# Measured on 150 photos of LFW, 5th to 95th percentile: as they are 3.8–17, under motion blur of 9 px in 150 (which
# still matches) 0.9–3.2, of 15 px (which costs a quarter of the recognitions) 0.35–1.2; noise hardly moves it.
MIN_SHARPNESS = 1.2
SHARP = 6.0  # more is no better
# Mean gray of the face. Underexposed ×0.25 still matches and is 18–41 here.
DARKEST = 15.0
LIGHT = 60.0
# Overexposure is the costly one: ×2 has a median of 0.37 of its pixels burnt out, ×4, which hardly matches, 0.8.
MAX_BURNT = 0.5
_BURNT = 250
# Degrees. Enrollment refuses photos from 35; what lies between is reported for the liveness of a turned head.
MAX_TURNED = 40.0
MAX_TILTED = 35.0
# The mouth's horizontal edges over the face's contrast; enrollment refuses photos from .14 down.
MIN_MOUTH = 0.10
# HOG's boxes come in steps of a fifth: the smallest face that is wanted may have a box a little smaller.
_BOX_STEP = 0.9
_PLAIN_SIZE = 150.0


@dataclass(frozen=True, slots=True)
class Quality:
    """Of one face: shorter side in pixels of the video, sharpness, mean gray 0–255, share of burnt-out pixels."""

    face_px: int
    sharpness: float
    brightness: float
    burnt: float
    cut: bool
    mouth: float
    pose: Pose

    def fault(self, min_face_px: int) -> str | None:
        """Why it is not worth encoding, None if it is."""
        turned = max(abs(self.pose.yaw), abs(self.pose.pitch)) > MAX_TURNED or abs(self.pose.roll) > MAX_TILTED
        faults = (
            ("face_too_small", self.face_px < min_face_px * _BOX_STEP),
            ("cut_off", self.cut),
            ("too_dark", self.brightness < DARKEST),
            ("too_bright", self.burnt > MAX_BURNT),
            ("blurred", self.sharpness < MIN_SHARPNESS),
            ("turned_away", turned),
            ("covered", self.mouth < MIN_MOUTH),
        )
        return next((name for name, found in faults if found), None)

    @property
    def score(self) -> float:
        """0 to 1, higher is better: which of a track's frames to encode."""
        turned = max(abs(self.pose.yaw), abs(self.pose.pitch)) / 90
        shares = (self.sharpness / SHARP, self.face_px / _PLAIN_SIZE, self.brightness / LIGHT)
        return math.sqrt(math.prod(min(1.0, share) for share in shares)) * (1 - self.burnt) * max(0.0, 1 - turned)

    def as_numbers(self) -> dict[str, float]:
        """For Sighting.quality."""
        return {
            "face_px": float(self.face_px),
            "sharpness": round(self.sharpness, 2),
            "brightness": round(self.brightness, 1),
            "yaw_deg": round(self.pose.yaw, 1),
            "pitch_deg": round(self.pose.pitch, 1),
            "roll_deg": round(self.pose.roll, 1),
            "score": round(self.score, 3),
        }


def assess(gray: Gray, box: Box, landmarks: Landmarks, scale: float = 1.0) -> Quality:
    """Judge the face in `box` of a gray picture; it has `scale` pixels to one of the video. Outside it, size is 0."""
    height, width = gray.shape
    pose = pose_of(landmarks)
    top, left = max(0, box.top), max(0, box.left)
    bottom, right = min(height, box.bottom), min(width, box.right)
    if bottom - top < 8 or right - left < 8:
        return Quality(0, 0.0, 0.0, 0.0, True, 0.0, pose)
    small = _resized(gray[top:bottom, left:right], (_SIDE, _SIDE))
    cut = box.top <= 0 or box.left <= 0 or box.bottom >= height or box.right >= width
    burnt = float((small >= _BURNT).mean())
    face_px = round(min(bottom - top, right - left) / scale)
    mouth = mouth_detail(gray, landmarks)
    return Quality(face_px, sharpness(small), float(small.mean()), burnt, cut, mouth, pose)


def sharpness(gray: NDArray[np.float32]) -> float:
    """100 × the smaller variance of both second derivatives over the picture's own: blurred one way is blurred."""
    variance = float(gray.var())
    if variance < 1.0:
        return 0.0
    across = gray[:, :-2] + gray[:, 2:] - 2 * gray[:, 1:-1]
    down = gray[:-2] + gray[2:] - 2 * gray[1:-1]
    return 100.0 * min(float(across.var()), float(down.var())) / variance


def mouth_detail(gray: Gray, landmarks: Landmarks) -> float:
    """Vertical gradient where the mouth is, over the contrast from the brows to the chin; near 0 under a mask."""
    eyes, nose = landmarks[:4].mean(axis=0), landmarks[4]
    unit = float(np.hypot(*(nose - eyes)))
    left, right = round(nose[0] - 1.2 * unit), round(nose[0] + 1.2 * unit)
    top, bottom = round(eyes[1] - 0.8 * unit), round(eyes[1] + 2.3 * unit)
    height, width = gray.shape
    face = gray[max(0, top) : min(height, bottom), max(0, left) : min(width, right)]
    if min(face.shape) < 8:
        return 0.0
    # At this size a unit is 33 pixels, and the mouth lies 22 below the base of the nose.
    even = _resized(face, (80, 102))
    mouth = even[65:98, 20:60]
    return float(np.abs(mouth[2:] - mouth[:-2]).mean()) / (float(even.std()) + 3)


def _resized(gray: Gray, size: tuple[int, int]) -> NDArray[np.float32]:
    picture = PilImage.fromarray(np.ascontiguousarray(gray)).resize(size, PilImage.Resampling.BILINEAR)
    return np.asarray(picture, dtype=np.float32)
