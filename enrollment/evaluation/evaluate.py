"""How often recognition errs on folders of photographs: the gate's own gallery and score, nothing of the quality gate.

Photos without a face are counted and then ignored. The gallery is each person's first K others; every next J of the
same person, averaged, are a mated probe. A stranger is a probe of up to J photos. Every second stranger sets the
threshold, the others are reported. Without a folder of strangers each mated probe is one as well, its own person left
out of the gallery.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devicemgr.domain.ports.recognition import Embedding, PhotoAnalyzer, Trial
from devicemgr.errors import InvalidInput
from enrollment.evaluation import det_curve
from enrollment.evaluation.photos import embed, person_photos, stranger_photos
from enrollment.matching import scoring
from enrollment.matching.gallery import FaceGallery, build_gallery
from enrollment.workers.process import AnalyzerProcess

FACTORY = "enrollment.evaluation.photos:build_biggest_face"
# face_recognition's tolerance of 0.6 between raw vectors, as a cosine of ours: on LFW it lets in the same share of
# strangers, 49 % with one photo of 169 people and 68 % with three.
STOCK_COSINE = 0.9155

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Probe:
    """One embedding, and of whom; None for a stranger."""

    person: str | None
    embedding: Embedding


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the gallery says of probes: score (-inf where the margin refuses), and whether the right person is first.

    `stock` is the cosine to the most alike single template, and whether that is the right person's.
    """

    scores: Scores
    right: NDArray[np.bool_]
    stock: Scores
    stock_right: NDArray[np.bool_]


def evaluate(trial: Trial, progress: Callable[[int, int], None], det: Path | None = None) -> dict[str, Any]:
    """face_ports.Evaluator, with a face analyzer on each core."""
    if det is not None:
        det_curve.require_matplotlib()
    workers = os.cpu_count() or 1
    analyzer = AnalyzerProcess(FACTORY, workers=workers)
    try:
        answer = evaluate_with(trial, analyzer, workers, progress)
    finally:
        analyzer.close()
    if det is not None:
        det_curve.draw(answer["det"], det)
    return answer


def evaluate_with(
    trial: Trial, analyzer: PhotoAnalyzer, workers: int, progress: Callable[[int, int], None]
) -> dict[str, Any]:
    """`evaluate` with any analyzer."""
    _require_sound(trial)
    known = person_photos(trial.people)
    others = stranger_photos(trial.strangers) if trial.strangers else {}
    # One name may stand in both folders, so that they are kept apart by a mark.
    photos = {("known", name): paths for name, paths in known.items()}
    photos |= {("stranger", name): paths for name, paths in others.items()}
    found = embed(photos, analyzer, workers, progress)
    people = {name: vectors for (kind, name), vectors in found.people.items() if kind == "known"}
    strangers = {name: vectors for (kind, name), vectors in found.people.items() if kind == "stranger"}
    return report(trial, people, strangers if trial.strangers else None, found.no_face)


def report(
    trial: Trial, people: dict[str, list[Embedding]], strangers: dict[str, list[Embedding]] | None, no_face: int
) -> dict[str, Any]:
    """Return the answer of `enroll evaluate` from embeddings by person, in name order."""
    kept = {name: found for name, found in people.items() if len(found) >= trial.samples + trial.probes}
    if len(kept) < 2:
        raise InvalidInput(
            f"people with {trial.samples} + {trial.probes} photos with a face: {len(kept)}, and it takes two; "
            "add photos, or ask for fewer samples or probes"
        )
    rows = [(name, vector) for name, found in kept.items() for vector in found[: trial.samples]]
    gallery = build_gallery(rows, 0)
    mated = _probed(gallery, rows, _mated(kept, trial))
    alone = _probed(gallery, rows, _strangers(strangers, trial)) if strangers else _left_out(gallery, rows, kept, trial)
    if len(alone.scores) < 2:
        raise InvalidInput("fewer than two strangers' photos show a face; give more")
    setting, reported = alone.scores[::2], alone.scores[1::2]
    threshold = threshold_for(setting, trial.fpir)
    fmr, fnmr = _verification(gallery, _mated(kept, trial), threshold)
    return {
        "gallery": len(kept),
        "samples": trial.samples,
        "probes": trial.probes,
        "mated": len(mated.scores),
        "strangers": len(alone.scores),
        "rank1": _share(mated.right),
        "fpir_target": trial.fpir,
        "fpir": _share(reported >= threshold),
        "fnir": _share(~(mated.right & (mated.scores >= threshold))),
        "threshold": round(threshold, 6),
        "score": scoring.SCORE,
        "no_face": no_face,
        "at_stock_threshold": {
            "fpir": _share(alone.stock[1::2] >= STOCK_COSINE),
            "fnir": _share(~(mated.stock_right & (mated.stock >= STOCK_COSINE))),
        },
        "fmr": fmr,
        "fnmr": fnmr,
        "det": det_curve.points(mated.scores, mated.right, reported),
    }


def threshold_for(strangers: Scores, fpir: float) -> float:
    """Return the least threshold that at most this share of strangers reaches."""
    falling = -np.sort(-strangers)
    allowed = min(int(fpir * len(falling)), len(falling) - 1)
    return float(np.nextafter(falling[allowed], np.inf)) if np.isfinite(falling[allowed]) else float(falling[0])


def _require_sound(trial: Trial) -> None:
    if trial.samples < 1 or trial.probes < 1:
        raise InvalidInput("samples and probes are at least 1")
    if not 0.0 < trial.fpir < 1.0:
        raise InvalidInput("fpir is a share between 0 and 1, such as 0.01")


def _mated(people: dict[str, list[Embedding]], trial: Trial) -> Iterator[Probe]:
    for name, found in people.items():
        for start in range(trial.samples, len(found) - trial.probes + 1, trial.probes):
            yield Probe(name, _fused(found[start : start + trial.probes]))


def _strangers(people: dict[str, list[Embedding]], trial: Trial) -> Iterator[Probe]:
    for found in people.values():
        if found:
            yield Probe(None, _fused(found[: trial.probes]))


def _fused(embeddings: Sequence[Embedding]) -> Embedding:
    """As a gate averages the frames of a track; the gallery makes it a unit vector."""
    mean: Embedding = np.mean(np.stack(embeddings), axis=0, dtype=np.float32)
    return mean


def _probed(gallery: FaceGallery, rows: Sequence[tuple[str, Embedding]], probes: Iterator[Probe]) -> Outcome:
    return _outcome(gallery, rows, probes, leave_out=False)


def _left_out(
    gallery: FaceGallery, rows: Sequence[tuple[str, Embedding]], people: dict[str, list[Embedding]], trial: Trial
) -> Outcome:
    return _outcome(gallery, rows, _mated(people, trial), leave_out=True)


def _outcome(
    gallery: FaceGallery, rows: Sequence[tuple[str, Embedding]], probes: Iterator[Probe], *, leave_out: bool
) -> Outcome:
    names = np.array([name for name, _ in rows])
    singles = np.stack([vector for _, vector in rows])
    scores, right, stock, stock_right = [], [], [], []
    for probe in probes:
        away = probe.person if leave_out else None
        found = gallery.rank(probe.embedding, away)
        sure = found is not None and not found.is_ambiguous
        scores.append(found.score if found is not None and sure else -np.inf)
        right.append(found is not None and gallery.people[found.row] == probe.person)
        alike = singles @ (probe.embedding / np.linalg.norm(probe.embedding))
        alike[names == away] = -1.0
        stock.append(alike.max())
        stock_right.append(bool(names[alike.argmax()] == probe.person))
    return Outcome(np.array(scores), np.array(right, bool), np.array(stock), np.array(stock_right, bool))


def _verification(gallery: FaceGallery, probes: Iterator[Probe], threshold: float) -> tuple[float, float]:
    """FMR and FNMR one to one: each probe against each person, as if no other person were enrolled."""
    taken, refused, strangers, owners = 0, 0, 0, 0
    for probe in probes:
        passes = gallery.alikeness(probe.embedding) >= threshold
        own = gallery.people.index(str(probe.person))
        owners += 1
        refused += not passes[own]
        strangers += len(passes) - 1
        taken += int(passes.sum()) - int(passes[own])
    return round(taken / strangers, 6), round(refused / owners, 6)


def _share(flags: NDArray[np.bool_]) -> float:
    return round(float(np.mean(flags)), 6)
