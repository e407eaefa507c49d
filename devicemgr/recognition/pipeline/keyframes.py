"""Which frames of a track are encoded, and whether it is still the same person. Pure."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from devicemgr.domain.ports.recognition import Embedding

# Encodings of one person some frames apart stay above .96; of two people they lie mostly between .75 and .9.
SAME_PERSON = 0.90
FIRST_FRAMES = 2  # as soon as possible: two that agree may open
MAX_FRAMES = 8  # for a decision; afterwards a track is only watched
BETWEEN_FRAMES = 0.25
BETWEEN_LOOKS = 1.0
AFTER_DOUBT = 0.1
BEST_OF = 0.3  # before one is due, the best frame of so many seconds is sought


class Verdict(Enum):
    """What an embedding says about its track."""

    SAME = "same"
    DOUBT = "doubt"
    OTHER = "other"


@dataclass(slots=True)
class Identity:
    """The embeddings of one track, fused; two strange ones in a row mean that another person stands there."""

    settled: bool = False
    frames: int = 0
    _sum: NDArray[np.float64] | None = None
    _last: float = -1e9
    _doubt: bool = False

    @property
    def urgent(self) -> bool:
        """Whether a decision waits for frames of this track."""
        return not self.settled and self.frames < FIRST_FRAMES

    def due(self, now: float) -> bool:
        """Whether it is time (seconds) to encode an acceptable frame."""
        return now - self._last >= self._wait()

    def competes(self, now: float) -> bool:
        """Whether a frame at `now` may be the best one when the time comes."""
        return now - self._last >= self._wait() - BEST_OF

    def suspect(self) -> None:
        """Look at the next frame at once, and let it decide alone: the face leapt."""
        if self.frames:
            self._doubt, self._last = True, -1e9

    def add(self, embedding: Embedding, now: float) -> Verdict:
        """Fuse it, unless it is another person's; after OTHER it belongs to a new track."""
        self._last = now
        mean = self.mean
        if mean is not None and float(mean @ embedding) < SAME_PERSON:
            verdict = Verdict.OTHER if self._doubt else Verdict.DOUBT
            self._doubt = True
            return verdict
        self._doubt = False
        self._sum = embedding.astype(np.float64) + (0.0 if self._sum is None else self._sum)
        self.frames += 1
        return Verdict.SAME

    @property
    def mean(self) -> Embedding | None:
        """The normalized mean, None before the first frame."""
        if self._sum is None:
            return None
        mean: Embedding = (self._sum / np.linalg.norm(self._sum)).astype(np.float32)
        return mean

    def _wait(self) -> float:
        if self.frames == 0:
            return 0.0
        if self._doubt:
            return AFTER_DOUBT
        if self.settled or self.frames >= MAX_FRAMES:
            return BETWEEN_LOOKS
        return 0.0 if self.frames < FIRST_FRAMES else BETWEEN_FRAMES
