import math
import subprocess
import sys

import numpy as np
import pytest

from devicemgr.domain.ports.recognition import Box, FaceEncoder
from devicemgr.errors import SystemFault
from devicemgr.recognition.pipeline.pose import NOSE_DEPTH, NOSE_DROP, pose_of
from enrollment.models import native
from enrollment.models.backend import build_network
from enrollment.models.encoder import PLAIN_MODEL, DlibEncoder, build_encoder


@pytest.fixture(scope="module")
def api():
    return native.load_face_recognition()


def test_it_is_the_encoder_port(encoder):
    port: FaceEncoder = encoder
    assert (port.model, port.dimension) == ("dlib-resnet-v1+flip", 128)


def test_it_embeds_as_face_recognition_does(encoder, api, portrait):
    pixels = np.array(portrait)
    box = encoder.detect(pixels)[0]
    place = (box.top, box.right - 1, box.bottom - 1, box.left)
    (theirs,) = api.face_encodings(pixels, [place], model="small")
    plain = DlibEncoder(native.Detectors(), build_network(), PLAIN_MODEL)
    assert plain.encode(pixels, box) == pytest.approx(theirs / np.linalg.norm(theirs), abs=1e-5)
    assert plain.encode(pixels, box) @ encoder.encode(pixels, box) > 0.98


def test_folds_of_cloth_that_look_a_little_like_a_face_are_none(encoder, api, portrait):
    suit = np.array(portrait.crop((0, 260, 512, 512)).resize((435, 214)))
    assert len(api.face_detector(suit, 0)) == 1
    assert encoder.detect(suit) == []


def test_the_slow_detector_confirms_a_face_and_not_a_wheel(encoder, portrait):
    pixels = np.array(portrait)
    face = encoder.detect(pixels)[0]
    assert encoder.confirm(pixels, face)
    assert not encoder.confirm(pixels, Box(330, 228, 435, 123))
    assert not encoder.confirm(pixels, Box(0, 60, 60, 0))


def test_no_picture_is_too_small_to_search(encoder):
    for shape in ((1, 1, 3), (1, 512, 3), (63, 63, 3)):
        assert encoder.detect(np.zeros(shape, np.uint8)) == []
        assert encoder.detect_slowly(np.zeros(shape, np.uint8)) == []
    assert encoder.detect_slowly(np.zeros((64, 64, 3), np.uint8)) == []


def test_boxes_stay_inside_and_come_biggest_first(encoder, portrait):
    pixels = np.array(portrait)[88:, 150:300]
    both = np.concatenate([pixels, np.array(portrait.resize((1024, 1024)))[150:574, 300:700]], axis=1)
    boxes = encoder.detect(np.ascontiguousarray(both))
    assert len(boxes) == 2
    heights = [box.bottom - box.top for box in boxes]
    assert heights == sorted(heights, reverse=True)
    for box in boxes:
        assert 0 <= box.left < box.right <= both.shape[1]
        assert 0 <= box.top < box.bottom <= both.shape[0]


def test_views_are_taken_and_other_kinds_of_arrays_refused(encoder, portrait):
    pixels = np.array(portrait)
    view = np.concatenate([pixels, pixels], axis=1)[:, ::-1][:, :512][:, ::-1]
    assert not view.flags.c_contiguous
    assert encoder.detect(view) == encoder.detect(pixels)
    for wrong in (pixels[:, :, 0], pixels.astype(np.uint16), np.dstack([pixels, pixels])):
        with pytest.raises(ValueError, match="uint8"):
            encoder.encode(wrong, Box(0, 10, 10, 0))
    with pytest.raises(ValueError, match="chip"):
        encoder.encode_chip(pixels)


@pytest.mark.parametrize("missing", ["dlib", "face_recognition_models"])
def test_a_missing_part_is_a_fault_with_advice(monkeypatch, missing):
    hide(monkeypatch, missing)
    with pytest.raises(SystemFault, match=f"{missing} is not installed: install devicemgr again"):
        build_encoder()


@pytest.mark.parametrize("missing", ["pkg_resources", "face_recognition"])
def test_a_missing_part_of_the_reference_is_a_fault_with_advice(monkeypatch, missing):
    hide(monkeypatch, missing)
    with pytest.raises(SystemFault, match=f"{missing} is not installed: install devicemgr again"):
        native.load_face_recognition()


def hide(monkeypatch, missing):
    found = native.importlib.util.find_spec
    monkeypatch.setattr(native.importlib.util, "find_spec", lambda name: None if name == missing else found(name))


def test_a_missing_model_is_a_fault_too():
    with pytest.raises(SystemFault, match=r"the model other\.dat of face_recognition_models is not installed"):
        native.model_file("other.dat")


def test_import_that_quits_is_a_fault_too():
    code = (
        "import sys, types; sys.modules['pkg_resources'] = types.ModuleType('pkg_resources');"
        "sys.modules['pkg_resources'].__spec__ = sys.__spec__; from enrollment.models import native;"
        "native.load_face_recognition()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr.splitlines()[-1].startswith("devicemgr.errors.SystemFault: face_recognition does not load (")
    assert done.stdout == ""


def test_the_reference_loads_silently_and_leaves_pillow_alone():
    code = (
        "from PIL import ImageFile; from enrollment.models.native import load_face_recognition as load;"
        "print(load().__name__, ImageFile.LOAD_TRUNCATED_IMAGES)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("face_recognition.api False\n", "", 0)


def seen(yaw=0.0, pitch=0.0, roll=0.0):
    """The five points of a head that turns to the picture's right, up and clockwise, drawn without perspective."""
    points = np.array([[0.5, 0, 0], [0.2, 0, 0], [-0.5, 0, 0], [-0.2, 0, 0], [0, NOSE_DROP, NOSE_DEPTH]])
    a, b, c = (math.radians(angle) for angle in (yaw, pitch, roll))
    up = np.array([[1, 0, 0], [0, math.cos(b), -math.sin(b)], [0, math.sin(b), math.cos(b)]])
    side = np.array([[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]])
    spin = np.array([[math.cos(c), -math.sin(c), 0], [math.sin(c), math.cos(c), 0], [0, 0, 1]])
    return 300 + 90 * (points @ (spin @ side @ up).T)[:, :2]


@pytest.mark.parametrize("angle", [-30, -15, 0, 15, 30])
def test_pose_is_found_again_in_a_drawn_head(angle):
    assert pose_of(seen(yaw=angle)).yaw == pytest.approx(angle, abs=1)
    assert pose_of(seen(roll=angle)).roll == pytest.approx(angle, abs=1)
    assert pose_of(seen(yaw=angle, roll=20)).yaw == pytest.approx(angle, abs=1)
    assert pose_of(seen()).eye_distance == pytest.approx(63)


def test_pitch_is_rough_but_goes_the_right_way():
    found = [pose_of(seen(pitch=angle)).pitch for angle in (-30, -15, 0, 15, 30)]
    assert found == sorted(found)
    assert found[0] < -15
    assert found[2] == pytest.approx(0, abs=1)
    assert found[4] > 25
