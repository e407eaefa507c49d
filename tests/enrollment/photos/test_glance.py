import numpy as np
import pytest
from PIL import Image, ImageFilter

MEASURES = ("box", "face_px", "sharpness", "brightness", "yaw_deg", "pitch_deg", "roll_deg")


@pytest.fixture(scope="module")
def framed(portrait):
    """A webcam's picture with the portrait in it, by its size."""

    def make(scale=1.2, width=640, height=480):
        side = int(512 * scale)
        picture = Image.new("RGB", (width, height), (120, 130, 140))
        picture.paste(portrait.resize((side, side), Image.Resampling.LANCZOS), ((width - side) // 2, -20))
        return picture

    return make


def test_a_good_picture_is_measured_as_for_an_enrollment(analyzer, encoded, framed):
    data = encoded(framed(), "JPEG", quality=85)
    quick, full = analyzer.glance(data), analyzer.analyze(data)
    assert quick.ok
    assert full.ok
    assert quick.embedding is None
    assert [getattr(quick, name) for name in MEASURES] == [getattr(full, name) for name in MEASURES]


def spoiled(picture, how):
    pixels = np.asarray(picture).astype(float)
    if how == "too_dark":
        return Image.fromarray((pixels / 10).astype(np.uint8))
    if how == "too_bright":
        return Image.fromarray((pixels * 1.7).clip(0, 255).astype(np.uint8))
    return picture.filter(ImageFilter.GaussianBlur(4))


@pytest.mark.parametrize("how", ["too_dark", "too_bright", "blurred"])
def test_what_is_wrong_with_a_face_is_named(analyzer, encoded, framed, how):
    assert how in analyzer.glance(encoded(spoiled(framed(), how), "JPEG")).reasons


def test_a_second_person_is_seen(analyzer, encoded, framed):
    picture = framed(0.9, width=640)
    wide = Image.new("RGB", (640, 480), (90, 90, 90))
    half = picture.crop((160, 0, 480, 480))
    wide.paste(half, (0, 0))
    wide.paste(half, (320, 0))
    assert analyzer.glance(encoded(wide, "JPEG")).reasons == ("several_faces",)


def test_a_face_far_away_is_too_small(analyzer, encoded, framed):
    reasons = analyzer.glance(encoded(framed(0.55), "JPEG")).reasons
    assert "face_too_small" in reasons


def test_no_face_and_no_picture(analyzer, encoded):
    noise = np.random.default_rng(3).integers(0, 256, (480, 640, 3), np.uint8)
    assert analyzer.glance(encoded(Image.fromarray(noise), "JPEG")).reasons == ("no_face",)
    assert analyzer.glance(b"no picture").reasons == ("unreadable_image",)


@pytest.mark.parametrize(("shade", "reason"), [(2, "too_dark"), (253, "too_bright"), (120, "no_face")])
def test_a_covered_lens_and_a_blinding_light(analyzer, encoded, shade, reason):
    assert analyzer.glance(encoded(Image.new("RGB", (640, 480), (shade,) * 3), "JPEG")).reasons == (reason,)
