"""The threshold that this site's own people ask for: each is left out in turn and searched for among the others."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from devicemgr.domain.face_model import FaceModel
from devicemgr.domain.ports.recognition import Calibration, Embedding
from devicemgr.errors import InvalidInput
from enrollment.matching import scoring
from enrollment.matching.gallery import FaceGallery, build_gallery

# Each left out costs 0.3 ms a template among 13,000; the quantiles of a thousand are sure enough.
MAX_PEOPLE = 1000
MAX_TEMPLATES = 3
MAX_PAIRS = 500
# Two faces that are no more alike than this are different people to any model.
_FLOOR = 0.1
_Z95 = 1.959964


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One person left out and searched for: by how much each template passes the threshold of whom it is most like."""

    person: str
    excess: tuple[float, ...]
    others: tuple[str, ...]


def calibrate(
    rows: Sequence[tuple[str, Embedding]], fpir: float, own: FaceModel | None = None
) -> tuple[Calibration, dict[str, Any]]:
    """face_ports.Calibrator: with fewer than 1/fpir people the table stays: their quantile can't be resolved."""
    by_table = build_gallery(rows, 0, _bare(fpir, own), own)
    samples = _samples(rows, by_table)
    left_out = [_leave_out(by_table, person, found) for person, found in samples.items()]
    enough = len(left_out) * fpir >= 1.0
    raised = max(_excess_allowed(left_out, fpir), 0.0) if enough else 0.0
    if own and own.least_cosine is None and not enough:
        raise InvalidInput(_too_few(own, len(left_out), fpir))
    pairs = _pairs(left_out, raised)
    base = _bare(fpir, own).raised
    calibration = Calibration(fpir, raised + base, len(by_table.people), tuple(pair for pair, _ in pairs))
    gallery = build_gallery(rows, 0, calibration, own)
    stats = gallery.stats()
    figures = {
        "people": stats.people,
        "templates": stats.templates,
        "tested": len(left_out),
        "fpir_target": fpir,
        "threshold": round(stats.threshold, 4),
        "table_threshold": round(by_table.stats().threshold, 4),
        "from": "gallery" if raised > 0 else "stated" if own else "table",
        "enough_people": enough,
        "fpir": _interval([_share_passing(gallery, person, found) for person, found in samples.items()]),
        "fnir": _interval(_turned_away(gallery, samples, own)),
        "lookalikes": [{"people": list(pair), "excess": round(excess, 4)} for pair, excess in pairs],
    }
    return calibration, figures


def _bare(fpir: float, own: FaceModel | None) -> Calibration:
    """Return what to measure against: the table, or for a model without any threshold the floor."""
    return Calibration(fpir, _FLOOR if own and own.least_cosine is None else 0.0, 0)


def _too_few(own: FaceModel, people: int, fpir: float) -> str:
    return (
        f"face model {own.name} has no threshold, and {people} people with photos are too few to find one "
        f"(it takes {math.ceil(1 / fpir)}); state one under [model] in the site's file"
    )


def _samples(rows: Sequence[tuple[str, Embedding]], gallery: FaceGallery) -> dict[str, list[Embedding]]:
    """Up to MAX_TEMPLATES templates of up to MAX_PEOPLE people, taken evenly."""
    step = math.ceil(len(gallery.people) / MAX_PEOPLE) or 1
    found: dict[str, list[Embedding]] = {person: [] for person in gallery.people[::step]}
    for person, embedding in rows:
        if person in found and len(found[person]) < MAX_TEMPLATES and np.isfinite(embedding).all():
            found[person].append(embedding)
    return {person: embeddings for person, embeddings in found.items() if embeddings}


def _leave_out(gallery: FaceGallery, person: str, templates: Sequence[Embedding]) -> LeftOut:
    ranked = [found for template in templates if (found := gallery.rank(template, person)) is not None]
    return LeftOut(
        person,
        tuple(found.score - found.threshold for found in ranked),
        tuple(gallery.people[found.row] for found in ranked),
    )


def _most_alike(left_out: Sequence[LeftOut]) -> list[tuple[tuple[str, str], float]]:
    """Pairs of people, each once, most alike first, with how far they pass the threshold."""
    best: dict[tuple[str, str], float] = {}
    for person in left_out:
        for other, excess in zip(person.others, person.excess, strict=True):
            one, two = sorted((person.person, other))
            best[one, two] = max(excess, best.get((one, two), -math.inf))
    return sorted(best.items(), key=lambda item: -item[1])


def _excess_allowed(left_out: Sequence[LeftOut], fpir: float) -> float:
    """How far the threshold must rise until only `fpir` of the people pass, counted in pairs.

    A pair passes in both directions and by each template, so that counting those would let one pair of twins decide.
    """
    pairs = _most_alike(left_out)
    allowed = max(int(fpir * len(left_out) / 2), 1)
    return pairs[allowed][1] + 1e-6 if allowed < len(pairs) else 0.0


def _pairs(left_out: Sequence[LeftOut], raised: float) -> list[tuple[tuple[str, str], float]]:
    """Those who pass each other's threshold as it now is."""
    return [(pair, excess - raised) for pair, excess in _most_alike(left_out) if excess >= raised][:MAX_PAIRS]


def _share_passing(gallery: FaceGallery, person: str, templates: Sequence[Embedding]) -> float:
    """Of a person's templates, how many would let them in as another person if they weren't enrolled."""
    found = [gallery.rank(template, person) for template in templates]
    return float(np.mean([ranking is not None and ranking.reason is None for ranking in found]))


def _turned_away(gallery: FaceGallery, samples: dict[str, list[Embedding]], own: FaceModel | None) -> list[float]:
    """Of each person with several templates, the share not recognized by the others."""
    shares = []
    for person, templates in samples.items():
        if len(templates) > 1:
            places = range(len(templates))
            found = [gallery.rank(templates[place], person, _without(templates, place, own)) for place in places]
            right = [r is not None and r.reason is None and gallery.people[r.row] == person for r in found]
            shares.append(1.0 - float(np.mean(right)))
    return shares


def _without(templates: Sequence[Embedding], place: int, own: FaceModel | None) -> Embedding:
    rest = [template for at, template in enumerate(templates) if at != place]
    total: Embedding = np.sum([template / np.linalg.norm(template) for template in rest], axis=0, dtype=np.float32)
    sums = total.reshape(1, -1)
    found: Embedding = (scoring.means(sums) if own else scoring.templates(sums, np.array([len(rest)])))[0]
    return found


def _interval(shares: Sequence[float]) -> dict[str, Any] | None:
    """Return the mean share with Wilson's 95 % interval, people counted, not templates; None without people."""
    count = len(shares)
    if count == 0:
        return None
    share = float(np.mean(shares))
    center = share + _Z95**2 / (2 * count)
    reach = _Z95 * math.sqrt(share * (1 - share) / count + _Z95**2 / (4 * count**2))
    scale = 1 + _Z95**2 / count
    low, high = max((center - reach) / scale, 0.0), min((center + reach) / scale, 1.0)
    return {"value": round(share, 5), "low": round(low, 5), "high": round(high, 5), "people": count}
