import importlib.util

import numpy as np
import pytest

from devicemgr.domain.ports.recognition import PhotoAnalysis, Trial
from devicemgr.errors import InvalidInput, SystemFault
from enrollment.evaluation import det_curve
from enrollment.evaluation.evaluate import evaluate, evaluate_with, report, threshold_for
from enrollment.evaluation.photos import build_biggest_face, person_photos, stranger_photos

KEYS = [
    "gallery",
    "samples",
    "probes",
    "mated",
    "strangers",
    "rank1",
    "fpir_target",
    "fpir",
    "fnir",
    "threshold",
    "score",
    "no_face",
    "at_stock_threshold",
]


def unit(vector):
    return (vector / np.linalg.norm(vector)).astype(np.float32)


class Painted:
    """An analyzer for files that hold a seed of a person and of a photo: `7:2`; `none` shows no face."""

    model = "painted"

    def analyze(self, photo):
        if photo == b"none":
            return PhotoAnalysis(("no_face",))
        person, stray = photo.decode().split(":")
        middle = np.ones(128)
        face = unit(middle / 11.3 + 0.7 * unit(np.random.default_rng(int(person)).normal(size=128)))
        shift = np.random.default_rng([int(person), int(stray)]).normal(size=128)
        return PhotoAnalysis((), embedding=unit(face + 0.15 * unit(shift)))


@pytest.fixture
def folders(tmp_path):
    """Six people with 2, 3, … 7 photos, and forty strangers."""
    for place in range(6):
        folder = tmp_path / "people" / f"person{place}"
        folder.mkdir(parents=True)
        for photo in range(place + 2):
            (folder / f"{photo}.jpg").write_text(f"{place}:{photo}")
        (folder / "notes.txt").write_text("no photo")
    (tmp_path / "strangers").mkdir()
    for place in range(40):
        (tmp_path / "strangers" / f"{place:02}.jpg").write_text(f"{100 + place}:0")
    return tmp_path


def run(folders, samples=1, probes=1, fpir=0.05, strangers=True):
    trial = Trial(folders / "people", folders / "strangers" if strangers else None, samples, probes, fpir)
    seen = []
    return evaluate_with(trial, Painted(), 2, lambda *step: seen.append(step)), seen


def test_the_answer_has_the_keys_of_interfaces_and_counts_as_they_say(folders):
    found, seen = run(folders)
    assert list(found)[: len(KEYS)] == KEYS
    assert list(found["at_stock_threshold"]) == ["fpir", "fnir"]
    assert (found["gallery"], found["samples"], found["probes"]) == (6, 1, 1)
    assert (found["mated"], found["strangers"], found["no_face"]) == (1 + 2 + 3 + 4 + 5 + 6, 40, 0)
    assert found["rank1"] == 1.0
    assert found["fnir"] == 0.0
    assert found["fpir"] <= 0.2
    assert seen[-1] == (67, 67)
    assert [done for done, _ in seen] == list(range(1, 68))


@pytest.mark.parametrize(("samples", "probes", "gallery", "mated"), [(3, 1, 4, 1 + 2 + 3 + 4), (3, 2, 3, 1 + 1 + 2)])
def test_people_with_too_few_photos_are_left_out_and_probes_take_j_photos_each(
    folders, samples, probes, gallery, mated
):
    found, _ = run(folders, samples, probes)
    assert (found["gallery"], found["mated"]) == (gallery, mated)


def test_photos_without_a_face_are_counted_and_set_aside(folders):
    (folders / "people" / "person5" / "0.jpg").write_text("none")
    (folders / "strangers" / "00.jpg").write_text("none")
    found, _ = run(folders)
    assert (found["no_face"], found["strangers"], found["mated"]) == (2, 39, 20)


def test_without_strangers_each_person_is_left_out_in_turn(folders):
    found, _ = run(folders, strangers=False)
    assert found["strangers"] == found["mated"] == 21
    assert found["rank1"] == 1.0
    # Were nobody left out, the threshold would lie above most of the mated scores.
    assert found["fnir"] == 0.0


def test_strangers_may_come_in_folders_and_be_called_as_someone_enrolled(folders):
    (folders / "strangers" / "person5").mkdir()
    (folders / "strangers" / "person5" / "a.jpg").write_text("999:0")
    found, _ = run(folders)
    assert (found["strangers"], found["mated"]) == (41, 21)


def test_a_stranger_who_looks_like_someone_is_let_in_and_shows(folders):
    """Every second stranger in name order is reported: these are person0's own photos."""
    for place in range(1, 40, 2):
        (folders / "strangers" / f"{place:02}.jpg").write_text("0:9")
    found, _ = run(folders)
    assert found["fpir"] == 1.0
    assert found["at_stock_threshold"]["fpir"] == 1.0


def test_the_threshold_lets_in_the_share_asked_for():
    scores = np.arange(100) / 100
    for share, above in ((0.01, 1), (0.05, 5), (0.001, 0), (0.999, 99)):
        assert (scores >= threshold_for(scores, share)).sum() == above
    assert threshold_for(np.full(4, -np.inf), 0.01) == -np.inf


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"samples": 0}, "at least 1"),
        ({"probes": 0}, "at least 1"),
        ({"fpir": 0.0}, "between 0 and 1"),
        ({"fpir": 1.5}, "between 0 and 1"),
        ({"samples": 7}, "fewer samples"),
    ],
)
def test_what_can_not_be_evaluated_is_refused_with_advice(folders, change, words):
    with pytest.raises(InvalidInput, match=words):
        run(folders, **change)


def test_folders_that_hold_nothing_of_use_are_refused(tmp_path):
    with pytest.raises(InvalidInput, match="can't be listed"):
        person_photos(tmp_path / "absent")
    with pytest.raises(InvalidInput, match="a folder a person"):
        person_photos(tmp_path)
    with pytest.raises(InvalidInput, match="holds no photos"):
        stranger_photos(tmp_path)


def test_points_of_the_curve_fall_and_leave_out_what_the_strangers_can_not_resolve():
    random = np.random.default_rng(1)
    mated, strangers = random.normal(1.0, 0.02, 500), random.normal(0.9, 0.02, 300)
    curve = det_curve.points(mated, np.ones(500, bool), strangers)
    assert curve[0]["fpir"] == pytest.approx(1 / 300, abs=1e-5)
    assert [p["fnir"] for p in curve] == sorted((p["fnir"] for p in curve), reverse=True)
    assert [p["threshold"] for p in curve] == sorted((p["threshold"] for p in curve), reverse=True)


def test_a_picture_without_matplotlib_is_refused_before_any_photo_is_read(folders, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemFault, match="pip install matplotlib"):
        evaluate(Trial(folders / "absent", None, 1, 1, 0.01), lambda *_: None, folders / "det.png")


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="matplotlib is an extra")
def test_the_picture_is_a_png(tmp_path):
    det_curve.draw([{"fpir": 0.01, "fnir": 0.0}, {"fpir": 0.1, "fnir": 0.0}], tmp_path / "det.png")
    assert (tmp_path / "det.png").read_bytes().startswith(b"\x89PNG")


def test_the_biggest_face_is_embedded_however_poor_the_photo(portrait, encoded):
    analyzer = build_biggest_face()
    good = analyzer.analyze(encoded(portrait))
    dark = analyzer.analyze(encoded(portrait.point(lambda value: value // 5)))
    assert good.reasons == dark.reasons == ()
    assert float(good.embedding @ dark.embedding) > 0.93
    assert analyzer.analyze(b"no photo").reasons == ("unreadable_image",)
    assert analyzer.analyze(encoded(portrait.crop((0, 300, 200, 500)))).reasons == ("no_face",)


def test_real_people_are_recognized_as_the_documentation_says(faces_folder):
    """Fifty people, one photo each, and 110 strangers: a sample of docs/accuracy.md's figures, with room for chance."""
    analyzer = build_biggest_face()
    folders = [folder for folder in sorted((faces_folder / "people").iterdir())][::3][:50]
    people = {f.name: [analyzer.analyze(p.read_bytes()).embedding for p in sorted(f.iterdir())[:2]] for f in folders}
    paths = sorted((faces_folder / "strangers").iterdir())[::8]
    strangers = {path.name: [analyzer.analyze(path.read_bytes()).embedding] for path in paths}
    found = report(Trial(faces_folder, faces_folder, 1, 1, 0.02), people, strangers, 0)
    assert (found["gallery"], found["mated"]) == (50, 50)
    assert found["rank1"] >= 0.9
    assert found["fnir"] <= 0.3
    assert found["fpir"] <= 0.08
    assert found["at_stock_threshold"]["fpir"] > 2 * found["fpir"]
