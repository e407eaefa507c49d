"""Backup and restore: whole or not at all, nothing readable in it, and who was erased stays erased."""

import json
import os
import shutil
import sqlite3

from devicemgr.home import Home
from devicemgr.recovery import backup_stream, person_keys
from devicemgr.site import site as sites
from devicemgr.store.site import settings
from devicemgr.store.site.settings import Settings

NAME = "Қарлығаш Нұрпейісова"
PASSPHRASE = "correct horse battery"


def everything(folder):
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def badge_of_face(done, photo, who):
    return done("enroll", "identify", photo("probe.jpg", f"face:{who}:2"))["badge"]


def test_a_new_machine_has_everything_again(staff, backup, restored, done, photo, home, safe):
    before = done("person", "list")
    made = backup("a.dmb")
    assert (made["people"], (safe / "a.dmb").stat().st_mode & 0o777, made["bytes"]) == (
        2,
        0o600,
        (safe / "a.dmb").stat().st_size,
    )
    assert sorted(path.name for path in safe.iterdir()) == ["a.dmb", "people.keys"]
    assert not list(home.path.glob(".copy*"))
    shutil.rmtree(home.path)
    found = restored("a.dmb")
    assert (found["people"], found["left_out"], found["without_face"]) == (2, 0, 0)
    assert done("person", "list") == before
    assert badge_of_face(done, photo, "qarlygash") == "7"
    assert done("device", "test", "gate-1")
    assert done("person", "show", "8")["cards"] == ["80:8"]
    verified = done("audit", "verify")
    assert verified["ok"]
    assert verified["restored"][0]["backup"] == made["id"]
    modes = {path.name: path.stat().st_mode & 0o777 for path in (found["path"] / "keys").iterdir()}
    assert modes["master.key"] == modes["seal.key"] == 0o600
    assert found["path"].stat().st_mode & 0o077 == 0


def test_a_new_machine_has_visits_and_grants_with_limits_again(staff, backup, restored, done, home):
    done("level", "add", "lab", "--portal", "main")
    done("level", "grant", "8", "lab", "--to", "2036-12-31", "--uses", "2")
    done(
        "visitor", "add", "Ivan", "--host", "8", "--to", "2036-12-31", "--level", "lab", "--card", "80:900", "--escort"
    )
    done("visitor", "arrive", "V-000001")
    visits, grants = done("visitor", "list"), done("person", "show", "8")["grants"]
    backup("a.dmb")
    shutil.rmtree(home.path)
    restored("a.dmb")
    assert (done("visitor", "list"), done("person", "show", "8")["grants"]) == (visits, grants)
    assert done("visitor", "add", "Anna", "--host", "8", "--to", "2036-12-31")["badge"] == "V-000002"


def test_nothing_is_readable_in_a_backup_or_the_peoples_keys(staff, backup, home, safe):
    with sqlite3.connect(home.database) as raw:
        (template,) = raw.execute("select sealed from templates").fetchone()
    raw.close()
    assert NAME.encode() in everything(home.path)
    assert template in everything(home.path)
    backup("a.dmb")
    content = everything(safe)
    master, seal = home.key.read_bytes().strip(), json.loads(home.seal_key.read_text())["private"]
    for secret in (NAME.encode(), b"form-7", b"80:7", b"corr3ct-horse", b"gate-1", template, master, seal.encode()):
        assert secret not in content
    assert PASSPHRASE.encode() not in content + everything(home.path)


def test_who_was_erased_or_withdrew_after_the_backup_stays_so(staff, backup, restored, done, photo):
    backup("a.dmb")
    assert done("person", "erase", "7", "--yes")["backups_closed"] is True
    assert done("enroll", "withdraw", "8", "--yes")["backups_closed"] is True
    found = restored("a.dmb")
    assert (found["people"], found["left_out"], found["without_face"]) == (1, 1, 1)
    (left,) = done("person", "list")
    assert (left["badge"], left["templates"], left["consent"], left["cards"]) == ("8", 0, None, ["80:8"])
    assert NAME.encode() not in everything(found["path"])
    assert badge_of_face(done, photo, "bolat") is None
    assert done("audit", "verify")["ok"]


def test_an_erased_person_cannot_be_opened_with_all_that_is_left(staff, backup, done, safe, site):
    """Backup, passphrase, master key and the newest people's keys together: no key of theirs is among them."""
    backup("a.dmb")
    with site.database.read() as session:
        from devicemgr.store.people import people

        gone = people.get(session, "7").id
    kept = person_keys.read(safe / "people.keys").sealed[gone]
    done("person", "erase", "7", "--yes")
    assert gone not in person_keys.read(safe / "people.keys").sealed
    assert kept.encode() not in everything(safe)


def test_keys_out_of_reach_are_owed_until_the_next_backup(staff, backup, restored, cli, done, safe, tmp_path):
    backup("a.dmb")
    (safe / "people.keys").rename(tmp_path / "away")
    ran = cli("person", "erase", "7", "--json", "--yes")
    assert (ran.code, ran.json["backups_closed"]) == (0, False)
    assert "make a backup" in ran.err
    checks = {check["check"]: check for check in cli("doctor", "--json").json["checks"]}
    assert checks["backups"]["ok"] is False
    backup("b.dmb")
    checks = {check["check"]: check for check in cli("doctor", "--json").json["checks"]}
    assert checks["backups"]["ok"] is True
    assert restored("a.dmb")["left_out"] == 1


def test_keys_older_than_the_backup_or_of_another_site_are_refused(staff, backup, cli, safe, tmp_path, monkeypatch):
    backup("a.dmb")
    shutil.copy(safe / "people.keys", tmp_path / "old.keys")
    backup("b.dmb")
    monkeypatch.setenv("DEVICEMGR_HOME", str(tmp_path / "new"))
    ran = cli("restore", safe / "b.dmb", "--passphrase-env", "PHRASE", "--keys", tmp_path / "old.keys")
    assert (ran.code, "older than the backup" in ran.error) == (1, True)
    cli("init")
    ran = cli("backup", safe / "c.dmb", "--passphrase-env", "PHRASE")
    assert (ran.code, "another site" in ran.error) == (1, True)
    assert not (safe / "c.dmb").exists()


def test_a_wrong_or_short_passphrase_is_refused(staff, backup, cli, safe, home, tmp_path, monkeypatch):
    backup("a.dmb")
    monkeypatch.setenv("DEVICEMGR_HOME", str(tmp_path / "new"))
    monkeypatch.setenv("WRONG", "wrong horse battery")
    ran = cli("restore", safe / "a.dmb", "--passphrase-env", "WRONG")
    assert (ran.code, "passphrase" in ran.error) == (1, True)
    assert not (tmp_path / "new").exists()
    monkeypatch.setenv("WRONG", "short")
    monkeypatch.setenv("DEVICEMGR_HOME", str(home.path))
    assert "too short" in cli("backup", safe / "b.dmb", "--passphrase-env", "WRONG").err


def test_a_home_in_use_or_not_empty_is_refused_and_replace_moves_it_aside(staff, backup, cli, done, home, safe):
    backup("a.dmb")
    done("person", "add", "Later", "--badge", "9")
    command = ("restore", safe / "a.dmb", "--passphrase-env", "PHRASE")
    assert "not empty" in cli(*command).error
    with home.taken():
        assert "already runs" in cli(*command, "--replace", "--yes").error
    (home.path / "spill.log").write_text("x")
    found = done(*command, "--replace", "--yes")
    assert [person["badge"] for person in done("person", "list")] == ["7", "8"]
    assert sorted(path.name for path in home.path.iterdir() if "db" not in path.name) == sorted(
        {"daemon.lock", "keys", os.path.basename(found["replaced"])}
        | ({"cache"} if (home.path / "cache").exists() else set())
    )
    assert (home.path / found["replaced"] / "spill.log").exists()


def test_the_home_that_is_replaced_still_says_who_was_erased(staff, backup, done, safe, tmp_path):
    """Whatever became of the people's keys."""
    backup("a.dmb")
    shutil.copy(safe / "people.keys", tmp_path / "stale.keys")
    done("person", "erase", "7", "--yes")
    done("enroll", "withdraw", "8", "--yes")
    command = ("restore", safe / "a.dmb", "--passphrase-env", "PHRASE", "--keys", tmp_path / "stale.keys")
    found = done(*command, "--replace", "--yes")
    assert (found["left_out"], found["without_face"]) == (1, 1)
    assert [person["badge"] for person in done("person", "list")] == ["8"]


def test_an_anchor_that_knows_more_is_explained_by_the_restore(staff, backup, restored, site, done, tmp_path, cli):
    anchor = tmp_path / "elsewhere.seals"
    with site.database.write() as session:
        settings.save(session, Settings(anchors=(f"file:{anchor}",)))
    backup("a.dmb")
    done("person", "add", "Later", "--badge", "9")
    done("person", "add", "Much later", "--badge", "10")
    kept = anchor.read_text()
    restored("a.dmb")
    assert done("audit", "verify")["ok"]
    anchor.write_text(kept)  # as if it could not be reached while restoring
    found = done("audit", "verify")
    assert found["ok"], found
    assert "is not here" in cli("audit", "verify").out


def test_a_database_put_back_without_restore_is_still_found(staff, backup, restored, site, done, tmp_path, cli):
    anchor = tmp_path / "elsewhere.seals"
    with site.database.write() as session:
        settings.save(session, Settings(anchors=(f"file:{anchor}",)))
    backup("a.dmb")
    found = restored("a.dmb")
    copy = tmp_path / "copy"
    shutil.copytree(found["path"], copy)
    done("person", "add", "Later", "--badge", "9")
    assert done("audit", "verify")["ok"]
    shutil.rmtree(found["path"])
    shutil.copytree(copy, found["path"])
    assert cli("audit", "verify", "--json").code == 4


def test_secrets_have_no_repr():
    assert "b'" not in repr(backup_stream.Head({"id": "x"}, b"k" * 32))
    assert "b'" not in repr(person_keys.PersonKeys(b"k", b"f"))


def test_an_older_schema_is_brought_up(staff, backup, restored, home, parts, monkeypatch, done):
    """Restoring goes by what the database itself says of its version."""
    backup("a.dmb")
    found = restored("a.dmb")
    opened = sites.open_site(Home(found["path"]), parts)
    opened.database.require_current()
    opened.close()


def test_a_backup_is_recorded(staff, backup, cli):
    made = backup("a.dmb")
    (event,) = [event for event in cli("events", "--json").lines if event["kind"] == "admin.backup_made"]
    assert event["detail"]["id"] == made["id"]


def test_no_database_no_backup(tmp_path, cli, safe, monkeypatch):
    monkeypatch.setenv("DEVICEMGR_HOME", str(tmp_path / "nothing"))
    ran = cli("backup", safe / "a.dmb", "--passphrase-env", "PHRASE")
    assert (ran.code, "devicemgr init" in ran.error) == (1, True)


def test_what_hr_keeps_comes_back_but_not_a_host_who_was_erased_since(staff, backup, restored, done, home):
    done(
        "person", "edit", "8", "--department", "Қойма", "--note", "at night", "--hosted-by", "7", "--kind", "contractor"
    )
    backup("a.dmb")
    done("person", "erase", "7", "--yes")
    shutil.rmtree(home.path)
    assert restored("a.dmb")["left_out"] == 1
    (found,) = done("person", "list")
    assert {name: found[name] for name in ("badge", "department", "note", "host", "kind")} == {
        "badge": "8",
        "department": "Қойма",
        "note": "at night",
        "host": None,
        "kind": "contractor",
    }
    done("person", "edit", "8", "--phone", "112")


def test_plans_come_back_with_their_pictures(staff, backup, restored, done, home, tmp_path):
    drawing = tmp_path / "ground.svg"
    drawing.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 3"><rect width="4" height="3"/></svg>')
    done("plan", "add", "ground", drawing)
    placed = done("plan", "place", "ground", "portal", "main", "--x", "10")
    (picture,) = home.plans.iterdir()
    backup("a")
    done("plan", "remove", "ground", "--yes")
    assert list(home.plans.iterdir()) == []
    back = restored("a")["path"]
    assert [file.name for file in (back / "plans").iterdir()] == [picture.name]
    assert done("plan", "show", "ground") == placed
    done("plan", "export", "ground", tmp_path / "again.svg")
    assert "<rect" in (tmp_path / "again.svg").read_text()
