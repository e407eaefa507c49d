"""Folders of photographs as embeddings, for an evaluation: nothing is refused, and nothing but embeddings is kept."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from devicemgr.domain.ports.recognition import Embedding, FaceCrop, PhotoAnalysis, PhotoAnalyzer
from devicemgr.errors import InvalidInput
from enrollment.models.encoder import DlibEncoder, build_encoder
from enrollment.photos.analyzer import MAX_FACES
from enrollment.photos.detection import detect_at, find_faces
from enrollment.photos.image import MAX_BYTES, PhotoError, load_photo
from enrollment.photos.second_look import SLOW_SIDE

ENDINGS = frozenset({".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".heic", ".heif", ".hif", ".avif"})

Progress = Callable[[int, int], None]
Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Portraits(Generic[Key]):
    """Embeddings by person, both in the order given; `no_face` photos gave none."""

    people: dict[Key, list[Embedding]]
    no_face: int


class BiggestFace:
    """Analyzer of photos that embeds the biggest face, found as enrollment finds it, however poor the photo is."""

    def __init__(self, encoder: DlibEncoder) -> None:
        self._encoder = encoder
        self.model = encoder.model

    def analyze(self, photo: bytes, *, keep: bool = False) -> PhotoAnalysis:  # noqa: ARG002 - nothing is kept here
        """Analyze a photo; the only reasons are no_face and those of PhotoError."""
        try:
            image = load_photo(photo)
        except PhotoError as error:
            return PhotoAnalysis((error.reason,))
        boxes = find_faces(self._encoder, image)[:MAX_FACES]
        if len(boxes) > 1:
            boxes = [box for box in boxes if self._encoder.confirm(image, box)]
        if not boxes:
            boxes = detect_at(self._encoder.detect_slowly, image, min(1.0, SLOW_SIDE / max(image.shape[:2])))
        if not boxes:
            return PhotoAnalysis(("no_face",))
        box = boxes[0]
        return PhotoAnalysis((), box, box.right - box.left, embedding=self._encoder.encode(image, box))

    def glance(self, photo: bytes) -> PhotoAnalysis:
        """As `analyze`."""
        return self.analyze(photo)

    def embed(self, crop: FaceCrop) -> Embedding | None:
        """As face_ports.PhotoAnalyzer."""
        return self._encoder.encode(load_photo(crop.jpeg), crop.box)


def build_biggest_face() -> BiggestFace:
    """Return the analyzer of an evaluation's processes; SystemFault when a part is not installed."""
    return BiggestFace(build_encoder())


def person_photos(folder: Path) -> dict[str, list[Path]]:
    """FOLDER/person/photo by person, in name order; InvalidInput when there is none."""
    found = {sub.name: _photos_in(sub) for sub in _sorted(folder) if sub.is_dir()}
    found = {name: photos for name, photos in found.items() if photos}
    if not found:
        raise InvalidInput(f"{folder} holds no folders of photos; give FOLDER/person/photo.jpg, a folder a person")
    return found


def stranger_photos(folder: Path) -> dict[str, list[Path]]:
    """FOLDER/photo.jpg, each its own person, and FOLDER/person/photo.jpg, in name order; InvalidInput when none."""
    found = {sub.name: _photos_in(sub) if sub.is_dir() else _only_photos([sub]) for sub in _sorted(folder)}
    found = {name: photos for name, photos in found.items() if photos}
    if not found:
        raise InvalidInput(f"{folder} holds no photos; give photos of people who are not in the other folder")
    return found


def embed(photos: dict[Key, list[Path]], analyzer: PhotoAnalyzer, workers: int, progress: Progress) -> Portraits[Key]:
    """All photos through `analyzer`, `workers` at a time; progress(done, of) after each."""
    total = sum(map(len, photos.values()))
    people: dict[Key, list[Embedding]] = {name: [] for name in photos}
    names = [name for name, paths in photos.items() for _ in paths]
    paths = (path for paths in photos.values() for path in paths)
    missing = 0
    for done, (name, found) in enumerate(zip(names, _analyzed(paths, analyzer, workers), strict=True), 1):
        if found.embedding is None:
            missing += 1
        else:
            people[name].append(found.embedding)
        progress(done, total)
    return Portraits(people, missing)


def _analyzed(paths: Iterable[Path], analyzer: PhotoAnalyzer, workers: int) -> Iterator[PhotoAnalysis]:
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(lambda path: analyzer.analyze(_read(path)), paths)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as opened:
            return opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInput(f"{path} can't be read ({error.strerror}); check who may read it") from error


def _photos_in(folder: Path) -> list[Path]:
    return _only_photos(_sorted(folder))


def _only_photos(paths: Iterable[Path]) -> list[Path]:
    return [path for path in paths if path.suffix.lower() in ENDINGS and path.is_file()]


def _sorted(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise InvalidInput(f"{folder} can't be listed ({error.strerror}); give a folder of photos") from error
