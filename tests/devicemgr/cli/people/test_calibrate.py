"""`enroll calibrate` and `enroll evaluate`: what is stored, what comes into force, what is said."""

import dataclasses
import json

import pytest
from pydantic import ValidationError

from devicemgr.api.routes.people.models import CalibrationRequest
from devicemgr.cli.people.calibrate import sentences
from devicemgr.people import calibration, face_enrollment
from devicemgr.people.consents import Terms
from devicemgr.site import site as sites
from devicemgr.store.people import calibrations, people
from enrollment.matching.calibration import calibrate


@pytest.fixture
def parts(parts):
    return dataclasses.replace(parts, calibrate=calibrate)


@pytest.fixture
def enroll(site):
    """enroll("7", "anna") enrolls two photos of anna's face for a new badge 7."""

    def add(badge, who):
        with site.database.write() as session:
            people.add(session, badge, who, None, None)
        photos = [f"face:{who}:{number}".encode() for number in (1, 2)]
        face_enrollment.enroll(site, "test", badge, photos, Terms("form-1"), allow_lookalike=True)
        site.gallery.refresh()  # as the daemon does, which is told that the site has changed

    return add


@pytest.fixture
def staff(enroll):
    """Twelve people unlike each other, and 12 and 13, who look like 0 and 1."""
    for place in range(12):
        enroll(f"b{place}", f"who{place}")
    enroll("twin", "who0")


def stored(site):
    with site.database.read() as session:
        return calibrations.load(session)


def test_the_threshold_comes_into_force_is_recorded_and_shown(staff, site, done, cli):
    before = cli("status", "--json").json
    found = done("enroll", "calibrate", "--fpir", "0.1")
    assert (found["people"], found["templates"], found["tested"], found["fpir_target"]) == (13, 26, 13, 0.1)
    assert found["enough_people"]
    assert [sorted(pair["badges"]) for pair in found["lookalikes"]] == [["b0", "twin"]]
    assert found["fnir"]["value"] > 0  # the twins are turned to the card
    status = cli("status", "--json").json
    assert status["gallery"]["threshold"] == pytest.approx(found["threshold"], abs=1e-4)
    assert status["gallery"]["threshold"] != before["gallery"]["threshold"]
    (event,) = cli("events", "--kind", "admin.gallery_calibrated", "--json").lines
    assert event["detail"]["people"] == 13
    assert event["detail"]["lookalike_pairs"] == 1


def test_look_alikes_are_let_in_by_nobodys_face(staff, site, done, photo):
    file = photo("a.jpg", "face:who0:3")
    done("enroll", "calibrate", "--fpir", "0.1")
    assert done("enroll", "identify", file)["reason"] == "ambiguous_face"
    assert done("enroll", "identify", photo("b.jpg", "face:who5:3"))["badge"] == "b5"


def test_another_process_has_it_with_its_next_look(staff, site, parts, home, done):
    other = sites.open_site(home, parts)
    try:
        before = other.gallery.refresh().stats().threshold
        found = done("enroll", "calibrate", "--fpir", "0.001")
        after = other.gallery.refresh().stats().threshold
    finally:
        other.database.close()
    assert after == pytest.approx(found["threshold"], abs=1e-4)
    assert after > before


def test_an_erased_person_leaves_the_stored_pairs(staff, site, done):
    done("enroll", "calibrate", "--fpir", "0.1")
    assert len(stored(site).lookalikes) == 1
    done("enroll", "withdraw", "twin", "--yes")
    assert stored(site).lookalikes == ()


def test_a_small_gallery_keeps_the_table_and_the_words_say_so(enroll, cli):
    enroll("1", "anna")
    ran = cli("enroll", "calibrate")
    assert ran.code == 0
    assert "too small to calibrate (it takes 100 people)" in ran.out


@pytest.mark.parametrize("fpir", ["0", "0.5", "-1", "nan"])
def test_a_target_that_makes_no_sense_is_refused(home, cli, fpir):
    ran = cli("enroll", "calibrate", f"--fpir={fpir}")
    assert ran.code == 1
    assert "0.001 to 0.1" in ran.error


def test_it_runs_again_when_the_gallery_has_grown_by_a_fifth(enroll, site):
    for place in range(10):
        enroll(f"b{place}", f"who{place}")
    again = calibration.Recalibration(site)
    again.consider()
    again.wait(10)
    assert stored(site) is None  # nobody asked for a first one
    calibration.calibrate(site, "test", 0.05)
    enroll("b10", "who10")
    again.consider()
    again.wait(10)
    assert stored(site).people == 10
    enroll("b11", "who11")
    again.consider()
    again.wait(10)
    assert (stored(site).people, stored(site).fpir) == (12, 0.05)


def test_a_damaged_calibration_leaves_the_table_in_force(enroll, site, caplog):
    enroll("1", "anna")
    table = site.gallery.refresh().stats().threshold
    for text in ("{", "[]", '{"fpir": 0.01, "raised": "x", "people": 3, "lookalikes": []}'):
        with site.database.write() as session:
            calibrations.set_meta(session, calibrations.KEY, text)
        assert site.gallery.refresh().stats().threshold == table
    assert caplog.text.count("calibration is damaged") >= 3


FIGURES = {
    "people": 169,
    "templates": 507,
    "tested": 169,
    "fpir_target": 0.01,
    "threshold": 0.99,
    "table_threshold": 0.98,
    "from": "gallery",
    "enough_people": True,
    "lookalikes": [],
    "fpir": {"value": 0.0118, "low": 0.003, "high": 0.042, "people": 169},
    "fnir": {"value": 0.06, "low": 0.03, "high": 0.1, "people": 169},
}


def test_people_are_told_in_their_words():
    first, second, third = sentences(FIGURES)
    assert "stricter than the table's 0.9800" in first
    assert "about one stranger in 85 " in second
    assert "at most one in 24;" in second
    assert "turned to the card 6.0 times in 100" in third
    none = sentences(FIGURES | {"fpir": {"value": 0.0, "low": 0.0, "high": 0.02, "people": 169}, "fnir": None})
    assert "none of those tried" in none[1]
    assert "enroll a second photo" in none[2]


def test_days_between_two_strangers_are_told_and_may_be_the_target(staff, cli, done):
    third = sentences(FIGURES | {"per_day": 20.0, "days_between": calibration.days_between(FIGURES["fpir"], 20)})[2]
    assert (
        third == "with 20 strangers a day before the cameras that is about one in 4.2 days "
        "(95 % sure: not more than one in 1.2 days)"
    )
    assert calibration.days_between({"value": 0.0, "low": 0.0, "high": 0.02}, 5) == {
        "value": None,
        "low": 10.0,
        "high": None,
    }
    found = done("enroll", "calibrate", "--per-day", "2", "--days", "5")
    assert (found["fpir_target"], found["per_day"]) == (0.1, 2.0)
    assert set(found["days_between"]) == {"value", "low", "high"}
    assert "second factor" in cli("enroll", "calibrate", "--fpir", "0.1").out
    assert "card+face" in cli("enroll", "calibrate", "--per-day", "100", "--days", "30").error
    assert "without --fpir" in cli("enroll", "calibrate", "--days", "3").error
    for tiny in ("-3", "0", "5e-324"):
        assert "from 0.001" in cli("enroll", "calibrate", f"--per-day={tiny}", "--days", "1").error
        with pytest.raises(ValidationError):
            CalibrationRequest(per_day=float(tiny), days=1.0)
    assert done("enroll", "calibrate", "--per-day", "0.5", "--days", "1")["fpir_target"] == 0.1


ANSWER = {
    "gallery": 2,
    "samples": 1,
    "probes": 1,
    "mated": 3,
    "strangers": 4,
    "rank1": 1.0,
    "fpir_target": 0.01,
    "fpir": 0.0,
    "fnir": 0.25,
    "threshold": 0.97,
    "score": "x",
    "no_face": 0,
    "at_stock_threshold": {"fpir": 0.5, "fnir": 0.0},
    "fmr": 0.001,
    "fnmr": 0.2,
    "det": [{"fpir": 0.01, "fnir": 0.25, "threshold": 0.97}],
}


def test_evaluate_needs_no_home_and_prints_one_document(parts, cli, tmp_path, monkeypatch):
    asked = []

    def fake(trial, progress, det=None):
        asked.append((trial, det))
        progress(7, 7)
        return ANSWER

    object.__setattr__(parts, "evaluate", fake)
    monkeypatch.setenv("DEVICEMGR_HOME", str(tmp_path / "absent"))
    ran = cli("enroll", "evaluate", tmp_path, "--strangers", tmp_path, "--samples", "3", "--probes", "2", "--json")
    assert ran.code == 0
    assert json.loads(ran.out) == ANSWER
    assert (asked[0][0].samples, asked[0][0].probes, asked[0][0].fpir, asked[0][1]) == (3, 2, 0.01, None)
    assert not (tmp_path / "absent").exists()
    told = cli("enroll", "evaluate", tmp_path)
    assert "25.0 %" in told.out
    assert "7/7" in told.err
