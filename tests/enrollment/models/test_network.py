import hashlib
import math
import os
import subprocess
import sys

import numpy as np
import pytest

from devicemgr.errors import SystemFault
from enrollment.models import model_cache, native
from enrollment.models.dlib_weights import (
    AddPrevious,
    Affine,
    Connected,
    Convolution,
    Mark,
    Network,
    Pool,
    Relu,
    read_network,
)
from enrollment.models.encoder import PLAIN_MODEL, DlibEncoder
from enrollment.models.network import MAX_AT_ONCE, ReferenceNetwork
from enrollment.models.onnx_network import build_graph


@pytest.fixture(scope="module")
def fast(encoder, cache):
    assert encoder.runs_on == "onnxruntime"
    return model_cache.load(cache)


@pytest.fixture(scope="module")
def reference():
    return ReferenceNetwork()


@pytest.fixture(scope="module")
def detectors():
    return native.Detectors()


def test_it_answers_as_dlib_does(fast, reference, chips):
    assert len(chips) == 64
    ours, theirs = fast.describe(chips), reference.describe(chips)
    assert ours.dtype == theirs.dtype == np.float32
    assert np.abs(ours - theirs).max() <= 1e-5
    assert theirs[:40].std(axis=0).min() > 1e-3


def test_a_batch_is_its_single_chips_whatever_its_size(fast, chips):
    singles = np.concatenate([fast.describe(chips[at : at + 1]) for at in range(len(chips))])
    for size in (2, MAX_AT_ONCE, MAX_AT_ONCE + 1, len(chips)):
        assert np.abs(fast.describe(chips[:size]) - singles[:size]).max() <= 1e-6
    assert fast.describe(chips[:0]).shape == (0, 128)


def test_the_same_chip_has_the_same_answer_to_the_last_bit(fast, chips):
    assert np.array_equal(fast.describe(chips[:3]), fast.describe(chips[:3]))


def test_red_and_blue_swapped_is_another_face(encoder, chips):
    right, swapped = encoder.encode_chips(np.stack([chips[0], chips[0][:, :, ::-1]]))
    assert np.abs(right - swapped).max() > 1e-3
    assert right @ swapped < 0.999


def test_the_network_reports_to_nobody(fast, cache, tmp_path):
    # Where onnxruntime's telemetry starts, it looks its maker's host up and writes a session file here.
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    program = "import sys; from pathlib import Path; from enrollment.models import model_cache;"
    program += " model_cache.load(Path(sys.argv[1]))"
    subprocess.run(
        [sys.executable, "-c", program, str(cache)], env=environment | {"TMPDIR": str(tmp_path)}, check=True, timeout=60
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("model", ["dlib-resnet-v1", "dlib-resnet-v1+flip"])
def test_the_way_back_gives_the_same_vectors(detectors, fast, reference, chips, model):
    ours, theirs = (DlibEncoder(detectors, network, model) for network in (fast, reference))
    assert (ours.runs_on, theirs.runs_on) == ("onnxruntime", "dlib")
    assert ours.model == theirs.model == model
    assert np.abs(ours.encode_chips(chips[::4]) - theirs.encode_chips(chips[::4])).max() <= 1e-5


def test_flip_is_the_mean_of_a_chip_and_its_mirror_image(detectors, fast, encoder, chips):
    plain = DlibEncoder(detectors, fast, PLAIN_MODEL)
    for chip in chips[:4]:
        both = plain.encode_chip(chip) + plain.encode_chip(chip[:, ::-1])
        assert encoder.encode_chip(chip) == pytest.approx(both / np.linalg.norm(both), abs=1e-6)
        assert encoder.encode_chip(chip[:, ::-1]) == pytest.approx(encoder.encode_chip(chip), abs=1e-6)
        assert plain.encode_chip(chip[:, ::-1]) != pytest.approx(plain.encode_chip(chip), abs=1e-3)


def test_vectors_are_of_length_one_and_in_the_order_of_the_chips(encoder, chips):
    vectors = encoder.encode_chips(chips[:9])
    assert vectors.shape == (9, 128)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(9), abs=1e-6)
    for chip, vector in zip(chips[:9], vectors, strict=True):
        assert np.abs(encoder.encode_chip(chip) - vector).max() <= 1e-6


def test_views_are_taken_and_other_arrays_refused(encoder, chips):
    view = chips[:6:2, :, ::-1]
    assert not view.flags.c_contiguous
    assert np.array_equal(encoder.encode_chips(view), encoder.encode_chips(view.copy()))
    for wrong in (chips[0], chips[:2].astype(np.float32), chips[:2, :149], chips[:2, :, :, :2]):
        with pytest.raises(ValueError, match="150×150×3"):
            encoder.encode_chips(wrong)


def test_the_graph_is_the_same_each_time():
    network = read_network(native.model_file(native.NETWORK).read_bytes())
    first, second = (hashlib.sha256(build_graph(network)).digest() for _ in range(2))
    assert first == second


CON = Convolution(np.zeros((8, 3, 3, 3), np.float32), np.zeros(8, np.float32), 1, 1)
AFFINE = Affine(np.ones(8, np.float32), np.zeros(8, np.float32))
LAST = Connected(np.zeros((8, 128), np.float32))


@pytest.mark.parametrize(
    "layers",
    [
        (CON, Relu(), LAST),
        (AFFINE, CON),
        (CON, AFFINE, CON, AFFINE),
        (CON, AFFINE, LAST),
        (CON, AFFINE, AddPrevious(), Pool("avg", 0, 1), LAST),
        (CON, AFFINE, Mark(), Mark(), LAST),
        (CON, Affine(np.ones(7, np.float32), np.ones(7, np.float32)), Pool("avg", 0, 1), LAST),
        (CON, AFFINE, *[Pool("max", 3, 2)] * 4, LAST),
    ],
)
def test_layers_that_do_not_fit_are_refused(layers):
    with pytest.raises(SystemFault, match="can't be converted"):
        build_graph(Network((0.0, 0.0, 0.0), 16, layers))


def test_the_reference_chips_are_the_same_everywhere():
    chips = model_cache.reference_chips()
    assert (chips.shape, chips.dtype) == ((3, 150, 150, 3), np.uint8)
    assert hashlib.sha256(chips.tobytes()).hexdigest()[:16] == "9242f619926fe903"
    for chip in chips:
        assert np.abs(chip.astype(int) - chip[:, ::-1]).mean() > 10
        assert np.abs(chip.astype(int) - chip[:, :, ::-1]).mean() > 10


@pytest.mark.parametrize(
    "found", [np.zeros((2, 3)), np.zeros(3), np.full(2, np.nan), np.array([0.0, np.inf]), np.array(0.0)]
)
def test_another_shape_or_no_number_differs_endlessly(found):
    assert model_cache.differs(found, [0.0, 0.0]) == math.inf
    assert model_cache.differs(np.array([0.0, 0.5]), [0.0, 0.0]) == 0.5
