import numpy as np
import pytest

from devicemgr.domain.ports.recognition import Box, FaceDesk, PhotoAnalysis
from devicemgr.errors import PhotoRefused
from enrollment.matching.gallery import build_gallery
from enrollment.models.encoder import MODEL
from enrollment.workers.service import HINTS, FaceService

BADGES = {"p1": "1001", "p2": "1002", "erased": None}.get


class Canned:
    """Answers each photo, a digit, with the analysis of that place."""

    model = MODEL

    def __init__(self, *analyses):
        self.analyses = analyses

    def analyze(self, photo, *, keep=False):
        return self.analyses[int(photo)]

    def glance(self, photo):
        return PhotoAnalysis(("turned_away",))


def face(vector=None, *reasons):
    return PhotoAnalysis(tuple(reasons), Box(1, 9, 9, 1), 90, 5.0, 0.5, embedding=vector)


def near(vector, other, cosine):
    side = other - (other @ vector) * vector
    return (cosine * vector + np.sqrt(1 - cosine**2) * side / np.linalg.norm(side)).astype(np.float32)


@pytest.fixture
def rows(unit_vectors):
    return unit_vectors(4)


@pytest.fixture
def gallery(rows):
    return build_gallery([("p1", rows[0]), ("p2", rows[1])], 1)


def test_it_is_the_desk_of_the_api_and_closes_what_it_was_given(rows):
    closed = []
    desk: FaceDesk = FaceService(Canned(face(rows[0])), lambda: closed.append(True))
    assert desk.check(b"0")["ok"] is True
    assert desk.check(b"0", is_glance=True)["reasons"] == ["turned_away"]
    desk.close()
    assert closed == [True]
    FaceService(Canned()).close()


def test_fit_photos_become_samples_in_order(rows, gallery):
    one, two = rows[2], near(rows[2], rows[3], 0.96)
    desk = FaceService(Canned(face(one), face(two)))
    samples = desk.judge(desk.analyze([b"1", b"0"]), [], gallery, "p3", BADGES)
    assert [sample.embedding is vector for sample, vector in zip(samples, (two, one), strict=True)] == [True, True]
    assert samples[0].face["ok"] is True


def test_one_bad_photo_refuses_all_and_every_face_is_told(rows, gallery):
    desk = FaceService(Canned(face(rows[2]), face(rows[2], "blurred", "turned_away"), face(None, "no_face")))
    with pytest.raises(PhotoRefused, match=r"photo 2 of 3 .*blurred; .*turned away \(1 more unfit\)") as refused:
        desk.judge(desk.analyze([b"0", b"1", b"2"]), [], gallery, "p3", BADGES)
    assert [found["ok"] for found in refused.value.faces] == [True, False, False]
    assert "\n" not in str(refused.value)


def test_somebody_elses_face_is_a_duplicate_unless_allowed(rows, gallery):
    desk = FaceService(Canned(face(near(rows[0], rows[3], 0.97))))
    found = desk.analyze([b"0"])
    with pytest.raises(PhotoRefused, match=r"badge 1001.*allow look-alikes") as refused:
        desk.judge(found, [], gallery, "p3", BADGES)
    assert refused.value.faces[0]["reasons"] == ["duplicate_of"]
    assert refused.value.faces[0]["duplicate_of"] == "1001"
    assert refused.value.faces[0]["ok"] is False
    assert len(desk.judge(found, [], gallery, "p3", BADGES, allow_lookalike=True)) == 1
    assert len(desk.judge(found, [], gallery, "p1", BADGES)) == 1
    with pytest.raises(PhotoRefused):
        desk.judge(found, [], gallery, None, BADGES)


def test_a_face_of_somebody_erased_meanwhile_is_no_duplicate(rows):
    desk = FaceService(Canned(face(rows[0])))
    assert desk.judge(desk.analyze([b"0"]), [], build_gallery([("erased", rows[0])], 1), "p3", BADGES)


@pytest.mark.parametrize(("siblings", "bound"), [(1, 0.90), (3, 0.91)])
def test_a_photo_must_agree_with_the_persons_samples(rows, gallery, siblings, bound):
    for cosine, fits in ((bound + 0.002, True), (bound - 0.002, False)):
        desk = FaceService(Canned(face(near(rows[2], rows[3], cosine))))
        others = [rows[2]] * siblings
        if fits:
            assert desk.judge(desk.analyze([b"0"]), others, gallery, "p3", BADGES)
            continue
        with pytest.raises(PhotoRefused, match="other photos") as refused:
            desk.judge(desk.analyze([b"0"]), others, gallery, "p3", BADGES)
        assert refused.value.faces[0]["reasons"] == ["disagrees_with_samples"]


def test_two_new_photos_of_two_people_are_refused(rows, gallery):
    desk = FaceService(Canned(face(rows[2]), face(rows[3])))
    with pytest.raises(PhotoRefused) as refused:
        desk.judge(desk.analyze([b"0", b"1"]), [], gallery, "p3", BADGES)
    assert [found["reasons"] for found in refused.value.faces] == [["disagrees_with_samples"]] * 2


def test_identify_names_the_badge(rows, gallery):
    answer = FaceService(Canned(face(rows[0]))).identify(b"0", gallery, BADGES)
    assert set(answer) == {"badge", "score", "runner_up_score", "threshold", "reason"}
    assert (answer["badge"], answer["score"], answer["reason"], answer["threshold"]) == ("1001", 1.1, None, 0.937)
    assert answer["runner_up_score"] < 0.5


def test_identify_says_why_it_names_nobody(rows, gallery):
    stranger, gone = face(rows[3]), face(rows[0])
    desk = FaceService(Canned(stranger, gone, face(None, "several_faces"), face(rows[0], "blurred")))
    assert desk.identify(b"0", gallery, BADGES)["reason"] == "unknown_face"
    assert desk.identify(b"1", build_gallery([("erased", rows[0])], 1), BADGES)["reason"] == "unknown_face"
    nobody = desk.identify(b"2", gallery, BADGES)
    assert (nobody["badge"], nobody["score"], nobody["reason"]) == (None, None, "several_faces")
    assert desk.identify(b"3", gallery, BADGES)["badge"] == "1001"
    assert desk.identify(b"0", build_gallery([], 1), BADGES)["badge"] is None


def test_every_reason_has_words_for_people():
    reasons = (
        "no_face several_faces face_too_small blurred too_dark too_bright turned_away covered face_at_edge "
        "unreadable_image cut_off image_too_large duplicate_of disagrees_with_samples"
    )
    assert set(HINTS) == set(reasons.split())
