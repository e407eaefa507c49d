"""`enroll …` with a fake analyzer: what is stored, what is refused, what is said."""

import os

import pytest

from devicemgr.cli.people.photos import MAX_BYTES, read_photo
from enrollment.photos.image import PhotoError, load_photo

FACE_KEYS = {
    "ok",
    "reasons",
    "box",
    "face_px",
    "sharpness",
    "brightness",
    "yaw_deg",
    "pitch_deg",
    "roll_deg",
}


@pytest.fixture
def aigul(home, done):
    done("person", "add", "Aigul", "--badge", "7")


def test_one_photo_answers_its_face(aigul, done, photo):
    file = photo("a.jpg", "face:aigul:1")
    face = done("enroll", "photo", "7", file, "--consent", "form-1")
    assert set(face) >= FACE_KEYS
    assert (face["ok"], face["reasons"], face["badge"], face["templates"]) == (True, [], "7", 1)
    assert face["file"] == str(file)
    shown = done("person", "show", "7")
    assert (shown["consent"]["reference"], shown["templates"]) == ("form-1", 1)


def test_several_photos_answer_a_face_each_and_known_ones_are_skipped(aigul, done, photo):
    first, second = photo("a.jpg", "face:aigul:1"), photo("b.jpg", "face:aigul:2")
    done("enroll", "photo", "7", second, "--consent", "form-1")
    answer = done("enroll", "photo", "7", first, second, "--consent", "form-1")
    assert [face["file"] for face in answer["faces"]] == [str(first), str(second)]
    assert [face.get("skipped", False) for face in answer["faces"]] == [False, True]
    assert all(set(face) >= FACE_KEYS for face in answer["faces"])
    assert (answer["ok"], answer["badge"], answer["templates"]) == (True, "7", 2)


def test_one_bad_photo_of_several_stores_nothing_and_is_named(aigul, cli, done, photo):
    good, bad, worse = (
        photo(n, s) for n, s in (("a.jpg", "face:aigul"), ("b.jpg", "bad:blurred"), ("c.jpg", "bad:no_face"))
    )
    ran = cli("enroll", "photo", "7", good, bad, worse, "--consent", "form-1")
    assert ran.code == 1
    assert "b.jpg can't be enrolled: it is blurred" in ran.error
    assert "c.jpg" in ran.error
    shown = done("person", "show", "7")
    assert (shown["templates"], shown["consent"]) == (0, None)
    assert all(event["kind"] != "admin.face_enrolled" for event in cli("events", "--json").lines)


def test_a_refusal_in_json_is_a_document_with_every_face(aigul, cli, photo):
    files = [photo("a.jpg", "face:aigul"), photo("b.jpg", "bad:too_dark,turned_away")]
    ran = cli("enroll", "photo", "7", *files, "--consent", "form-1", "--json")
    assert ran.code == 1
    assert ran.json["ok"] is False
    assert [(face["ok"], face["file"]) for face in ran.json["faces"]] == [(True, str(files[0])), (False, str(files[1]))]
    single = cli("enroll", "photo", "7", files[1], "--consent", "form-1", "--json")
    assert single.json["reasons"] == ["too_dark", "turned_away"]


def test_a_face_that_is_enrolled_already_needs_allow_lookalike(aigul, cli, done, photo):
    done("person", "add", "Bolat", "--badge", "8")
    done("enroll", "photo", "7", photo("a.jpg", "face:twin:1"), "--consent", "form-1")
    second = photo("b.jpg", "face:twin:2")
    ran = cli("enroll", "photo", "8", second, "--consent", "form-2", "--json")
    assert (ran.code, ran.json["reasons"], ran.json["duplicate_of"]) == (1, ["duplicate_of"], "7")
    assert "--allow-lookalike" in ran.error
    face = done("enroll", "photo", "8", second, "--consent", "form-2", "--allow-lookalike")
    assert face["templates"] == 1


def test_consent_is_required(aigul, cli, photo, done):
    file = photo("a.jpg", "face:aigul")
    assert cli("enroll", "photo", "7", file).code == 2
    for reference in ("", "  ", "form\u202e1", "x" * 201):
        ran = cli("enroll", "photo", "7", file, "--consent", reference)
        assert ran.code == 1
        assert "consent reference" in ran.error
    assert done("person", "show", "7")["consent"] is None


def test_files_that_are_no_photos_are_told_before_anything_is_sent(aigul, cli, photo, tmp_path):
    good = photo("good.jpg", "face:aigul")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    faults = {"absent.jpg": "no file", "folder": "folder", "pipe.jpg": "regular"}
    for name, words in faults.items():
        ran = cli("enroll", "photo", "7", good, tmp_path / name, "--consent", "form-1")
        assert ran.code == 1
        assert words in ran.error
        assert cli("enroll", "check", tmp_path / name).code == 1
    kinds = [event["kind"] for event in cli("events", "--json").lines]
    assert kinds == ["admin.person_added"]


def test_an_empty_file_is_a_photo_that_can_not_be_read(aigul, cli, tmp_path):
    (tmp_path / "empty.jpg").touch()
    ran = cli("enroll", "check", tmp_path / "empty.jpg", "--json")
    assert (ran.code, ran.json["ok"], ran.json["reasons"]) == (4, False, ["unreadable_image"])
    ran = cli("enroll", "photo", "7", tmp_path / "empty.jpg", "--consent", "form-1")
    assert ran.code == 1
    assert "not an image that can be read" in ran.error


def test_of_a_file_over_the_bound_only_enough_is_read_to_refuse_it(tmp_path):
    with (tmp_path / "huge.jpg").open("wb") as huge:
        huge.truncate(200 * 1024 * 1024)
    assert len(read_photo(tmp_path / "huge.jpg")) == MAX_BYTES + 1
    with pytest.raises(PhotoError, match="image_too_large"):
        load_photo(read_photo(tmp_path / "huge.jpg"))


def test_check_ends_with_4_and_says_what_to_do(home, cli, photo):
    good = cli("enroll", "check", photo("a.jpg", "face:x"), "--json")
    assert good.code == 0
    assert set(good.json) >= FACE_KEYS
    bad = photo("b.jpg", "bad:several_faces,face_too_small")
    assert cli("enroll", "check", bad, "--json").json["reasons"] == ["several_faces", "face_too_small"]
    ran = cli("enroll", "check", bad)
    assert ran.code == 4
    assert "only one person" in ran.out
    assert "sharpness" not in ran.out
    assert "from closer" in ran.out


def test_identify_finds_the_person_and_writes_only_an_audit_row(aigul, cli, done, photo):
    done("enroll", "photo", "7", photo("a.jpg", "face:aigul:1"), "--consent", "form-1")
    before = done("person", "show", "7")
    found = done("enroll", "identify", photo("b.jpg", "face:aigul:2"))
    assert set(found) == {"badge", "score", "runner_up_score", "threshold", "reason"}
    assert (found["badge"], found["reason"]) == ("7", None)
    assert found["score"] >= found["threshold"]
    stranger = done("enroll", "identify", photo("c.jpg", "face:stranger"))
    assert (stranger["badge"], stranger["reason"]) == (None, "unknown_face")
    assert done("person", "show", "7") == before
    assert [e["kind"] for e in cli("events", "--json", "--kind", "admin.face_identified").lines] == [
        "admin.face_identified"
    ] * 2


def test_withdrawing_erases_the_face_and_leaves_the_person(aigul, cli, done, photo):
    file = photo("a.jpg", "face:aigul")
    done("enroll", "photo", "7", file, "--consent", "form-1")
    assert done("enroll", "withdraw", "7", "--yes") == {
        "badge": "7",
        "templates_erased": 1,
        "verified": True,
        "backups_closed": True,
    }
    shown = done("person", "show", "7")
    assert (shown["consent"], shown["templates"], shown["name"]) == (None, 0, "Aigul")
    assert done("enroll", "identify", file)["badge"] is None
    assert cli("enroll", "withdraw", "7", "--yes").code == 1
    copy = done("person", "export", "7")
    assert copy["consents"][0]["withdrawn"] is not None
    assert done("enroll", "photo", "7", file, "--consent", "form-2")["templates"] == 1


def test_an_unknown_badge(home, cli, photo):
    ran = cli("enroll", "photo", "99", photo("a.jpg", "face:x"), "--consent", "form-1")
    assert ran.code == 1
    assert "no person has badge 99" in ran.error
