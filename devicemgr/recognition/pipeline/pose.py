"""Which way a face looks, roughly, from five landmarks: the same at enrollment and at the gate. Pure."""

import math
from dataclasses import dataclass

import numpy as np

from devicemgr.domain.ports.recognition import Landmarks

# The base of the nose lies this far before the eyes and below them, over the distance of the eyes' outer corners:
# the depth from anthropometry (31 of 90 mm, rounded up), the drop LFW's median over 1,562 faces.
NOSE_DEPTH = 0.36
NOSE_DROP = 0.55


@dataclass(frozen=True, slots=True)
class Pose:
    """Degrees: yaw > 0 to the picture's right, pitch > 0 upwards, roll > 0 clockwise; the eyes' distance in pixels."""

    yaw: float
    pitch: float
    roll: float
    eye_distance: float


def pose_of(landmarks: Landmarks) -> Pose:
    """Return the pose for 5×2 pixels as FaceEncoder.landmarks gives them; pitch to no better than 6°."""
    left_outer, left_inner, right_outer, right_inner = landmarks[:4]
    axis = left_outer - right_outer
    width = max(float(np.hypot(*axis)), 1e-6)
    along = axis / width
    down = np.array([-along[1], along[0]])
    nose = landmarks[4] - landmarks[:4].mean(axis=0)
    yaw = math.atan(float(nose @ along) / width / NOSE_DEPTH)
    drop = float(nose @ down) / width * math.cos(yaw)
    pitch = math.asin(max(-1.0, min(1.0, (NOSE_DROP - drop) / NOSE_DEPTH)))
    roll = math.atan2(float(axis[1]), float(axis[0]))
    eyes = (left_outer + left_inner - right_outer - right_inner) / 2
    return Pose(math.degrees(yaw), math.degrees(pitch), math.degrees(roll), float(np.hypot(*eyes)))
