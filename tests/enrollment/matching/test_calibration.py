"""On made people: unit vectors around one middle, as alike as strangers' faces are."""

import numpy as np
import pytest

from devicemgr.domain.ports.recognition import Calibration
from enrollment.matching import calibration
from enrollment.matching.calibration import calibrate
from enrollment.matching.gallery import build_gallery


@pytest.fixture(scope="module")
def made():
    """rows(count, templates, spread, seed): spread is how far people lie from their middle; a template strays 0.1."""

    def make(count, templates=1, spread=0.5, seed=1):
        random = np.random.default_rng(seed)
        middle = unit(random.normal(size=128))
        people = [unit(middle + spread * unit(random.normal(size=128))) for _ in range(count)]
        return [
            (f"p{place:04}", unit(person + 0.1 * unit(random.normal(size=128))).astype(np.float32))
            for place, person in enumerate(people)
            for _ in range(templates)
        ]

    return make


def unit(vector):
    return vector / np.linalg.norm(vector)


def test_a_gallery_too_small_keeps_the_table_and_says_so(made):
    found, figures = calibrate(made(99), 0.01)
    assert (found.raised, found.people, found.fpir) == (0.0, 99, 0.01)
    assert (figures["enough_people"], figures["from"]) == (False, "table")
    assert figures["threshold"] == figures["table_threshold"]
    assert figures["fnir"] is None


def test_people_unlike_each_other_ask_for_no_more_than_the_table(made):
    found, figures = calibrate(made(200, spread=1.5), 0.01)
    assert found.raised == 0.0
    assert figures["enough_people"]
    assert figures["fpir"] == {"value": 0.0, "low": 0.0, "high": pytest.approx(0.0188, abs=2e-4), "people": 200}
    assert figures["lookalikes"] == []


def test_people_much_alike_raise_the_threshold_until_few_pass(made):
    rows = made(200, spread=0.12)
    found, figures = calibrate(rows, 0.01)
    assert found.raised > 0
    assert figures["from"] == "gallery"
    assert figures["threshold"] > figures["table_threshold"]
    assert len(found.lookalikes) == 1
    before = build_gallery(rows, 1, Calibration(0.01, 0.0, 200))
    after = build_gallery(rows, 1, found)
    passing = [sum(bool((r := g.rank(v, p)).score >= r.threshold) for p, v in rows) for g in (before, after)]
    assert passing[0] > 20
    assert passing[1] <= 2


def test_one_pair_of_twins_does_not_turn_everybody_away(made):
    rows = made(200, templates=3, spread=1.5)
    twin = [(f"{'twin'}", vector) for person, vector in rows if person == "p0007"]
    found, figures = calibrate([*rows, *twin], 0.01)
    assert found.raised == 0.0
    assert found.lookalikes == (("p0007", "twin"),)
    assert [pair["people"] for pair in figures["lookalikes"]] == [["p0007", "twin"]]
    gallery = build_gallery([*rows, *twin], 1, found)
    assert gallery.match(twin[0][1]).reason == "ambiguous_face"
    assert gallery.match(rows[0][1]).person_id == "p0000"


def test_several_samples_tell_how_often_staff_are_turned_away(made):
    _, alike = calibrate(made(120, templates=3, spread=1.5), 0.01)
    assert alike["fnir"]["people"] == 120
    assert alike["fnir"]["value"] == 0.0
    straying = [
        (p, unit(v + 0.35 * unit(np.random.default_rng(i).normal(size=128))).astype(np.float32))
        for i, (p, v) in enumerate(made(120, templates=3, spread=1.5))
    ]
    _, apart = calibrate(straying, 0.01)
    share = apart["fnir"]
    assert 0.2 < share["low"] < share["value"] < share["high"] < 1.0


def test_a_large_gallery_is_sampled(made, monkeypatch):
    monkeypatch.setattr(calibration, "MAX_PEOPLE", 50)
    _, figures = calibrate(made(120, templates=4), 0.1)
    assert (figures["people"], figures["templates"], figures["tested"]) == (120, 480, 40)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_nobody_to_compare_with(made, count):
    found, figures = calibrate(made(count), 0.01)
    assert found.raised == 0.0
    assert figures["people"] == count
    assert figures["lookalikes"] == []


def test_a_damaged_template_disturbs_nothing(made):
    rows = made(20)
    rows.insert(3, ("p0003", np.full(128, np.nan, np.float32)))
    rows.insert(4, ("bad", np.ones(64, np.float32)))
    assert calibrate(rows, 0.1)[1]["people"] == 20


def test_the_interval_is_wilsons():
    """30 of 100: 0.219 to 0.396 (Wilson 1927, by any calculator)."""
    found = calibration._interval([1.0] * 30 + [0.0] * 70)
    assert (found["value"], found["people"]) == (0.3, 100)
    assert (found["low"], found["high"]) == (pytest.approx(0.2189, abs=1e-4), pytest.approx(0.3958, abs=1e-4))
