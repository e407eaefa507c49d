"""The true cause is named where the first look finds no face; what the slower look finds is never enrolled."""

import time

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from enrollment.photos import second_look
from enrollment.photos.analyzer import Analyzer
from enrollment.photos.detection import find_faces


@pytest.fixture(scope="module")
def face(portrait):
    """256×256, the face about 100 px wide: small enough for the slow detector to be quick."""
    return portrait.crop((100, 0, 356, 256))


@pytest.fixture(scope="module")
def place(face, encoder):
    """The face's box and its five landmarks."""
    pixels = np.asarray(face)
    (box,) = find_faces(encoder, pixels)
    return box, encoder.landmarks(pixels, box)


def lit(picture, factor):
    return Image.fromarray((np.asarray(picture).astype(float) * factor).clip(0, 255).astype(np.uint8))


def blurred(picture, radius):
    return picture.filter(ImageFilter.GaussianBlur(radius))


def small(picture, side, canvas=(640, 480)):
    whole = Image.new("RGB", canvas, (96, 104, 110))
    whole.paste(picture.resize((side, side), Image.Resampling.LANCZOS), (canvas[0] // 3, canvas[1] // 4))
    return whole


def half_covered(picture, points):
    """A flat shape before one half of the face, as a door's edge is."""
    shown, width = picture.copy(), points[0][0] - points[2][0]
    middle, eyes = (points[0][0] + points[2][0]) / 2, points[2][1]
    box = (middle, eyes - 1.2 * width, middle + 1.4 * width, eyes + 1.8 * width)
    ImageDraw.Draw(shown).rectangle(box, fill=(150, 115, 95))
    return shown


COPIES = {
    "dark": ("too_dark", lambda face, box, points: lit(face, 1 / 16)),
    "darker": ("too_dark", lambda face, box, points: lit(face, 1 / 32)),
    "blurred": ("blurred", lambda face, box, points: blurred(face, 5)),
    "blurred more": ("blurred", lambda face, box, points: blurred(face, 7)),
    "small": ("face_too_small", lambda face, box, points: small(face, 70)),
    "tiny": ("face_too_small", lambda face, box, points: face.resize((60, 60), Image.Resampling.LANCZOS)),
    "half": ("covered", lambda face, box, points: half_covered(face, points)),
    "at the left edge": ("face_at_edge", lambda face, box, points: face.crop((box.left + 45, 0, 256, 256))),
    "at the right edge": ("face_at_edge", lambda face, box, points: face.crop((0, 0, box.right - 40, 256))),
    "at the upper edge": ("face_at_edge", lambda face, box, points: face.crop((0, box.top + 30, 256, 256))),
}


@pytest.mark.parametrize("name", COPIES)
def test_the_true_cause_is_told_and_nothing_is_enrolled(analyzer, encoder, encoded, face, place, name):
    reason, spoil = COPIES[name]
    spoilt = spoil(face, *place)
    assert not any(encoder.confirm(np.asarray(spoilt), box) for box in find_faces(encoder, np.asarray(spoilt)))
    found = analyzer.analyze(encoded(spoilt), keep=True)
    assert reason in found.reasons
    assert (found.ok, found.embedding, found.crop) == (False, None, None)


class FirstLookBlind:
    """An encoder whose quick detector sees nothing; all else is the real one's."""

    def __init__(self, encoder):
        self._encoder = encoder

    def __getattr__(self, name):
        return getattr(self._encoder, name)

    def detect(self, image):
        return []


def test_a_fit_face_that_only_the_second_look_finds_is_refused(encoder, encoded, face):
    """Not one fault in it: still it is not enrolled, since a gate looks with the quick detector."""
    found = Analyzer(FirstLookBlind(encoder)).analyze(encoded(face), keep=True)
    assert found.reasons == second_look.HIDDEN
    assert (found.embedding, found.crop) == (None, None)


def test_a_sharp_face_that_is_found_in_the_sharpened_copy_is_not_blurred(encoder, face, place, monkeypatch):
    found = iter([[], [place[0]]])
    monkeypatch.setattr(encoder, "detect_slowly", lambda image: next(found))
    assert second_look.explain(encoder, np.asarray(face), time.process_time()).reasons == second_look.HIDDEN


@pytest.mark.parametrize("light", [1.0, 1 / 20])
def test_where_no_face_is_the_reason_is_no_face(analyzer, encoded, portrait, light):
    assert analyzer.analyze(encoded(lit(portrait.crop((0, 260, 256, 512)), light))).reasons == ("no_face",)


def test_no_look_begins_after_its_time(encoder, monkeypatch):
    picture = np.random.default_rng(3).integers(0, 256, (100, 100, 3), np.uint8)
    looks = []
    monkeypatch.setattr(encoder, "detect_slowly", lambda image: looks.append(image.shape) or [])
    monkeypatch.setattr(encoder, "detect_eagerly", lambda image: looks.append(image.shape) or [])
    assert second_look.explain(encoder, picture, time.process_time()).reasons == ("no_face",)
    assert len(looks) == 4
    late = time.process_time() - second_look.MAX_BEGIN_CPU_S - 1
    assert second_look.explain(encoder, picture, late).reasons == ("no_face",)
    assert len(looks) == 5


def test_the_sizes_that_are_searched_are_bounded(encoder, monkeypatch):
    sizes = []
    monkeypatch.setattr(encoder, "detect_slowly", lambda image: sizes.append(max(image.shape[:2])) or [])
    monkeypatch.setattr(encoder, "detect_eagerly", lambda image: sizes.append(max(image.shape[:2])) or [])
    for shape in ((2000, 2000, 3), (1, 2000, 3), (1, 1, 3)):
        second_look.explain(encoder, np.zeros(shape, np.uint8), time.process_time())
    assert max(sizes) <= second_look.LARGE_SIDE
    assert sizes[0] == second_look.SLOW_SIDE
