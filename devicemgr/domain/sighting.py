"""Face observations that recognition workers report."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Sighting:
    """An encoded face of one track at one camera: `captured` and `first_seen` are CLOCK_MONOTONIC seconds.

    `embedding` is a float32 unit vector, the mean over the track's frames; None when it ended without a frame good
    enough to encode. `latest` is the newest frame's alone, and `quality` is that frame's: face_px, sharpness,
    brightness, yaw_deg, pitch_deg, roll_deg, score (0 to 1), and yaw_min_deg, yaw_max_deg since the sighting before.
    `model` made the embeddings; a gallery of another model is never compared with them.
    `timings_ms`: decode, detect, encode and wait, which add up to the time from `captured` to the sending.
    """

    device: str
    track: str
    captured: float
    first_seen: float
    frames: int
    embedding: NDArray[np.float32] | None
    ended: bool = False
    quality: Mapping[str, float] = field(default_factory=dict)
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    latest: NDArray[np.float32] | None = None
    model: str = ""
