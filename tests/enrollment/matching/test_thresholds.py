import pytest

from enrollment.matching.thresholds import MEASURED, TABLE, match_threshold

FPIRS = (0.1, 0.05, 0.01, 0.004, 0.001)


@pytest.mark.parametrize("fpir", MEASURED)
def test_thresholds_are_the_tables_at_its_sizes(fpir):
    for templates in (1, 3):
        for size, score in TABLE[fpir, templates]:
            assert match_threshold(size, templates, fpir) == pytest.approx(score)


def test_thresholds_between_and_beyond_the_tables_sizes():
    assert match_threshold(0, 1) == match_threshold(1, 1) == 0.924
    assert match_threshold(3, 1) == pytest.approx(0.937 + (0.951 - 0.937) * 0.4425, abs=1e-4)
    assert match_threshold(20, 2) == pytest.approx((0.968 + 0.980) / 2)
    assert match_threshold(200, 9) == match_threshold(200, 3)
    assert match_threshold(100_000, 1) == pytest.approx(0.978 + 2 * 0.004)


@pytest.mark.parametrize("fpir", FPIRS)
def test_thresholds_never_fall_as_the_gallery_grows(fpir):
    for templates in (1, 2, 3):
        found = [match_threshold(size, templates, fpir) for size in range(1, 3000, 7)]
        assert found == sorted(found)


def test_fewer_strangers_let_in_ask_for_more():
    for size in (1, 10, 169, 5000):
        for templates in (1, 2, 3):
            found = [match_threshold(size, templates, fpir) for fpir in FPIRS]
            assert found == sorted(found)
            assert len(set(found)) == len(found)


def test_what_was_never_measured_gets_the_strictest_or_laxest_figure():
    assert match_threshold(100, 1, 1e-9) == match_threshold(100, 1, 0.001)
    assert match_threshold(100, 1, 0.9) == match_threshold(100, 1, 0.1)
