"""Faces found and set upright by dlib: two detectors and five landmarks, whatever network embeds them then.

dlib's objects are called as face_recognition calls them, but not through its functions: those detect in color (three
times slower than gray), and find landmarks again for every encoding.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage

from devicemgr.domain.ports.recognition import Box
from devicemgr.domain.ports.video import Image
from enrollment.models.native import Detectors, lock
from enrollment.models.network import CHIP_SIZE

CHIP_PADDING = 0.25
# At its own bound of 0 HOG sees faces in wheels and folds of cloth (0 to 0.22). 0.9 % of LFW's faces, mostly profiles
# and covered ones, score under 0.25 too, and are not found.
MIN_SCORE = 0.25
MIN_EAGER_SCORE = -0.3
# The CNN detector's confidence: about 1 for a face (0.3 to 0.9 for a spoilt one), 0 for what HOG mistook for one.
MIN_CONFIDENCE = 0.3
CONFIRM_REACH = 0.75
CONFIRM_SIDE = 150
# The network's filters don't fit into less, and no face that it could find does.
MIN_SLOW_SIDE = 64

Landmarks = NDArray[np.float64]


class FaceDetector:
    """The half of face_ports.FaceEncoder that comes before the embedding; one thread's own."""

    def __init__(self, detectors: Detectors) -> None:
        self._detectors = detectors

    def detect(self, image: Image) -> list[Box]:
        """Faces, biggest first, inside the image; RGB uint8 H×W×3; HOG at scale 1, so none under about 80 px."""
        return self._find(image, MIN_SCORE)

    def detect_eagerly(self, image: Image) -> list[Box]:
        """As `detect`, and also what hardly looks like a face: to be confirmed, and never to be enrolled."""
        return self._find(image, MIN_EAGER_SCORE)

    def _find(self, image: Image, min_score: float) -> list[Box]:
        gray = np.ascontiguousarray(PilImage.fromarray(_checked(image)).convert("L"))
        with lock:
            found, _, _ = self._detectors.find.run(gray, 0, min_score)
        height, width = gray.shape
        boxes = [_clip(rect, width, height) for rect in found]
        return sorted(boxes, key=_area, reverse=True)

    def confirm(self, image: Image, box: Box) -> bool:
        """Whether the slow detector (CNN, 0.13 s) sees a face there too."""
        height, x, y = box.bottom - box.top, (box.left + box.right) / 2, (box.top + box.bottom) / 2
        reach = height * CONFIRM_REACH
        around = (int(x - reach), int(y - reach), int(x + reach), int(y + reach))
        crop = PilImage.fromarray(_checked(image)).crop(around).resize((CONFIRM_SIDE, CONFIRM_SIDE))
        return bool(self.detect_slowly(np.asarray(crop)))

    def detect_slowly(self, image: Image) -> list[Box]:
        """Faces by the CNN detector, surest first: also turned, blurred and covered ones; 7 s a megapixel."""
        pixels = _checked(image)
        if min(pixels.shape[:2]) < MIN_SLOW_SIDE:
            return []
        with lock:
            found = [(face.confidence, face.rect) for face in self._detectors.find_slowly(pixels)]
        height, width = pixels.shape[:2]
        sure = sorted((pair for pair in found if pair[0] >= MIN_CONFIDENCE), key=lambda pair: -pair[0])
        return [_clip(rect, width, height) for _, rect in sure]

    def landmarks(self, image: Image, box: Box) -> Landmarks:
        """5×2 pixels (x, y): the left eye's outer and inner corner, the right eye's, the base of the nose."""
        with lock:
            shape = self._shape(_checked(image), box)
            return np.array([(point.x, point.y) for point in shape.parts()], dtype=np.float64)

    def upright(self, image: Image, box: Box, size: int = CHIP_SIZE) -> Image:
        """Return the face upright in RGB, in 150×150 with the eyes near row 57: what quality is measured on."""
        pixels = _checked(image)
        with lock:
            found = self._detectors.dlib.get_face_chip(pixels, self._shape(pixels, box), size, CHIP_PADDING)
        return np.ascontiguousarray(found, dtype=np.uint8)

    def _shape(self, image: Image, box: Box) -> Any:
        rect = self._detectors.dlib.rectangle(box.left, box.top, box.right - 1, box.bottom - 1)
        return self._detectors.five_points(image, rect)


def _checked(image: Image) -> Image:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"an image is uint8 H×W×3, not {image.dtype} {image.shape}")
    return np.ascontiguousarray(image)


def _clip(rect: Any, width: int, height: int) -> Box:
    return Box(
        top=max(rect.top(), 0),
        right=min(rect.right() + 1, width),
        bottom=min(rect.bottom() + 1, height),
        left=max(rect.left(), 0),
    )


def _area(box: Box) -> int:
    return (box.bottom - box.top) * (box.right - box.left)
