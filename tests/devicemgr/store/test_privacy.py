"""What the files tell: nothing without the key, nothing of a person who was erased."""

import shutil
import sqlite3

import numpy as np
import pytest

from devicemgr.errors import KeyMissing
from devicemgr.home import Home
from devicemgr.site import site as sites
from devicemgr.store import sqlite
from devicemgr.store.people import people
from devicemgr.store.people.face_templates import sealed
from devicemgr.store.site import devices as device_store
from devicemgr.vault import Vault

NAME = "Қарлығаш Нұрпейісова"


@pytest.fixture
def enrolled(entrance, done, photo):
    """Badges 7 and 8 with a face each."""
    for badge, name, who in (("7", NAME, "qarlygash"), ("8", "Bolat", "bolat")):
        done("person", "add", name, "--badge", badge, "--level", "staff")
        done("enroll", "photo", badge, photo(f"{badge}.jpg", f"face:{who}"), "--consent", f"form-{badge}")


def everything(home: Home) -> bytes:
    """All bytes in the home, the key left out."""
    return b"".join(file.read_bytes() for file in home.path.rglob("*") if file.is_file() and file != home.key)


def test_no_embedding_and_no_photo_is_ever_in_a_file(enrolled, home, parts):
    content = everything(home)
    for who in ("qarlygash", "bolat"):
        embedding = parts.faces.analyze([f"face:{who}".encode()])[0].embedding
        assert embedding is not None
        for stored_as in (embedding.astype("<f4"), embedding.astype("<f8"), embedding.astype("<f2")):
            assert stored_as.tobytes()[:16] not in content
        assert f"face:{who}".encode() not in content


def test_an_erased_person_is_nowhere_in_the_files(enrolled, home, done, cli):
    assert NAME.encode() in everything(home)
    answer = done("person", "erase", "7", "--yes")
    assert answer["verified"] is True
    assert (answer["erased"]["templates"], answer["erased"]["consents"]) == (1, 1)
    content = everything(home)
    assert NAME.encode() not in content
    assert b"form-7" not in content
    assert b"Bolat" in content
    assert cli("person", "show", "7").code == 1
    assert [person["badge"] for person in done("person", "list")] == ["8"]
    database = sqlite3.connect(home.database)
    for table in ("people", "templates", "consents", "person_levels"):
        assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (1,), table
    database.close()


def test_events_of_an_erased_person_stay_without_the_person(enrolled, done, cli):
    done("person", "erase", "7", "--yes")
    events = cli("events", "--json").lines
    assert [event["kind"] for event in events if event["person"] == "7"] == []
    assert "admin.person_erased" in [event["kind"] for event in events]
    assert done("audit", "verify")["ok"] is True
    assert done("person", "add", "Somebody New", "--badge", "7")["templates"] == 0
    assert all(e["kind"] == "admin.person_added" for e in cli("events", "--person", "7", "--json").lines)


def test_an_erasure_that_a_reader_keeps_in_the_log_says_so(enrolled, home, site, cli, monkeypatch):
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 50)
    with site.database.read() as session:
        people.get(session, "8")
        ran = cli("person", "erase", "7", "--json", "--yes")
        assert (ran.code, ran.json["verified"]) == (0, False)
        assert "log still holds" in ran.err
    assert NAME.encode() in everything(home)
    ran = cli("enroll", "withdraw", "8", "--json", "--yes")
    assert ran.json["verified"] is True
    assert NAME.encode() not in everything(home)


def test_withdrawing_destroys_the_key(enrolled, home, done):
    database = sqlite3.connect(home.database)
    query = "SELECT wrapped_key FROM people WHERE badge = '7'"
    (wrapped,) = database.execute(query).fetchone()
    assert wrapped in everything(home)
    done("enroll", "withdraw", "7", "--yes")
    assert database.execute(query).fetchone() == (None,)
    database.close()
    assert wrapped not in everything(home)


def test_a_template_moved_to_another_person_is_rejected_and_left_out(enrolled, home, site, done, photo, caplog):
    with site.database.read() as session:
        first, second = people.get(session, "7"), people.get(session, "8")
        ids = first.templates[0].id, second.templates[0].id
    with sqlite3.connect(home.database) as database:
        rows = dict(database.execute("SELECT id, sealed FROM templates"))
        for mine, other in (ids, ids[::-1]):
            database.execute("UPDATE templates SET sealed = ? WHERE id = ?", (rows[other], mine))
    database.close()
    with site.database.read() as session:
        moved = sealed(session, ids[0])
        with pytest.raises(KeyMissing, match="moved between people"):
            site.vault.data_key(moved.person_id, moved.wrapped_key).open_template(moved.data, moved.model)
    assert done("enroll", "identify", photo("7.jpg", "face:qarlygash"))["badge"] is None
    assert "left out" in caplog.text


def test_whole_rows_moved_with_their_keys_are_rejected_too(enrolled, home, site):
    with sqlite3.connect(home.database) as database:
        (a, b) = database.execute("SELECT wrapped_key FROM people ORDER BY badge").fetchall()
        database.execute("UPDATE people SET wrapped_key = ? WHERE badge = '7'", b)
        database.execute("UPDATE people SET wrapped_key = ? WHERE badge = '8'", a)
    database.close()
    with site.database.read() as session:
        row = people.get(session, "7")
        with pytest.raises(KeyMissing):
            site.vault.data_key(row.id, row.wrapped_key or b"")


def test_a_copy_of_the_database_without_the_key_opens_nothing(enrolled, home, parts, tmp_path, done, monkeypatch):
    monkeypatch.setenv("PW", "corr3ct-horse")
    done("device", "edit", "cam-in", "--password-env", "PW")
    copy = Home(tmp_path / "stolen")
    copy.path.mkdir()
    for file in home.path.glob("devicemgr.db*"):
        shutil.copy(file, copy.path)
    with pytest.raises(KeyMissing):
        sites.open_site(copy, parts)
    forged = Vault.create(copy.key)
    with pytest.raises(KeyMissing, match="not this database's key"):
        sites.open_site(copy, parts)
    assert b"corr3ct-horse" not in everything(copy)
    database = sites.Database.open(copy.database)
    with database.read() as session:
        row = people.get(session, "7")
        with pytest.raises(KeyMissing):
            forged.data_key(row.id, row.wrapped_key or b"")
        with pytest.raises(KeyMissing):
            device_store.device_config(device_store.device(session, "cam-in"), forged)
    database.close()


def test_what_is_stored_opens_to_the_same_numbers(enrolled, site, parts):
    embedding = parts.faces.analyze([b"face:bolat"])[0].embedding
    with site.database.read() as session:
        row = people.get(session, "8")
        stored = sealed(session, row.templates[0].id)
        opened = site.vault.data_key(row.id, stored.wrapped_key).open_template(stored.data, stored.model)
    assert np.array_equal(np.frombuffer(opened, dtype="<f4"), embedding)
