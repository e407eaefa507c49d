"""Which way a face looks, roughly, from five landmarks. Pure."""

import math
from dataclasses import dataclass

import numpy as np

from devicemgr.ports import Landmarks

# The base of the nose lies this far before the eyes and below them, over the distance of the eyes' outer corners:
# anthropometry, and the median of 1,562 faces of LFW. Enrolment judges photos by the same figures.
_NOSE_DEPTH = 0.36
_NOSE_DROP = 0.55


@dataclass(frozen=True, slots=True)
class Pose:
    """Degrees: yaw > 0 to the picture's right, pitch > 0 upwards, roll > 0 clockwise in the picture."""

    yaw: float
    pitch: float
    roll: float


def pose_of(landmarks: Landmarks) -> Pose:
    """The pose for 5×2 pixels as FaceEncoder.landmarks gives them; pitch to no better than 6°."""
    left, right = landmarks[0], landmarks[2]
    axis = left - right
    width = max(float(np.hypot(*axis)), 1e-6)
    along = axis / width
    down = np.array([-along[1], along[0]])
    nose = landmarks[4] - landmarks[:4].mean(axis=0)
    yaw = math.atan(float(nose @ along) / width / _NOSE_DEPTH)
    drop = float(nose @ down) / width * math.cos(yaw)
    pitch = math.asin(max(-1.0, min(1.0, (_NOSE_DROP - drop) / _NOSE_DEPTH)))
    return Pose(math.degrees(yaw), math.degrees(pitch), math.degrees(math.atan2(float(axis[1]), float(axis[0]))))
