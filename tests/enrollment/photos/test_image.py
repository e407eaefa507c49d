import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from enrollment.photos.image import MAX_BYTES, MAX_SIDE, PhotoError, load_photo

COLOR = (200, 100, 50)


@pytest.fixture
def tall():
    """60 high, 80 wide, its top left corner dark."""
    pixels = np.full((60, 80, 3), COLOR, np.uint8)
    pixels[:20, :20] = 0
    return Image.fromarray(pixels)


def reason(data):
    with pytest.raises(PhotoError) as caught:
        load_photo(data)
    return caught.value.reason


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP"])
def test_each_format_becomes_contiguous_rgb(tall, encoded, kind):
    pixels = load_photo(encoded(tall, kind))
    assert pixels.shape == (60, 80, 3)
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    assert np.abs(pixels[50, 70].astype(int) - COLOR).max() <= 4


@pytest.mark.parametrize("kind", ["GIF", "TIFF"])
def test_other_formats_are_refused(tall, encoded, kind):
    assert reason(encoded(tall, kind)) == "unreadable_image"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_exif_orientation_turns_the_picture_upright(tall, encoded, kind):
    exif = tall.getexif()
    exif[0x0112] = 6
    pixels = load_photo(encoded(tall, kind, exif=exif))
    assert pixels.shape == (80, 60, 3)
    assert pixels[5, 55].max() < 30
    assert pixels[5, 5].max() > 150


def test_sixteen_bits_are_scaled_and_not_clipped(encoded):
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).repeat(256).reshape(256, 256)
    pixels = load_photo(encoded(Image.fromarray(ramp)))
    assert np.array_equal(pixels[:, 0, 0], ramp[:, 0] >> 8)
    assert len(np.unique(pixels)) > 200


def test_sixteen_bit_color_is_scaled():
    row = struct.pack(">3H", 0x8000, 0x4000, 0xFF00) * 8
    raw = zlib.compress(b"".join(b"\0" + row for _ in range(8)))
    assert load_photo(png(8, 8, 16, 2, raw))[4, 4].tolist() == [0x80, 0x40, 0xFF]


@pytest.mark.parametrize("mode", ["P", "RGBA", "LA", "L", "1"])
def test_every_mode_becomes_rgb(tall, encoded, mode):
    pixels = load_photo(encoded(tall.convert(mode)))
    assert pixels.shape == (60, 80, 3)
    assert pixels[:20, :20].mean() < pixels[30:, 30:].mean()


def test_cmyk_keeps_its_color(tall, encoded):
    pixels = load_photo(encoded(tall.convert("CMYK"), "JPEG", quality=95))
    assert np.abs(pixels[50, 70].astype(int) - COLOR).max() <= 6


def test_what_is_transparent_becomes_middle_gray(tall, encoded):
    clear = tall.convert("RGBA")
    clear.putalpha(0)
    assert np.unique(load_photo(encoded(clear))).tolist() == [128]


def test_large_pictures_come_back_small(encoded):
    assert load_photo(encoded(Image.new("RGB", (5000, 2500), COLOR), "JPEG")).shape == (MAX_SIDE // 2, MAX_SIDE, 3)


@pytest.mark.parametrize("data", [b"", b"Dear Sir or Madam,\n", b"\xff\xd8\xff\xe0 not really a JPEG"])
def test_what_is_no_picture_is_unreadable(data):
    assert reason(data) == "unreadable_image"


def test_truncated_files_are_refused_after_face_recognition_was_imported(encoder, portrait, encoded):
    assert encoder.model
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
    data = encoded(portrait, "JPEG")
    assert load_photo(data).shape == (512, 512, 3)
    assert reason(data[: len(data) // 2]) == "cut_off"


def test_a_picture_of_200_megapixels_is_refused_by_its_header(encoded, monkeypatch):
    data = encoded(Image.new("1", (14200, 14200)))
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("decoded"))
    assert len(data) < 1_000_000
    assert reason(data) == "image_too_large"


def test_between_one_and_two_times_pillows_limit_there_is_no_warning(encoded):
    data = png(10_000, 10_000, 8, 2, b"")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert reason(data) == "image_too_large"
    assert seen == []


def test_just_over_our_own_limit_is_refused():
    assert reason(png(10_000, 5_201, 8, 2, b"")) == "image_too_large"


def test_a_picture_of_a_phone_with_50_megapixels_is_taken(encoded):
    assert load_photo(encoded(Image.new("RGB", (8192, 6144), COLOR), "JPEG")).shape == (1500, MAX_SIDE, 3)


@pytest.mark.parametrize("options", [{"quality": 90}, {"quality": 95, "subsampling": 0}, {"quality": 60, "restart": 1}])
def test_a_jpeg_that_lacks_only_its_end_marker_is_read(portrait, encoded, options):
    restart = {"restart_marker_rows": options.pop("restart")} if "restart" in options else {}
    data = encoded(portrait, "JPEG", **options, **restart)
    assert np.array_equal(load_photo(data[:-2]), load_photo(data))
    assert np.array_equal(load_photo(data[:-2] + bytes(100)), load_photo(data))


@pytest.mark.parametrize("missing", [4, 40, 1000])
def test_a_jpeg_that_lacks_rows_is_cut_off(portrait, encoded, missing):
    assert reason(encoded(portrait, "JPEG", quality=90)[:-missing]) == "cut_off"


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP"])
def test_other_files_that_end_too_early_are_cut_off(portrait, encoded, kind):
    data = encoded(portrait, kind)
    assert reason(data[: len(data) * 2 // 3]) == "cut_off"


def test_too_many_bytes_are_refused_unopened(monkeypatch):
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("opened"))
    assert reason(b"x" * (MAX_BYTES + 1)) == "image_too_large"


def png(width, height, depth, color, data):
    """A PNG by hand: header, one data chunk, end."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    out = io.BytesIO(b"\x89PNG\r\n\x1a\n")
    out.seek(0, io.SEEK_END)
    out.write(chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b""))
    return out.getvalue()
