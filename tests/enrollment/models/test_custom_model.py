"""A user's own ONNX model: dlib's weights in another wrapping stand for it, so that its answers are known."""

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image as PilImage
from pydantic import ValidationError

from devicemgr.domain.face_model import FaceModel
from devicemgr.domain.ports.recognition import Box, Calibration
from devicemgr.errors import InvalidInput, SystemFault
from enrollment.custom_model import OwnEncoder, build_encoder
from enrollment.matching.calibration import calibrate
from enrollment.matching.gallery import UNREACHABLE, build_gallery
from enrollment.models import native
from enrollment.models.dlib_weights import read_network
from enrollment.models.encoder import PLAIN_MODEL, DlibEncoder
from enrollment.models.onnx_network import build_graph
from enrollment.workers.service import FaceService, build_desk


@pytest.fixture(scope="module")
def dlib_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """dlib's network as a stranger would bring it: float32 channels-first input, already scaled by (x - 100) / 50."""
    graph = onnx.load_from_string(build_graph(read_network(native.model_file(native.NETWORK).read_bytes())))
    before = [
        helper.make_node("Mul", ["image", "std"], ["stretched"]),
        helper.make_node("Add", ["stretched", "mean"], ["pixels"]),
        helper.make_node("Round", ["pixels"], ["whole"]),
        helper.make_node("Transpose", ["whole"], ["last"], perm=[0, 2, 3, 1]),
        helper.make_node("Cast", ["last"], ["chips"], to=TensorProto.UINT8),
    ]
    for node in reversed(before):
        graph.graph.node.insert(0, node)
    for name, value in (("std", 50.0), ("mean", 100.0)):
        graph.graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), name))
    del graph.graph.input[:]
    graph.graph.input.append(helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, 150, 150]))
    file = tmp_path_factory.mktemp("model") / "dlib.onnx"
    file.write_bytes(graph.SerializeToString())
    return file


def described(file: Path, **more: Any) -> FaceModel:
    known = {"name": "wrapped", "path": str(file), "dimension": 128, "input_size": 150, "mean": 100, "std": 50}
    digest = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
    return FaceModel.model_validate({**known, "sha256": digest, **more})


def tiny(file: Path, nodes: list[Any], dimension: int = 32, batch: str | int = "N", **constants: Any) -> Path:
    """A network of a few nodes from "image", N×3×32×32, to "out"."""
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 3, 32, 32])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [batch, dimension])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    file.write_bytes(model.SerializeToString())
    return file


def projection(file: Path, dimension: int = 32, batch: str | int = "N") -> Path:
    weights = np.random.default_rng(3).normal(size=(3 * 32 * 32, dimension)).astype(np.float32)
    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["out"]),
    ]
    return tiny(file, nodes, dimension, batch, weights=weights)


@pytest.fixture(scope="module")
def detectors() -> native.Detectors:
    return native.Detectors()


@pytest.fixture(scope="module")
def plain(detectors: native.Detectors, encoder: DlibEncoder) -> DlibEncoder:
    return DlibEncoder(detectors, encoder._network, PLAIN_MODEL)


@pytest.fixture(scope="module")
def face(portrait: PilImage.Image, encoder: DlibEncoder) -> tuple[np.ndarray, Box]:
    pixels = np.array(portrait)
    return pixels, encoder.detect(pixels)[0]


def test_the_same_weights_in_another_wrapping_give_the_same_vectors(detectors, dlib_file, plain, face, chips) -> None:
    own = OwnEncoder(detectors, described(dlib_file))
    assert own.encode(*face) == pytest.approx(plain.encode(*face), abs=1e-5)
    assert own.encode_chips(chips) == pytest.approx(plain.encode_chips(chips), abs=1e-5)
    assert own.encode_chips(chips[:0]).shape == (0, 128)


def test_red_and_blue_are_the_way_round_that_is_stated(detectors, dlib_file, plain, face) -> None:
    swapped = OwnEncoder(detectors, described(dlib_file, channels="bgr"))
    turned = np.ascontiguousarray(swapped.chip(*face)[np.newaxis, :, :, ::-1])
    assert swapped.encode(*face) == pytest.approx(plain.encode_chips(turned)[0], abs=1e-5)
    assert swapped.encode(*face) @ plain.encode(*face) < 0.999


def test_eyes_lie_where_they_are_wanted(detectors, dlib_file, face, encoder) -> None:
    pixels, box = face
    wanted = (50.0, 57.0, 100.0, 57.0)
    own = OwnEncoder(detectors, described(dlib_file, eyes=wanted))
    found = encoder.landmarks(own.chip(pixels, box), Box(20, 130, 130, 20))
    eyes = sorted((found[:2].mean(axis=0), found[2:4].mean(axis=0)), key=lambda eye: eye[0])
    assert np.concatenate(eyes) == pytest.approx(wanted, abs=4)
    # A face four times as large is the same face.
    large = np.array(PilImage.fromarray(pixels).resize((2048, 2048), PilImage.Resampling.BICUBIC))
    bigger = own.encode(large, Box(box.top * 4, box.right * 4, box.bottom * 4, box.left * 4))
    assert bigger @ own.encode(pixels, box) > 0.98


def test_a_network_for_one_picture_at_a_time_is_asked_one_by_one(detectors, tmp_path) -> None:
    alone = OwnEncoder(detectors, described(projection(tmp_path / "a.onnx", batch=1), dimension=32, input_size=32))
    many = OwnEncoder(detectors, described(projection(tmp_path / "b.onnx"), dimension=32, input_size=32))
    chips = np.random.default_rng(1).integers(0, 256, (11, 32, 32, 3), np.uint8)
    assert alone.encode_chips(chips) == pytest.approx(many.encode_chips(chips), abs=1e-6)
    assert np.linalg.norm(many.encode_chips(chips), axis=1) == pytest.approx(1.0)


def broken(kind: str, file: Path) -> Path:
    flat = helper.make_node("Flatten", ["image"], ["flat"])
    picked = helper.make_node("Slice", ["flat", "from", "to", "axis"], ["some"])
    cut = {"from": np.array([0]), "to": np.array([32]), "axis": np.array([1])}
    match kind:
        case "nan":
            return tiny(
                file,
                [
                    flat,
                    picked,
                    helper.make_node("Div", ["some", "zero"], ["endless"]),
                    helper.make_node("Sub", ["endless", "endless"], ["out"]),
                ],
                zero=np.array(0, np.float32),
                **cut,
            )
        case "zeros" | "constant":
            add = np.full(32, kind == "constant", np.float32)
            zero = np.array(0, np.float32)
            nodes = [flat, picked, helper.make_node("Mul", ["some", "zero"], ["none"])]
            return tiny(file, [*nodes, helper.make_node("Add", ["none", "add"], ["out"])], zero=zero, add=add, **cut)
        case "mixes":
            mean = helper.make_node("ReduceMean", ["some"], ["mean"], axes=[0], keepdims=1)
            return tiny(file, [flat, picked, mean, helper.make_node("Sub", ["some", "mean"], ["out"])], **cut)
        case "dimension":
            return projection(file, 48)
        case "size":
            return projection(file)
        case "rubbish":
            file.write_bytes(b"not a network")
    return file


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("nan", "no numbers"),
        ("zeros", "no numbers"),
        ("constant", "the same numbers"),
        ("mixes", "batch"),
        ("dimension", "dimension"),
        ("size", "can't be run"),
        ("rubbish", "does not load"),
        ("absent", "can't be read"),
    ],
)
def test_a_model_that_can_not_work_is_refused_in_one_line(kind: str, words: str, tmp_path: Path) -> None:
    file = broken(kind, tmp_path / "model.onnx")
    desk = build_desk()
    try:
        size = 64 if kind == "size" else 32
        with pytest.raises(InvalidInput, match=words) as refused:
            desk.prove(FaceModel(name="mine", path=str(file), dimension=32, input_size=size))
    finally:
        desk.close()
    assert "\n" not in str(refused.value)
    assert "face model mine can't be used" in str(refused.value)


def test_a_model_that_works_is_pinned_by_its_content_and_enrolls(dlib_file, portrait, encoded, plain, face) -> None:
    desk = build_desk()
    try:
        proven = desk.prove(described(dlib_file, sha256=""))
        assert proven.sha256 == described(dlib_file).sha256
        (found,) = desk.analyze([encoded(portrait)], keep=True, own=proven)
        assert found.ok
        assert found.embedding == pytest.approx(plain.encode(*face), abs=1e-4)
        (again,) = desk.embed([found.crop], proven)
        assert again @ found.embedding > 0.995
        (usual,) = desk.embed([found.crop], None)
        assert usual is not None
        assert desk.embed([dataclasses.replace(found.crop, jpeg=b"no picture")], None) == [None]
    finally:
        desk.close()


def test_a_file_that_was_swapped_is_noticed(tmp_path: Path) -> None:
    model = described(projection(tmp_path / "m.onnx"), dimension=32, input_size=32)
    assert build_encoder(model.model_dump_json()).model == model.template_name
    projection(tmp_path / "m.onnx", batch=1)
    with pytest.raises(SystemFault, match="another file"):
        build_encoder(model.model_dump_json())


def test_another_way_to_prepare_a_face_is_another_model(dlib_file) -> None:
    usual = described(dlib_file)
    for change in ({"mean": 99}, {"channels": "bgr"}, {"eyes": (1, 2, 9, 2)}, {"sha256": "0" * 64}):
        assert described(dlib_file, **change).template_name != usual.template_name
    for change in ({"threshold": 0.5}, {"margin": 0.1}, {"metric": "euclidean"}, {"path": "/elsewhere.onnx"}):
        assert usual.model_copy(update=change).template_name == usual.template_name
    assert len(described(dlib_file, name="n" * 40).template_name) <= 64


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "dlib-mine"},
        {"name": "A B"},
        {"path": "relative.onnx"},
        {"std": 0},
        {"dimension": 3},
        {"threshold": 1.0},
        {"threshold": float("nan")},
        {"eyes": (9, 0, 1, 0)},
        {"channels": "cmyk"},
        {"color": 1},
    ],
)
def test_a_description_that_makes_no_sense_is_refused(dlib_file, wrong) -> None:
    with pytest.raises(ValidationError):
        described(dlib_file, **wrong)


def spread(people: int, seed: int = 5) -> list[tuple[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(people, 64))
    pairs = [(f"p{n}", row + 0.3 * rng.normal(size=64)) for n, row in enumerate(rows) for _ in range(2)]
    return [(person, (row / np.linalg.norm(row)).astype(np.float32)) for person, row in pairs]


OWN = FaceModel(name="mine", path="/m.onnx", dimension=64)


def test_without_a_threshold_nobody_passes() -> None:
    rows = spread(5)
    gallery = build_gallery(rows, 1, None, OWN)
    assert gallery.stats().threshold == UNREACHABLE
    assert gallery.stats().model == OWN.template_name
    assert all(gallery.match(row).person_id is None for _, row in rows)


@pytest.mark.parametrize(("metric", "threshold", "cosine"), [("cosine", 0.6, 0.6), ("euclidean", 0.9, 0.595)])
def test_a_stated_threshold_holds_as_a_cosine_or_a_distance(metric, threshold, cosine) -> None:
    own = OWN.model_copy(update={"metric": metric, "threshold": threshold})
    rows = spread(5)
    gallery = build_gallery(rows, 1, None, own)
    assert gallery.stats().threshold == pytest.approx(cosine)
    found = gallery.match(rows[0][1])
    assert (found.person_id, found.score) == ("p0", pytest.approx(float(rows[0][1] @ gallery._matrix[0])))
    assert gallery.match(-rows[0][1]).reason == "unknown_face"


def test_two_people_who_are_equally_near_are_ambiguous() -> None:
    own = OWN.model_copy(update={"threshold": 0.3})
    rows = spread(2)
    middle = rows[0][1] + rows[2][1]
    assert build_gallery(rows, 1, None, own).match(middle).reason == "ambiguous_face"


@pytest.mark.parametrize("probe", [np.full(64, np.nan), np.zeros(64), np.ones(128), np.ones(0)])
def test_a_probe_of_another_model_or_of_no_numbers_matches_nobody(probe) -> None:
    own = OWN.model_copy(update={"threshold": -0.9, "margin": 0.0})
    gallery = build_gallery(spread(3), 1, None, own)
    assert gallery.match(probe.astype(np.float32)).person_id is None
    assert build_gallery([], 1, None, own).match(np.ones(64, np.float32)).person_id is None
    assert build_gallery(spread(3), 1).stats().people == 0, "rows of another size are nobody's"


def test_calibration_finds_the_threshold_that_a_model_lacks() -> None:
    rows = spread(300)
    found, figures = calibrate(rows, 0.01, OWN)
    gallery = build_gallery(rows, 1, found, OWN)
    assert 0.2 < figures["threshold"] < 0.9
    assert gallery.stats().threshold == pytest.approx(figures["threshold"], abs=1e-4)
    assert figures["fpir"]["value"] <= 0.02
    assert figures["fnir"]["value"] < 0.05
    strangers = [row for _, row in spread(300, seed=9)]
    assert np.mean([gallery.match(row).person_id is not None for row in strangers]) <= 0.03
    with pytest.raises(InvalidInput, match="too few"):
        calibrate(spread(20), 0.01, OWN)


def test_a_stated_threshold_is_raised_by_calibration_and_never_lowered() -> None:
    rows = spread(300)
    strict, low = (OWN.model_copy(update={"threshold": value}) for value in (0.95, 0.05))
    found, figures = calibrate(rows, 0.01, strict)
    assert (found.raised, figures["from"], figures["threshold"]) == (0.0, "stated", 0.95)
    _, raised = calibrate(rows, 0.01, low)
    assert raised["threshold"] > 0.2
    assert build_gallery(rows, 1, Calibration(0.01, 0.0, 300), low).stats().threshold == pytest.approx(0.05)


def test_an_installation_without_the_part_says_so(analyzer) -> None:
    with pytest.raises(SystemFault, match="no part"):
        FaceService(analyzer).analyze([b""], own=OWN)
