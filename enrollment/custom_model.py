"""A user's own ONNX network as a FaceEncoder: dlib finds the face and its landmarks, the network embeds it."""

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage

from devicemgr.domain.face_model import FaceModel
from devicemgr.domain.ports.recognition import Box, Embedding
from devicemgr.domain.ports.video import Image
from devicemgr.errors import Hint, SystemFault
from enrollment.models.detector import FaceDetector
from enrollment.models.native import Detectors
from enrollment.models.network import MAX_AT_ONCE, open_session
from enrollment.photos.analyzer import Analyzer

MAX_BYTES = 1 << 30
_MIN_LENGTH = 1e-6
# Two inputs at once must give what each gives alone; float32 in another order differs by less.
_BATCH_TOLERANCE = 1e-3

Vectors = NDArray[np.float32]


class OwnEncoder(FaceDetector):
    """face_ports.FaceEncoder; SystemFault when the file is missing, another than was proven, or no face network."""

    def __init__(self, detectors: Detectors, model: FaceModel) -> None:
        super().__init__(detectors)
        self._model = model
        self.model, self.dimension = model.template_name, model.dimension
        data = _file(model)
        try:
            session = open_session(data)
        except Exception as error:  # onnxruntime's own types, none of them public
            raise SystemFault(f"onnxruntime does not load {model.path}: {_line(error)}") from error
        (given, *more), outputs = session.get_inputs(), session.get_outputs()
        if more or len(outputs) != 1 or len(given.shape) != 4:
            raise SystemFault("it needs one input of pictures (batch, channels, height, width) and one output")
        self._session, self._input = session, given.name
        self._channels_last = given.shape[3] == 3 and given.shape[1] != 3
        self._alone = given.shape[0] == 1
        self._prove()

    def chip(self, image: Image, box: Box) -> Image:
        """Return the face upright, RGB uint8 in the size that the network takes."""
        size, eyes = self._model.input_size, self._model.eyes
        if eyes is None:
            return self.upright(image, box, size)
        points = self.landmarks(image, box)
        left, right = sorted((points[:2].mean(axis=0), points[2:4].mean(axis=0)), key=lambda eye: float(eye[0]))
        return _placed(image, left, right, eyes, size)

    def encode(self, image: Image, box: Box) -> Embedding:
        """float32 unit vector for the face in `box`; SystemFault for a face of which the network makes no numbers."""
        vector: Embedding = self.encode_chips(self.chip(image, box)[np.newaxis])[0]
        if not np.isfinite(vector).all():
            raise SystemFault(f"face model {self._model.name} gives no numbers for a face")
        return vector

    def encode_chips(self, chips: Image) -> Vectors:
        """float32 unit vectors; a row of NaN, which matches no person, where the network gives no usable numbers."""
        size = self._model.input_size
        if chips.ndim != 4 or chips.shape[1:] != (size, size, 3) or chips.dtype != np.uint8:
            raise ValueError(f"face chips are uint8 N×{size}×{size}×3, not {chips.dtype} {chips.shape}")
        raw = self._run(chips).astype(np.float64)
        with np.errstate(all="ignore"):
            lengths = np.linalg.norm(raw, axis=1, keepdims=True)
            lengths[~(lengths > _MIN_LENGTH) | ~np.isfinite(lengths)] = np.nan
            return np.asarray(raw / lengths, dtype=np.float32)

    def _run(self, chips: Image) -> Vectors:
        prepared = self._prepared(chips)
        step = 1 if self._alone else MAX_AT_ONCE
        parts = [self._run_batch(prepared[at : at + step]) for at in range(0, len(prepared), step)]
        return np.concatenate(parts) if parts else np.zeros((0, self.dimension), np.float32)

    def _run_batch(self, prepared: Vectors) -> Vectors:
        try:
            found = np.asarray(self._session.run(None, {self._input: prepared})[0], dtype=np.float32)
        except Exception as error:  # onnxruntime again its own types
            raise SystemFault(f"it can't be run on {prepared.shape}: {_line(error)}") from error
        if found.shape != (len(prepared), self.dimension):
            raise SystemFault(f"it answers {found.shape}, not {(len(prepared), self.dimension)}: state its dimension")
        return found

    def _prepared(self, chips: Image) -> Vectors:
        pixels = chips[..., ::-1] if self._model.channels == "bgr" else chips
        mean, std = (np.array(values, np.float32) for values in (self._model.mean, self._model.std))
        scaled = (pixels.astype(np.float32) - mean) / std
        return np.ascontiguousarray(scaled if self._channels_last else scaled.transpose(0, 3, 1, 2))

    def _prove(self) -> None:
        """On noise, gray and a ramp: numbers, of the stated dimension, not all alike, and the same in a batch."""
        size = self._model.input_size
        noise = np.random.default_rng(1).integers(0, 256, (size, size, 3), np.uint8)
        ramp = np.broadcast_to(np.linspace(0, 255, size).astype(np.uint8)[:, None, None], (size, size, 3))
        chips = np.stack([noise, np.full_like(noise, 128), ramp])
        found = self.encode_chips(chips)
        if not np.isfinite(found).all():
            raise SystemFault("it gives no numbers (NaN, infinity or all zeros) for trial pictures")
        alone = np.concatenate([self.encode_chips(chips[at : at + 1]) for at in range(len(chips))])
        if not np.abs(alone - found).max() <= _BATCH_TOLERANCE:  # NaN is no agreement either
            raise SystemFault("a picture's numbers depend on the others in its batch")
        if np.abs(found[0] - found[2]).max() < _BATCH_TOLERANCE:
            raise SystemFault("it gives the same numbers for every picture")


def build_encoder(spec: str) -> OwnEncoder:
    """Return the encoder of a recognizer process; `spec` is a FaceModel as JSON."""
    model = FaceModel.model_validate_json(spec)
    try:
        return OwnEncoder(Detectors(), model)
    except SystemFault as error:
        raise SystemFault(f"face model {model.name} can't be used: {error}") from error


def build_analyzer(spec: str) -> Analyzer:
    """Return the analyzer of enrollment photos for that model."""
    return Analyzer(OwnEncoder(Detectors(), FaceModel.model_validate_json(spec)))


def _file(model: FaceModel) -> bytes:
    data = _bytes(Path(model.path))
    if hashlib.sha256(data).hexdigest() != model.sha256:
        raise SystemFault(
            f"{model.path} is another file than the one that was enrolled with: put that back, or migrate to the new "
            "one",
            hint=Hint("migrate_model"),
        )
    return data


def _bytes(path: Path) -> bytes:
    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            raise SystemFault(f"{path} is not there, or no file of at most 1 GB")
        return path.read_bytes()
    except OSError as error:
        raise SystemFault(f"{path} can't be read ({error.strerror})") from error


def _placed(
    image: Image, left: NDArray[np.float64], right: NDArray[np.float64], eyes: tuple[float, ...], size: int
) -> Image:
    """Return the picture turned, scaled and moved so that both eyes lie where they are wanted."""
    wanted = complex(eyes[2] - eyes[0], eyes[3] - eyes[1])
    found = complex(*(right - left))
    # From a wanted pixel to the picture's: z → turn·z + shift, in complex numbers.
    turn = found / wanted
    shift = complex(*left) - turn * complex(eyes[0], eyes[1])
    picture = PilImage.fromarray(np.ascontiguousarray(image))
    # Bilinear sampling looks at 2×2 pixels only: a larger face is made smaller first.
    factor = max(1, math.floor(abs(turn)))
    if factor > 1:
        picture = picture.reduce(factor)
        turn, shift = turn / factor, (shift - (factor - 1) / 2 * (1 + 1j)) / factor
    matrix = (turn.real, -turn.imag, shift.real, turn.imag, turn.real, shift.imag)
    placed = picture.transform((size, size), PilImage.Transform.AFFINE, matrix, PilImage.Resampling.BILINEAR)
    return np.ascontiguousarray(placed, dtype=np.uint8)


def _line(error: Exception) -> str:
    text: Any = str(error).strip().splitlines() or [type(error).__name__]
    return str(text[-1])[:200]
