"""Every byte of a home, after people were erased and after strangers came by: nothing of them is in any file."""

import base64
import sqlite3
import time
from datetime import UTC, datetime

import numpy as np
import pytest

from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.gallery import cache
from devicemgr.people import retention
from tests.scanning import embeddings_in, files, vector

NAME, BADGE, CARD, FORM = "Зұлпықар Ықыласұлы", "Q-771310942", "80:58417", "form-99417731"


@pytest.mark.parametrize("kind", ["<f4", "<f8", "<f2"])
def test_the_detector_finds_what_it_looks_for(kind):
    noise = np.random.default_rng(1).bytes(5001)
    assert embeddings_in(noise * 2) == []
    assert embeddings_in(b"x" * 333 + vector(3).astype(kind).tobytes() + noise)
    assert embeddings_in(bytes(20_000)) == []


@pytest.fixture
def enrolled(entrance, done, photo, site, monkeypatch, tmp_path):
    """Somebody with all that can be kept, in a saved gallery, with events, a spilled one, and a backup."""
    monkeypatch.setattr(cache, "KEEP_FROM", 1)
    settings = tmp_path / "site.toml"
    settings.write_text("[site]\nkeep_samples = true\n")
    done("apply", settings)
    done("person", "add", NAME, "--badge", BADGE, "--level", "staff")
    done("person", "add", "Bolat", "--badge", "B-8")
    done("enroll", "photo", BADGE, photo("a.jpg", "face:zulpyqar"), "--consent", FORM)
    done("enroll", "photo", "B-8", photo("b.jpg", "face:bolat"), "--consent", "form-8")
    done("card", "assign", BADGE, CARD)
    monkeypatch.setenv("PHRASE", "correct horse battery")
    site.gallery.refresh()
    assert site.gallery.save()


def secrets_of(home, badge):
    """Every sealed thing and key of a person, as it lies in the database."""
    with sqlite3.connect(home.database) as raw:
        (person, wrapped, backup) = raw.execute(
            "select id, wrapped_key, backup_key from people where badge = ?", (badge,)
        ).fetchone()
        found = [wrapped, backup] if backup else [wrapped]
        for table in ("templates", "samples"):
            for row in raw.execute(f"select sealed, photo_mac from {table} where person_id = ?", (person,)):
                found += row
    raw.close()
    return found


def traces(folder, person_secrets, log=""):
    """What of the person is in which file; plain, JSON-escaped, base64 and hex."""
    words = [NAME.encode(), BADGE.encode(), CARD.encode(), FORM.encode(), NAME.encode("unicode_escape")]
    words += [b"crop:face:zulpyqar", b"face:zulpyqar", *person_secrets]
    words += [secret.hex().encode() for secret in person_secrets]
    words += [base64.b64encode(secret)[:-4] for secret in person_secrets]
    found = {(name, word) for name, content in files(folder).items() for word in words if word in content}
    return found | {("log", word) for word in words if word in log.encode()}


def test_an_erased_person_is_in_no_byte_of_the_home(enrolled, home, done, site, tmp_path, caplog):
    caplog.set_level(0)
    done("backup", tmp_path / "a.dmb", "--passphrase-env", "PHRASE")
    secrets = secrets_of(home, BADGE)
    assert len(secrets) == 6
    assert {word for _, word in traces(home.path, secrets)} >= {NAME.encode(), BADGE.encode(), *secrets}
    gallery = home.cache / "gallery.sealed"
    before = gallery.read_bytes()
    caplog.clear()
    answer = done("person", "erase", BADGE, "--yes")
    assert answer["verified"]
    assert answer["backups_closed"]
    # httpx tells of a command's own requests, to nobody: the command has no log.
    log = "".join(r.getMessage() for r in caplog.records if r.name.split(".")[0] in ("devicemgr", "drivers"))
    assert traces(home.path, secrets, log) == set()
    site.gallery.refresh()
    site.gallery.save()
    assert gallery.read_bytes() != before
    left = {name for name, _ in traces(tmp_path, secrets)}
    assert left <= {"a.jpg"}, "nothing but the photo that the person's employer keeps"


def test_events_that_retention_removes_are_in_no_byte(enrolled, home, site, done, agreed, tmp_path):
    with site.database.write(changes_site=False) as session:
        fact = Fact(Kind.ACCESS_GRANTED, datetime.now(UTC), person_id="11111111-aaaa", request="request-771001")
        site.ledger.append(session, [fact])
    site.sealer.seal()
    done("person", "suspend", "B-8")
    settings = tmp_path / "site.toml"
    settings.write_text("[site]\nretention_days = 1\n")
    agreed("apply", settings)
    assert any(b"request-771001" in content for content in files(home.path).values())
    later = datetime.fromtimestamp(time.time() + 3 * 86400, UTC)
    assert retention.run(site, later)["events"] > 5
    assert not any(b"request-771001" in content for content in files(home.path).values())
    assert done("audit", "verify")["ok"]


def test_rows_swapped_between_people_open_nothing(enrolled, home, site):
    """Key and templates moved together as well: each is bound to the person's id."""
    from devicemgr.errors import KeyMissing
    from devicemgr.store.people import face_templates, people

    with sqlite3.connect(home.database) as raw:
        rows = dict(raw.execute("select badge, id from people"))
        keys = dict(raw.execute("select badge, wrapped_key from people"))
        raw.execute("update people set wrapped_key = ? where badge = 'B-8'", (keys[BADGE],))
        raw.execute("delete from templates where person_id = ?", (rows["B-8"],))
        raw.execute("update templates set person_id = ? where person_id = ?", (rows["B-8"], rows[BADGE]))
    raw.close()
    with site.database.read() as session:
        row = people.get(session, "B-8")
        moved = face_templates.sealed(session, row.templates[0].id)
        with pytest.raises(KeyMissing):
            cache.open_template(site.vault, moved)
