import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

FACE = (100, 0, 356, 256)


@pytest.fixture
def judged(analyzer, encoded):
    return lambda picture, kind="PNG", **options: analyzer.analyze(encoded(picture, kind, **options))


@pytest.fixture(scope="session")
def good(analyzer, portrait, encoded):
    return analyzer.analyze(encoded(portrait))


def lit(picture, factor):
    return Image.fromarray((np.asarray(picture).astype(float) * factor).clip(0, 255).astype(np.uint8))


def moved(picture, pixels):
    """Motion blur along the horizontal."""
    source = np.asarray(picture).astype(float)
    return Image.fromarray(np.mean([np.roll(source, step, axis=1) for step in range(pixels)], axis=0).astype(np.uint8))


def test_a_good_portrait_is_fit(good):
    assert good.ok
    assert good.face_px == good.box.right - good.box.left
    assert 80 < good.face_px < 120
    assert good.box.left < 224 < good.box.right
    assert good.box.top < 130 < good.box.bottom
    assert max(abs(good.yaw_deg), abs(good.pitch_deg), abs(good.roll_deg)) < 12
    assert good.embedding.dtype == np.float32
    assert np.linalg.norm(good.embedding) == pytest.approx(1.0, abs=1e-6)


def test_depth_orientation_and_color_model_change_the_embedding_little(judged, portrait, good):
    exif = Image.Exif()  # not the portrait's own, which other tests go on with
    exif[0x0112] = 3
    wide = (np.asarray(portrait.convert("L")).astype(np.uint16) << 8) + 37
    variants = {
        "turned by EXIF": judged(portrait.rotate(180), exif=exif),
        "JPEG": judged(portrait, "JPEG", quality=90),
        "palette": judged(portrait.quantize(256)),
        "RGBA": judged(portrait.convert("RGBA")),
        "gray": judged(portrait.convert("L")),
        "16 bit": judged(Image.fromarray(wide)),
        "CMYK": judged(portrait.convert("CMYK"), "JPEG", quality=90),
        "three times as large": judged(portrait.resize((1536, 1536), Image.Resampling.BICUBIC)),
    }
    for name, analysis in variants.items():
        assert analysis.ok, (name, analysis.reasons)
        assert analysis.embedding @ good.embedding > 0.96, name


def test_red_and_blue_swapped_is_another_embedding(judged, portrait, good):
    swapped = judged(Image.fromarray(np.ascontiguousarray(np.asarray(portrait)[:, :, ::-1])))
    jpeg = judged(portrait, "JPEG", quality=90)
    assert swapped.embedding @ good.embedding < jpeg.embedding @ good.embedding - 0.005


@pytest.mark.parametrize(
    ("reason", "spoil"),
    [
        ("blurred", lambda p: moved(p, 15)),
        ("blurred", lambda p: p.filter(ImageFilter.GaussianBlur(4))),
        ("too_bright", lambda p: lit(p, 2)),
        ("too_dark", lambda p: lit(p, 1 / 8)),
        ("turned_away", lambda p: p.rotate(30, resample=Image.Resampling.BICUBIC)),
        ("face_too_small", lambda p: p.resize((230, 230), Image.Resampling.LANCZOS)),
        ("no_face", lambda p: p.crop((0, 260, 512, 512))),
        ("no_face", lambda p: Image.new("RGB", (1, 1))),
        ("no_face", lambda p: Image.new("RGB", (4000, 1))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_spoilt_portrait_is_refused(judged, portrait, reason, spoil):
    assert reason in judged(spoil(portrait)).reasons


def covered(portrait, draw):
    picture = portrait.copy()
    draw(ImageDraw.Draw(picture))
    return picture


@pytest.mark.parametrize("color", [(130, 170, 205), (235, 235, 235), (150, 110, 90)])
@pytest.mark.parametrize("nose", [0.35, 0.5])
def test_a_mask_is_covered(judged, portrait, encoder, good, color, nose):
    (left, y), right = (points := encoder.landmarks(np.asarray(portrait), good.box))[2], points[0][0]
    width = right - left
    mask = (left - 0.1 * width, y + nose * width, right + 0.1 * width, y + 1.2 * width)
    analysis = judged(covered(portrait, lambda draw: draw.rectangle(mask, fill=color)))
    assert "covered" in analysis.reasons


def test_dark_glasses_are_covered(judged, portrait, encoder, good):
    points = encoder.landmarks(np.asarray(portrait), good.box)
    width = points[0][0] - points[2][0]

    def glasses(draw):
        for x, y in ((points[0] + points[1]) / 2, (points[2] + points[3]) / 2):
            draw.ellipse((x - 0.3 * width, y - 0.17 * width, x + 0.3 * width, y + 0.23 * width), fill=(20, 20, 22))

    assert "covered" in judged(covered(portrait, glasses)).reasons


def beside(portrait, share):
    """Two people: the second `share` times as large."""
    face = portrait.crop(FACE)
    small = face.resize((round(256 * share), round(256 * share)), Image.Resampling.LANCZOS)
    both = Image.new("RGB", (256 * 2, 256), (110, 110, 110))
    both.paste(face, (0, 0))
    both.paste(small, (256, 20))
    return both.resize((1024, 512), Image.Resampling.BICUBIC)


def test_two_people_side_by_side_are_refused(judged, portrait):
    for share in (1.0, 0.7):
        analysis = judged(beside(portrait, share))
        assert analysis.reasons == ("several_faces",), share
        assert analysis.embedding is None


def test_somebody_small_in_the_background_is_no_second_person(judged, portrait, encoder, good):
    picture = beside(portrait, 0.4)
    assert len(encoder.detect_slowly(np.asarray(picture))) == 2
    analysis = judged(picture)
    assert analysis.ok
    assert analysis.embedding @ good.embedding > 0.96


def test_a_small_face_in_a_large_picture_is_found_by_the_second_look(judged, portrait, good):
    large = Image.new("RGB", (1900, 1500), (90, 110, 90))
    large.paste(portrait.crop(FACE), (1000, 900))
    analysis = judged(large)
    assert analysis.ok
    assert analysis.box.left > 1000
    assert analysis.embedding @ good.embedding > 0.95


def test_what_is_burnt_out_is_refused_one_way_or_the_other(judged, portrait):
    assert set(judged(lit(portrait, 4)).reasons) & {"too_bright", "no_face"}


@pytest.mark.parametrize("angle", [-25, -10, 10])
def test_a_wheel_behind_a_leaning_head_is_no_second_person(judged, portrait, angle):
    assert "several_faces" not in judged(portrait.rotate(angle, resample=Image.Resampling.BICUBIC)).reasons


@pytest.mark.parametrize("data", [b"", b"Dear Sir or Madam,\n"])
def test_a_text_file_is_an_answer_and_no_error(analyzer, data):
    assert analyzer.analyze(data).as_json() == {
        "ok": False,
        "reasons": ["unreadable_image"],
        "box": None,
        "face_px": 0,
        "sharpness": 0.0,
        "brightness": 0.0,
        "yaw_deg": 0.0,
        "pitch_deg": 0.0,
        "roll_deg": 0.0,
    }


def test_a_200_megapixel_picture_is_an_answer_and_no_error(analyzer, encoded):
    assert analyzer.analyze(encoded(Image.new("1", (14200, 14200)))).reasons == ("image_too_large",)


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_a_picture_that_lies_on_its_side_is_turned(judged, portrait, good, angle):
    """Phones' pictures that a messenger has stripped of the note of how they were held."""
    found = judged(portrait.rotate(angle))
    assert found.ok
    assert found.embedding @ good.embedding > 0.96
