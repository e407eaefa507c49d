"""Finding faces in an enrollment photo: at a bounded size first, larger when nothing or only a small face was found."""

from collections.abc import Callable

import numpy as np
from PIL import Image as PilImage

from devicemgr.domain.ports.recognition import Box, FaceEncoder
from devicemgr.domain.ports.video import Image

# A gate searches frames of 640 px or less without upsampling. The first look does the same to a portrait, where the
# face is large; the second, larger one costs up to 0.3 s.
FIRST_SIDE = 800
SECOND_SIDE = 1600
# HOG misses faces under about 80 px. Beside a face of less than twice that, a second person of half the size or more
# could go unseen: then the second look is taken for bystanders only, so that the first face keeps the gate's settings.
SURE_PX = 160


def find_faces(encoder: FaceEncoder, image: Image) -> list[Box]:
    """Faces in pixels of `image`, biggest first; RGB uint8 H×W×3."""
    longest = max(image.shape[:2])
    scale = min(1.0, FIRST_SIDE / longest)
    found = detect_at(encoder.detect, image, scale)
    if found and _height(found[0]) * scale >= SURE_PX:
        return found
    # A photo of less than 800 px is doubled.
    larger = 2.0 if longest < FIRST_SIDE else min(1.0, SECOND_SIDE / longest)
    if larger <= scale:
        return found
    others = [box for box in detect_at(encoder.detect, image, larger) if not any(_same(box, known) for known in found)]
    return sorted(found + others, key=_height, reverse=True)


def detect_at(detect: Callable[[Image], list[Box]], image: Image, scale: float) -> list[Box]:
    """Return what `detect` finds in the image scaled by `scale`, in pixels of the image itself."""
    if scale == 1.0:
        return detect(image)
    height, width = image.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    resized = PilImage.fromarray(image).resize(size, PilImage.Resampling.BILINEAR)
    return [_scaled(box, width / size[0], height / size[1]) for box in detect(np.asarray(resized))]


def _scaled(box: Box, x: float, y: float) -> Box:
    return Box(round(box.top * y), round(box.right * x), round(box.bottom * y), round(box.left * x))


def _height(box: Box) -> int:
    return box.bottom - box.top


def _same(one: Box, other: Box) -> bool:
    """Whether the middle of either lies in the other."""
    return _holds_middle(one, other) or _holds_middle(other, one)


def _holds_middle(outer: Box, inner: Box) -> bool:
    x, y = (inner.left + inner.right) / 2, (inner.top + inner.bottom) / 2
    return outer.left <= x < outer.right and outer.top <= y < outer.bottom
