"""Whether anything changed in front of a camera since faces were last looked for. Pure, about 0.3 ms."""

import numpy as np
from numpy.typing import NDArray

from devicemgr.ports import Image

_CELL = 8
_WIDTH = 640
_STEP = 6.0  # grey levels; sensor noise averages to under 1 in a cell
_CELLS = 4  # the smallest face covers a hundred
LOOK_ANYWAY = 3.0
LINGER = 1.0  # a blurred face that comes to rest must still be found


class MotionGate:
    """Compares pictures with the one faces were last looked for in, so slow changes add up."""

    def __init__(self) -> None:
        self._reference: NDArray[np.float32] | None = None
        self._looked = self._moved = -1e9

    def moved(self, image: Image, now: float) -> bool:
        """True when something changed, or nobody looked for LOOK_ANYWAY seconds; then the caller looks."""
        cells = _cells(image)
        if self._changed(cells):
            self._moved = now
        if now - self._moved > LINGER and now - self._looked < LOOK_ANYWAY:
            return False
        self._reference, self._looked = cells, now
        return True

    def _changed(self, cells: NDArray[np.float32]) -> bool:
        reference = self._reference
        if reference is None or reference.shape != cells.shape:
            return True
        return int((np.abs(cells - reference) > _STEP).sum()) >= _CELLS


def _cells(image: Image) -> NDArray[np.float32]:
    """Mean green of blocks, whatever the picture's size."""
    step = max(1, image.shape[1] // _WIDTH)
    green = image[::step, ::step, 1]
    rows, columns = max(1, green.shape[0] // _CELL), max(1, green.shape[1] // _CELL)
    cut = green[: rows * _CELL, : columns * _CELL]
    if cut.shape != (rows * _CELL, columns * _CELL):
        return np.full((1, 1), green.mean(), dtype=np.float32)
    mean: NDArray[np.float32] = cut.reshape(rows, _CELL, columns, _CELL).mean(axis=(1, 3), dtype=np.float32)
    return mean
