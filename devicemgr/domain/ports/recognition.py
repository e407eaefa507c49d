"""What the faces' side implements: encoder, gallery, calibration, photographs; numpy arrays, monotonic s."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from devicemgr.domain.face_model import FaceModel
from devicemgr.domain.ports.video import Image

Landmarks = NDArray[np.float64]
Embedding = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Box:
    """A face's place in pixels, ends exclusive."""

    top: int
    right: int
    bottom: int
    left: int


class FaceEncoder(Protocol):
    """Finds and embeds faces. Not for sharing between threads. `model` names weights and version."""

    model: str
    dimension: int

    def detect(self, image: Image) -> list[Box]:
        """Faces, biggest first; image RGB uint8 H×W×3."""

    def encode(self, image: Image, box: Box) -> Embedding:
        """float32 unit vector of `dimension`."""

    def landmarks(self, image: Image, box: Box) -> Landmarks:
        """5×2 pixels (x, y): the left eye's outer and inner corner, the right eye's, the base of the nose."""

    def chip(self, image: Image, box: Box) -> Image:
        """Return the face as the network wants it, RGB uint8, all of one shape; from the picture at full size."""

    def encode_chips(self, chips: Image) -> NDArray[np.float32]:
        """float32 unit vectors, N×`dimension`, for N chips; each as if it were alone."""


@dataclass(frozen=True, slots=True)
class Match:
    """The best person for a probe: cosine scores, higher is more alike; person_id None without a match.

    `reason` is None for a match, else unknown_face or ambiguous_face. `runner_up_score` is the next *person's*.
    `candidate` is the most alike person, match or not: frames of a track must agree on it.
    """

    person_id: str | None
    score: float | None
    runner_up_score: float | None
    threshold: float
    reason: str | None
    candidate: str | None = None

    @property
    def margin(self) -> float | None:
        """Score minus the runner-up person's; None without another person to compare."""
        if self.score is None or self.runner_up_score is None:
            return None
        return self.score - self.runner_up_score


@dataclass(frozen=True, slots=True)
class GalleryStats:
    """What `status` shows of the gallery."""

    people: int
    templates: int
    model: str
    threshold: float
    version: int


class Gallery(Protocol):
    """The enrolled embeddings in memory; reads are lock-free, replacement is atomic."""

    def match(self, probe: Embedding) -> Match:
        """Compare one probe with everybody; a NaN or wrongly sized probe never matches."""

    def stats(self) -> GalleryStats:
        """Sizes, model and threshold now in force."""

    def nearest(self, probe: Embedding, exclude_person: str | None = None) -> Match:
        """Return the match without one person: whose face this sample looks like."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a gallery said of its own thresholds: for `fpir` they lie `raised` (never negative) above the table's.

    `people` were enrolled then; `lookalikes` are pairs of person ids who need a larger margin.
    """

    fpir: float
    raised: float
    people: int
    lookalikes: tuple[tuple[str, str], ...] = ()


class GalleryLoader(Protocol):
    """Builds a gallery from decrypted templates: (person_id, embedding) rows of one model, and what was calibrated.

    `own` is a user's model, None the product's; `before` is the gallery that is replaced, which may save some work.
    """

    def __call__(
        self,
        rows: Sequence[tuple[str, Embedding]],
        version: int,
        calibration: Calibration | None = None,
        own: FaceModel | None = None,
        before: Gallery | None = None,
    ) -> Gallery:
        """Return the gallery of these rows."""


class Calibrator(Protocol):
    """Finds the threshold for a target FPIR (0.001 to 0.1) by leaving out each of the enrolled people in turn."""

    def __call__(
        self, rows: Sequence[tuple[str, Embedding]], fpir: float, own: FaceModel | None = None
    ) -> tuple[Calibration, dict[str, Any]]:
        """Return what to put in force, and the figures for people (JSON-ready).

        InvalidInput when no threshold is found.
        """


@dataclass(frozen=True, slots=True)
class Trial:
    """Parameters of `enroll evaluate`: folders of photographs, and INTERFACES' K, J and P."""

    people: Path
    strangers: Path | None
    samples: int
    probes: int
    fpir: float


class Evaluator(Protocol):
    """Recognition measured on folders of photographs; writes nothing but `det`, a PNG."""

    def __call__(self, trial: Trial, progress: Callable[[int, int], None], det: Path | None = None) -> dict[str, Any]:
        """Return the answer of `enroll evaluate`; progress(done, of) counts photographs.

        InvalidInput for too few people.
        """


class PhotoAnalyzer(Protocol):
    """Finds the face in an enrollment photo and judges it; pixels stay in its process."""

    model: str

    def analyze(self, photo: bytes, *, keep: bool = False) -> "PhotoAnalysis":
        """Never raises for a bad photo: the reasons say what is wrong. With `keep` a fit photo's face comes back."""

    def glance(self, photo: bytes) -> "PhotoAnalysis":
        """Judge one of a webcam's pictures within 0.1 s, without an embedding; `analyze` may see more in it."""

    def embed(self, crop: "FaceCrop") -> Embedding | None:
        """Return the embedding of a kept face, by this analyzer's model; None for a picture that can't be read."""


@dataclass(frozen=True, slots=True)
class FaceCrop:
    """A face with some room around it as a JPEG of at most 640 pixels a side, and where in it the face is."""

    jpeg: bytes = field(repr=False)
    box: Box


@dataclass(frozen=True, slots=True)
class PhotoAnalysis:
    """The face object of INTERFACES (without duplicate_of, which needs the gallery) and its embedding when usable."""

    reasons: tuple[str, ...]
    box: Box | None = None
    face_px: int = 0
    sharpness: float = 0.0
    brightness: float = 0.0
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    embedding: Embedding | None = None
    crop: FaceCrop | None = None

    @property
    def ok(self) -> bool:
        """Fit for enrollment."""
        return not self.reasons

    def as_json(self) -> dict[str, Any]:
        """Return the face object of INTERFACES."""
        box = [self.box.top, self.box.right, self.box.bottom, self.box.left] if self.box else None
        return {
            "ok": self.ok,
            "reasons": list(self.reasons),
            "box": box,
            "face_px": self.face_px,
            "sharpness": self.sharpness,
            "brightness": self.brightness,
            "yaw_deg": self.yaw_deg,
            "pitch_deg": self.pitch_deg,
            "roll_deg": self.roll_deg,
        }


@dataclass(frozen=True, slots=True)
class PreparedSample:
    """A photo that passed: its analysis (JSON-ready face object), its embedding, a float32 unit vector, its face."""

    face: dict[str, Any]
    embedding: Embedding
    crop: FaceCrop | None = None


class FaceDesk(Protocol):
    """What the API asks about photos; nothing in here stores anything."""

    def check(self, photo: bytes, *, is_glance: bool = False) -> dict[str, Any]:
        """Return the face object of INTERFACES; by a quick look for one of many pictures of a webcam."""

    def analyze(
        self, photos: Sequence[bytes], *, keep: bool = False, own: FaceModel | None = None
    ) -> list[PhotoAnalysis]:
        """Slow part of an enrollment: find, judge and embed each photo; with `keep` the faces of fit ones come back.

        `own` is the user's model that embeds, None the product's; so in `embed` and `identify`.
        """

    def embed(self, crops: Sequence[FaceCrop], own: FaceModel | None) -> list[Embedding | None]:
        """Kept faces by a model; None for one that can't be read or embedded."""

    def prove(self, own: FaceModel) -> FaceModel:
        """Return the model with its file's digest, once it has shown that it works.

        InvalidInput says why it can't be used.
        """

    def judge(
        self,
        analyses: Sequence[PhotoAnalysis],
        siblings: Sequence[Embedding],
        gallery: Gallery,
        person_id: str | None,
        badge_of: Callable[[str], str | None],
        *,
        allow_lookalike: bool = False,
    ) -> list[PreparedSample]:
        """Fast part: duplicates and disagreement; PhotoRefused with every face object when one is not fit."""

    def identify(
        self, photo: bytes, gallery: Gallery, badge_of: Callable[[str], str | None], own: FaceModel | None = None
    ) -> dict[str, Any]:
        """Return the answer of `enroll identify`."""

    def close(self) -> None:
        """Stop helper processes."""
