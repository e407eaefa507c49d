"""Where faces are looked for: the whole picture at the smallest size that does, or only around those known of."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image as PilImage

from devicemgr.domain.ports.recognition import Box, FaceEncoder
from devicemgr.domain.ports.video import Frame, Gray, Image
from devicemgr.recognition.pipeline.motion import CELLS_ACROSS, Part, cells_of
from devicemgr.recognition.pipeline.quality import Quality, assess
from devicemgr.recognition.pipeline.tracker import area

MIN_FACE = 80  # pixels, for HOG without enlarging
# A followed face is looked for at about this size within half its size around it: 3 ms. Over 69 people of LFW at two
# sizes it was always found again, and its embedding was at .996 or more of the one from a look at the whole picture.
_FOLLOWED_SIZE = 100
_MARGIN = 0.5

Shares = tuple[float, float, float, float]  # x, y, width, height of the picture


@dataclass(frozen=True, slots=True)
class View:
    """A frame in gray at the size faces are looked for in: `scale` of its pixels to one of the video; where to look."""

    gray: Gray
    scale: float
    part: Box


class FaceFinder:
    """Finds and judges faces of one camera; boxes are in pixels of the video."""

    def __init__(self, encoder: FaceEncoder, max_width: int, min_face_px: int, roi: Shares) -> None:
        self._encoder = encoder
        self._max_width, self._min_face_px, self._roi = max_width, min_face_px, roi

    def view(self, frame: Frame) -> View:
        """Return the frame as the other methods want it."""
        width, height = frame.size
        scale = min(MIN_FACE / self._min_face_px, self._max_width / width)
        across, down = max(1, round(width * scale)), max(1, round(height * scale))
        x, y, wide, high = self._roi
        part = Box(int(y * down), round((x + wide) * across), round((y + high) * down), int(x * across))
        return View(frame.gray(across, down), across / width, part)

    def everywhere(self, view: View) -> list[Box]:
        """Faces, biggest first."""
        part = view.part
        found = self._encoder.detect(_rgb(view.gray[part.top : part.bottom, part.left : part.right]))
        return [_moved(box, part.left, part.top, 1 / view.scale) for box in found]

    def near(self, view: View, known: Sequence[Box]) -> tuple[list[Box], list[bool]]:
        """Faces near the known ones, biggest first; and for each of those whether there is one."""
        found = [self._near(view, box) for box in known]
        faces = sorted((face for faces in found for face in faces), key=area, reverse=True)
        return faces, [bool(faces) for faces in found]

    def judge(self, view: View, box: Box) -> Quality:
        """Return the quality of a face that was found in this view."""
        inside = _moved(box, 0, 0, view.scale)
        region = _grown(inside, 0.3, Box(0, view.gray.shape[1], view.gray.shape[0], 0))
        cut = _rgb(view.gray[region.top : region.bottom, region.left : region.right])
        points = self._encoder.landmarks(cut, _moved(inside, -region.left, -region.top, 1.0))
        points = points + np.array([region.left, region.top])
        return assess(view.gray, inside, points, view.scale)

    def _near(self, view: View, box: Box) -> list[Box]:
        region = _grown(_moved(box, 0, 0, view.scale), _MARGIN, view.part)
        cut = view.gray[region.top : region.bottom, region.left : region.right]
        if min(cut.shape) < MIN_FACE:
            return []
        shrink = min(1.0, _FOLLOWED_SIZE / max(1.0, (box.bottom - box.top) * view.scale))
        if shrink < 1.0:
            size = (round(cut.shape[1] * shrink), round(cut.shape[0] * shrink))
            cut = np.asarray(PilImage.fromarray(cut).resize(size, PilImage.Resampling.BILINEAR))
        found = [face for face in self._encoder.detect(_rgb(cut)) if not _at_edge(face, cut, region, view.gray)]
        return [_moved(face, region.left * shrink, region.top * shrink, 1 / shrink / view.scale) for face in found]


def unseen_parts(roi: Shares, size: tuple[int, int]) -> list[Part]:
    """Return the cells that lie outside of the region of interest, for a picture of this width and height."""
    across, down = cells_of(size)
    x, y, width, height = roi
    left, right, top, bottom = int(x * across), round((x + width) * across), int(y * down), round((y + height) * down)
    return [(0, top, 0, across), (bottom, down, 0, across), (0, down, 0, left), (0, down, right, across)]


def body_part(box: Box, size: tuple[int, int]) -> Part:
    """Return the cells in which a person's head and body move about."""
    side, cell = box.right - box.left, size[0] / CELLS_ACROSS
    left, right = max(0, int((box.left - side) / cell)), max(0, round((box.right + side) / cell))
    return max(0, int((box.top - side) / cell)), cells_of(size)[1], left, right


def _rgb(gray: Gray) -> Image:
    return np.asarray(PilImage.fromarray(np.ascontiguousarray(gray)).convert("RGB"))


def _moved(box: Box, right: float, down: float, scale: float) -> Box:
    return Box(
        round((box.top + down) * scale),
        round((box.right + right) * scale),
        round((box.bottom + down) * scale),
        round((box.left + right) * scale),
    )


def _grown(box: Box, margin: float, bounds: Box) -> Box:
    """Return the box with a margin in shares of its height, within bounds."""
    reach = round((box.bottom - box.top) * margin)
    return Box(
        max(bounds.top, box.top - reach),
        min(bounds.right, box.right + reach),
        min(bounds.bottom, box.bottom + reach),
        max(bounds.left, box.left - reach),
    )


def _at_edge(face: Box, cut: Gray, region: Box, whole: Gray) -> bool:
    """Whether the cut-out ends where the face does, and the picture goes on: its box is not the whole face's."""
    return (
        (face.top <= 0 < region.top)
        or (face.left <= 0 < region.left)
        or (face.bottom >= cut.shape[0] and region.bottom < whole.shape[0])
        or (face.right >= cut.shape[1] and region.right < whole.shape[1])
    )
