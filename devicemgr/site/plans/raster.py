"""Decode a picture of pixels and encode it again, so that nothing of the file but its pixels is kept."""

import io
import warnings

from PIL import Image, ImageOps, UnidentifiedImageError

from devicemgr.errors import InvalidInput

MAX_BYTES = 8 * 1024 * 1024
MAX_SIDE_PX = 8_000

# Pillow's own bound, which only warns at first, is below ours.
Image.MAX_IMAGE_PIXELS = None
_QUALITIES = (90, 75, 60)


def reencoded(content: bytes, name: str) -> tuple[bytes, int, int]:
    """Return the picture encoded again as `name` (PNG, JPEG or WEBP), with its width and height in pixels.

    Raises InvalidInput for what is no such picture, or is too big; sizes are checked before a pixel is decoded.
    """
    if len(content) > MAX_BYTES:
        raise InvalidInput("the picture is over 8 MB; make it smaller")
    warnings.simplefilter("ignore")
    try:
        with Image.open(io.BytesIO(content), formats=[name]) as found:
            if max(found.size) > MAX_SIDE_PX:
                raise InvalidInput(
                    f"the picture is {found.width} × {found.height} pixels; make it at most {MAX_SIDE_PX} a side"
                )
            found.load()
            clean = _pixels(found)
    except InvalidInput:
        raise
    except UnidentifiedImageError as error:
        raise InvalidInput(f"that is no {name} picture; send PNG, JPEG, WebP or SVG") from error
    except Exception as error:  # decoders raise whatever a broken file leads them to
        raise InvalidInput("the picture is damaged; save it again, then send it") from error
    return _encoded(clean, name), clean.width, clean.height


def _pixels(found: Image.Image) -> Image.Image:
    """Return the pixels, upright, without what the file says beside them."""
    upright = ImageOps.exif_transpose(found)
    has_alpha = "A" in upright.getbands() or "transparency" in upright.info
    mode = "RGBA" if has_alpha else "L" if upright.mode in ("1", "L") else "RGB"
    clean = upright if upright.mode == mode else upright.convert(mode)
    clean.info.clear()
    return clean


def _encoded(clean: Image.Image, name: str) -> bytes:
    for quality in _QUALITIES:
        file = io.BytesIO()
        match name:
            case "PNG":
                clean.save(file, "PNG")
            case "JPEG":
                clean.save(file, "JPEG", quality=quality)
            case _:
                clean.save(file, "WEBP", quality=quality, method=2)
        if file.tell() <= MAX_BYTES:
            return file.getvalue()
        if name == "PNG":
            break
    raise InvalidInput("the picture is over 8 MB when it is saved again; make it smaller")
