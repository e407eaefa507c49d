"""What others implement. A driver is plain blocking Python; every call ends within a deadline of its own."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from devicemgr.errors import DeviceRefused
from devicemgr.events import DeviceFact
from devicemgr.face_model import FaceModel
from devicemgr.model import (
    Capability,
    DeviceConfig,
    DeviceInfo,
    Direction,
    JsonValue,
    PortalMode,
    Signal,
    VideoSource,
)

Image = NDArray[np.uint8]
Grey = NDArray[np.uint8]
Landmarks = NDArray[np.float64]
Embedding = NDArray[np.float32]


class Device(Protocol):
    """A connected device, used by one thread only. Errors are DeviceError; after one, close() then open() again."""

    poll_interval: float

    def open(self) -> DeviceInfo:
        """Connect and identify; raise DeviceError with a one-line cause. Bounded to about 5 s."""

    def poll(self) -> Sequence[DeviceFact]:
        """What happened since the last poll; called every `poll_interval` seconds; raises DeviceError when gone."""

    def check(self) -> dict[str, JsonValue]:
        """A technician's test: read what can be read, move nothing."""

    def close(self) -> None:
        """Let go of line and session; never raises."""


@runtime_checkable
class Gate(Device, Protocol):
    """A turnstile, door or lock. `release` is sent once, never retried; OutcomeUnknown when its answer is lost.

    `senses_passage` says whether poll() will tell of somebody going through.
    """

    senses_passage: bool

    def release(self, channel: int, direction: Direction, seconds: float) -> None:
        """Let one person pass in `direction`, timed by the device where it can be."""

    def set_mode(self, channel: int, mode: PortalMode) -> None:
        """normal, locked or free until told otherwise."""


@runtime_checkable
class Indicator(Device, Protocol):
    """Lamps and buzzers at a reader or gate; a lost signal is no fault, and changes neither lock nor arm."""

    def indicate(self, channel: int, direction: Direction, signal: Signal) -> None:
        """Show `signal` for a second or two, then what is usual."""


@runtime_checkable
class Replaying(Device, Protocol):
    """A device with a memory of events, each with a serial number that grows."""

    def resume(self, serial: int | None) -> None:
        """Before open(): the last serial that is on disk here, None for a device never heard before."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What a device holds, or shall hold: one person, or one card where a device knows only cards (`Holder.holds`).

    `key` is the badge or the card's number as in rules.cards; `doors` the device's channels, from 1, that it opens.
    `face` names the sample by its digest; a device that only tells that it has one tells "". Times are aware.
    """

    key: str
    name: str = ""
    cards: tuple[str, ...] = ()
    doors: frozenset[int] = frozenset()
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    face: str | None = None


@runtime_checkable
class Holder(Device, Protocol):
    """A device that keeps people or cards; each call is one exchange or a few, so that gates never wait for long."""

    holds: Literal["people", "cards"]
    batch: int

    def capacity(self) -> int:
        """How many keys it can hold in all."""

    def held(self, after: str | None) -> tuple[list[Holding], str | None]:
        """Some of what is held, as far as the device tells it, and where to go on; None when these were the last."""

    def put(self, holdings: Sequence[Holding], faces: Mapping[str, bytes]) -> dict[str, DeviceRefused]:
        """Add or change up to `batch`, each read back; which keys failed and why. `faces` holds a JPEG by key."""

    def remove(self, keys: Sequence[str]) -> None:
        """Remove up to `batch`, read back; never called without a key; what is not held is no error."""


@runtime_checkable
class Verifier(Device, Protocol):
    """A console that asks before it opens (events.Presented) and waits for the answer."""

    def answer(self, serial: int, granted: bool, words: str) -> None:
        """Answer question `serial`, once; OutcomeUnknown once it has left without a confirmation."""


@runtime_checkable
class Complaining(Device, Protocol):
    """A device that knows of something wrong although it works, such as a line that is not encrypted."""

    @property
    def complaint(self) -> str | None:
        """Shown as the cause of `degraded`, with what to do; None when all is well. After open() and each poll()."""


@runtime_checkable
class Pairable(Device, Protocol):
    """A reader that gets a secret key of its own while it is in a pairing window.

    Its password is the key in hex digits; two keys, the new one first and joined by a comma, while it is not proven
    which of them the reader holds. Only a session that is encrypted with a key proves it.
    """

    def pair(self, key: bytes, seconds: float) -> None:
        """Install `key` within `seconds` and prove it, or prove it alone when the reader holds it already.

        Called on a device of its own that is not open (one without a key can't be), on any thread; a running device
        of the same reader lets go meanwhile. DeviceRefused or DeviceUnreachable leave the reader as it was;
        OutcomeUnknown when the key was sent and not proven.
        """


@runtime_checkable
class Traceable(Device, Protocol):
    """A device whose line can be watched."""

    def trace(self) -> list[tuple[float, str, bytes]]:
        """The latest bytes: CLOCK_MONOTONIC second, `rx` or `tx`, and what, secrets blanked; from any thread."""


@runtime_checkable
class Camera(Device, Protocol):
    """A source of video; the stream itself is opened by a recogniser process, never in the daemon."""

    def stream(self) -> VideoSource:
        """Where to open the video; may ask the device."""

    def snapshot(self) -> bytes:
        """One JPEG."""


@dataclass(frozen=True, slots=True)
class Found:
    """A device that discovery came upon: an address that `device add` takes, and what it says of itself."""

    kind: str
    address: str
    model: str = ""
    serial: str = ""
    name: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Driver:
    """What a file in drivers/ exports as DRIVER. `build` must not connect; a vendor library is imported in it.

    `discover`, where the kind can be found, looks for so many seconds and never raises; `hosts` are addresses of hosts
    to ask besides those that answer a broadcast.
    """

    kind: str
    title: str
    capabilities: frozenset[Capability]
    options: type[BaseModel]
    build: Callable[[DeviceConfig], Device]
    discover: Callable[[float, Sequence[str]], list[Found]] | None = None


class DriverCatalog(Protocol):
    """The kinds that are installed."""

    def kinds(self) -> list[str]:
        """Sorted names."""

    def get(self, kind: str) -> Driver:
        """The driver, or NotFound."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A decoded picture (RGB, uint8, H×W×3) and the CLOCK_MONOTONIC second it arrived."""

    pixels: Image
    captured: float
    decode_ms: float = 0.0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def grey(self, width: int, height: int) -> Grey:
        """Luminance, scaled to this size: uint8 H×W; a source may have it cheaper than by way of `pixels`."""
        from PIL import Image as PilImage  # noqa: PLC0415 - the daemon needs no pictures

        luminance = PilImage.fromarray(self.pixels).convert("L")
        if luminance.size != (width, height):
            luminance = luminance.resize((width, height), PilImage.Resampling.BILINEAR, reducing_gap=2.0)
        return np.ascontiguousarray(luminance, dtype=np.uint8)


class FrameSource(Protocol):
    """An open stream. Iterating blocks until the next frame; raises DeviceError on loss, end or a read deadline."""

    width: int
    height: int

    def __iter__(self) -> Iterator[Frame]:
        """Frames in order of arrival; a looped file goes on for ever at its own rate."""

    def close(self) -> None:
        """Stop; may be called from another thread; never raises."""


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
        """The face as the network wants it, RGB uint8, all of one shape; from the picture at full size."""

    def encode_chips(self, chips: Image) -> NDArray[np.float32]:
        """float32 unit vectors, N×`dimension`, for N chips; each as if it were alone."""


@dataclass(frozen=True, slots=True)
class Match:
    """The best person for a probe: cosine scores, higher is more alike; person_id None when nobody passes.

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
        """Score minus the runner-up person's; None with nobody to compare."""
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
        """As `match`, leaving one person out: whose face does this sample look like?"""


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
        self, rows: Sequence[tuple[str, Embedding]], version: int, calibration: Calibration | None = None,
        own: FaceModel | None = None, before: Gallery | None = None,
    ) -> Gallery: ...  # fmt: skip


class Calibrator(Protocol):
    """Finds the threshold for a target FPIR (0.001 to 0.1) by leaving out each of the enrolled people in turn."""

    def __call__(
        self, rows: Sequence[tuple[str, Embedding]], fpir: float, own: FaceModel | None = None
    ) -> tuple[Calibration, dict[str, Any]]:
        """What to put in force, and the figures for people (JSON-ready); InvalidInput when no threshold is found."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What `enroll evaluate` is asked: folders of photographs, and INTERFACES' K, J and P."""

    people: Path
    strangers: Path | None
    samples: int
    probes: int
    fpir: float


class Evaluator(Protocol):
    """Recognition measured on folders of photographs; writes nothing but `det`, a PNG."""

    def __call__(self, trial: Trial, progress: Callable[[int, int], None], det: Path | None = None) -> dict[str, Any]:
        """The answer of `enroll evaluate`; progress(done, of) counts photographs. InvalidInput for too few people."""


class PhotoAnalyser(Protocol):
    """Finds the face in an enrolment photo and judges it; pixels stay in its process."""

    model: str

    def analyse(self, photo: bytes, *, keep: bool = False) -> "PhotoAnalysis":
        """Never raises for a bad photo: the reasons say what is wrong. With `keep` a fit photo's face comes back."""

    def embed(self, crop: "FaceCrop") -> Embedding | None:
        """The embedding of a kept face, by this analyser's model; None for a picture that can't be read."""


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
        """Fit for enrolment."""
        return not self.reasons

    def as_json(self) -> dict[str, Any]:
        """The face object of INTERFACES."""
        box = [self.box.top, self.box.right, self.box.bottom, self.box.left] if self.box else None
        return {
            "ok": self.ok, "reasons": list(self.reasons), "box": box, "face_px": self.face_px,
            "sharpness": self.sharpness, "brightness": self.brightness,
            "yaw_deg": self.yaw_deg, "pitch_deg": self.pitch_deg, "roll_deg": self.roll_deg,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class PreparedSample:
    """A photo that passed: its analysis (JSON-ready face object), its embedding, a float32 unit vector, its face."""

    face: dict[str, Any]
    embedding: Embedding
    crop: FaceCrop | None = None


class FaceDesk(Protocol):
    """What the API asks about photos; nothing in here stores anything."""

    def check(self, photo: bytes) -> dict[str, Any]:
        """The face object of INTERFACES."""

    def analyse(
        self, photos: Sequence[bytes], *, keep: bool = False, own: FaceModel | None = None
    ) -> list[PhotoAnalysis]:
        """Slow part of an enrolment: find, judge and embed each photo; with `keep` the faces of fit ones come back.

        `own` is the user's model that embeds, None the product's; so in `embed` and `identify`.
        """

    def embed(self, crops: Sequence[FaceCrop], own: FaceModel | None) -> list[Embedding | None]:
        """Kept faces by a model; None for one that can't be read or embedded."""

    def prove(self, own: FaceModel) -> FaceModel:
        """The model with its file's digest, once it has shown that it works; InvalidInput says why it can't be used."""

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
        """The answer of `enroll identify`."""

    def close(self) -> None:
        """Stop helper processes."""
