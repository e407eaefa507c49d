"""What can be measured on a face in its 150×150 chip: sharpness, exposure and cover.

In the chip the face is upright and always as large: eyes near row 57, base of the nose near row 90, mouth near 112.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage

from devicemgr.domain.ports.video import Image

Gray = NDArray[np.float64]

CLIPPED_LUMINANCE = 250.0


@dataclass(frozen=True, slots=True)
class ChipMeasures:
    """Sharpness (about 0.5 blurred, 5 good), brightness and clipped share (0 to 1), mouth detail, eyes over cheeks."""

    sharpness: float
    brightness: float
    clipped: float
    mouth_detail: float
    eye_light: float


def measure_chip(chip: Image) -> ChipMeasures:
    """Measures of a 150×150 RGB chip."""
    gray = np.asarray(PilImage.fromarray(chip).convert("L"), dtype=np.float64)
    face = gray[30:125, 35:115]
    return ChipMeasures(
        sharpness=_sharpness(gray),
        brightness=float(face.mean()) / 255,
        clipped=float((face >= CLIPPED_LUMINANCE).mean()),
        mouth_detail=_mouth_detail(gray),
        eye_light=_eye_light(gray),
    )


def _sharpness(gray: Gray) -> float:
    """Return the weakest of the second derivative's variances in four directions, per mille of the face's contrast.

    A Laplacian's variance alone misses motion blur, which leaves the edges along the motion sharp.
    """
    center = gray[35:115, 35:115]
    energies = []
    for step_y, step_x, scale in ((0, 2, 16), (2, 0, 16), (2, 2, 40), (2, -2, 40)):
        ahead = gray[35 + step_y : 115 + step_y, 35 + step_x : 115 + step_x]
        behind = gray[35 - step_y : 115 - step_y, 35 - step_x : 115 - step_x]
        energies.append(float((ahead + behind - 2 * center).var()) / scale)
    return 1000 * min(energies) / max(float(center.var()), 1.0)


def _mouth_detail(gray: Gray) -> float:
    """Vertical gradient where the mouth is, over the face's contrast: a mouth is mostly horizontal edges."""
    gradient = np.abs(gray[97:132, 55:95] - gray[95:130, 55:95])
    return float(gradient.mean()) / (float(gray[30:130, 35:115].std()) + 3)


def _eye_light(gray: Gray) -> float:
    """Median luminance at the eyes over that of the cheeks."""
    eyes = np.median(np.concatenate([gray[48:66, 32:62].ravel(), gray[48:66, 88:118].ravel()]))
    cheeks = np.median(np.concatenate([gray[75:88, 35:58].ravel(), gray[75:88, 92:115].ravel()]))
    return float((eyes + 4) / (cheeks + 4))
