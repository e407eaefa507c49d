"""What the API asks of faces: is this photo good, may these photos be enrolled, who is this."""

import hashlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from devicemgr.domain.face_model import FaceModel
from devicemgr.domain.ports.recognition import (
    Embedding,
    FaceCrop,
    Gallery,
    PhotoAnalysis,
    PhotoAnalyzer,
    PreparedSample,
)
from devicemgr.errors import InvalidInput, PhotoRefused, SystemFault
from enrollment.matching.thresholds import SIBLING_MEAN, SIBLING_ONE
from enrollment.workers.process import AnalyzerProcess, NoStart

BadgeOf = Callable[[str], str | None]

HINTS = {
    "no_face": "no face was found",
    "several_faces": "more than one person is in it",
    "face_too_small": "the face is too small (at least 28, better 40 pixels between the eyes)",
    "blurred": "it is blurred",
    "too_dark": "the face is too dark",
    "too_bright": "the face is overexposed",
    "turned_away": "the face is turned away",
    "covered": "the face is partly covered (mask or dark glasses)",
    "face_at_edge": "the edge of the picture cuts the face",
    "unreadable_image": "it is no readable JPEG, PNG, WebP, BMP, HEIC or AVIF picture",
    "cut_off": "the file is cut off: only a part of it was copied",
    "image_too_large": "it has more than 20 MB or 52 megapixels",
    "duplicate_of": "it looks like a person who is already enrolled",
    "disagrees_with_samples": "it does not look like this person's other photos",
}


class FaceService:
    """face_ports.FaceDesk, wired with an analyzer and what stops it; knows no database."""

    def __init__(
        self,
        analyzer: PhotoAnalyzer,
        close: Callable[[], None] | None = None,
        own: Callable[[FaceModel], PhotoAnalyzer] | None = None,
    ) -> None:
        """`own` makes the analyzer of a user's model."""
        self._analyzer = analyzer
        self._close = close
        self._own = own
        self.model = analyzer.model

    def check(self, photo: bytes, *, is_glance: bool = False) -> dict[str, Any]:
        """Return the face object of INTERFACES."""
        return (self._analyzer.glance(photo) if is_glance else self._analyzer.analyze(photo)).as_json()

    def analyze(
        self, photos: Sequence[bytes], *, keep: bool = False, own: FaceModel | None = None
    ) -> list[PhotoAnalysis]:
        """Find, judge and embed each photo: the slow part of an enrollment, 0.1 to 0.5 s a photo."""
        analyzer = self._by(own)
        return [analyzer.analyze(photo, keep=keep) for photo in photos]

    def embed(self, crops: Sequence[FaceCrop], own: FaceModel | None) -> list[Embedding | None]:
        """Kept faces by a model; None for one that can't be read or embedded."""
        analyzer = self._by(own)
        return [analyzer.embed(crop) for crop in crops]

    def prove(self, own: FaceModel) -> FaceModel:
        """Return the model with its file's digest, once it has shown in a process of its own that it works.

        InvalidInput.
        """
        try:
            proven = own.model_copy(update={"sha256": _digest(Path(own.path))})
            process = AnalyzerProcess(own_factory(proven), proven.template_name)
            try:
                process.prove()
            finally:
                process.close()
        except NoStart as error:
            raise InvalidInput(f"face model {own.name} can't be used: {error.cause}") from error
        except SystemFault as error:
            raise InvalidInput(f"face model {own.name} can't be used: {error}") from error
        return proven

    def _by(self, own: FaceModel | None) -> PhotoAnalyzer:
        if own is None:
            return self._analyzer
        if self._own is None:
            raise SystemFault("this installation has no part for a face model of one's own")
        return self._own(own)

    def judge(
        self,
        analyses: Sequence[PhotoAnalysis],
        siblings: Sequence[Embedding],
        gallery: Gallery,
        person_id: str | None,
        badge_of: BadgeOf,
        *,
        allow_lookalike: bool = False,
    ) -> list[PreparedSample]:
        """All photos as samples of one person, in order; PhotoRefused with every face object if any is unfit.

        `siblings` are the embeddings of the samples the person has; `person_id` is left out of the duplicate check.
        """
        faces = [analysis.as_json() for analysis in analyses]
        fit = {place: a.embedding for place, a in enumerate(analyses) if a.ok and a.embedding is not None}
        for place, embedding in fit.items():
            # It is not known how alike two photos of one person are to a user's own model.
            rest = (
                []
                if gallery.stats().model != self.model
                else [*siblings, *(other for at, other in fit.items() if at != place)]
            )
            if _disagrees(embedding, rest):
                faces[place]["reasons"].append("disagrees_with_samples")
            found = None if allow_lookalike else gallery.nearest(embedding, person_id).person_id
            badge = None if found is None else badge_of(found)
            if badge is not None:
                faces[place]["reasons"].append("duplicate_of")
                faces[place]["duplicate_of"] = badge
        if any(face["reasons"] for face in faces):
            raise _refused(faces)
        return [PreparedSample(faces[place], embedding, analyses[place].crop) for place, embedding in fit.items()]

    def identify(
        self, photo: bytes, gallery: Gallery, badge_of: BadgeOf, own: FaceModel | None = None
    ) -> dict[str, Any]:
        """Who is in a photo: badge or null, scores, threshold, reason. A poor photo of one face is compared as well."""
        analysis = self._by(own).analyze(photo)
        # A photo without one face is compared as a zero vector: it matches no person and still reports the threshold.
        probe = analysis.embedding if analysis.embedding is not None else np.zeros(1, dtype=np.float32)
        match = gallery.match(probe)
        badge = None if match.person_id is None else badge_of(match.person_id)
        reason = match.reason if badge is not None or match.reason else "unknown_face"
        return {
            "badge": badge,
            "score": _rounded(match.score),
            "runner_up_score": _rounded(match.runner_up_score),
            "threshold": round(match.threshold, 4),
            "reason": analysis.reasons[0] if analysis.embedding is None and analysis.reasons else reason,
        }

    def close(self) -> None:
        """Stop the analyzer's processes, if it has any."""
        if self._close is not None:
            self._close()


class OwnAnalyzers:
    """Analyzer processes for users' models, one set a model; those not used for a minute end by themselves."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._lock = threading.Lock()
        self._by_name: dict[str, AnalyzerProcess] = {}

    def __call__(self, own: FaceModel) -> PhotoAnalyzer:
        """Return the analyzer for a proven model."""
        with self._lock:
            name = own.template_name
            if name not in self._by_name:
                self._by_name[name] = AnalyzerProcess(own_factory(own), name, self._workers)
            return self._by_name[name]

    def close(self) -> None:
        """Stop them all."""
        with self._lock:
            analyzers, self._by_name = self._by_name, {}
        for analyzer in analyzers.values():
            analyzer.close()


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SystemFault(f"{path} can't be read ({error.strerror})") from error


def own_factory(own: FaceModel) -> str:
    """Return the factory that an analyzer's process builds."""
    return f"enrollment.custom_model:build_analyzer={own.model_dump_json()}"


def build_desk(workers: int = 1) -> FaceService:
    """Return a FaceService over `workers` analyzer processes, which start with the first photo."""
    processes, others = AnalyzerProcess(workers=workers), OwnAnalyzers(workers)

    def close() -> None:
        processes.close()
        others.close()

    return FaceService(processes, close, others)


def _disagrees(embedding: Embedding, others: Sequence[Embedding]) -> bool:
    """Whether a photo is less like the person's others than two photos of one person are."""
    if not others:
        return False
    mean = np.mean(others, axis=0, dtype=np.float64)
    bound = SIBLING_ONE if len(others) == 1 else SIBLING_MEAN
    return float(embedding @ mean) < bound * float(np.linalg.norm(mean))


def _refused(faces: list[dict[str, Any]]) -> PhotoRefused:
    for face in faces:
        face["ok"] = not face["reasons"]
    bad = [(place, face) for place, face in enumerate(faces, 1) if face["reasons"]]
    place, face = bad[0]
    words = "; ".join(_words(reason, face) for reason in face["reasons"])
    which = "the photo" if len(faces) == 1 else f"photo {place} of {len(faces)}"
    more = f" ({len(bad) - 1} more unfit)" if len(bad) > 1 else ""
    return PhotoRefused(f"{which} can't be enrolled: {words}{more}; {_advice(face)}", faces)


def _words(reason: str, face: dict[str, Any]) -> str:
    if reason == "duplicate_of":
        return f"it looks like badge {face['duplicate_of']}"
    return HINTS.get(reason, reason)


def _advice(face: dict[str, Any]) -> str:
    if "duplicate_of" in face:
        return "if they are two people, allow look-alikes"
    return "take another"


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, 4)
