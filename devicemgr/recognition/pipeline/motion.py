"""Whether anything changed in front of a camera since faces were last looked for. Pure, under 0.1 ms."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from devicemgr.domain.ports.video import Gray

CELLS_ACROSS = 80
_STEP = 6.0  # gray levels; sensor noise averages to under 1 in a cell
_CELLS = 4  # the smallest face covers a hundred


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Seconds: when to look although nothing moves, how long after it moved, and how seldom at most."""

    anyway: float
    linger: float
    between: float


# A blurred face that comes to rest must still be found, so looking goes on for a second.
IDLE = Rhythm(anyway=3.0, linger=1.0, between=0.0)
# While a person is followed, the whole picture is for those who come second.
FOLLOWING = Rhythm(anyway=1.0, linger=0.0, between=0.25)

Part = tuple[int, int, int, int]  # top, bottom, left, right, in cells


def cells_of(size: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the picture in cells, for one of this width and height in pixels."""
    return CELLS_ACROSS, max(1, round(CELLS_ACROSS * size[1] / size[0]))


class MotionGate:
    """Compares pictures, a pixel a cell, with the one faces were last looked for in, so slow changes add up."""

    def __init__(self) -> None:
        self._reference: NDArray[np.float32] | None = None
        self._looked = self._moved = -1e9

    def moved(self, cells: Gray, now: float, rhythm: Rhythm = IDLE, known: Sequence[Part] = ()) -> bool:
        """Return True if it is time to look at the whole picture; then the caller does.

        What moves in `known` is no news.
        """
        current = cells.astype(np.float32)
        if self._changed(current, known):
            self._moved = now
        since = now - self._looked
        if since < rhythm.between or (now - self._moved > rhythm.linger and since < rhythm.anyway):
            return False
        self._reference, self._looked = current, now
        return True

    def _changed(self, cells: NDArray[np.float32], known: Sequence[Part]) -> bool:
        reference = self._reference
        if reference is None or reference.shape != cells.shape:
            return True
        changed = np.abs(cells - reference) > _STEP
        for top, bottom, left, right in known:
            changed[top:bottom, left:right] = False
        return int(changed.sum()) >= _CELLS
