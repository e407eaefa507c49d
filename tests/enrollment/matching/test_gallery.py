import numpy as np
import pytest

from devicemgr.domain.ports.recognition import Calibration
from enrollment.matching import scoring
from enrollment.matching.gallery import build_gallery
from enrollment.matching.thresholds import LOOKALIKE_MARGIN, MARGIN, match_threshold


def towards(one, other, cosine):
    """A unit vector with that cosine to `one`, leaning to `other`."""
    side = other - (other @ one) * one
    side /= np.linalg.norm(side)
    return (cosine * one + np.sqrt(1 - cosine**2) * side).astype(np.float32)


def test_a_person_is_found_and_the_runner_up_is_another_person(unit_vectors):
    rows = unit_vectors(25)
    gallery = build_gallery([(f"p{i % 25}", rows[i % 25]) for i in range(50)], 3)
    found = gallery.match(rows[0] * 7)
    assert found.person_id == "p0"
    assert found.score == pytest.approx(gallery.match(rows[0]).score)
    assert found.runner_up_score < found.score
    assert gallery.stats().people == 25
    assert gallery.stats().templates == 50
    assert gallery.stats().version == 3


def test_alone_the_score_is_twice_the_cosine_less_a_quiet_rivalry(unit_vectors):
    one, other = unit_vectors(2)
    gallery = build_gallery([("p", one)], 1)
    assert gallery.match(towards(one, other, 0.97)).score == pytest.approx(2 * 0.97 - scoring.QUIET, abs=1e-6)
    assert gallery.match(one).runner_up_score is None


def test_a_person_with_several_templates_is_found_in_the_direction_of_their_mean(unit_vectors):
    first, second = unit_vectors(2)
    near = towards(first, second, 0.955)
    gallery = build_gallery([("p", first), ("p", near)], 1)
    mean = (first + near) / np.linalg.norm(first + near)
    # Two photos as alike as two of one person mostly are: neither stretched nor shrunk.
    assert gallery.match(mean).score == pytest.approx(2 - scoring.QUIET, abs=1e-5)
    assert gallery.match(first).score < gallery.match(mean).score


@pytest.mark.parametrize(
    "probe",
    [
        np.full(128, np.nan, np.float32),
        np.full(128, np.inf, np.float32),
        np.zeros(128, np.float32),
        np.ones(127, np.float32),
        np.ones((1, 128), np.float32),
        np.ones(0, np.float32),
        np.ones(128, np.int64),
        np.full(128, 1e38, np.float32),
    ],
)
def test_what_is_no_embedding_never_matches(unit_vectors, probe):
    gallery = build_gallery([(f"p{i}", row) for i, row in enumerate(unit_vectors(20))], 1)
    for answer in (gallery.match(probe), gallery.nearest(probe)):
        assert (answer.person_id, answer.score, answer.reason) == (None, None, "unknown_face")


def test_one_bad_component_spoils_a_probe(unit_vectors):
    row = unit_vectors(1)[0]
    gallery = build_gallery([("p", row)], 1)
    spoilt = row.copy()
    spoilt[77] = np.nan
    assert gallery.match(row).person_id == "p"
    assert gallery.match(spoilt).person_id is None


def test_an_empty_gallery_matches_nobody(unit_vectors):
    gallery = build_gallery([], 1)
    assert gallery.match(unit_vectors(1)[0]).reason == "unknown_face"
    assert gallery.stats().people == 0


def test_an_empty_gallery_is_built_anew_over_an_empty_one(unit_vectors):
    """A site with nobody enrolled whose calibration or policy changes."""
    assert list(build_gallery([], 2, before=build_gallery([], 1)).people) == []


def test_a_damaged_template_is_left_out_and_named_in_the_log(unit_vectors, caplog):
    good = unit_vectors(1)[0]
    gallery = build_gallery([("good", good), ("bad", np.full(128, np.nan, np.float32)), ("short", good[:64])], 1)
    assert gallery.stats().people == 1
    assert [word in caplog.text for word in ("bad", "short")] == [True, True]
    assert gallery.match(good).person_id == "good"


def test_the_threshold_is_a_border(unit_vectors):
    one, other = unit_vectors(2)
    gallery = build_gallery([("p", one)], 1)
    border = (match_threshold(1, 1) + scoring.QUIET) / 2
    assert gallery.match(towards(one, other, border + 0.001)).person_id == "p"
    below = gallery.match(towards(one, other, border - 0.001))
    assert (below.person_id, below.reason) == (None, "unknown_face")
    assert below.score == pytest.approx(below.threshold - 0.002, abs=1e-5)


def test_the_stock_distance_of_0_6_is_far_from_enough(unit_vectors):
    one, other = unit_vectors(2)
    cosine = 1 - 0.6**2 / 2
    assert build_gallery([("p", one)], 1).match(towards(one, other, cosine)).person_id is None


def test_two_people_who_are_nearly_alike_are_ambiguous(unit_vectors):
    one, other = unit_vectors(2)
    twin = towards(one, other, 0.995)
    gallery = build_gallery([("one", one), ("twin", twin)], 1)
    between = ((one + twin) / np.linalg.norm(one + twin)).astype(np.float32)
    answer = gallery.match(between)
    assert (answer.person_id, answer.reason) == (None, "ambiguous_face")
    assert answer.margin < MARGIN
    assert gallery.nearest(between).reason is None


def test_nearest_leaves_one_person_out(unit_vectors):
    rows = unit_vectors(3)
    gallery = build_gallery([(f"p{i}", row) for i, row in enumerate(rows)], 1)
    assert gallery.nearest(rows[1]).person_id == "p1"
    assert gallery.nearest(rows[1], "p1").person_id is None
    assert gallery.nearest(rows[1], "p1").score < gallery.stats().threshold
    assert build_gallery([("p", rows[0])], 1).nearest(rows[0], "p").score is None


def test_the_gallery_keeps_nothing_of_its_caller(unit_vectors):
    row = unit_vectors(1)[0]
    gallery = build_gallery([("p", row)], 1)
    probe = row.copy()
    row[:] = 0
    assert gallery.match(probe).person_id == "p"


def crowd(unit_vectors, count, cosine, seed=1):
    """People who are all that much like one middle, as faces are."""
    middle, *others = unit_vectors(count + 1, seed)
    return [towards(middle, other, cosine) for other in others]


def test_the_score_falls_when_rivals_come_close(unit_vectors):
    one, two, three = unit_vectors(3)
    probe = towards(one, two, 0.98)
    alone = build_gallery([("p", one)], 1).match(probe).score
    far = build_gallery([("p", one), ("q", three)], 1).match(probe).score
    near = build_gallery([("p", one), ("q", towards(one, three, 0.95))], 1).match(probe).score
    assert alone == pytest.approx(far, abs=1e-6)
    assert near < far - 0.01


def test_the_score_rises_with_likeness_whatever_the_gallery(unit_vectors):
    for count in (1, 2, 3, 10):
        people = crowd(unit_vectors, count, 0.95)
        gallery = build_gallery([(str(place), row) for place, row in enumerate(people)], 1)
        aside = unit_vectors(1, seed=9)[0]
        scores = [gallery.rank(towards(people[0], aside, cosine)).score for cosine in (0.90, 0.93, 0.96, 0.99, 1.0)]
        assert scores == sorted(scores)
        assert np.isfinite(scores).all()


def test_scores_are_finite_for_any_probe_and_size(unit_vectors):
    probes = unit_vectors(20, seed=7)
    for count in (1, 2, 3, 4, 5, 600):
        gallery = build_gallery([(str(place), row) for place, row in enumerate(unit_vectors(count))], 1)
        for probe in (*probes, -probes[0]):
            found = gallery.rank(probe)
            assert np.isfinite(found.score)
            assert found.runner_up is None or found.runner_up <= found.score
            left = gallery.rank(probe, "0")
            assert left is None if count == 1 else np.isfinite(left.score)


def test_someone_left_out_crowds_nobody(unit_vectors):
    """Or a stranger would be kept out by their own entry."""
    one, two, probe_side = unit_vectors(3)
    twin = towards(one, two, 0.97)
    probe = towards(twin, probe_side, 0.99)
    with_both = build_gallery([("one", one), ("twin", twin)], 1)
    assert with_both.rank(probe, "one").score == pytest.approx(build_gallery([("twin", twin)], 1).rank(probe).score)


def test_neighbors_are_the_nearest_of_the_cohort_in_any_block(unit_vectors, monkeypatch):
    rows = np.stack(crowd(unit_vectors, 50, 0.9))
    monkeypatch.setattr(scoring, "_BLOCK", 7)
    cosines, places = scoring.neighbors(rows, cohort=20)
    whole = rows @ rows[:20].T
    whole[np.arange(20), np.arange(20)] = -1
    assert np.allclose(cosines, -np.sort(-whole, axis=1)[:, :4], atol=1e-6)
    assert (places == np.argsort(-whole, axis=1)[:, :4]).all()


def test_photos_that_differ_stretch_a_template_and_never_by_more_than_2_percent(unit_vectors):
    one, two = unit_vectors(2)
    for cosine, longer in ((0.99, False), (0.80, True)):
        pair = np.stack([one, towards(one, two, cosine)])
        length = np.linalg.norm(scoring.templates(pair.sum(axis=0, keepdims=True), np.array([2])))
        assert 0.98 <= length <= 1.02
        assert (length > 1) == longer


def test_a_calibration_raises_the_threshold_and_never_lowers_it(unit_vectors):
    rows = [(str(place), row) for place, row in enumerate(unit_vectors(20))]
    table = build_gallery(rows, 1).stats().threshold
    assert build_gallery(rows, 1, Calibration(0.01, 0.02, 20)).stats().threshold == pytest.approx(table + 0.02)
    assert build_gallery(rows, 1, Calibration(0.01, -0.02, 20)).stats().threshold == table
    assert build_gallery(rows, 1, Calibration(0.001, 0.0, 20)).stats().threshold > table


def test_look_alikes_need_a_clearer_lead(unit_vectors):
    one, other = unit_vectors(2)
    twin = towards(one, other, 0.985)
    aside = unit_vectors(1, seed=5)[0]
    rows = [("one", one), ("twin", twin), ("else", aside)]
    plain = build_gallery(rows, 1).match(one)
    assert plain.person_id == "one"
    assert MARGIN < plain.margin < LOOKALIKE_MARGIN
    marked = build_gallery(rows, 1, Calibration(0.01, 0.0, 3, (("one", "twin"), ("gone", "one"))))
    assert (marked.match(one).person_id, marked.match(one).reason) == (None, "ambiguous_face")
    assert marked.match(twin).reason == "ambiguous_face"
    assert marked.match(aside).person_id == "else"


def test_what_the_gallery_before_knew_is_taken_over_and_nothing_else(unit_vectors) -> None:
    """Newcomers after the cohort, within it, gone ones, changed ones: each as if the gallery had been built anew."""
    rows = [(f"p{place:04}", row) for place, row in enumerate(unit_vectors(700))]
    more = [(f"q{place:04}", row) for place, row in enumerate(unit_vectors(40, seed=7))]
    before = build_gallery(rows, 1)
    other = [*rows[:600], ("p0600", -rows[600][1]), *rows[601:]]
    for changed in ([*rows, *more], [*more, *rows], rows[:650], rows[3:], rows[:600] + more, other, rows, []):
        again, anew = build_gallery(changed, 2, before=before), build_gallery(changed, 2)
        assert np.array_equal(again._handicap, anew._handicap)
        assert np.array_equal(again._neighbors, anew._neighbors)
        assert np.allclose(again._cosines, anew._cosines, atol=1e-6)
        for person, probe in changed[::97]:
            assert again.match(probe).person_id == anew.match(probe).person_id == person
