"""Pictures of plans are made again of their pixels, in a process with limits."""

import io
import struct
import zlib

import pytest
from PIL import Image, PngImagePlugin

from devicemgr.errors import InvalidInput
from devicemgr.site.plans.picture import MAX_BYTES, clean_here, clean_picture, digest_of, media_of
from devicemgr.site.plans.raster import MAX_SIDE_PX, reencoded

SECRET = b"taken at the director's house"


def encoded(kind: str, size=(40, 30), mode="RGB", **how) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, "teal").save(file, kind, **how)
    return file.getvalue()


def with_exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    exif[0x0112] = 6  # turned by 90°
    return exif


def png_of(width: int, height: int) -> bytes:
    """A PNG of any size whose pixels are a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * min(height * (width // 8 + 2), 99_999)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_nothing_but_the_pixels_is_kept(kind):
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", SECRET.decode())
    how = {"pnginfo": text} if kind == "PNG" else {}
    content = encoded(kind, exif=with_exif(), icc_profile=SECRET * 9, **how)
    content += SECRET  # and a file behind the picture
    clean, width, height = reencoded(content, kind)
    assert SECRET in content
    assert SECRET not in clean
    assert (width, height) == (30, 40)  # upright, since what turned it is gone
    with Image.open(io.BytesIO(clean)) as found:
        assert (found.format, found.size, dict(found.getexif())) == (kind, (30, 40), {})
        assert not {"icc_profile", "Comment", "comment", "exif", "xmp"} & set(found.info)


def test_a_comment_of_a_jpeg_is_not_kept():
    assert SECRET not in reencoded(encoded("JPEG", comment=SECRET), "JPEG")[0]


def test_a_png_made_again_is_the_same_png():
    clean = reencoded(encoded("PNG", mode="RGBA"), "PNG")[0]
    assert reencoded(clean, "PNG")[0] == clean


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (png_of(MAX_SIDE_PX + 1, 8), "at most 8000 a side"),
        (png_of(1_000_000_000, 1_000_000_000), "at most 8000 a side"),
        (encoded("PNG")[:-40], "damaged"),
        (encoded("JPEG")[:-200], "damaged"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 99, "no PNG|damaged"),
        (b"\xff\xd8\xff" + b"x" * 99, "no JPEG|damaged"),
        (b"RIFF\x10\0\0\0WEBPVP8 xxxx", "no WEBP|damaged"),
        (encoded("GIF"), "not valid SVG"),
        (encoded("TIFF"), "not valid SVG"),
        (b"<svg onload='alert(1)'/>", "no size"),
        (b"%PDF-1.7", "not valid SVG"),
        (b"x" * (MAX_BYTES + 1), "over 1 MB"),
    ],
)
def test_what_is_no_picture_is_refused_in_one_line(content, words):
    with pytest.raises(InvalidInput, match=words) as refused:
        clean_here(content, media_of(content))
    assert "\n" not in str(refused.value)


def test_a_picture_of_the_greatest_size_is_made_in_a_child_process():
    content = png_of(MAX_SIDE_PX, 1)
    picture = clean_picture(content)
    assert (picture.width, picture.height, picture.media) == (MAX_SIDE_PX, 1, "image/png")
    assert (picture.content, picture.given) == (reencoded(content, "PNG")[0], digest_of(content))


@pytest.mark.parametrize(("content", "words"), [(b"", "empty"), (b"x" * (MAX_BYTES + 1), "8 MB"), (b"<svg", "SVG")])
def test_the_child_says_why_it_refuses(content, words):
    with pytest.raises(InvalidInput, match=words):
        clean_picture(content)


def test_a_child_that_takes_too_long_is_a_refusal(monkeypatch):
    monkeypatch.setattr("devicemgr.site.plans.picture._MAX_SECONDS", 0.01)
    with pytest.raises(InvalidInput, match="too long or too much memory"):
        clean_picture(png_of(8, 8))


def test_the_type_is_that_of_the_bytes():
    assert [media_of(encoded(kind)) for kind in ("PNG", "JPEG", "WEBP")] == ["image/png", "image/jpeg", "image/webp"]
    assert media_of(b"<svg/>") == "image/svg+xml"
