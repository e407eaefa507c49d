"""The gallery in memory: one float32 row a person, searched exactly; immutable, so a new one replaces it whole."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from devicemgr.domain.face_model import FaceModel
from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.ports.recognition import Calibration, Embedding, Gallery, GalleryStats, Match
from enrollment.matching import scoring
from enrollment.matching.thresholds import DEFAULT_FPIR, LOOKALIKE_MARGIN, MARGIN, match_threshold
from enrollment.models.encoder import DIMENSION, MODEL

log = logging.getLogger(__name__)

_SHORTEST, _LONGEST = 1e-6, 1e6
# No cosine reaches it.
UNREACHABLE = 2.0
_BLOCK = 16_384


@dataclass(frozen=True, slots=True)
class Ranking:
    """The best row for a probe with its score, the next person's score, and what else decides."""

    row: int
    score: float
    runner_up: float | None
    margin_needed: float
    threshold: float

    @property
    def is_ambiguous(self) -> bool:
        """Return True if another person is too close behind, whatever the threshold."""
        return self.runner_up is not None and self.score - self.runner_up < self.margin_needed

    @property
    def reason(self) -> Reason | None:
        """Why it is no match; None for a match."""
        if not self.score >= self.threshold:
            return Reason.UNKNOWN_FACE
        return Reason.AMBIGUOUS_FACE if self.is_ambiguous else None


class FaceGallery:
    """face_ports.Gallery. Any thread may read it; nothing writes it after it is built."""

    def __init__(
        self,
        people: Sequence[str],
        matrix: NDArray[np.float32],
        counts: Sequence[int],
        stats: GalleryStats,
        calibration: Calibration | None = None,
        own: FaceModel | None = None,
        before: "FaceGallery | None" = None,
    ) -> None:
        """Take over what `before` knew of people who are as they were."""
        self.people = tuple(people)
        self.own = own
        self._dimension = own.dimension if own else DIMENSION
        self.calibration = calibration
        self._rows = {person: row for row, person in enumerate(self.people)}
        self._matrix = matrix
        self._matrix.setflags(write=False)
        self._cosines, self._neighbors = self._rivals_found(before)
        self._handicap = np.zeros(len(people), np.float32) if own else 0.25 * scoring.crowding(self._cosines)
        by_count = thresholds_by_count(len(people), calibration, own)
        self._thresholds = [by_count[min(count, 3) - 1] for count in counts]
        self._lookalikes = self._pairs(calibration)
        self._stats = stats

    def match(self, probe: Embedding) -> Match:
        """Return the enrolled person whom a float32 vector shows, if anybody; never for NaN, zero or a wrong size."""
        return self._match(self.rank(probe))

    def nearest(self, probe: Embedding, exclude_person: str | None = None) -> Match:
        """Whom of all others this face would be taken for: the match rule without the margin, as two may look alike."""
        found = self.rank(probe, exclude_person)
        return self._match(found, bool(found and found.score >= found.threshold))

    def stats(self) -> GalleryStats:
        """Sizes, model, version, and the strictest threshold in force."""
        return self._stats

    def rank(self, probe: Embedding, exclude: str | None = None, own: Embedding | None = None) -> Ranking | None:
        """Return the best of the gallery without `exclude`, match or not.

        None for no embedding or no person to compare with.

        `own` stands in for the excluded person's template, to see how they score by their other photos.
        """
        unit = _unit(probe, self._dimension)
        left_out = self._rows.get(exclude) if exclude is not None else None
        if unit is None or len(self.people) - (left_out is not None and own is None) == 0:
            return None
        alike = self._matrix @ unit
        handicap = self._handicap
        if left_out is not None:
            alike[left_out] = -np.inf if own is None else own @ unit
            if own is None and self.own is None:
                handicap = 0.25 * scoring.crowding_without(left_out, self._cosines, self._neighbors, 4 * handicap)
        return self._ranked(alike, handicap)

    def alikeness(self, probe: Embedding) -> NDArray[np.float32]:
        """Return what each person alone would score if enrolled alone: for 1:1 comparison, in the order of `people`."""
        unit = _unit(probe, self._dimension)
        if unit is None:
            return np.zeros(len(self.people), np.float32)
        return self._matrix @ unit if self.own else 2 * (self._matrix @ unit) - scoring.QUIET

    def _ranked(self, alike: NDArray[np.float32], handicap: NDArray[np.float32]) -> Ranking:
        """`alike` is written over: a second array of a million would cost a tenth of the search."""
        standing = np.subtract(alike, handicap, out=alike)
        best, *others = scoring.best_rows(standing)
        values = [float(standing[row]) for row in (best, *others)]
        needed = self._margin(best, standing)
        if self.own:
            return Ranking(best, values[0], values[1] if others else None, needed, self._thresholds[best])
        rivals = 0.5 * scoring.rivalry(
            [value + float(handicap[row]) for value, row in zip(values[1:], others, strict=True)]
        )
        runner_up = 2 * values[1] - rivals if others else None
        return Ranking(best, 2 * values[0] - rivals, runner_up, needed, self._thresholds[best])

    def _margin(self, best: int, standing: NDArray[np.float32]) -> float:
        """More for a look-alike than the runner-up leaves, unless the other of the pair is far behind."""
        twins = self._lookalikes.get(best)
        usual = self.own.margin if self.own else MARGIN
        if twins is None:
            return usual
        lead = float(standing[best] - standing[twins].max())
        if self.own:
            return usual if lead >= 2 * usual else 2 * usual
        return usual if 2 * lead >= LOOKALIKE_MARGIN else LOOKALIKE_MARGIN

    def _match(self, found: Ranking | None, accepted: bool | None = None) -> Match:
        if found is None:
            return Match(None, None, None, self._stats.threshold, Reason.UNKNOWN_FACE)
        reason = found.reason if accepted is None else None if accepted else Reason.UNKNOWN_FACE
        person = self.people[found.row] if reason is None else None
        return Match(person, found.score, found.runner_up, found.threshold, reason, candidate=self.people[found.row])

    def _rivals_found(self, before: "FaceGallery | None") -> tuple[NDArray[np.float32], scoring.Rows]:
        """Everybody's nearest among the cohort; only newcomers' are looked for while the cohort is what it was."""
        matrix, cohort = self._matrix, scoring.COHORT
        if self.own:
            return scoring.neighbors(matrix[:0])
        if (
            before is None
            or before.own
            or not len(matrix)
            or not np.array_equal(matrix[:cohort], before._matrix[:cohort])
        ):
            return scoring.neighbors(matrix)
        places = np.fromiter((before._rows.get(person, -1) for person in self.people), np.intp, len(self.people))
        fresh = np.concatenate([part + at for at, part in _changed(matrix, before._matrix, places)])
        cosines, rows = before._cosines[places], before._neighbors[places]
        cosines[fresh], rows[fresh] = scoring.neighbors(matrix, cohort, fresh)
        return cosines, rows

    def _pairs(self, calibration: Calibration | None) -> dict[int, list[int]]:
        """Return the look-alikes of each row; people who are no longer enrolled drop out."""
        found: dict[int, list[int]] = {}
        for one, other in calibration.lookalikes if calibration else ():
            if one in self._rows and other in self._rows:
                found.setdefault(self._rows[one], []).append(self._rows[other])
                found.setdefault(self._rows[other], []).append(self._rows[one])
        return found


def _changed(
    matrix: NDArray[np.float32], before: NDArray[np.float32], places: scoring.Rows
) -> Iterator[tuple[int, scoring.Rows]]:
    """Rows that aren't those at `places` before (-1: nowhere), block by block, each with where its block starts."""
    for at in range(0, len(matrix), _BLOCK):
        there = places[at : at + _BLOCK]
        same = (there >= 0) & (matrix[at : at + _BLOCK] == before[there]).all(axis=1)
        yield at, np.flatnonzero(~same)


def thresholds_by_count(
    people: int, calibration: Calibration | None, own: FaceModel | None = None
) -> tuple[float, float, float]:
    """Thresholds for candidates with 1, 2 and 3 or more templates: the table's, raised by what a calibration found.

    There is no table for a user's own model: what is stated holds, or what was calibrated, or no person passes.
    """
    fpir = calibration.fpir if calibration else DEFAULT_FPIR
    raised = max(calibration.raised, 0.0) if calibration else 0.0
    if own:
        stated = own.least_cosine
        least = UNREACHABLE if stated is None and raised <= 0.0 else (stated or 0.0) + raised
        return least, least, least
    one, two, three = (match_threshold(people, count, fpir) + raised for count in (1, 2, 3))
    return one, two, three


def build_gallery(
    rows: Sequence[tuple[str, Embedding]],
    version: int,
    calibration: Calibration | None = None,
    own: FaceModel | None = None,
    before: Gallery | None = None,
) -> FaceGallery:
    """face_ports.GalleryLoader: (person_id, embedding) rows of one model; a row of another size is left out."""
    names, units = _sound(rows, own.dimension if own else DIMENSION)
    people = list(dict.fromkeys(names))
    places = {person: place for place, person in enumerate(people)}
    owner = np.fromiter((places[name] for name in names), np.intp, len(names))
    counts = np.bincount(owner, minlength=len(people))
    if len(people) < len(names):
        units = np.add.reduceat(units[np.argsort(owner, kind="stable")], np.cumsum(counts) - counts, axis=0)
    # Unit vectors that cancel each other out are no face.
    whole = np.linalg.norm(units, axis=1) > 1e-3 * counts
    people = [person for person, good in zip(people, whole, strict=True) if good]
    counts = counts[whole]
    matrix = scoring.means(units[whole]) if own else scoring.templates(units[whole], counts)
    strictest = max(thresholds_by_count(len(people), calibration, own)[: int(counts.max(initial=1))])
    stats = GalleryStats(len(people), int(counts.sum()), own.template_name if own else MODEL, strictest, version)
    return FaceGallery(
        people, matrix, counts.tolist(), stats, calibration, own, before if isinstance(before, FaceGallery) else None
    )


def _sound(rows: Sequence[tuple[str, Embedding]], dimension: int) -> tuple[list[str], NDArray[np.float32]]:
    """Return the rows that are embeddings, as unit vectors; the others are named in the log."""
    fit = [(person, vector) for person, vector in rows if _is_vector(vector, dimension)]
    with np.errstate(over="ignore", invalid="ignore"):
        matrix = np.array([vector for _, vector in fit], dtype=np.float32).reshape(len(fit), dimension)
        lengths = np.linalg.norm(matrix, axis=1)
        sound = (lengths > _SHORTEST) & (lengths < _LONGEST)
    names = [person for (person, _), good in zip(fit, sound, strict=True) if good]
    if len(names) < len(rows):
        spoilt = {person for person, vector in rows if not _is_vector(vector, dimension)}
        spoilt |= {person for (person, _), good in zip(fit, sound, strict=True) if not good}
        for person in sorted(spoilt):
            log.error("a template of person %s is damaged and was left out; enroll that person again", person)
        matrix, lengths = matrix[sound], lengths[sound]
    matrix /= lengths[:, None]
    return names, matrix


def _is_vector(vector: Embedding, dimension: int) -> bool:
    return vector.shape == (dimension,) and vector.dtype.kind == "f"


def _unit(vector: Embedding, dimension: int) -> Embedding | None:
    """Scaled to length 1; None where that is impossible or the size is another model's."""
    if not _is_vector(vector, dimension):
        return None
    # A NaN or an infinite component makes the length one, too.
    length = float(np.linalg.norm(vector.astype(np.float64)))
    if not _SHORTEST < length < _LONGEST:
        return None
    return (vector / length).astype(np.float32)
