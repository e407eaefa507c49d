"""Seals: whoever can write the database can't rewrite, cut, reorder or roll it back unseen."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from devicemgr.atomic_files import new_file, replace_durably
from devicemgr.domain import ledger_chain
from devicemgr.domain.ledger_events import Fact
from devicemgr.errors import KeyMissing, StorageFailed
from devicemgr.ledger.sealer import KeyFile, Sealer, read_key
from devicemgr.operations import audit
from devicemgr.site.site import Site
from devicemgr.store.ledger import events, seals as rows
from devicemgr.store.site import settings
from devicemgr.store.site.settings import Settings
from tests.support.hints import hint_of


def record(site: Site, count: int = 3) -> None:
    with site.database.write(changes_site=False) as session:
        site.ledger.append(session, [Fact(f"test.{n}", datetime.now(UTC)) for n in range(count)])


def sql(site: Site, *statements: str) -> None:
    with sqlite3.connect(site.home.database) as database:
        for statement in statements:
            database.execute(statement)
    database.close()


REWRITE = "UPDATE events SET body = replace(body, 'test.1', 'test.9'), kind = 'test.9' WHERE seq = 5"


def rehash(site: Site) -> None:
    """What somebody with the database in hand would do: make the chain right again."""
    with sqlite3.connect(site.home.database) as database:
        previous = ledger_chain.GENESIS
        for seq, body in database.execute("SELECT seq, body FROM events ORDER BY seq").fetchall():
            previous = ledger_chain.link(previous, body)
            database.execute("UPDATE events SET hash = ? WHERE seq = ?", (previous, seq))
    database.close()


@pytest.fixture
def sealed(site: Site) -> Site:
    """Three seals over nine events and the first one of `init`, and one event since."""
    for _ in range(3):
        record(site)
        site.sealer.seal()
    record(site, 1)
    return site


def test_what_is_whole_holds_and_says_up_to_where_it_is_sealed(sealed: Site) -> None:
    found = audit.verify(sealed)
    assert (found["ok"], found["events"], found["why"]) == (True, 10, None)
    assert (found["sealed"]["seq"], found["sealed"]["seals"]) == (9, 4)
    assert audit.verify(sealed, root=found["root"].upper())["ok"]
    assert not audit.verify(sealed, root="00" * 32)["ok"]


def test_nothing_new_is_not_sealed_again(sealed: Site) -> None:
    one = sealed.sealer.seal()
    assert sealed.sealer.seal() == one


@pytest.mark.parametrize(
    ("attack", "words", "seq"),
    [
        (lambda s: (sql(s, REWRITE), rehash(s)), "not those that were sealed", 6),
        (lambda s: sql(s, "DELETE FROM events WHERE seq > 7"), "cut off", 9),
        (
            lambda s: sql(s, "DELETE FROM events WHERE seq > 6", "DELETE FROM seals WHERE number > 3"),
            "the key file remembers",
            9,
        ),
        (lambda s: sql(s, "DELETE FROM events", "DELETE FROM seals"), "older copy", 9),
        (lambda s: sql(s, "DELETE FROM seals WHERE number = 2"), "seal 2 is missing", 6),
        (lambda s: sql(s, "UPDATE seals SET time = '2020-01-01T00:00:00Z' WHERE number = 3"), "not made by", 6),
        (lambda s: sql(s, "UPDATE seals SET signature = 'xyz' WHERE number = 3"), "not made by", 6),
        (lambda s: sql(s, "UPDATE events SET hash = hash || '0' WHERE seq = 2"), "changed", 2),
    ],
    ids=["rehashed", "cut", "rolled back", "emptied", "seal gone", "seal changed", "no signature", "hash"],
)
def test_each_attack_on_the_database_is_found(
    sealed: Site, attack: Callable[[Site], Any], words: str, seq: int
) -> None:
    attack(sealed)
    found = audit.verify(sealed)
    assert (found["ok"], found["first_bad_seq"]) == (False, seq)
    assert words in found["why"]


def test_yesterdays_copy_is_found_and_is_not_sealed_over(site: Site, tmp_path: Path) -> None:
    record(site)
    site.sealer.seal()
    site.database.close()
    shutil.copy(site.home.database, tmp_path / "yesterday.db")
    record(site)
    site.sealer.seal()
    record(site)
    site.sealer.seal()
    site.database.close()
    for file in site.home.path.glob("devicemgr.db*"):
        file.unlink()
    shutil.copy(tmp_path / "yesterday.db", site.home.database)
    assert "older copy" in audit.verify(site)["why"]
    with pytest.raises(StorageFailed, match="not the one that was sealed last") as caught:
        site.sealer.seal()
    assert hint_of(caught) == "verify_audit"


def test_an_attacker_with_todays_key_cannot_sign_for_the_time_before(sealed: Site) -> None:
    """The key that signed seal 3 is gone: with the key of seal 5 only a chain with a hole can be made."""
    key = read_key(sealed.home.seal_key)
    assert key is not None
    sql(sealed, "DELETE FROM events WHERE seq > 5", "DELETE FROM seals WHERE number > 2")
    with sealed.database.read() as session:
        seq, head = events.head(session)
    from devicemgr.domain import ledger_seals

    forged, _ = ledger_seals.sign(key.private, 3, seq, head, "2026-01-01T00:00:00Z")
    with sealed.database.write(changes_site=False) as session:
        rows.add(session, forged)
    replace_durably(sealed.home.seal_key, KeyFile(4, key.private, key.root, forged).dump())
    found = audit.verify(sealed)
    assert not found["ok"]
    assert "not made by this box's key" in found["why"]


@pytest.mark.parametrize("stored", [True, False])
def test_a_crash_between_key_file_and_row_loses_no_seal(
    sealed: Site, monkeypatch: pytest.MonkeyPatch, stored: bool
) -> None:
    class Killed(BaseException):
        pass

    def die(*_: Any) -> None:
        raise Killed

    monkeypatch.setattr(Sealer, "_store" if not stored else "_tell_nobody", die, raising=False)
    with pytest.raises(Killed) if not stored else pytest.raises(AssertionError):
        sealed.sealer.seal()
        raise AssertionError("lived")
    monkeypatch.undo()
    assert audit.verify(sealed)["ok"], "the key file is one seal ahead, and that is told from an older copy"
    again = Sealer(sealed.home, sealed.database)
    record(sealed)
    again.seal()
    found = audit.verify(sealed)
    assert (found["ok"], found["sealed"]["seals"]) == (True, 6)


def test_a_lost_or_damaged_key_is_told_and_nothing_is_sealed_by_another(sealed: Site) -> None:
    sealed.home.seal_key.write_text("{}")
    with pytest.raises(KeyMissing, match="damaged"):
        sealed.sealer.seal()
    sealed.home.seal_key.unlink()
    with pytest.raises(KeyMissing, match="is gone"):
        sealed.sealer.seal()
    assert not sealed.home.seal_key.exists()
    assert "is gone" in audit.verify(sealed)["why"]
    sealed.sealer.seal_often()
    assert "is gone" in str(sealed.sealer.failing)


def test_the_key_file_is_private(sealed: Site) -> None:
    assert sealed.home.seal_key.stat().st_mode & 0o777 == 0o600


def test_a_file_elsewhere_remembers_what_database_and_key_file_forgot(site: Site, tmp_path: Path) -> None:
    anchor = tmp_path / "elsewhere.seals"
    with site.database.write() as session:
        settings.save(session, Settings(anchors=(f"file:{anchor}",)))
    record(site)
    site.sealer.seal()
    site.database.close()
    copy = tmp_path / "copy"
    shutil.copytree(site.home.path, copy)
    record(site)
    site.sealer.seal()
    assert audit.verify(site)["ok"]
    site.database.close()
    shutil.rmtree(site.home.path)
    shutil.copytree(copy, site.home.path)
    found = audit.verify(site)
    assert not found["ok"]
    assert "elsewhere.seals" in found["why"]


def export(site: Site, path: Path) -> dict[str, Any]:
    with new_file(path) as file:
        return audit.export(site, file)


def run(bundle: Path, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    subprocess.run([sys.executable, "-m", "zipfile", "-e", bundle, folder], check=True)
    command = [sys.executable, "-I", "-S", folder / "verify.py", bundle, *more]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_bundle_verifies_without_the_product_and_shows_no_name(sealed: Site, tmp_path: Path) -> None:
    sealed.sealer.seal()
    made = export(sealed, tmp_path / "a.zip")
    ran = run(tmp_path / "a.zip", tmp_path / "out", made["root"])
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("good: 10 events, 5 seals")
    assert run(tmp_path / "a.zip", tmp_path / "out", "11" * 32).returncode == 1


@pytest.mark.parametrize("victim", ["events.jsonl", "seals.jsonl"])
def test_a_changed_bundle_is_bad(sealed: Site, tmp_path: Path, victim: str) -> None:
    import zipfile

    sealed.sealer.seal()
    export(sealed, tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as old, zipfile.ZipFile(tmp_path / "b.zip", "w") as new:
        for name in old.namelist():
            lines = old.read(name).decode().splitlines()
            if name == victim:
                changed = json.loads(lines[2])
                field = "body" if "body" in changed else "head"
                changed[field] = changed[field].replace("a", "b", 1).replace("test", "tost", 1)
                lines[2] = json.dumps(changed)
            new.writestr(name, "\n".join(lines) + "\n")
    ran = run(tmp_path / "b.zip", tmp_path / "out")
    assert ran.returncode == 1
    assert ran.stdout.startswith("BAD")


def test_what_does_not_hold_is_not_exported(sealed: Site, tmp_path: Path) -> None:
    sql(sealed, "DELETE FROM events WHERE seq = 2")
    with pytest.raises(Exception, match="does not hold"):
        export(sealed, tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()
