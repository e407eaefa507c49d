"""The picture of the simulated camera: a corridor, and a moving, noisy, re-lit rendering of a face in a photo."""

import importlib.util
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from devicemgr.errors import InvalidInput

Pixels = NDArray[np.uint8]
FaceBox = tuple[int, int, int, int]  # top, right, bottom, left
MAX_PHOTO_PIXELS = 50_000_000
_ASTRONAUT_FACE: FaceBox = (76, 265, 166, 175)  # where dlib's HOG detector finds it
_MARGIN = 0.75  # of the face's size, around it
_SLIDE_S = 0.5
_NOISE_TILES = 8


@dataclass(frozen=True, slots=True)
class Rendering:
    """One picture; `face` tells how much of the face is in it."""

    pixels: Pixels
    face: str  # absent, partial, full


@dataclass(frozen=True, slots=True)
class _Visit:
    """The pose of one visitor."""

    face_px: float
    angle: float
    light: float
    side: int
    x: float
    y: float


class Scene:
    """Renders pictures of `size` (width, height); same photo and seed, same pictures; for one thread."""

    def __init__(
        self, photo: Path | None = None, face: FaceBox | None = None, size: tuple[int, int] = (640, 480), seed: int = 1
    ) -> None:
        if not (64 <= size[0] <= 4096 and 64 <= size[1] <= 4096):
            raise InvalidInput("the picture size must be from 64×64 to 4096×4096")
        self.size = size
        self._seed = seed
        self._random = np.random.default_rng(seed)
        self._corridor = _corridor(size)
        self._sprite, self._face_px = _sprite(photo, face)
        shape = (_NOISE_TILES, size[1], size[0], 1)
        self._noise = np.clip(self._random.normal(0.0, 3.0, shape), -12, 12).astype(np.int16)

    def empty(self) -> Rendering:
        """Return the empty corridor with its camera noise."""
        return Rendering(self._noisy(self._corridor), "absent")

    def with_face(self, visit: int, seconds: float, leaving_in: float = math.inf) -> Rendering:
        """Visitor number `visit`, `seconds` after stepping in; slides out during the last half second."""
        stand = self._visit(visit)
        slide = max(0.0, 1.0 - min(seconds, leaving_in) / _SLIDE_S)
        phase = seconds * 2 * math.pi
        scale = stand.face_px / self._face_px * (1 + 0.02 * math.sin(phase / 3.1))
        angle = stand.angle + 2.0 * math.sin(phase / 2.3)
        light = stand.light * (1 + 0.05 * math.sin(phase / 1.7))
        half = self._sprite.width * scale / 2
        x = stand.x + 0.02 * self.size[0] * math.sin(phase / 2.9)
        outside = -half if stand.side < 0 else self.size[0] + half
        x += (outside - x) * slide
        picture = self._corridor.copy()
        self._paste(picture, x, stand.y + 2.0 * math.sin(phase / 1.9), scale, angle, light)
        reach = stand.face_px / 2
        inside = reach <= x <= self.size[0] - reach
        return Rendering(self._noisy(picture), "full" if inside else "partial")

    def _visit(self, number: int) -> _Visit:
        random = np.random.default_rng((self._seed, number))
        width, height = self.size
        face = random.uniform(0.28, 0.38) * min(height, width * 0.75)
        return _Visit(
            face_px=face,
            angle=random.uniform(-5, 5),
            light=random.uniform(0.8, 1.12),
            side=-1 if random.random() < 0.5 else 1,
            x=width * random.uniform(0.42, 0.58),
            y=height * random.uniform(0.44, 0.52),
        )

    def _paste(self, picture: Image.Image, x: float, y: float, scale: float, angle: float, light: float) -> None:
        """Put the face's centre at (x, y): one affine resampling, brightness by a lookup table."""
        side = max(8, math.ceil(self._sprite.width * scale * 1.1))
        cosine, sine = math.cos(math.radians(angle)) / scale, math.sin(math.radians(angle)) / scale
        centre = self._sprite.width / 2
        offset_x = centre - (cosine - sine) * side / 2
        offset_y = centre - (sine + cosine) * side / 2
        matrix = (cosine, -sine, offset_x, sine, cosine, offset_y)
        moved = self._sprite.transform((side, side), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
        lit = [min(255, round(value * light)) for value in range(256)] * 3
        picture.paste(
            moved.convert("RGB").point(lit), (round(x - side / 2), round(y - side / 2)), moved.getchannel("A")
        )

    def _noisy(self, picture: Image.Image) -> Pixels:
        tile = self._noise[int(self._random.integers(_NOISE_TILES))]
        noisy: Pixels = np.clip(np.asarray(picture, dtype=np.int16) + tile, 0, 255).astype(np.uint8)
        return noisy


def default_photo() -> Path:
    """Return scikit-image's NASA portrait (public domain); raise InvalidInput, with advice, if not installed."""
    spec = importlib.util.find_spec("skimage")
    if spec is not None and spec.origin is not None:
        path = Path(spec.origin).parent / "data" / "astronaut.png"
        if path.is_file():
            return path
    raise InvalidInput("no face to show: install scikit-image (`pip install scikit-image`) or give --photo FILE")


def _sprite(photo: Path | None, face: FaceBox | None) -> tuple[Image.Image, float]:
    """Cut a square RGBA image with the face in its middle and soft edges; return it with the face's height in it."""
    picture = _load(photo or default_photo())
    if face is None:
        face = _ASTRONAUT_FACE if photo is None else _assumed_face(picture)
    top, right, bottom, left = face
    if not (0 <= top < bottom <= picture.height and 0 <= left < right <= picture.width):
        raise InvalidInput("the face's box lies outside the photo")
    face_px = max(bottom - top, right - left)
    reach = face_px * (0.5 + _MARGIN)
    x, y = (left + right) / 2, (top + bottom) / 2 - face_px * 0.1
    corner, side = (round(x - reach), round(y - reach)), round(2 * reach)
    box = (*corner, corner[0] + side, corner[1] + side)
    cut = picture.crop(box).convert("RGBA")
    if face_px > 400:  # more is lost anyway, and costs time in every frame
        cut = cut.resize((round(cut.width * 400 / face_px),) * 2, Image.Resampling.LANCZOS)
        face_px = 400
    cut.putalpha(_soft_mask(cut.width, picture, box))
    return cut, float(face_px)


def _soft_mask(side: int, picture: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """Opaque in a rounded middle, clear towards the edges and outside of the photo."""
    scale = side / (box[2] - box[0])
    mask = Image.new("L", (side, side), 0)
    edge = side * 0.06
    left, top = max(edge, -box[0] * scale + edge), max(edge, -box[1] * scale + edge)
    right = min(side - edge, (picture.width - box[0]) * scale - edge)
    bottom = min(side - edge, (picture.height - box[1]) * scale - edge)
    ImageDraw.Draw(mask).rounded_rectangle((left, top, max(left, right), max(top, bottom)), side * 0.3, fill=255)
    return mask.filter(ImageFilter.GaussianBlur(edge / 2.5))


def _load(photo: Path) -> Image.Image:
    try:
        with Image.open(photo) as opened:
            if opened.width * opened.height > MAX_PHOTO_PIXELS:
                raise InvalidInput("the photo is larger than 50 megapixels; give a smaller one")
            return ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidInput("the photo cannot be read; give a JPEG or PNG file") from error


def _assumed_face(picture: Image.Image) -> FaceBox:
    """Return where the face of a portrait usually is."""
    half = 0.22 * min(picture.width, picture.height)
    x, y = picture.width / 2, picture.height * 0.47
    return round(y - half), round(x + half), round(y + half), round(x - half)


def _corridor(size: tuple[int, int]) -> Image.Image:
    """Draw a hallway in perspective: floor, walls, ceiling, doors, lamps."""
    width, height = size
    picture = Image.new("RGB", size, (150, 146, 138))
    draw = ImageDraw.Draw(picture)
    x0, x1, y0, y1 = width * 0.38, width * 0.62, height * 0.34, height * 0.62
    draw.polygon([(0, height), (x0, y1), (x1, y1), (width, height)], fill=(98, 92, 86))
    draw.polygon([(0, 0), (x0, y0), (x1, y0), (width, 0)], fill=(196, 196, 192))
    draw.polygon([(0, 0), (x0, y0), (x0, y1), (0, height)], fill=(158, 154, 146))
    draw.polygon([(width, 0), (x1, y0), (x1, y1), (width, height)], fill=(140, 137, 130))
    draw.rectangle((x0, y0, x1, y1), fill=(172, 170, 164))
    for share in (0.25, 0.55):
        left = x0 * share
        top, bottom = height * (0.2 + 0.14 * share), height - (height - y1) * share
        draw.polygon(
            [(left, top), (left + x0 * 0.16, top * 1.06), (left + x0 * 0.16, bottom), (left, bottom)], (96, 72, 54)
        )
        draw.ellipse(
            (width / 2 - 60 * (1 - share), y0 * share - 6, width / 2 + 60 * (1 - share), y0 * share + 6),
            (246, 246, 236),
        )
    return picture.filter(ImageFilter.GaussianBlur(1.2))
