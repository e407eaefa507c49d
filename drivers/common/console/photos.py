"""Pictures: a face sample brought within a device's limits, and a device's own."""

import io

from PIL import Image, ImageOps

from devicemgr.errors import DeviceGarbled, DeviceRefused

_MAX_PIXELS = 50_000_000
_QUALITIES = (90, 80, 70, 60)
_MIN_SIDE_PX = 120


def require_jpeg(picture: bytes) -> bytes:
    """Return a device's picture unchanged; raise DeviceGarbled unless it is a whole JPEG."""
    if not (picture.startswith(b"\xff\xd8") and picture.rstrip(b"\x00\r\n").endswith(b"\xff\xd9")):
        raise DeviceGarbled("the device's snapshot is no JPEG; check its snapshot settings")
    return picture


def fit_jpeg(jpeg: bytes, most_bytes: int, most: tuple[int, int], least: tuple[int, int] = (0, 0)) -> bytes:
    """Convert `jpeg` to a baseline RGB JPEG within so many bytes and pixels (width, height), and at least `least`.

    Its place, time and camera are left out. DeviceRefused when it can't be made to fit.
    """
    try:
        with Image.open(io.BytesIO(jpeg), formats=("JPEG", "PNG")) as opened:
            if opened.width * opened.height > _MAX_PIXELS:
                raise DeviceRefused("the face sample is larger than 50 megapixels; enroll a smaller photo")
            picture = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DeviceRefused("the face sample can't be read; enroll the person again") from error
    up = max(least[0] / picture.width, least[1] / picture.height)
    down = min(most[0] / picture.width, most[1] / picture.height, 1.0)
    scale = max(up, down)  # a long one is cut rather than made too narrow
    if scale != 1.0:
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    if picture.width > most[0] or picture.height > most[1]:
        picture = ImageOps.fit(picture, (min(picture.width, most[0]), min(picture.height, most[1])))
    while True:
        for quality in _QUALITIES:
            held = io.BytesIO()
            picture.save(held, "JPEG", quality=quality, subsampling="4:2:0", progressive=False)
            if held.tell() <= most_bytes:
                return held.getvalue()
        smaller = (picture.width * 3 // 4, picture.height * 3 // 4)
        if smaller[0] < max(least[0], _MIN_SIDE_PX) or smaller[1] < max(least[1], _MIN_SIDE_PX):
            break
        picture = picture.resize(smaller, Image.Resampling.LANCZOS)
    raise DeviceRefused(f"the face sample does not fit into {most_bytes} bytes; enroll a smaller photo")
