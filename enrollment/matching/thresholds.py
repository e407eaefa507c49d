"""How alike is alike enough: the least score (scoring.py) by gallery size and by the candidate's templates.

Measured on LFW with random galleries of people who have one template or three; docs/accuracy.md has the figures. In
galleries of fifty and more the rivals in the score take up what growth would otherwise ask of the threshold.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from types import MappingProxyType

# FPIR, templates -> (people, score). A stranger's single photograph, plus what averaging two photographs adds to a
# stranger's score (0.004 for one template, 0.007 for three), since a gate averages the frames of a track. Above 1,000
# people nothing was measured: 0.004 for each tenfold.
TABLE = MappingProxyType(
    {
        (0.1, 1): ((1, 0.866), (2, 0.886), (5, 0.909), (10, 0.922), (20, 0.934), (50, 0.946), (1000, 0.956)),
        (0.1, 3): ((1, 0.895), (2, 0.914), (5, 0.933), (10, 0.944), (20, 0.950), (50, 0.957), (1000, 0.964)),
        (0.01, 1): ((1, 0.924), (2, 0.937), (5, 0.951), (10, 0.961), (20, 0.968), (50, 0.977), (1000, 0.978)),
        (0.01, 3): ((1, 0.950), (2, 0.963), (5, 0.971), (10, 0.979), (20, 0.980), (50, 0.981), (1000, 0.982)),
        (0.001, 1): ((1, 0.962), (2, 0.972), (5, 0.982), (10, 0.992), (20, 0.993), (50, 0.995), (1000, 0.996)),
        (0.001, 3): ((1, 0.986), (2, 0.995), (5, 1.001), (10, 1.003), (20, 1.003), (50, 1.003), (1000, 1.004)),
    }
)
MEASURED = (0.1, 0.01, 0.001)
DEFAULT_FPIR = 0.01
_TENFOLD = 0.004

# Least lead of the score over the runner-up person's. On LFW it refuses 0.2 % of mated probes beside the threshold, and
# no probe was given to a wrong person with it but one of 522, with one template; at 0.03 it refuses 1 %.
MARGIN = 0.02
# Of people whom a calibration found to look alike.
LOOKALIKE_MARGIN = 0.06

# Two photos of one person: least cosine of a new photo to the only other sample, and to the mean of several. Of the
# same people 0.5 % of pairs and 0.1 % of means lie lower (mostly mislabeled ones); of strangers 97 % of either.
SIBLING_ONE = 0.90
SIBLING_MEAN = 0.91


def match_threshold(people: int, templates: int, fpir: float = DEFAULT_FPIR) -> float:
    """Least score that counts as the same person, for a gallery of `people` and a candidate with `templates`.

    Straight in log N between the table's sizes, and in log FPIR between 10 %, 1 % and 0.1 %; beyond them the nearest.
    Two templates stand halfway between one and three; more than three count as three.
    """
    high, middle, low = MEASURED
    wanted = min(max(fpir, low), high)
    lenient, strict = (high, middle) if wanted > middle else (middle, low)
    share = math.log(lenient / wanted) / math.log(lenient / strict)
    return _between(share, _at(people, templates, lenient), _at(people, templates, strict))


def _at(people: int, templates: int, fpir: float) -> float:
    weight = (min(max(templates, 1), 3) - 1) / 2
    return _between(weight, _by_size(TABLE[fpir, 1], people), _by_size(TABLE[fpir, 3], people))


def _by_size(points: Sequence[tuple[int, float]], people: int) -> float:
    sizes = [size for size, _ in points]
    if people <= sizes[0]:
        return points[0][1]
    if people >= sizes[-1]:
        return points[-1][1] + _TENFOLD * math.log10(people / sizes[-1])
    (small, low), (large, high) = list(pairwise(points))[bisect_right(sizes, people) - 1]
    return _between(math.log(people / small) / math.log(large / small), low, high)


def _between(share: float, start: float, end: float) -> float:
    return start + share * (end - start)
