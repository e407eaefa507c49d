"""What is worth encoding: size, sharpness, exposure of a synthetic face, and of a real one where there is one."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from devicemgr.domain.ports.recognition import Box
from devicemgr.recognition.pipeline import quality as quality_module
from devicemgr.recognition.pipeline.pose import pose_of
from devicemgr.recognition.pipeline.quality import MIN_SHARPNESS, Quality

FACE = Box(60, 260, 220, 100)
FRONTAL = np.array([[0.78, 0.35], [0.62, 0.35], [0.22, 0.35], [0.38, 0.35], [0.5, 0.658]])


def assess(image: np.ndarray, box: Box, nose: float = 0.5, scale: float = 1.0) -> Quality:
    """Judge a face whose landmarks lie where they mostly do."""
    points = FRONTAL.copy()
    points[4, 0] = nose
    points = points * (box.right - box.left, box.bottom - box.top) + (box.left, box.top)
    return quality_module.assess(image[:, :, 0], box, points, scale)


def texture(mean: float = 130.0, contrast: float = 40.0) -> np.ndarray:
    """Shapes of all sizes, as a face has."""
    random = np.random.default_rng(1)
    total = np.zeros((320, 360))
    for cells in (4, 8, 16, 32, 64):
        patch = Image.fromarray(random.normal(0, 1, (cells, cells)).astype(np.float32))
        total += np.asarray(patch.resize((360, 320), Image.Resampling.BICUBIC)) / cells**0.5
    gray = mean + contrast * (total - total.mean()) / total.std()
    return np.repeat(np.clip(gray, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def moved_by(image: np.ndarray, pixels: int, axis: int) -> np.ndarray:
    shifted = [np.roll(image, i, axis=axis).astype(np.float32) for i in range(pixels)]
    return np.mean(shifted, axis=0).astype(np.uint8)


def test_a_good_face() -> None:
    quality = assess(texture(), FACE)
    assert quality.fault(80) is None
    assert quality.face_px == 160
    assert quality.brightness == pytest.approx(130, abs=15)
    assert {"face_px", "sharpness", "brightness", "yaw_deg", "score"} <= set(quality.as_numbers())
    assert quality.score > 0.9
    assert assess(texture(), FACE, scale=0.5).face_px == 320


def test_a_turned_head_scores_less_and_one_turned_away_is_none() -> None:
    straight, turned, away = (assess(texture(), FACE, nose) for nose in (0.5, 0.6, 0.9))
    assert straight.score > turned.score > away.score
    assert turned.fault(80) is None
    assert away.fault(80) == "turned_away"
    assert turned.pose.yaw == pytest.approx(26.4, abs=0.5)


def test_pose() -> None:
    points = FRONTAL * 100
    assert [round(abs(x)) for x in (pose_of(points).yaw, pose_of(points).pitch, pose_of(points).roll)] == [0, 0, 0]
    tilt = np.radians(20)
    turned = points @ np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
    assert pose_of(turned).roll == pytest.approx(20, abs=0.1)
    assert pose_of(turned).yaw == pytest.approx(0, abs=0.1)
    assert pose_of(np.zeros((5, 2))).yaw == 0.0


def test_a_covered_mouth_is_seen() -> None:
    masked = texture()
    masked[160:240, 90:270] = 128
    assert assess(masked, FACE).fault(80) == "covered"


def test_a_face_at_the_edge_of_the_picture_has_no_mouth() -> None:
    assert assess(texture(), Box(312, 40, 320, 30)).mouth == 0.0


@pytest.mark.parametrize("axis", [0, 1])
def test_motion_blur_in_either_direction_is_seen(axis: int) -> None:
    assert assess(moved_by(texture(), 24, axis), FACE).fault(80) == "blurred"


def test_sharpness_does_not_depend_on_light_or_size() -> None:
    plain = assess(texture(), FACE).sharpness
    assert assess(texture(60, 18), FACE).sharpness == pytest.approx(plain, rel=0.2)
    double = np.asarray(Image.fromarray(texture()).resize((720, 640), Image.Resampling.BICUBIC))
    assert assess(double, Box(120, 520, 440, 200)).sharpness == pytest.approx(plain, rel=0.2)


def test_exposure() -> None:
    assert assess(texture(8, 2), FACE).fault(80) == "too_dark"
    assert assess(texture(300, 60), FACE).fault(80) == "too_bright"
    assert assess(np.full((320, 360, 3), 128, dtype=np.uint8), FACE).fault(80) == "blurred"


def test_size_and_edges() -> None:
    assert assess(texture(), Box(60, 130, 90, 100)).fault(80) == "face_too_small"
    assert assess(texture(), Box(60, 176, 136, 100)).fault(80) != "face_too_small", "boxes come in steps of a fifth"
    assert assess(texture(), Box(0, 260, 160, 100)).fault(80) == "cut_off"
    assert assess(texture(), Box(-50, 90, 110, -30)).fault(80) == "cut_off"
    assert assess(texture(), Box(500, 700, 600, 600)).fault(80) == "face_too_small"
    assert assess(texture(), Box(100, 50, 50, 100)).fault(20) == "face_too_small"


def test_real_faces_pass_and_their_blurs_do_not() -> None:
    folder = Path(__file__).resolve().parents[5] / "shared" / "faces" / "people"
    photos = sorted(folder.glob("*/*.jpg"))[:120:3]
    if not photos:
        pytest.skip("needs the photographs of ../shared/faces")
    # LFW's crops have the face in the middle, about 90 of 250 px.
    center = Box(75, 175, 175, 75)
    pictures = [np.asarray(Image.open(photo).convert("RGB").resize((250, 250))) for photo in photos]
    sharp = [assess(picture, center).sharpness for picture in pictures]
    blurred = [assess(moved_by(picture, 14, 1), center).sharpness for picture in pictures]
    assert np.mean(np.array(sharp) > MIN_SHARPNESS) >= 0.95
    assert np.mean(np.array(blurred) > MIN_SHARPNESS) <= 0.1
