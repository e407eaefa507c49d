"""Names and photographs within a device's limits."""

import io

import pytest
from hypothesis import given, strategies as st
from PIL import Image

from devicemgr.errors import DeviceRefused
from drivers.common.console.names import cut_name
from drivers.common.console.photos import fit_jpeg


@pytest.mark.parametrize(
    ("name", "most", "cut"),
    [
        ("Anna", 4, "Anna"),
        ("Anna Berg", 5, "Anna"),
        ("Айгерім", 7, "Айг"),
        ("e\u0301e\u0301", 5, "e\u0301"),
        ("क्षि", 6, "क्"),
        ("👩\u200d🔧x", 8, ""),
        ("👩\u200d🔧x", 11, "👩\u200d🔧"),
        ("", 3, ""),
    ],
)
def test_cut_between_characters(name, most, cut):
    assert cut_name(name, most) == cut


@given(st.text(), st.integers(0, 60))
def test_never_longer_and_always_the_beginning(name, most):
    name = name.encode("utf-8", "ignore").decode()
    cut = cut_name(name, most)
    assert len(cut.encode()) <= most
    assert name.startswith(cut)


def jpeg(width, height, **more):
    held = io.BytesIO()
    Image.effect_noise((width, height), 90).convert("RGB").save(held, "JPEG", quality=95, **more)
    return held.getvalue()


@pytest.mark.parametrize("size", [(2000, 3000), (640, 480), (100, 120), (3000, 100)])
def test_pictures_fit(size):
    made = fit_jpeg(jpeg(*size), 100_000, (600, 1200), (150, 300))
    with Image.open(io.BytesIO(made)) as picture:
        assert picture.format == "JPEG"
        assert 150 <= picture.width <= 600
        assert 300 <= picture.height <= 1200
    assert len(made) <= 100_000


def test_what_a_camera_wrote_into_the_file_stays_here():
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    assert b"SecretCamera" in jpeg(200, 200, exif=exif)
    assert b"SecretCamera" not in fit_jpeg(jpeg(200, 200, exif=exif), 100_000, (600, 600))


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"GIF89a", b"<svg/>"])
def test_what_is_no_photo(data):
    with pytest.raises(DeviceRefused, match="can't be read"):
        fit_jpeg(data, 100_000, (600, 600))


def test_what_can_not_fit():
    with pytest.raises(DeviceRefused, match="does not fit into 500 bytes"):
        fit_jpeg(jpeg(600, 600), 500, (600, 600))
