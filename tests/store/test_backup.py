"""Backup and restore: whole or not at all, nothing readable in it, and who was erased stays erased."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from devicemgr import backup_file, people_keys, swap
from devicemgr import site as sites
from devicemgr.errors import InvalidInput
from devicemgr.home import Home
from devicemgr.store import settings as stored_settings
from devicemgr.store.settings import Settings

NAME = "Қарлығаш Нұрпейісова"
PASSPHRASE = "correct horse battery"


@pytest.fixture
def safe(tmp_path, monkeypatch):
    """Where backups go; the passphrase is in PHRASE."""
    monkeypatch.setenv("PHRASE", PASSPHRASE)
    folder = tmp_path / "safe"
    folder.mkdir()
    return folder


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """As few kilobytes as Argon2 takes: its strength is not what is tested here."""
    monkeypatch.setattr(backup_file, "_MEMORY_KIB", 32)


@pytest.fixture(scope="module")
def made_once(tmp_path_factory):
    return tmp_path_factory.mktemp("staff") / "home"


@pytest.fixture
def staff(home, request, made_once):
    """Badges 7 and 8 with faces and cards, a device with a password."""
    if made_once.exists():
        shutil.copytree(made_once, home.path, dirs_exist_ok=True)
    else:
        request.getfixturevalue("entrance")
        make_staff(*(request.getfixturevalue(name) for name in ("done", "photo", "monkeypatch")))
        shutil.copytree(home.path, made_once)


def make_staff(done, photo, monkeypatch):
    monkeypatch.setenv("PW", "corr3ct-horse")
    done("device", "edit", "cam-in", "--password-env", "PW")
    for badge, name, who in (("7", NAME, "qarlygash"), ("8", "Bolat", "bolat")):
        done("person", "add", name, "--badge", badge, "--level", "staff")
        done("enroll", "photo", badge, photo(f"{badge}.jpg", f"face:{who}"), "--consent", f"form-{badge}")
        done("card", "assign", badge, f"80:{badge}")


@pytest.fixture
def backup(done, safe):
    """backup("a") writes safe/a."""
    return lambda name, *more: done("backup", safe / name, "--passphrase-env", "PHRASE", *more)


@pytest.fixture
def restored(done, safe, tmp_path, monkeypatch):
    """restored("a") makes a new home of safe/a, which the command uses from then on."""

    def run(name, *more):
        target = tmp_path / f"new-{time.monotonic_ns()}"
        monkeypatch.setenv("DEVICEMGR_HOME", str(target))
        return done("restore", safe / name, "--passphrase-env", "PHRASE", *more) | {"path": target}

    return run


def everything(folder):
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def badge_of_face(done, photo, who):
    return done("enroll", "identify", photo("probe.jpg", f"face:{who}:2"))["badge"]


def test_a_new_machine_has_everything_again(staff, backup, restored, done, photo, home, safe):
    before = done("person", "list")
    made = backup("a.dmb")
    assert (made["people"], (safe / "a.dmb").stat().st_mode & 0o777, made["bytes"]) == (
        2, 0o600, (safe / "a.dmb").stat().st_size,
    )  # fmt: skip
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
    assert done("person", "erase", "7")["backups_closed"] is True
    assert done("enroll", "withdraw", "8")["backups_closed"] is True
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
        from devicemgr.store import people

        gone = people.get(session, "7").id
    kept = people_keys.read(safe / "people.keys").sealed[gone]
    done("person", "erase", "7")
    assert gone not in people_keys.read(safe / "people.keys").sealed
    assert kept.encode() not in everything(safe)


def test_keys_out_of_reach_are_owed_until_the_next_backup(staff, backup, restored, cli, done, safe, tmp_path):
    backup("a.dmb")
    (safe / "people.keys").rename(tmp_path / "away")
    ran = cli("person", "erase", "7", "--json")
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


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: data + b"x",
        lambda data: data[:9000] + bytes([data[9000] ^ 1]) + data[9001:],
        lambda data: data.replace(b'"by":"devicemgr', b'"by":"devicemgt', 1),
        lambda data: b"not a backup",
    ],
    ids=["half", "end", "more", "bit", "head", "other"],
)
def test_a_damaged_backup_changes_nothing(staff, backup, cli, home, safe, spoil):
    backup("a.dmb")
    (safe / "a.dmb").write_bytes(spoil((safe / "a.dmb").read_bytes()))
    before = home.database.read_bytes()
    ran = cli("restore", safe / "a.dmb", "--passphrase-env", "PHRASE", "--replace")
    assert ran.code == 1
    assert ran.error
    assert home.database.read_bytes() == before
    assert not list(home.path.glob(".rest*"))


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
        assert "already runs" in cli(*command, "--replace").error
    (home.path / "spill.log").write_text("x")
    found = done(*command, "--replace")
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
    done("person", "erase", "7")
    done("enroll", "withdraw", "8")
    command = ("restore", safe / "a.dmb", "--passphrase-env", "PHRASE", "--keys", tmp_path / "stale.keys")
    found = done(*command, "--replace")
    assert (found["left_out"], found["without_face"]) == (1, 1)
    assert [person["badge"] for person in done("person", "list")] == ["8"]


def test_a_kill_in_the_middle_of_the_swap_goes_forward(staff, backup, done, home, safe, monkeypatch, cli):
    backup("a.dmb")
    done("person", "add", "Later", "--badge", "9")

    class Killed(BaseException):
        pass

    real, calls = swap._move, []

    def die(*given, **more):
        calls.append(given)
        if len(calls) == 2:
            raise Killed
        real(*given, **more)

    monkeypatch.setattr(swap, "_move", die)
    with pytest.raises(Killed):
        cli("restore", safe / "a.dmb", "--passphrase-env", "PHRASE", "--replace")
    monkeypatch.undo()
    monkeypatch.setenv("DEVICEMGR_HOME", str(home.path))
    assert not home.database.exists()
    assert swap.is_under_way(home)
    assert [person["badge"] for person in done("person", "list")] == ["7", "8"]
    assert not swap.is_under_way(home)


def test_a_disk_that_fills_leaves_nothing(staff, cli, backup, safe, home, monkeypatch):
    backup("a.dmb")
    before = (safe / "a.dmb").read_bytes()
    real = backup_file._write_chunk

    def full(file, *given, **more):
        real(file, *given, **more)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup_file, "_write_chunk", full)
    ran = cli("backup", safe / "a.dmb", "--passphrase-env", "PHRASE")
    assert (ran.code, "No space left" in ran.error) == (1, True)
    assert (safe / "a.dmb").read_bytes() == before
    assert sorted(path.name for path in safe.iterdir()) == ["a.dmb", "people.keys"]
    assert not list(home.path.glob(".copy*"))


def test_a_real_full_disk_and_a_size_limit_are_told(staff, home, safe):
    """RLIMIT_FSIZE makes the kernel refuse: the command says so, and what was begun is gone."""
    command = f"ulimit -f 100; exec {sys.executable} -m cli backup {safe}/a.dmb --passphrase-env PHRASE"
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 1, ran.stderr
    assert ran.stderr.startswith("error: ")
    assert not (safe / "a.dmb").exists()
    assert [path.name for path in safe.iterdir() if path.name != "people.keys"] == []
    assert not list(home.path.glob(".copy*"))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_nothing(staff, home, safe, how):
    """Asked for while the passphrase is awaited: from then on nothing was begun, or all of it is undone."""
    with sqlite3.connect(home.database) as raw:
        raw.execute("create table ballast (x blob)")
        raw.execute("insert into ballast values (randomblob(200000000))")
    raw.close()
    command = [sys.executable, "-m", "cli", "backup", safe / "a.dmb", "--passphrase-env", "PHRASE"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 30
        while not list(safe.glob(".a.dmb*.part")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.send_signal(how)
        _, words = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "nothing is left half done" in words
    assert [path.name for path in safe.iterdir()] == ["people.keys"]
    assert not list(home.path.glob(".copy*"))


def test_a_kill_leaves_no_copy_of_the_database_and_the_next_backup_clears_the_draft(staff, backup, home, safe):
    with sqlite3.connect(home.database) as raw:
        raw.execute("create table ballast (x blob)")
        raw.execute("insert into ballast values (randomblob(100000000))")
    raw.close()
    command = [sys.executable, "-m", "cli", "backup", safe / "a.dmb", "--passphrase-env", "PHRASE"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not list(safe.glob(".a.dmb*.part")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not list(home.path.glob(".copy*")), "not even for a moment has it a name while people are in it"
    assert len(list(safe.glob(".*.part"))) == 1
    with sqlite3.connect(home.database) as raw:
        raw.execute("drop table ballast")
    raw.close()
    (safe / ".somebody-elses.01234567.part").write_text("not ours")
    backup("b.dmb")
    assert sorted(path.name for path in safe.iterdir()) == [".somebody-elses.01234567.part", "b.dmb", "people.keys"]


def test_it_is_whole_while_others_write(staff, backup, restored, site, done):
    """What is recorded meanwhile is in the backup wholly or not at all, and the live home goes on."""
    import threading

    from devicemgr.events import Fact

    stop, wrote = threading.Event(), []

    def write():
        from datetime import UTC, datetime

        while not stop.is_set():
            with site.database.write(changes_site=False) as session:
                wrote.append(site.ledger.append(session, [Fact("test.x", datetime.now(UTC))] * 20))
            site.sealer.seal()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = [backup(f"{n}.dmb") for n in range(3)]
    finally:
        stop.set()
        writer.join()
    assert len(wrote) > 3
    assert made[0]["events"] < made[2]["events"]
    assert done("audit", "verify")["ok"]
    assert restored("1.dmb")["events"] == made[1]["events"]
    assert done("audit", "verify")["ok"]


def test_an_anchor_that_knows_more_is_explained_by_the_restore(staff, backup, restored, site, done, tmp_path, cli):
    anchor = tmp_path / "elsewhere.seals"
    with site.database.write() as session:
        stored_settings.save(session, Settings(anchors=(f"file:{anchor}",)))
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
        stored_settings.save(session, Settings(anchors=(f"file:{anchor}",)))
    backup("a.dmb")
    found = restored("a.dmb")
    copy = tmp_path / "copy"
    shutil.copytree(found["path"], copy)
    done("person", "add", "Later", "--badge", "9")
    assert done("audit", "verify")["ok"]
    shutil.rmtree(found["path"])
    shutil.copytree(copy, found["path"])
    assert cli("audit", "verify", "--json").code == 4


def test_a_file_that_is_no_backup_is_never_replaced(home, cli, safe):
    (safe / "site.toml").write_text("[site]\n")
    ran = cli("backup", safe / "site.toml", "--passphrase-env", "PHRASE")
    assert (ran.code, "no backup" in ran.error) == (1, True)
    assert (safe / "site.toml").read_text() == "[site]\n"


def test_a_head_that_asks_for_too_much_memory_is_refused():
    about = {"kdf": {"name": "argon2id", "salt": "00" * 16, "passes": 3, "memory_kib": 2**30, "lanes": 4}, "key": "00"}
    with pytest.raises(InvalidInput):
        backup_file.open_head(about, PASSPHRASE)


def test_secrets_have_no_repr():
    assert "b'" not in repr(backup_file.Head({"id": "x"}, b"k" * 32))
    assert "b'" not in repr(people_keys.PersonKeys(b"k", b"f"))


def test_an_older_schema_is_brought_up(staff, backup, restored, home, parts, monkeypatch, done):
    """Restoring goes by what the database itself says of its version."""
    backup("a.dmb")
    found = restored("a.dmb")
    opened = sites.open_site(Home(found["path"]), parts)
    opened.database.require_current()
    opened.close()


def test_staging_on_a_disk_that_is_full_changes_nothing(staff, backup, cli, home, safe, monkeypatch):
    backup("a.dmb")
    from devicemgr import restore

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(restore, "write_durably", full)
    before = home.database.read_bytes()
    ran = cli("restore", safe / "a.dmb", "--passphrase-env", "PHRASE", "--replace")
    assert (ran.code, "No space left" in ran.error) == (1, True)
    assert home.database.read_bytes() == before
    assert not list(home.path.glob(".rest*"))


def test_a_backup_is_recorded(staff, backup, cli):
    made = backup("a.dmb")
    (event,) = [event for event in cli("events", "--json").lines if event["kind"] == "admin.backup_made"]
    assert event["detail"]["id"] == made["id"]


def test_no_database_no_backup(tmp_path, cli, safe, monkeypatch):
    monkeypatch.setenv("DEVICEMGR_HOME", str(tmp_path / "nothing"))
    ran = cli("backup", safe / "a.dmb", "--passphrase-env", "PHRASE")
    assert (ran.code, "devicemgr init" in ran.error) == (1, True)
