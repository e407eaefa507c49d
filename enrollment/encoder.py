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
# HOG sees faces in wheels and folds of cloth, all with scores under this; such a find counts only when it is alone.
# Of the second faces really there on LFW's photos, nine in ten score higher.
WEAK_SCORE = 0.3

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
            found, scores, _ = self._api.face_detector.run(grey, 0, 0.0)
        height, width = grey.shape
        least = WEAK_SCORE if max(scores, default=0.0) >= WEAK_SCORE else 0.0
        boxes = [_clip(rect, width, height) for rect, score in zip(found, scores, strict=True) if score >= least]
        return sorted(boxes, key=_area, reverse=True)

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
