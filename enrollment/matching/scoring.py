"""The score: how much more a probe is like one person than like that person's rivals; docs/accuracy.md has the figures.

    score = s + (s - rivalry)

s is the cosine to the person's template. The rivalry is the mean of two: how alike the probe is to the next three
people, and how alike the person is to the three people nearest to them. A rival counts for at least QUIET, so that a
gallery of one or two has a score as well.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
Rows = NDArray[np.intp]

SCORE = "cosine+rivals"
# Three rivals on both sides: one and two are as good in small galleries, five are worse in all (docs/accuracy.md).
RIVALS = 3
# What the rivals of a stranger reach among about fifty people. Lower, galleries under ten err more often.
QUIET = 0.90
# A person's rivals are looked for among as many others at most: all would cost seconds with 20,000 people, and 100 of
# 607 cost half a point of FNIR.
COHORT = 512
_BLOCK = 4096

# Mean cosine between two photos of one person, and how many photos this prior weighs.
_ALIKE, _PRIOR = 0.955, 4.0
_MAX_STRETCH = 1.02


def templates(sums: Matrix, counts: NDArray[np.intp]) -> Matrix:
    """Templates N×128 from the sums of each person's unit vectors, in the direction of their mean.

    Longer than 1 for a person whose photos differ, shorter for one whose photos are much alike; by 2 % at most.
    """
    length = np.linalg.norm(sums, axis=1)
    others = counts - 1
    # |sum|² = n + n(n-1)·(mean cosine between two)
    alike = (length**2 - counts) / np.maximum(counts * others, 1)
    expected = (_PRIOR * _ALIKE + others * alike) / (_PRIOR + others)
    stretch = np.sqrt(_ALIKE / np.maximum(expected, 0.5)).clip(1 / _MAX_STRETCH, _MAX_STRETCH)
    return np.ascontiguousarray(sums * (stretch / length)[:, None], dtype=np.float32)


def means(sums: Matrix) -> Matrix:
    """Templates of length 1 from the sums of each person's unit vectors: for a model that nothing was measured on."""
    return np.ascontiguousarray(sums / np.linalg.norm(sums, axis=1, keepdims=True), dtype=np.float32)


def neighbors(matrix: Matrix, cohort: int = COHORT, chosen: Rows | None = None) -> tuple[Matrix, Rows]:
    """Of each row, or each of `chosen`, the RIVALS + 1 nearest other people among the first `cohort` rows.

    Cosines and rows, nearest first: one more than is used, since one may be left out. Missing ones have cosine 0 and
    row -1. Memory is bounded.
    """
    few = matrix[:cohort] / np.linalg.norm(matrix[:cohort], axis=1, keepdims=True)
    rows_of = np.arange(len(matrix)) if chosen is None else chosen
    wanted = RIVALS + 1
    cosines = np.zeros((len(rows_of), wanted), np.float32)
    rows = np.full((len(rows_of), wanted), -1, np.intp)
    for start in range(0, len(rows_of), _BLOCK):
        block = slice(start, min(start + _BLOCK, len(rows_of)))
        places = rows_of[block]
        alike = matrix[places] @ few.T / np.linalg.norm(matrix[places], axis=1, keepdims=True)
        own = np.flatnonzero(places < len(few))
        alike[own, places[own]] = -1.0
        here = np.arange(len(alike))
        for place in range(min(wanted, len(few))):
            best = alike.argmax(axis=1)
            found = alike[here, best]
            cosines[block, place] = np.maximum(found, 0.0)
            rows[block, place] = np.where(found > 0.0, best, -1)
            alike[here, best] = -1.0
    return cosines, rows


def crowding(cosines: Matrix) -> Matrix:
    """Mean of each person's nearest RIVALS, each at least QUIET."""
    return np.asarray(np.maximum(cosines[:, :RIVALS], QUIET).mean(axis=1), dtype=np.float32)


def crowding_without(person: int, cosines: Matrix, rows: Rows, crowded: Matrix) -> Matrix:
    """`crowded` as it were if the person in that row weren't enrolled."""
    touched = np.flatnonzero((rows[:, :RIVALS] == person).any(axis=1))
    without = crowded.copy()
    kept = rows[touched] != person
    rest = np.where(kept, cosines[touched], 0.0)
    without[touched] = crowding(-np.sort(-rest, axis=1))
    return without


def best_rows(standing: Matrix) -> list[int]:
    """Return the highest row and up to RIVALS after it, highest first, without those at -inf but the first."""
    found: list[int] = []
    values: list[np.float32] = []
    while len(found) <= RIVALS:
        row = int(standing.argmax())
        if found and standing[row] == -np.inf:
            break
        found.append(row)
        values.append(standing[row])
        standing[row] = -np.inf
    standing[found] = values
    return found


def rivalry(cosines: Sequence[float]) -> float:
    """Mean over RIVALS of these cosines, each at least QUIET, as are missing ones."""
    return QUIET + sum(max(cosine - QUIET, 0.0) for cosine in cosines) / RIVALS
