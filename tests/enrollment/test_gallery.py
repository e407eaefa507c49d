import numpy as np
import pytest

from enrollment.gallery import build_gallery
from enrollment.thresholds import MARGIN, SINGLE_PROBE, match_threshold


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


def test_templates_of_a_person_become_one_unit_mean(unit_vectors):
    first, second = unit_vectors(2)
    gallery = build_gallery([("p", first), ("p", second)], 1)
    mean = (first + second) / np.linalg.norm(first + second)
    assert gallery.match(mean.astype(np.float32)).score == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    "probe",
    [
        np.full(128, np.nan, np.float32), np.full(128, np.inf, np.float32), np.zeros(128, np.float32),
        np.ones(127, np.float32), np.ones((1, 128), np.float32), np.ones(0, np.float32), np.ones(128, np.int64),
        np.full(128, 1e38, np.float32),
    ],
)  # fmt: skip
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


def test_a_damaged_template_is_left_out_and_named_in_the_log(unit_vectors, caplog):
    good = unit_vectors(1)[0]
    gallery = build_gallery([("good", good), ("bad", np.full(128, np.nan, np.float32)), ("short", good[:64])], 1)
    assert gallery.stats().people == 1
    assert [word in caplog.text for word in ("bad", "short")] == [True, True]
    assert gallery.match(good).person_id == "good"


def test_the_threshold_is_a_border(unit_vectors):
    one, other = unit_vectors(2)
    gallery = build_gallery([("p", one)], 1)
    border = match_threshold(1, 1)
    assert gallery.match(towards(one, other, border + 0.001)).person_id == "p"
    below = gallery.match(towards(one, other, border - 0.001))
    assert (below.person_id, below.reason) == (None, "unknown_face")
    assert below.score == pytest.approx(border - 0.001, abs=1e-5)


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
    assert gallery.nearest(rows[1], "p1").score < 0.9
    assert build_gallery([("p", rows[0])], 1).nearest(rows[0], "p").score is None


def test_the_gallery_keeps_nothing_of_its_caller(unit_vectors):
    row = unit_vectors(1)[0]
    gallery = build_gallery([("p", row)], 1)
    probe = row.copy()
    row[:] = 0
    assert gallery.match(probe).person_id == "p"


@pytest.mark.parametrize("fpir", [0.01, 0.001])
def test_thresholds_are_the_tables_at_its_sizes(fpir):
    for templates in (1, 3):
        for size, cosine in SINGLE_PROBE[fpir, templates]:
            assert match_threshold(size, templates, fpir) == pytest.approx(cosine)


def test_thresholds_between_and_beyond_the_tables_sizes():
    assert match_threshold(0, 1) == match_threshold(1, 1) == match_threshold(10, 1) == 0.925
    assert match_threshold(100, 1) == pytest.approx(0.942, abs=1e-6)
    assert match_threshold(200, 2) == pytest.approx((0.946 + 0.951) / 2)
    assert match_threshold(200, 9) == match_threshold(200, 3)
    assert match_threshold(5000, 1) == pytest.approx(0.956, abs=1e-6)
    assert match_threshold(10**30, 3) == 0.999


def test_thresholds_never_fall_as_the_gallery_grows():
    for templates in (1, 2, 3):
        found = [match_threshold(size, templates) for size in range(1, 3000, 7)]
        assert found == sorted(found)
