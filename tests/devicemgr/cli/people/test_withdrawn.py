"""A face that was withdrawn comes back under a new consent only, whichever way it is brought in."""

import threading
import zipfile
from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.people import face_enrollment
from devicemgr.store.people import people
from devicemgr.text import rfc3339

NAME = "Айгүл Б (badge 7)"


@pytest.fixture
def folder(tmp_path, photo):
    for name, says in {"in/7_Айгүл_Б.jpg": "face:a", "in/8_Omar.jpg": "face:b"}.items():
        photo(name, says)
    return tmp_path / "in"


@pytest.fixture
def enrolled(home, folder, done):
    """Badges 7 and 8 by an import under "forms-2026"."""
    assert done("enroll", "import", folder, "--consent", "forms-2026")["enrolled"] == 2
    return folder


def samples(done):
    return {person["badge"]: person["templates"] for person in done("person", "list")}


def consents(done, badge="7"):
    return {row["reference"]: row for row in done("person", "export", badge)["consents"]}


def as_zip(folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as packed:
        for file in folder.iterdir():
            packed.write(file, file.name)
    return tmp_path / "in.zip"


def as_table(folder, tmp_path):
    lines = "".join(f"{file.name[0]},Somebody,{file}\n" for file in sorted(folder.iterdir()))
    (tmp_path / "in.csv").write_text("badge,name,photo\n" + lines, encoding="utf-8")
    return tmp_path / "in.csv"


@pytest.mark.parametrize("form", [lambda folder, _: folder, as_zip, as_table], ids=["folder", "zip", "table"])
@pytest.mark.parametrize("reference", ["forms-2026", "FORMS-2026", "forms-2027"])
def test_an_import_skips_who_withdrew_and_names_them(enrolled, cli, done, tmp_path, form, reference):
    done("enroll", "withdraw", "7", "--yes")
    before = consents(done)
    assert before["forms-2026"]["withdrawn"]
    ran = cli("enroll", "import", form(enrolled, tmp_path), "--consent", reference)
    assert ran.code == 0
    assert f"1 person withdrew their consent, skipped: {NAME}" in ran.err
    again = done("enroll", "import", enrolled, "--consent", reference)
    assert again["failed"] == []
    assert [(row["badge"], row["name"]) for row in again["withdrawn"]] == [("7", "Айгүл Б")]
    assert "withdrew" in again["withdrawn"][0]["why"]
    assert samples(done) == {"7": 0, "8": 1}
    assert consents(done) == before


@pytest.mark.parametrize("reference", ["forms-2026", " Forms-2026 "])
def test_the_withdrawn_reference_is_refused(enrolled, cli, done, reference):
    done("enroll", "withdraw", "7", "--yes")
    ran = cli("enroll", "photo", "7", enrolled / "7_Айгүл_Б.jpg", "--consent", reference)
    assert ran.code == 1
    assert NAME in ran.error
    assert "withdrew the consent forms-2026" in ran.error
    assert samples(done)["7"] == 0


def test_a_camera_does_not_begin_under_a_withdrawn_reference(enrolled, cli, done):
    done("device", "add", "desk", "--driver", "fake_camera", "--address", "rtsp://192.0.2.1/")
    done("enroll", "withdraw", "7", "--yes")
    ran = cli("enroll", "camera", "7", "--device", "desk", "--consent", "forms-2026")
    assert ran.code == 1
    assert "withdrew the consent forms-2026" in ran.error


def test_a_new_consent_brings_the_face_back_and_the_old_one_stays_withdrawn(enrolled, cli, done):
    done("enroll", "withdraw", "7", "--yes")
    withdrawn = consents(done)["forms-2026"]
    done("enroll", "photo", "7", enrolled / "7_Айгүл_Б.jpg", "--consent", "form-7")
    assert samples(done)["7"] == 1
    assert consents(done)["forms-2026"] == withdrawn
    assert consents(done)["form-7"]["withdrawn"] is None
    assert "withdrew" in cli("enroll", "renew", "7", "--consent", "forms-2026").error
    # The old reference is no way back to it either, and the new import's is one: they have agreed again.
    assert [row["badge"] for row in done("enroll", "import", enrolled, "--consent", "forms-2026")["withdrawn"]] == ["7"]
    assert "withdrawn" not in done("enroll", "import", enrolled, "--consent", "forms-2027")
    done("enroll", "withdraw", "7", "--yes")
    assert all(row["withdrawn"] for row in consents(done).values())
    for reference in ("forms-2026", "form-7", "forms-2027"):
        assert cli("enroll", "photo", "7", enrolled / "7_Айгүл_Б.jpg", "--consent", reference).code == 1


def test_a_withdrawal_while_the_photo_is_looked_at_wins(enrolled, done, cli, photo, parts, site, monkeypatch):
    analyze = parts.faces.analyze

    def slow(*given, **more):
        analyzed = analyze(*given, **more)
        withdrawing = threading.Thread(target=face_enrollment.withdraw, args=(site, "uid:0", "7"))
        withdrawing.start()
        withdrawing.join(20)
        return analyzed

    photo("in/7_Айгүл_Б_2.jpg", "face:a:2")
    monkeypatch.setattr(parts.faces, "analyze", slow)
    ran = done("enroll", "import", enrolled, "--consent", "forms-2026", "--workers", "1")
    assert [row["badge"] for row in ran["withdrawn"]] == ["7"]
    assert samples(done)["7"] == 0


def test_who_has_no_face_any_more_can_withdraw_too(enrolled, done, site):
    with site.database.write() as session:
        row = people.get(session, "7")
        row.consents[-1].expired = rfc3339(datetime.now(UTC))
        people.drop_face(session, row)
    done("enroll", "withdraw", "7", "--yes")
    assert [row["badge"] for row in done("enroll", "import", enrolled, "--consent", "forms-2027")["withdrawn"]] == ["7"]


def test_an_import_does_not_lengthen_a_consent_that_has_ended(enrolled, cli, done, site):
    with site.database.write() as session:
        row = people.get(session, "7")
        row.consents[-1].until = rfc3339(datetime.now(UTC) - timedelta(seconds=1))
        people.drop_face(session, row)
    ran = cli("enroll", "import", enrolled, "--consent", "forms-2026")
    assert ran.code == 0
    assert f"has ended: {NAME}" in ran.err
    assert samples(done)["7"] == 0
    assert done("enroll", "import", enrolled, "--consent", "forms-2027")["enrolled"] == 1
