"""dlib's face network, which onnxruntime runs: the encoder that the product brings."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from devicemgr.domain.ports.recognition import Box, Embedding
from devicemgr.domain.ports.video import Image
from enrollment.models.backend import build_network
from enrollment.models.detector import FaceDetector
from enrollment.models.native import Detectors
from enrollment.models.network import CHIP_SIZE, DIMENSION, Network

__all__ = ["DIMENSION", "FLIP_MODEL", "MODEL", "PLAIN_MODEL", "DlibEncoder", "build_encoder", "units"]

# What templates were made with: dlib's weights; "+flip" for the mean of a chip's and its mirror image's unit vectors.
PLAIN_MODEL = "dlib-resnet-v1"
FLIP_MODEL = "dlib-resnet-v1+flip"
MODEL = FLIP_MODEL


class DlibEncoder(FaceDetector):
    """face_ports.FaceEncoder, and the steps between (landmarks, chip) that the quality gate needs."""

    dimension = DIMENSION

    def __init__(self, detectors: Detectors, network: Network, model: str = MODEL) -> None:
        super().__init__(detectors)
        self._network = network
        self.model = model
        self.runs_on = network.name

    def chip(self, image: Image, box: Box) -> Image:
        """Return the face upright in 150×150 RGB, as the network wants it."""
        return self.upright(image, box)

    def encode_chip(self, chip: Image) -> Embedding:
        """float32 unit vector of 128 for a chip of 150×150 RGB."""
        if chip.shape != (CHIP_SIZE, CHIP_SIZE, 3):
            raise ValueError(f"a face chip is {CHIP_SIZE}×{CHIP_SIZE}×3, not {chip.shape}")
        vector: Embedding = self.encode_chips(chip[np.newaxis])[0]
        return vector

    def encode_chips(self, chips: Image) -> NDArray[np.float32]:
        """float32 unit vectors, N×128, for chips N×150×150×3 RGB; a chip's vector does not depend on the others."""
        if chips.ndim != 4 or chips.shape[1:] != (CHIP_SIZE, CHIP_SIZE, 3) or chips.dtype != np.uint8:
            raise ValueError(f"face chips are uint8 N×{CHIP_SIZE}×{CHIP_SIZE}×3, not {chips.dtype} {chips.shape}")
        if self.model == PLAIN_MODEL:
            return units(self._network.describe(np.ascontiguousarray(chips))).astype(np.float32)
        both = np.stack([chips, chips[:, :, ::-1]], axis=1).reshape(-1, CHIP_SIZE, CHIP_SIZE, 3)
        pairs = units(self._network.describe(both)).reshape(-1, 2, DIMENSION)
        return units(pairs.sum(axis=1)).astype(np.float32)

    def encode(self, image: Image, box: Box) -> Embedding:
        """float32 unit vector of 128 for the face in `box`."""
        return self.encode_chip(self.chip(image, box))


def build_encoder(model: str = MODEL) -> DlibEncoder:
    """Return the product's encoder, loaded in 0.5 s (3 s more at the very first start).

    SystemFault when a part is missing.
    """
    return DlibEncoder(Detectors(), build_network(), model)


def units(rows: NDArray[Any]) -> NDArray[np.float64]:
    """Each row scaled to length 1; dlib's descriptors and their sums are never near 0."""
    wide = rows.astype(np.float64)
    units: NDArray[np.float64] = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    return units
