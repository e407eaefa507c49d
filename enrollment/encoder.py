"""Detector, landmarks and encoder of face_recognition (dlib underneath); the only importer of either.

face_recognition's own objects are used (`api.face_detector`, `api.pose_predictor_5_point`, `api.face_encoder`), not its
functions: those detect in colour (three times slower than grey), and find landmarks again for every encoding.
Its 68-point model is loaded by the import but never asked: its training data (300-W) excludes commercial use.
"""

import contextlib
import importlib
import importlib.util
import io
import threading
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage
from PIL import ImageFile

from devicemgr.errors import SystemFault
from devicemgr.ports import Box, Embedding, Image

MODEL = "dlib-resnet-v1"
DIMENSION = 128
CHIP_SIZE = 150
CHIP_PADDING = 0.25
# At its own bound of 0 HOG sees faces in wheels and folds of cloth (0 to 0.22). 0.9 % of LFW's faces, mostly profiles
# and covered ones, score under 0.25 too, and are not found.
MIN_SCORE = 0.25
# The CNN detector's confidence: about 1 for a face (0.3 to 0.9 for a spoilt one), 0 for what HOG mistook for one.
MIN_CONFIDENCE = 0.3
CONFIRM_REACH = 0.75
CONFIRM_SIDE = 150
# The network's filters don't fit into less, and no face that it could find does.
SMALLEST_SLOW_SIDE = 64

Landmarks = NDArray[np.float64]

# One lock for the process: face_recognition builds its dlib objects once, at import, and they may not be shared between
# threads (ageitgey/face_recognition #1409, #1624).
_native = threading.Lock()


class DlibEncoder:
    """ports.FaceEncoder, and the steps between (landmarks, chip) that the quality gate needs."""

    model = MODEL
    dimension = DIMENSION

    def __init__(self, api: Any, dlib: Any) -> None:
        self._api = api
        self._dlib = dlib

    def detect(self, image: Image) -> list[Box]:
        """Faces, biggest first, inside the image; RGB uint8 H×W×3; HOG at scale 1, so none under about 80 px."""
        grey = np.ascontiguousarray(PilImage.fromarray(_checked(image)).convert("L"))
        with _native:
            found, _, _ = self._api.face_detector.run(grey, 0, MIN_SCORE)
        height, width = grey.shape
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
        if min(pixels.shape[:2]) < SMALLEST_SLOW_SIDE:
            return []
        with _native:
            found = [(face.confidence, face.rect) for face in self._api.cnn_face_detector(pixels, 0)]
        height, width = pixels.shape[:2]
        sure = sorted((pair for pair in found if pair[0] >= MIN_CONFIDENCE), key=lambda pair: -pair[0])
        return [_clip(rect, width, height) for _, rect in sure]

    def landmarks(self, image: Image, box: Box) -> Landmarks:
        """5×2 pixels (x, y): the left eye's outer and inner corner, the right eye's, the base of the nose."""
        with _native:
            shape = self._shape(_checked(image), box)
            return np.array([(point.x, point.y) for point in shape.parts()], dtype=np.float64)

    def chip(self, image: Image, box: Box) -> Image:
        """The face upright in 150×150 RGB, as the network wants it."""
        pixels = _checked(image)
        with _native:
            found = self._dlib.get_face_chip(pixels, self._shape(pixels, box), CHIP_SIZE, CHIP_PADDING)
        return np.ascontiguousarray(found, dtype=np.uint8)

    def encode_chip(self, chip: Image) -> Embedding:
        """float32 unit vector of 128 for a chip of 150×150 RGB."""
        if chip.shape != (CHIP_SIZE, CHIP_SIZE, 3):
            raise ValueError(f"a face chip is {CHIP_SIZE}×{CHIP_SIZE}×3, not {chip.shape}")
        with _native:
            raw = self._api.face_encoder.compute_face_descriptor(_checked(chip))
        vector = np.array(raw, dtype=np.float64)
        return (vector / np.linalg.norm(vector)).astype(np.float32)

    def encode(self, image: Image, box: Box) -> Embedding:
        """float32 unit vector of 128 for the face in `box`."""
        return self.encode_chip(self.chip(image, box))

    def _shape(self, image: Image, box: Box) -> Any:
        rect = self._dlib.rectangle(box.left, box.top, box.right - 1, box.bottom - 1)
        return self._api.pose_predictor_5_point(image, rect)


def build_encoder() -> DlibEncoder:
    """The reference encoder, loaded at first call (1–2 s, about 160 MB); SystemFault when a part is not installed."""
    for module in ("pkg_resources", "dlib", "face_recognition_models", "face_recognition"):
        if importlib.util.find_spec(module) is None:
            raise _missing(f"the Python module {module} is not installed")
    try:
        api, dlib = _import_quietly()
    except (ImportError, RuntimeError, SystemExit) as error:
        raise _missing(f"face_recognition does not load ({type(error).__name__})") from error
    return DlibEncoder(api, dlib)


def _import_quietly() -> tuple[Any, Any]:
    """Import without what importing face_recognition brings: a warning, words on stdout, a quit(), a global flag."""
    truncated_allowed = ImageFile.LOAD_TRUNCATED_IMAGES
    try:
        with _native, warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            return importlib.import_module("face_recognition.api"), importlib.import_module("dlib")
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = truncated_allowed


def _missing(what: str) -> SystemFault:
    return SystemFault(f"{what}: install devicemgr again from its lock file (make install)")


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
