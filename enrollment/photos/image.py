"""From a file's bytes to pixels: JPEG, PNG, WebP, BMP, HEIC and AVIF, bounded before anything is decoded.

GIF and TIFF are left out: no camera or personnel system needs them, and their decoders are the widest to attack.
"""

import contextlib
import io
import warnings
from collections.abc import Iterator

import numpy as np
from PIL import Image as PilImage, ImageOps

from devicemgr.domain.ports.video import Image
from enrollment.photos import heif

MAX_BYTES = 20 * 1024 * 1024
MAX_PIXELS = 52_000_000  # phones sold as 50 megapixels take 8192×6144
MAX_SIDE = 2000
FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
GRAY = 128


class PhotoError(Exception):
    """A photo that can't be used; `reason` is unreadable_image, cut_off or image_too_large."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def load_photo(data: bytes) -> Image:
    """Return upright RGB uint8 H×W×3 of at most 2000 px a side; PhotoError for more than 20 MB or 52 MP, or a bad file.

    A JPEG that lacks only the marker of its end is read: all of its rows are there.
    """
    if len(data) > MAX_BYTES:
        raise PhotoError("image_too_large")
    try:
        return _open(data)
    except PhotoError as error:
        if error.reason != "cut_off":
            raise
        image = _complete_without_end(data)
        if image is None:
            raise
        return image


def is_cut_off(data: bytes) -> bool:
    """Return True for a file of a known kind that ends before its own end, as a broken copy does."""
    if heif.is_heif(data):
        return heif.is_cut_off(data)
    if data.startswith(b"\xff\xd8\xff"):
        return not data.rstrip(b"\0").endswith(_JPEG_END)
    if data.startswith(b"\x89PNG\r\n"):
        return b"IEND" not in data[-1000:]
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    return data.startswith(b"BM") and int.from_bytes(data[2:6], "little") > len(data)


def _complete_without_end(data: bytes) -> Image | None:
    """Return the picture of a JPEG without its end marker, None if rows are missing too.

    The decoder reads on where rows are missing: then what follows the data changes the picture.
    """
    if not data.startswith(b"\xff\xd8\xff"):
        return None
    try:
        image, other = _open(data + _JPEG_END), _open(data + _MORE_DATA + _JPEG_END)
    except PhotoError:
        return None
    return image if np.array_equal(image, other) else None


_JPEG_END = b"\xff\xd9"
_MORE_DATA = bytes(range(1, 251)) * 40


def _open(data: bytes) -> Image:
    if heif.is_heif(data) and is_cut_off(data):
        raise PhotoError("cut_off")  # its decoder may leave the tiles that are missing empty
    # Pillow reads a WebP as a whole when it is opened.
    broken = "cut_off" if data[8:12] == b"WEBP" and is_cut_off(data) else "unreadable_image"
    try:
        with _bomb_is_error(), _opened(data) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise PhotoError("image_too_large")
            # Its header is a picture's: what goes wrong from here on may be a copy that was broken off.
            broken = "cut_off" if is_cut_off(data) else broken
            return _decode(picture)
    except (PilImage.DecompressionBombError, PilImage.DecompressionBombWarning, MemoryError) as error:
        raise PhotoError("image_too_large") from error
    except PhotoError:
        raise
    except Exception as error:  # Pillow's decoders raise a dozen types on a hostile file
        raise PhotoError(broken) from error


def _opened(data: bytes) -> PilImage.Image:
    return heif.open_picture(data) if heif.is_heif(data) else PilImage.open(io.BytesIO(data), formats=FORMATS)


@contextlib.contextmanager
def _bomb_is_error() -> Iterator[None]:
    """Pillow warns between one and two times its own limit of 89 MP; both are over ours, so the warning is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", PilImage.DecompressionBombWarning)
        yield


def _decode(picture: PilImage.Image) -> Image:
    # A JPEG is decoded at a half, quarter or eighth where that leaves enough; others are whole once, then small.
    picture.draft(None, (MAX_SIDE, MAX_SIDE))
    picture.load()
    upright = ImageOps.exif_transpose(_shrunk(_eight_bit(picture)))
    return np.ascontiguousarray(_on_gray(upright), dtype=np.uint8)


def _eight_bit(picture: PilImage.Image) -> PilImage.Image:
    """Gray of 16 bits divided by 256 (Pillow's own conversion clips); other modes are 8 bits already, or become so."""
    if picture.mode.startswith("I"):
        exif = picture.getexif()
        narrow = PilImage.fromarray((np.asarray(picture).astype(np.int64).clip(0, 65535) >> 8).astype(np.uint8))
        narrow.getexif().update(exif)
        return narrow
    if picture.mode == "P":
        return picture.convert("RGBA" if "transparency" in picture.info else "RGB")
    if picture.mode == "1":
        return picture.convert("L")
    return picture


def _shrunk(picture: PilImage.Image) -> PilImage.Image:
    if max(picture.size) > MAX_SIDE:
        picture.thumbnail((MAX_SIDE, MAX_SIDE), PilImage.Resampling.BILINEAR, reducing_gap=2.0)
    return picture


def _on_gray(picture: PilImage.Image) -> PilImage.Image:
    """RGB; what is transparent becomes middle gray, which looks like neither a bright nor a dark photo."""
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layer = picture.convert("RGBA")
    ground = PilImage.new("RGBA", layer.size, (GRAY, GRAY, GRAY, 255))
    return PilImage.alpha_composite(ground, layer).convert("RGB")
