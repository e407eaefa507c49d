"""A recognizable world without faces: a person is a textured bright square whose blue says who it is."""

from collections.abc import Callable

import numpy as np
import pytest

from devicemgr.domain.ports.recognition import Box

SIDE = 100
CHIP = 32
# Shares of the box: eye corners and base of the nose of somebody who looks straight ahead.
FRONTAL = np.array([[0.78, 0.35], [0.62, 0.35], [0.22, 0.35], [0.38, 0.35], [0.5, 0.658]])


def paint(
    person: int | None, left: int = 200, top: int = 150, size: tuple[int, int] = (480, 640), side: int = SIDE
) -> np.ndarray:
    """A picture with `person` (0–3) or nobody in it."""
    image = np.full((*size, 3), 90, dtype=np.uint8)
    if person is not None:
        blocks = np.random.default_rng(5).integers(120, 255, (side // 2, side // 2)).repeat(2, 0).repeat(2, 1)
        image[top : top + side, left : left + side, :2] = blocks[:, :, None]
        image[top : top + side, left : left + side, 2] = 60 * person + 10
    return image


class SquareEncoder:
    """Finds the squares, names their person; `nose` (share of the box) turns all heads."""

    model = "squares"
    dimension = 4

    def __init__(self) -> None:
        self.detected: list[tuple[int, ...]] = []
        self.batches: list[int] = []
        self.nose = 0.5
        self.blind = False

    @property
    def encoded(self) -> int:
        return sum(self.batches)

    def detect(self, image: np.ndarray) -> list[Box]:
        self.detected.append(image.shape)
        bright = image[:, :, 0] > 98
        columns = np.flatnonzero(np.diff(np.concatenate([[0], bright.any(axis=0), [0]])))
        found = []
        for left, right in zip(columns[::2], columns[1::2], strict=True):
            rows = np.flatnonzero(bright[:, left:right].any(axis=1))
            if right - left > 20 and not self.blind:
                found.append(Box(int(rows.min()), int(right), int(rows.max()) + 1, int(left)))
        return found

    def landmarks(self, image: np.ndarray, box: Box) -> np.ndarray:
        points = FRONTAL.copy()
        points[4, 0] = self.nose
        return points * (box.right - box.left, box.bottom - box.top) + (box.left, box.top)

    def chip(self, image: np.ndarray, box: Box) -> np.ndarray:
        rows = np.linspace(box.top, box.bottom - 1, CHIP).astype(int)
        columns = np.linspace(box.left, box.right - 1, CHIP).astype(int)
        return np.ascontiguousarray(image[rows][:, columns])

    def encode_chips(self, chips: np.ndarray) -> np.ndarray:
        self.batches.append(len(chips))
        blue = np.median(chips[..., 2].reshape(len(chips), -1), axis=1).astype(int)
        vectors = np.full((len(chips), 4), 0.01, dtype=np.float32)
        vectors[np.arange(len(chips)), np.minimum(3, (blue - 10 + 30) // 60)] = 1.0
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    def encode(self, image: np.ndarray, box: Box) -> np.ndarray:
        return self.encode_chips(self.chip(image, box)[np.newaxis])[0]


@pytest.fixture
def picture() -> Callable[..., np.ndarray]:
    return paint


@pytest.fixture
def encoder() -> SquareEncoder:
    return SquareEncoder()
