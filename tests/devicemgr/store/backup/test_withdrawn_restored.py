"""A backup from before a withdrawal brings back neither the face nor the consent."""

import shutil

import pytest

from devicemgr.store.people import people


# A consent without a face is known to be withdrawn by the home that is replaced only.
@pytest.mark.parametrize(("replaced", "faceless"), [(False, False), (True, False), (True, True)])
def test_a_restored_consent_stays_withdrawn(
    staff, backup, restored, done, cli, site, safe, tmp_path, photo, faceless, replaced
):
    if faceless:
        with site.database.write() as session:
            people.drop_face(session, people.get(session, "8"))
    backup("a.dmb")
    shutil.copy(safe / "people.keys", tmp_path / "stale.keys")
    done("enroll", "withdraw", "8", "--yes")
    backup("b.dmb")
    if replaced:
        keys = ("--keys", tmp_path / "stale.keys", "--replace", "--yes")
        found = done("restore", safe / "a.dmb", "--passphrase-env", "PHRASE", *keys)
    else:
        found = restored("a.dmb")
    assert found["without_face"] == 1
    assert [c["withdrawn"] is None for c in done("person", "export", "8")["consents"]] == [False]
    file = photo("in/8_Bolat.jpg", "face:bolat")
    assert "withdrew" in cli("enroll", "photo", "8", file, "--consent", "form-8").error
    for reference in ("form-8", "form-9"):
        ran = done("enroll", "import", file.parent, "--consent", reference)
        assert [row["badge"] for row in ran["withdrawn"]] == ["8"]
