"""HEIC and AVIF photos: made by the encoders of the same libraries, then bent as broken and hostile files are."""

import io

import numpy as np
import pillow_heif
import pytest
from PIL import AvifImagePlugin, Image, ImageOps

from enrollment.photos.heif import is_heif
from enrollment.photos.image import PhotoError, load_photo

COLOR, CORNER = (200, 100, 50), (0, 0, 0)
KINDS = ("HEIF", "AVIF")


@pytest.fixture(scope="module", autouse=True)
def _encoder():
    """Tests alone write such files; the product opens them without registering anything with Pillow."""
    pillow_heif.register_heif_opener()


@pytest.fixture
def tall():
    """64 high, 80 wide, its top left corner dark."""
    picture = Image.new("RGB", (80, 64), COLOR)
    picture.paste(CORNER, (0, 0, 20, 20))
    return picture


def reason(data):
    with pytest.raises(PhotoError) as caught:
        load_photo(data)
    return caught.value.reason


def difference(pixels, picture):
    wanted = np.asarray(picture)
    assert pixels.shape == wanted.shape
    return np.abs(pixels.astype(int) - wanted).mean()


@pytest.mark.parametrize("kind", KINDS)
def test_photos_of_phones_become_contiguous_rgb(portrait, encoded, kind):
    data = encoded(portrait, kind)
    pixels = load_photo(data)
    assert is_heif(data)
    assert (pixels.dtype, pixels.flags.c_contiguous) == (np.uint8, True)
    assert difference(pixels, portrait) < 4


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_turns_of_the_container_are_applied_once(tall, encoded, kind, orientation):
    """The encoders write irot and imir from EXIF; HEIC keeps the note in EXIF as well, as phones do."""
    exif = tall.getexif()
    exif[0x0112] = orientation
    pixels = load_photo(encoded(tall, kind, exif=exif.tobytes(), quality=95))
    assert difference(pixels, ImageOps.exif_transpose(tall)) < 2


def test_a_note_of_exif_or_xmp_alone_turns_nothing(tall, encoded):
    """The container says how its picture stands; what else a file says may be of the picture that it was made from."""
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/" tiff:Orientation="6"/>'
    assert load_photo(encoded(tall, "AVIF", xmp=xmp)).shape == (64, 80, 3)
    exif = tall.getexif()
    exif[0x0112] = 6
    turned = encoded(tall, "HEIF", exif=exif.tobytes())
    place = turned.index(b"irot") + 4
    assert turned[place] in (1, 3)
    assert load_photo(turned[:place] + b"\0" + turned[place + 1 :]).shape == (64, 80, 3)


@pytest.mark.parametrize(("mode", "shift"), [("RGB;16", 8), ("L;16", 8)])
def test_ten_bits_are_scaled_and_not_clipped(portrait, mode, shift):
    picture = portrait if mode.startswith("RGB") else portrait.convert("L")
    wide, written = np.asarray(picture).astype(np.uint16) << shift, io.BytesIO()
    pillow_heif.encode(mode, picture.size, wide.tobytes(), written)
    assert pillow_heif.open_heif(written).info["bit_depth"] == 10
    assert difference(load_photo(written.getvalue()), picture.convert("RGB")) < 4


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_transparent_becomes_middle_gray(tall, encoded, kind):
    clear = tall.convert("RGBA")
    clear.putalpha(0)
    assert np.abs(load_photo(encoded(clear, kind)).astype(int) - 128).max() <= 1


def test_of_several_pictures_the_primary_one_is_taken(tall, portrait, encoded):
    data = encoded(portrait, "HEIF", save_all=True, append_images=[tall], primary_index=1)
    assert load_photo(data).shape == (64, 80, 3)


def test_of_a_sequence_the_first_picture_is_taken(portrait, encoded):
    other = Image.new("RGB", portrait.size, (0, 255, 0))
    data = encoded(portrait, "AVIF", save_all=True, append_images=[other])
    assert data[8:12] == b"avis"
    assert difference(load_photo(data), portrait) < 4


@pytest.mark.parametrize("name", ["HEIF", "HEIF in tiles", "AVIF"])
def test_a_file_that_ends_too_early_is_cut_off(portrait, encoded, name):
    data = encoded(portrait, name[:4], **({"tile_size": 128} if "tiles" in name else {}))
    assert load_photo(data + bytes(9)).shape == (512, 512, 3)
    for missing in (1, len(data) // 20, len(data) // 2, len(data) - 60):
        assert reason(data[:-missing]) == "cut_off", missing


def sized(data, shown, claimed):
    """Return a file that claims another size (ispe) than its pictures have."""
    old, new = (b"".join(side.to_bytes(4, "big") for side in size) for size in (shown, claimed))
    assert old in data
    return data.replace(old, new)


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_over_the_limit_is_refused_by_its_header(tall, encoded, kind, monkeypatch):
    for plugin in (pillow_heif.HeifImageFile, AvifImagePlugin.AvifImageFile):
        monkeypatch.setattr(plugin, "load", lambda self: pytest.fail("decoded"))
    # libavif itself refuses a size that the coded picture does not have.
    assert reason(sized(encoded(tall, kind), tall.size, (10_000, 5_201))) == "image_too_large"


def test_a_picture_that_is_larger_than_it_claims_does_not_become_larger(encoded):
    """libheif refuses it; libavif scales the coded picture, whose size it bounds itself, to the one that is claimed."""
    picture = Image.new("RGB", (2048, 1536), COLOR)
    assert reason(sized(encoded(picture, "HEIF"), picture.size, (40, 30))) == "unreadable_image"
    assert load_photo(sized(encoded(picture, "AVIF"), picture.size, (40, 30))).shape == (30, 40, 3)


@pytest.mark.parametrize("brand", [b"heic", b"avif", b"mif1"])
def test_what_is_no_picture_behind_its_brand_is_unreadable(brand):
    head = b"\0\0\0\x18ftyp" + brand + bytes(4) + brand + b"miaf"
    boxes = b"".join(
        (len(body) + 8).to_bytes(4, "big") + kind + body for kind, body in ((b"meta", b"x" * 40), (b"mdat", b"y"))
    )
    assert reason(head + boxes) == "unreadable_image"


def test_a_film_is_no_photo():
    assert not is_heif(b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + bytes(100))
