"""A slower look at a photo in which no frontal face was found: for the reason alone, nothing that it finds is enrolled.

Each look shows another copy of the picture to a detector. What was found is judged on the picture itself; where that
finds no fault, the copy that it took to find the face names one.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image as PilImage, ImageFilter

from devicemgr.domain.ports.recognition import Box, PhotoAnalysis
from devicemgr.domain.ports.video import Image
from enrollment.photos.detection import detect_at
from enrollment.photos.judgement import PhotoEncoder, judge_face

# Seconds of the processor since the photo was begun, after which no look begins; a photo has 20 in all. A look takes
# up to 2 on a core of 2.5 GHz.
MAX_BEGIN_CPU_S = 8.0
SLOW_SIDE = 512
LARGE_SIDE, MAX_ENLARGED = 3200, 4.0
MAX_EAGER_FACES = 4
# The luminance of a dark picture's brightest pixels but one in a hundred; it is stretched to the full range.
DARK = 128
# Found faces that were blurred by up to 7 % of their width, which are not found without it.
SHARPENING = ImageFilter.UnsharpMask(radius=8, percent=500, threshold=0)
SHARP = 2.4  # twice the bound of quality.py
# On each side, of the picture's longer side. Mirrored, half a face is nearly a whole one: on eight LFW photos, faces
# cut by a third to a half of their width were found 12 of 16 times, with a plain border 11, without one 5.
BORDER = 0.25
MIN_OUTSIDE = 0.08  # share of the box beyond the edge
# Which of the two it is is not known: landmarks of a face that is half hidden lie as those of one that turns. Seven of
# 700 LFW photos are missed so: two profiles, five by 10° to 30° of turn, three of these with spectacles.
HIDDEN = ("turned_away", "covered")
SMALL_SHARE = 1 / 8  # of the picture's longer side
# The height of a detector's box that has 28 pixels between the eyes. Landmarks of a face that is missed may lie beside
# its eyes, and their distance is no size.
MIN_FACE_PX = 75


@dataclass(frozen=True, slots=True)
class Find:
    """A face, in the coordinates of two pictures of one size: the original, and the copy in which it was found."""

    image: Image
    copy: Image
    box: Box
    reason: str = ""  # where the face itself has no fault; "" stands for its turn, or a cover
    outside: float = 0.0


def explain(encoder: PhotoEncoder, image: Image, begun: float) -> PhotoAnalysis:
    """Return why no frontal face was found, `begun` being the processor's time when the photo was; no embedding."""
    clear = stretched(image)
    for look in (_look_plainly, _look_sharpened, _look_enlarged, _look_bordered):
        if look is not _look_plainly and time.process_time() - begun > MAX_BEGIN_CPU_S:
            break
        for find in look(encoder, image, clear):
            return explained(encoder, find, is_dark=clear is not image)
    return PhotoAnalysis(("no_face",))


def explained(encoder: PhotoEncoder, find: Find, *, is_dark: bool) -> PhotoAnalysis:
    """Return the analysis of a face that was hard to find: never fit, and without an embedding."""
    found = judge_face(encoder, find.image, find.box, find.copy)
    is_small = find.box.bottom - find.box.top < MIN_FACE_PX
    others = (reason for reason in found.reasons if reason != "face_too_small")
    found = replace(found, reasons=(*(["face_too_small"] if is_small else []), *others))
    if find.outside > MIN_OUTSIDE:
        # Turn and cover can't be judged of a part; size and light can.
        rest = tuple(reason for reason in found.reasons if reason not in ("turned_away", "covered"))
        found = replace(found, reasons=(*rest, "face_at_edge"), box=None)
    elif not found.reasons:
        is_sharp = found.sharpness > SHARP  # and was found in the sharpened copy by chance, as covered faces are
        reason = "" if find.reason == "blurred" and is_sharp else find.reason
        reason = reason or ("too_dark" if is_dark else "")
        found = replace(found, reasons=(reason,) if reason else HIDDEN)
    return found


def _look_plainly(encoder: PhotoEncoder, image: Image, clear: Image) -> Iterator[Find]:
    for box in _search_slowly(encoder, clear):
        yield Find(image, clear, box, outside=beyond(box, image))


def _look_sharpened(encoder: PhotoEncoder, image: Image, clear: Image) -> Iterator[Find]:
    picture = PilImage.fromarray(clear)
    scale = min(1.0, SLOW_SIDE / max(picture.size))
    small = picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))
    sharp = small.filter(SHARPENING).resize(picture.size)
    for box in _search_slowly(encoder, np.asarray(sharp)):
        yield Find(image, clear, box, "blurred", beyond(box, image))


def _look_enlarged(encoder: PhotoEncoder, image: Image, clear: Image) -> Iterator[Find]:
    longest = max(image.shape[:2])
    for box in detect_at(encoder.detect_eagerly, clear, min(MAX_ENLARGED, LARGE_SIDE / longest))[:MAX_EAGER_FACES]:
        if encoder.confirm(clear, box):
            is_small = box.bottom - box.top < SMALL_SHARE * longest
            yield Find(image, clear, box, "face_too_small" if is_small else "", beyond(box, image))


def _look_bordered(encoder: PhotoEncoder, image: Image, clear: Image) -> Iterator[Find]:
    height, width = image.shape[:2]
    border = min(round(BORDER * max(height, width)), height - 1, width - 1)
    if border < 1:
        return
    edges = ((border, border), (border, border), (0, 0))
    wide, wide_clear = np.pad(image, edges, mode="reflect"), np.pad(clear, edges, mode="reflect")
    for box in _search_slowly(encoder, wide_clear):
        across = min(box.right, width + border) - max(box.left, border)
        down = min(box.bottom, height + border) - max(box.top, border)
        inside = max(0, across) * max(0, down) / ((box.right - box.left) * (box.bottom - box.top))
        # What is mostly outside is a mirrored face alone.
        if inside > 1 / 3:
            yield Find(wide, wide_clear, box, outside=max(1 - inside, MIN_OUTSIDE + 0.01))


def _search_slowly(encoder: PhotoEncoder, image: Image) -> list[Box]:
    return detect_at(encoder.detect_slowly, image, min(1.0, SLOW_SIDE / max(image.shape[:2])))


def beyond(box: Box, image: Image) -> float:
    """Return the share of a square box that the picture's edge has cut off."""
    height, width = image.shape[:2]
    if box.top > 0 and box.left > 0 and box.bottom < height and box.right < width:
        return 0.0
    sides = (box.bottom - box.top, box.right - box.left)
    return 1 - min(sides) / max(sides)


def stretched(image: Image) -> Image:
    """Return a dark picture with its range of luminance stretched to the whole; any other as it is."""
    brightest = float(np.percentile(image, 99))
    if brightest >= DARK:
        return image
    darkest = float(np.percentile(image, 1))
    stretched = (image.astype(np.float32) - darkest) * (255 / max(brightest - darkest, 1.0))
    return stretched.clip(0, 255).astype(np.uint8)
