"""HEIC, HEIF and AVIF photos, as phones take them: the primary picture of the file, upright, opened but not decoded.

The only importer of pillow_heif. It is imported at the first such photo, which only the analyzer's process sees: the
daemon imports `image` for its bounds, and must not load a decoder.
"""

import io
from collections.abc import Iterator
from functools import cache
from typing import Any

from PIL import Image as PilImage

_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_LISTS = frozenset({b"meta", b"moov"})  # of pictures, and of the frames of a sequence
_NEEDED_BOXES = _LISTS | {b"mdat"}
# An encoder writes a handful of brands.
_MAX_FILE_TYPE_BYTES = 1024
_HEADER_BYTES, _LONG_HEADER_BYTES = 8, 16


def is_heif(data: bytes) -> bool:
    """Return True for a HEIC, HEIF or AVIF file, whatever its name says."""
    return bool(_brands(data) & (_AVIF_BRANDS | _HEIF_BRANDS))


def is_cut_off(data: bytes) -> bool:
    """Return True if the file ends before its list of pictures or their data does."""
    seen = set()
    for kind, end in _boxes(data):
        if end > len(data) and kind in _NEEDED_BOXES:
            return True
        seen.add(kind)
    return b"mdat" not in seen or not seen & _LISTS


def open_picture(data: bytes) -> PilImage.Image:
    """Return the primary picture, its size known and its pixels not decoded; raises what the libraries raise.

    Turns and mirrors of the container are applied, those of EXIF and XMP are not: the standard (ISO/IEC 23008-12) has
    readers follow the container alone, and phones write both.
    """
    if _brands(data) & _AVIF_BRANDS:
        picture = _avif_plugin().AvifImageFile(io.BytesIO(data))
        # Pillow states the container's orientation as that of EXIF, and would take one of XMP where there is neither.
        picture.info.pop("xmp", None)
    else:
        picture = _heif_library().HeifImageFile(io.BytesIO(data))
    opened: PilImage.Image = picture
    return opened


@cache
def _heif_library() -> Any:
    """Return pillow_heif: one thread, and nothing but the picture itself is parsed."""
    import pillow_heif  # noqa: PLC0415 - see above

    pillow_heif.options.DECODE_THREADS = 1
    pillow_heif.options.THUMBNAILS = False
    pillow_heif.options.DEPTH_IMAGES = False
    pillow_heif.options.AUX_IMAGES = False
    return pillow_heif


@cache
def _avif_plugin() -> Any:
    from PIL import AvifImagePlugin  # noqa: PLC0415 - see above

    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    return AvifImagePlugin


def _brands(data: bytes) -> set[bytes]:
    """Return the brands of a file of boxes (ISO/IEC 14496-12, 4.3), none for any other."""
    if data[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(data[:4], "big"), len(data), _MAX_FILE_TYPE_BYTES)
    return {data[8:12]} | {data[at : at + 4] for at in range(16, end - 3, 4)}


def _boxes(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield the kind and the end of each box at the top; the last may end beyond the file."""
    at = 0
    while at + _HEADER_BYTES <= len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if size == 1:
            size = int.from_bytes(data[at + _HEADER_BYTES : at + _LONG_HEADER_BYTES], "big")
        if 0 < size < _HEADER_BYTES:
            return
        at = at + size if size else len(data)  # a size of 0 reaches to the end
        yield kind, at
