"""A recognisable world without faces: a person is a textured square whose blue says who it is."""

from collections.abc import Callable

import numpy as np
import pytest

from devicemgr.ports import Box

SIDE = 100


def paint(person: int | None, left: int = 200, top: int = 150, size: tuple[int, int] = (480, 640)) -> np.ndarray:
    """A picture with `person` (0–3) or nobody in it."""
    image = np.full((*size, 3), 90, dtype=np.uint8)
    if person is not None:
        red = np.random.default_rng(5).integers(120, 255, (SIDE // 2, SIDE // 2)).repeat(2, 0).repeat(2, 1)
        image[top : top + SIDE, left : left + SIDE, 0] = red
        image[top : top + SIDE, left : left + SIDE, 1] = 10
        image[top : top + SIDE, left : left + SIDE, 2] = 60 * person + 10
    return image


class SquareEncoder:
    """Finds the square, names its person."""

    model = "squares"
    dimension = 4

    def __init__(self) -> None:
        self.detected: list[tuple[int, ...]] = []
        self.encoded = 0

    def detect(self, image: np.ndarray) -> list[Box]:
        self.detected.append(image.shape)
        rows, columns = np.nonzero((image[:, :, 1] < 45) & (image[:, :, 0] > 95))
        if rows.size == 0:
            return []
        return [Box(int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1, int(columns.min()))]

    def encode(self, image: np.ndarray, box: Box) -> np.ndarray:
        self.encoded += 1
        blue = int(np.median(image[box.top : box.bottom, box.left : box.right, 2]))
        vector = np.full(4, 0.01, dtype=np.float32)
        vector[min(3, (blue - 10 + 30) // 60)] = 1.0
        return (vector / np.linalg.norm(vector)).astype(np.float32)


@pytest.fixture
def picture() -> Callable[..., np.ndarray]:
    return paint


@pytest.fixture
def encoder() -> SquareEncoder:
    return SquareEncoder()
