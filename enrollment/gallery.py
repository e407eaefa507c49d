"""The gallery in memory: one float32 row a person, searched exactly; immutable, so a new one replaces it whole."""

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from devicemgr.events import Reason
from devicemgr.ports import Embedding, GalleryStats, Match
from enrollment.encoder import DIMENSION, MODEL
from enrollment.thresholds import MARGIN, match_threshold

log = logging.getLogger(__name__)


class FaceGallery:
    """ports.Gallery. Any thread may read it; nothing writes it after it is built."""

    def __init__(self, people: Sequence[str], matrix: NDArray[np.float32], counts: Sequence[int], stats: GalleryStats):
        self._people = tuple(people)
        self._rows = {person: row for row, person in enumerate(self._people)}
        self._matrix = matrix
        self._matrix.setflags(write=False)
        self._thresholds = [match_threshold(len(people), count) for count in counts]
        self._stats = stats

    def match(self, probe: Embedding) -> Match:
        """The enrolled person whom a float32 vector shows, if anybody; never for NaN, zero or a wrong size."""
        return self._search(probe, exclude=None, margin=MARGIN)

    def nearest(self, probe: Embedding, exclude_person: str | None = None) -> Match:
        """Whom of all others this face would be taken for: the match rule without the margin, as two may look alike."""
        return self._search(probe, exclude=exclude_person, margin=0.0)

    def stats(self) -> GalleryStats:
        """Sizes, model, version, and the strictest threshold in force."""
        return self._stats

    def _search(self, probe: Embedding, exclude: str | None, margin: float) -> Match:
        unit = _unit(probe)
        others = len(self._people) - (exclude in self._rows)
        if unit is None or others == 0:
            return Match(None, None, None, self._stats.threshold, Reason.UNKNOWN_FACE)
        scores = self._matrix @ unit
        if exclude in self._rows:
            scores[self._rows[exclude]] = -np.inf
        best = int(np.argmax(scores))
        score = float(scores[best])
        scores[best] = -np.inf
        runner_up = float(scores.max()) if others > 1 else None
        threshold = self._thresholds[best]
        if not score >= threshold:
            return Match(None, score, runner_up, threshold, Reason.UNKNOWN_FACE)
        if runner_up is not None and score - runner_up < margin:
            return Match(None, score, runner_up, threshold, Reason.AMBIGUOUS_FACE)
        return Match(self._people[best], score, runner_up, threshold, None)


def build_gallery(rows: Sequence[tuple[str, Embedding]], version: int, model: str = MODEL) -> FaceGallery:
    """ports.GalleryLoader: (person_id, embedding) rows of one model; a row that is no vector of 128 is left out."""
    samples: dict[str, list[Embedding]] = {}
    for person, embedding in rows:
        unit = _unit(embedding)
        if unit is None:
            log.error("a template of person %s is damaged and was left out; enrol that person again", person)
            continue
        samples.setdefault(person, []).append(unit)
    means = {person: mean for person, units in samples.items() if (mean := _unit(np.mean(units, axis=0))) is not None}
    matrix = np.ascontiguousarray(list(means.values()), dtype=np.float32).reshape(len(means), DIMENSION)
    counts = [len(samples[person]) for person in means]
    strictest = match_threshold(len(means), max(counts, default=1))
    stats = GalleryStats(people=len(means), templates=sum(counts), model=model, threshold=strictest, version=version)
    return FaceGallery(list(means), matrix, counts, stats)


def _unit(vector: Embedding) -> Embedding | None:
    """Scaled to length 1; None where that is impossible or the size is another model's."""
    values = np.asarray(vector)
    if values.shape != (DIMENSION,) or not np.issubdtype(values.dtype, np.floating) or not np.isfinite(values).all():
        return None
    length = float(np.linalg.norm(values.astype(np.float64)))
    if not 1e-6 < length < 1e6:
        return None
    return (values / length).astype(np.float32)
