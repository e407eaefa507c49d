"""How alike is alike enough: cosine by gallery size and by how many templates the candidate has.

Figures for one probe photo against the normalised mean of K templates, unit vectors of dlib's network, measured on
LFW. A stock distance of 0.6 lets in 36 % of strangers at 100 enrolled, 88 % at 1,000.
"""

import math
from bisect import bisect_right
from itertools import pairwise
from types import MappingProxyType

# gallery size -> cosine, at FPIR 1 % and 0.1 %, for people with one template and with three.
SINGLE_PROBE = MappingProxyType(
    {
        (0.01, 1): ((10, 0.925), (50, 0.938), (200, 0.946), (1000, 0.951)),
        (0.01, 3): ((10, 0.934), (50, 0.945), (200, 0.951), (1000, 0.957)),
        (0.001, 1): ((10, 0.937), (50, 0.949), (200, 0.956), (1000, 0.963)),
        (0.001, 3): ((10, 0.945), (50, 0.956), (200, 0.962), (1000, 0.966)),
    }
)
DEFAULT_FPIR = 0.01

# Least lead over the runner-up person. Measured at the thresholds above on 169 people and 876 strangers of LFW,
# FPIR / FNIR in per cent without and with it: one template 1.83/30.4 -> 0.92/31.5; two 2.06/12.5 -> 0.80/13.1; three
# (111 people) 1.60/7.7 -> 0.69/8.8; galleries of 10, one template 1.41/8.9 -> 1.29/9.2. At 0.02 FNIR rises by 2 to 3
# points, at 0.03 by 8 to 11. No mated probe was given to a wrong person with it.
MARGIN = 0.015

# Two photos of one person: least cosine of a new photo to the only other sample, and to the mean of several. Of the
# same people 0.8 % of pairs (mostly mislabelled ones) and 0.3 % of means lie lower; of strangers 91 and 95 %.
SIBLING_ONE = 0.88
SIBLING_MEAN = 0.90


def match_threshold(people: int, templates: int, fpir: float = DEFAULT_FPIR) -> float:
    """Least cosine that counts as the same person, for a gallery of `people` and a candidate with `templates`.

    Straight in log N between the table's sizes; under 10 people the figure for 10; above 1,000 the last slope goes on
    (never to 1 or more). Two templates stand halfway between one and three; more than three count as three.
    `fpir` is 0.01 or 0.001: KeyError otherwise.
    """
    single = _by_size(SINGLE_PROBE[fpir, 1], people)
    triple = _by_size(SINGLE_PROBE[fpir, 3], people)
    weight = (min(max(templates, 1), 3) - 1) / 2
    return min(single + weight * (triple - single), 0.999)


def _by_size(points: tuple[tuple[int, float], ...], people: int) -> float:
    if people <= points[0][0]:
        return points[0][1]
    segments = list(pairwise(points))
    place = min(bisect_right([size for size, _ in points], people) - 1, len(segments) - 1)
    (small, low), (large, high) = segments[place]
    return low + (high - low) * math.log(people / small) / math.log(large / small)
